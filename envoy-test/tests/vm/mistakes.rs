//! Configurations that cannot be meant are refused in our words, with the place.

use envoy_test::FILTERS;
use envoy_test::envoy::Bootstrap;
use host::fake::Profile;

use crate::filters::{program, proxy};

/// A filter, the text to replace in its shipped configuration, what with, and the message.
const MISTAKES: &str = r#"
# Bad JSON.
audit-emitter | { |  | configuration refused:
jwt-auth | } | }, | configuration refused:
token-bucket | "limits" | limits | configuration refused:
pii-redactor | [ | ( | configuration refused:
# Unknown keys, with the name that was probably meant.
audit-emitter | "queue" | "queu" | queu: unknown key; did you mean "queue"?
jwt-auth | "issuer" | "isuer" | providers.corp.isuer: unknown key; did you mean "issuer"?
token-bucket | "burst" | "brust" | limits[0].brust: unknown key; did you mean "burst"?
pii-redactor | "detect" | "detects" | rules[0].detects: unknown key; did you mean "detect"?
# Wrong types.
audit-emitter | 20000 | "many" | queue.max_records:
jwt-auth | ["orders-api"] | 17 | providers.corp.audiences:
token-bucket | 20 } | "20" } | limits[0].burst:
pii-redactor | ["response.body"] | true | rules[0].apply_to:
# Impossible values.
audit-emitter | "1s" | "0s" | batch.max_delay:
jwt-auth | "ES256" | "none" | providers.corp.algorithms[1]:
token-bucket | 100/min | 100/fortnight | limits[0].rate: "100/fortnight": unknown unit
token-bucket | "burst": 20 | "burst": 0 | limits[0].burst:
pii-redactor | US_SSN | US_SNN | rules[0].detect[1]:
"#;

/// A row of [`MISTAKES`].
struct Mistake {
    filter: &'static str,
    right: &'static str,
    wrong: &'static str,
    message: &'static str,
}

fn mistakes() -> impl Iterator<Item = Mistake> {
    let rows = MISTAKES.trim().lines().filter(|row| !row.starts_with('#'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [filter, right, wrong, message] = cells[..] else {
            panic!("{row}")
        };
        Mistake {
            filter,
            right,
            wrong,
            message,
        }
    })
}

#[test]
fn each_is_refused_with_its_place_and_reason() {
    let mut shipped = Bootstrap::shipped().unwrap();
    for filter in FILTERS {
        let program = program(filter);
        let right = shipped.configuration(filter).unwrap();
        let accepted = proxy(&program, Profile::Envoy).configure(&right);
        assert!(accepted.is_ok(), "{filter}");
        for mistake in mistakes().filter(|mistake| mistake.filter == filter) {
            let mistaken = right.replacen(mistake.right, mistake.wrong, 1);
            assert_ne!(mistaken, right, "{filter} has no {}", mistake.right);
            let refused = proxy(&program, Profile::Envoy).configure(&mistaken);
            let log = refused.unwrap_err().text();
            assert!(
                log.contains(mistake.message),
                "{filter}: {}\n{log}",
                mistake.message
            );
        }
    }
}
