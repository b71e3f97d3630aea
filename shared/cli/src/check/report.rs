//! Findings as people, programs and pipelines read them.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use clap::ValueEnum;
use inspect::check::Finding;
use inspect::check::codes::Code;
use policy::json::Json;

use crate::audit::format::{printable, printable_lines};
use crate::color;
use crate::xml::escaped;

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with the line and a caret
    #[default]
    Text,
    /// One object with all findings
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML: each file is a test case
    Junit,
    /// Annotations of GitHub Actions
    Github,
}

/// A finding with its line and a caret.
pub(super) fn text(finding: &Finding, source: &str) -> String {
    let whole = printable_lines(&finding.whole());
    let (file, place) = (printable(&finding.file), printable(&finding.place()));
    let level = if finding.is_error {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let title = level.primary_title(whole.as_str()).id(finding.code.id);
    let excerpt = finding.span.as_ref().and_then(|span| excerpt(source, span));
    let mut group = match &excerpt {
        Some((line, within)) => title.element(
            Snippet::source(*line)
                .line_start(finding.line)
                .path(file.as_str())
                .annotation(AnnotationKind::Primary.span(within.clone())),
        ),
        None => title.element(annotate_snippets::Origin::path(place.as_str())),
    };
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if color::is_on() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

/// The line of a span and the span in it, where the line is one that people can read.
fn excerpt<'s>(source: &'s str, span: &Range<usize>) -> Option<(&'s str, Range<usize>)> {
    const MAX_LINE: usize = 400;
    let before = source.get(..span.start)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let rest = source.get(span.start..)?;
    let end = rest.find('\n').map_or(source.len(), |end| span.start + end);
    let line = source.get(start..end)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.len() > MAX_LINE {
        return None;
    }
    let first = span.start - start;
    let first = first.min(line.len());
    let mut last = span.end.min(end).saturating_sub(start);
    last = last.max(first + 1).min(line.len());
    // The end of a character, also of one that the span begins in.
    while !line.is_char_boundary(last) {
        last += 1;
    }
    Some((line, first..last.max(first)))
}

fn object(members: Vec<(&str, Json)>) -> Json {
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Json::Object(members.collect())
}

/// All findings as one JSON document.
pub(super) fn json(findings: &[Finding], files: usize) -> String {
    let count = |is_error: bool| {
        let count = findings.iter().filter(|f| f.is_error == is_error).count();
        Json::from(u64::try_from(count).unwrap_or(u64::MAX))
    };
    object(vec![
        ("files", u64::try_from(files).unwrap_or(u64::MAX).into()),
        ("errors", count(true)),
        ("warnings", count(false)),
        (
            "findings",
            Json::Array(findings.iter().map(Finding::json).collect()),
        ),
    ])
    .to_string()
}

/// SARIF 2.1.0.
pub(super) fn sarif(findings: &[Finding]) -> String {
    let text = |text: &str| object(vec![("text", text.into())]);
    let mut codes: Vec<&Code> = Vec::new();
    for finding in findings {
        if !codes.iter().any(|code| code.id == finding.code.id) {
            codes.push(finding.code);
        }
    }
    let rules = codes.iter().map(|code| {
        object(vec![
            ("id", code.id.into()),
            ("name", code.name.into()),
            ("shortDescription", text(code.name)),
            ("fullDescription", text(code.about)),
        ])
    });
    let results = findings.iter().map(|finding| {
        let number = |number: usize| Json::from(u64::try_from(number.max(1)).unwrap_or(1));
        let region = object(vec![
            ("startLine", number(finding.line)),
            ("startColumn", number(finding.column)),
        ]);
        let location = object(vec![
            (
                "artifactLocation",
                object(vec![("uri", finding.file.as_str().into())]),
            ),
            ("region", region),
        ]);
        object(vec![
            ("ruleId", finding.code.id.into()),
            ("level", finding.level().into()),
            ("message", text(&finding.whole())),
            (
                "locations",
                Json::Array(vec![object(vec![("physicalLocation", location)])]),
            ),
        ])
    });
    let driver = object(vec![
        ("name", "meshward".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("rules", Json::Array(rules.collect())),
    ]);
    let run = object(vec![
        ("tool", object(vec![("driver", driver)])),
        ("results", Json::Array(results.collect())),
    ]);
    object(vec![
        (
            "$schema",
            "https://json.schemastore.org/sarif-2.1.0.json".into(),
        ),
        ("version", "2.1.0".into()),
        ("runs", Json::Array(vec![run])),
    ])
    .to_string()
}

/// JUnit XML.
pub(super) fn junit(findings: &[Finding], files: &[String]) -> String {
    let failing = |file: &String| findings.iter().any(|f| f.is_error && f.file == *file);
    let failures = files.iter().filter(|file| failing(file)).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"meshward check\" tests=\"{}\" failures=\"{failures}\">\n",
        files.len()
    );
    for file in files {
        xml.push_str(&format!(
            "  <testcase classname=\"meshward\" name=\"{}\">\n",
            escaped(file)
        ));
        for finding in findings.iter().filter(|finding| finding.file == *file) {
            let text = escaped(&format!("{}: {}", finding.place(), finding.whole()));
            xml.push_str(&if finding.is_error {
                format!(
                    "    <failure type=\"{}\" message=\"{text}\"/>\n",
                    finding.code.id
                )
            } else {
                format!(
                    "    <system-out>warning {}: {text}</system-out>\n",
                    finding.code.id
                )
            });
        }
        xml.push_str("  </testcase>\n");
    }
    xml.push_str("</testsuite>");
    xml
}

/// Annotations of GitHub Actions.
pub(super) fn github(finding: &Finding) -> String {
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{} file={},line={},col={},title={} {}::{}",
        finding.level(),
        property(&finding.file),
        finding.line.max(1),
        finding.column.max(1),
        finding.code.id,
        finding.code.name,
        data(&finding.whole())
    )
}
