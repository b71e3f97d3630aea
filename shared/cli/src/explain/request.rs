//! Explains a request that the command line describes.

use std::time::Duration;

use inspect::explain::{Question, Tone, Unexplained, explain};

use super::RequestArguments;
use crate::check::source;
use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;
use crate::simulated::Host;

/// Explains a request.
pub(super) fn run(arguments: &RequestArguments) -> Result<u8, String> {
    let path = arguments.config.as_deref().unwrap_or_default();
    let source = source::read(path, true)
        .map_err(|error| format!("{} cannot be read: {}", error.name, error.reason))?;
    let explanation = match explain(&question(arguments, source.text)?) {
        Ok(explanation) => explanation,
        Err(Unexplained::Refused(problems)) => {
            for problem in problems.iter() {
                eprintln!("{path}: {problem}");
            }
            return Ok(exit::FOUND);
        }
        Err(Unexplained::Mistaken(option, message)) => {
            return Err(match (option, &arguments.claims) {
                ("config", _) => format!("{path}: {message}"),
                ("claims", Some(file)) => format!("{file}: {message}"),
                _ => format!("--{option} {message}"),
            });
        }
        Err(Unexplained::Failed(message)) => return Err(message),
    };
    if arguments.json {
        say!("{}", explanation.json());
        return Ok(exit::RIGHT);
    }
    say!("{}", explanation.title());
    let paint = |text: &str, tone: Tone| {
        let colour = match tone {
            Tone::Good => Colour::Green,
            Tone::Bad => Colour::Red,
            Tone::Aside => Colour::Dim,
        };
        painted(text, colour)
    };
    for chapter in explanation.chapters(paint) {
        say!("\n{}", chapter.title);
        for line in chapter.lines {
            say!("  {line}");
        }
    }
    Ok(exit::RIGHT)
}

fn question(arguments: &RequestArguments, configuration: String) -> Result<Question, String> {
    let at = match &arguments.at {
        None => Duration::from_millis(trail::time::now_ms()),
        Some(text) => {
            let at = policy::timestamp::parse_timestamp(text)
                .map_err(|error| format!("--at {text:?}: {error}"))?;
            Duration::from_secs(u64::try_from(at).unwrap_or(0))
        }
    };
    let bytes = |file: &Option<String>| match file {
        None => Ok(None),
        Some(file) => std::fs::read(file)
            .map(Some)
            .map_err(|error| format!("{file} cannot be read: {error}")),
    };
    Ok(Question {
        configuration,
        filter: arguments.filter.clone(),
        request: arguments.request.clone().unwrap_or_default(),
        headers: arguments.headers.clone(),
        request_body: bytes(&arguments.request_body)?,
        claims: bytes(&arguments.claims)?,
        jwks: bytes(&arguments.jwks)?,
        client: arguments.client,
        route: arguments.route.clone(),
        tls: arguments.tls,
        certificate: arguments.certificate.clone(),
        response: arguments.response.clone(),
        response_headers: arguments.response_headers.clone(),
        body: bytes(&arguments.body)?,
        env: arguments.env.clone(),
        times: arguments.times,
        at,
        profile: arguments.host.map(Host::profile),
    })
}
