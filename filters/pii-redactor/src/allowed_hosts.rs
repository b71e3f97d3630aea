//! Members that are addresses of the web, and may lead to some hosts only.

use policy::matching::HostPattern;

/// Whether a value is an address of the web, in the one spelling that everybody reads alike, and leads
/// to one of these hosts.
pub(crate) fn leads_to(hosts: &[HostPattern], value: &[u8]) -> bool {
    host(value).is_some_and(|host| hosts.iter().any(|known| known.matches(&host)))
}

/// The host of `https://host:8443/path`. Who may be taken for a user, or needs to be decoded, is none.
fn host(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, behind) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss") {
        return None;
    }
    // What a server reads differently is not among these.
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>');
    let authority = behind.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_read_alike = behind.bytes().all(is_plain)
        && host.bytes().all(is_of_host)
        && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = host.strip_suffix('.').unwrap_or(host);
    (is_read_alike && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// What hosts have that everybody reads alike.
pub(crate) const fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn only_addresses_of_these_hosts_stay() {
        let plan = plan_of(
            r#"{"rules":[{"fields":[{"name":["callback"],"hosts":["hooks.example.com","*.partner.example"],"action":"null"}]}]}"#,
        );
        let of = |value: &str| {
            let body = format!(r#"{{"callback":{value},"n":1}}"#);
            redacted(&plan, "application/json", &body) == body
        };
        for stays in [
            "\"https://hooks.example.com/a?b=1#c\"",
            "\"HTTPS://Hooks.Example.com:8443\"",
            "\"http://a.b.partner.example/\"",
            "\"https:\\/\\/hooks.example.com\"",
            "[\"https://hooks.example.com/\",{\"x\":\"wss://a.partner.example\"}]",
            "null",
        ] {
            assert!(of(stays), "{stays}");
        }
        for goes in [
            "\"https://example.com/\"",
            "\"https://partner.example/\"",
            "\"https://hooks.example.com@evil.example/\"",
            "\"https://evil.example\\\\@hooks.example.com/\"",
            "\"https://evil.example#hooks.example.com\"",
            "\"ftp://hooks.example.com/\"",
            "\"//hooks.example.com/\"",
            "\"hooks.example.com\"",
            "\"https://hooks.example.com%2eevil.example/\"",
            "\"https://hooks.example.com:80:1/\"",
            "\" https://hooks.example.com/\"",
            "\"\"",
            "7",
            "[\"https://hooks.example.com/\",\"https://example.com/\"]",
        ] {
            assert!(!of(goes), "{goes}");
        }
        let long = format!("\"https://hooks.example.com/{}\"", "x".repeat(5_000));
        assert!(!of(&long));
    }
}
