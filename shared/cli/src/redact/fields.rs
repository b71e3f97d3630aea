//! What is no body: a query, cookies, headers.

use std::io::Write as _;
use std::rc::Rc;

use inspect::body;
use pii_redactor::config::{Config, Place, RuleUse};
use pii_redactor::headers;
use pii_redactor::pairs::{PairsRewriter, Syntax};
use pii_redactor::plan::Plan;
use pii_redactor::tally::Tally;

use super::{Arguments, findings};
use crate::exit;
use crate::output::or_end;

/// A query, cookies, or lines of headers.
pub(super) fn fields(
    config: &Config,
    uses: &[RuleUse],
    plan: &Rc<Plan>,
    (place, text): (Place, &[u8]),
    arguments: &Arguments,
) -> Result<u8, String> {
    let how = arguments.how();
    let mut tally = Tally::default();
    tally.findings = how.is_some().then(Vec::new);
    let mut out = Vec::new();
    let syntax = match place {
        Place::RequestQuery => Some(Syntax::Form),
        Place::RequestCookies => Some(Syntax::Cookies),
        _ => None,
    };
    if let Some(syntax) = syntax {
        let mut rewriter = PairsRewriter::new(Rc::clone(plan), syntax);
        rewriter.write(text, &mut out, &mut tally);
        rewriter.finish(&mut out, &mut tally);
    } else {
        let named = config.named_headers(uses);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let Some((name, value)) = line.split_once(':') else {
                out.extend_from_slice(line.as_bytes());
                continue;
            };
            let lower = name.trim().to_ascii_lowercase();
            let is_searched = match &named {
                Some(named) => named.contains(&lower.as_str()),
                None => headers::is_searched(&lower),
            };
            if !is_searched {
                out.extend_from_slice(line.as_bytes());
                continue;
            }
            let new = headers::redacted(plan, &lower, value.trim().as_bytes(), &mut tally);
            if let Some(new) = new {
                out.extend([name.as_bytes(), b": ", &new, b"\n"].concat());
            }
        }
    }
    match (how, &tally.findings) {
        (Some(how), Some(findings)) => {
            or_end(findings::write(
                plan,
                findings,
                how,
                &mut std::io::stdout().lock(),
            ));
        }
        _ => or_end(std::io::stdout().write_all(&out)),
    }
    if arguments.stats {
        findings::sums(plan, &tally, text.len() as u64);
    }
    if let Some(remark) = body::block(&tally) {
        eprintln!("meshward redact: {remark}");
    }
    Ok(exit::RIGHT)
}
