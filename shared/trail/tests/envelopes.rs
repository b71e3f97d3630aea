//! What stands around a record is compared with it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use trail::issue::Kind;

use bed::{folder, verify};

mod bed;

/// Nothing signs an envelope, and people search by it.
#[test]
fn an_envelope_says_what_its_record_says() {
    let collector = std::fs::read_to_string(folder().join("collector.json")).unwrap();
    let events = std::fs::read_to_string(folder().join("cloudevents.ndjson")).unwrap();
    let rows = std::fs::read_to_string(folder().join("clickhouse.ndjson")).unwrap();
    let uid = r#""LogAttributes":{"audit.uid":""#;
    let with = |more: &str| format!(r#""LogAttributes":{{{more},"audit.uid":""#);
    let (status, class) = (
        with(r#""http.response.status_code":"500""#),
        with(r#""audit.retention_class":"pci""#),
    );
    for (text, from, to) in [
        // What cannot be read as what is expected is not what the record says either.
        (&collector, r#""intValue":"200""#, r#""stringValue":"500""#),
        (&collector, r#""intValue":"200""#, r#""doubleValue":500.5"#),
        (&collector, r#""intValue":"200""#, r#""intValue":"two""#),
        (
            &collector,
            r#""timeUnixNano":"1800"#,
            r#""timeUnixNano":"x1800"#,
        ),
        (
            &collector,
            r#"{"key":"audit.uid","value":{"stringValue":""#,
            r#"{"key":"audit.uid","value":{"intValue":7,"bytesValue":""#,
        ),
        (
            &collector,
            r#""audit.retention_class","value":{"stringValue":"hipaa""#,
            r#""audit.retention_class","value":{"boolValue":true"#,
        ),
        (
            &events,
            r#""source":"/meshward/audit/"#,
            r#""source":"/evil/"#,
        ),
        (&events, r#""sequence":""#, r#""sequence":"x"#),
        (&events, r#""id":""#, r#""time":"x","id":""#),
        (
            &events,
            r#""type":"com.meshward"#,
            r#""type":"org.meshward"#,
        ),
        (&events, r#""id":""#, r#""id":7,"x":""#),
        (&rows, uid, r#""LogAttributes":{"audit.uid":"0"#),
        (&rows, uid, &status),
        (&rows, uid, &class),
    ] {
        assert_differs(text, from, to);
    }
    for (text, from, to) in [
        (
            &collector,
            r#""audit.decision","value":{"stringValue":"allowed""#,
            r#""audit.decision","value":{"stringValue":"denied""#,
        ),
        (
            &collector,
            r#""audit.decision","value":{"stringValue":"control""#,
            r#""audit.decision","value":{"stringValue":"allowed""#,
        ),
        (
            &collector,
            r#""audit.retention_class","value":{"stringValue":"hipaa""#,
            r#""audit.retention_class","value":{"stringValue":"pci""#,
        ),
        (
            &collector,
            r#"{"key":"audit.uid","value":{"stringValue":""#,
            r#"{"key":"audit.uid","value":{"stringValue":"0"#,
        ),
        (&collector, r#""intValue":"200""#, r#""intValue":"404""#),
        (
            &collector,
            r#""timeUnixNano":"1800"#,
            r#""timeUnixNano":"1700"#,
        ),
        (
            &collector,
            r#""eventName":"audit_control""#,
            r#""eventName":"api_activity""#,
        ),
        (&events, r#""id":""#, r#""id":"0"#),
        (
            &events,
            r#""source":"/meshward/audit/"#,
            r#""source":"/meshward/audit/0"#,
        ),
        (&events, r#""sequence":"0000"#, r#""sequence":"1000"#),
        (
            &events,
            r#""retentionclass":"hipaa""#,
            r#""retentionclass":"pci""#,
        ),
        (
            &events,
            "com.meshward.audit.control",
            "com.meshward.audit.api_activity",
        ),
        // Something else beside what is right, of which some readers take the one and some the other.
        (
            &collector,
            r#"{"key":"audit.decision","value":{"stringValue":"allowed"}"#,
            r#"{"key":"audit.decision","value":{"stringValue":"denied"}},{"key":"audit.decision","value":{"stringValue":"allowed"}"#,
        ),
        (
            &collector,
            r#"{"key":"audit.uid","value":{"#,
            r#"{"key":"audit.uid","value":{"stringValue":"x:1"}},{"key":"audit.uid","value":{"#,
        ),
        (
            &collector,
            r#"{"key":"http.response.status_code","value":{"#,
            r#"{"key":"http.response.status_code","value":{"intValue":"599"}},{"key":"http.response.status_code","value":{"#,
        ),
        (
            &collector,
            r#""value":{"intValue":"200""#,
            r#""value":{"doubleValue":404,"intValue":"200""#,
        ),
        (
            &collector,
            r#""body":{"stringValue""#,
            r#""body":{"bytesValue":"e30=","stringValue""#,
        ),
        (
            &collector,
            r#""body":{"stringValue""#,
            r#""body":{"kvlistValue":{"values":[{"key":"class_uid","value":{"intValue":"1"}}]},"stringValue""#,
        ),
        (
            &collector,
            r#""scopeLogs":[{"logRecords":[{"timeUnixNano":"1800"#,
            r#""scopeLogs":[{"scope":{"attributes":[{"key":"audit.decision","value":{"stringValue":"none"}}]},"logRecords":[{"timeUnixNano":"1800"#,
        ),
        (&events, r#""data":"#, r#""data_base64":"e30=","data":"#),
    ] {
        assert_differs(text, from, to);
    }
    // The severity is what a SIEM goes by first.
    for to in [
        r#""severityNumber":17"#,
        r#""severityNumber":0"#,
        r#""severityNumber":"SEVERITY_NUMBER_ERROR2""#,
        r#""severityText":"ERROR","severityNumber":9"#,
    ] {
        assert_differs(&collector, r#""severityNumber":9"#, to);
    }
    assert_differs(
        &collector,
        r#""severityNumber":13"#,
        r#""severityNumber":9"#,
    );
    for to in ["\"0\"", "0", "0.0"] {
        let to = format!(r#""timeUnixNano":{to},"x":"1800"#);
        assert_differs(&collector, r#""timeUnixNano":"1800"#, &to);
    }
    for (from, to) in [
        (
            r#""severityNumber":9"#,
            r#""severityNumber":"SEVERITY_NUMBER_INFO""#,
        ),
        (
            r#""severityNumber":9"#,
            r#""severityText":"Info","severityNumber":9"#,
        ),
        (r#""intValue":"200""#, r#""intValue":200.0"#),
    ] {
        let same = collector.replacen(from, to, 1);
        assert!(same != collector, "{from}");
        let verdict = verify(same.into_bytes());
        assert_eq!(verdict.exit_code, 0, "{to}: {:#?}", verdict.issues);
    }
    // What stores have taken out of a record to search by it.
    let message = std::fs::read_to_string(folder().join("elastic-message.ndjson")).unwrap();
    let lines: Vec<&str> = message.lines().collect();
    let of_request = lines
        .iter()
        .find(|line| line.contains("http_response"))
        .unwrap();
    let at = r#""message":""#;
    for (same, other) in [
        (
            r#""http_response":{"code":200},"#,
            r#""http_response":{"code":403},"#,
        ),
        (
            r#""http_response.code":200.0,"#,
            r#""http_response.code":"403","#,
        ),
        (
            r#""http":{"response":{"status_code":"200"}},"#,
            r#""http":{"response":{"status_code":500}},"#,
        ),
        (
            r#""attributes":{"audit_decision":"allowed"},"#,
            r#""attributes":{"audit.decision":"denied"},"#,
        ),
        (r#""class_uid":6003,"#, r#""class_uid":0,"#),
    ] {
        let with = |more: &str| {
            message.replacen(
                of_request,
                &of_request.replacen(at, &format!("{more}{at}"), 1),
                1,
            )
        };
        let verdict = verify(with(same).into_bytes());
        assert_eq!(verdict.exit_code, 0, "{same}: {:#?}", verdict.issues);
        let verdict = verify(with(other).into_bytes());
        let differing = verdict.issue_counts.get(&Kind::EnvelopeDiffers);
        assert_eq!((verdict.exit_code, differing), (1, Some(&1)), "{other}");
    }
    // Some stores keep every value as text.
    let as_text = collector.replacen(r#""intValue":"200""#, r#""stringValue":"200""#, 1);
    assert!(as_text != collector);
    assert_eq!(verify(as_text.into_bytes()).exit_code, 0);
}

/// A change of an envelope shows, once.
fn assert_differs(text: &str, from: &str, to: &str) {
    let changed = text.replacen(from, to, 1);
    assert!(changed != *text, "{from}");
    let verdict = verify(changed.into_bytes());
    let differing = verdict.issue_counts.get(&Kind::EnvelopeDiffers);
    assert_eq!(
        (verdict.exit_code, differing),
        (1, Some(&1)),
        "{from} {to}: {:#?}",
        verdict.issues
    );
}
