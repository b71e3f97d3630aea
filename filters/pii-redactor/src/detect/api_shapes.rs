//! Public interfaces that hold nothing about anybody come through every preset byte for byte. The shapes
//! in `tests/api_shapes` are written by hand after the documentation of each.

use crate::fixtures::{assert_keeps, assert_redacts, plan_of, redacted};

#[test]
fn shapes_of_public_apis_stay_as_they_are() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api_shapes");
    let plans = [
        plan_of(r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#),
        plan_of(r#"{"presets":["secrets"]}"#),
        plan_of(r#"{"presets":["pci"]}"#),
    ];
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let content_type = if is_json {
            "application/json"
        } else {
            "application/xml"
        };
        count += 1;
        for plan in &plans {
            let out = redacted(plan, content_type, &text);
            for (before, after) in text.lines().zip(out.lines()) {
                if before != after {
                    wrong.push(format!("{}:\n  {before}\n  {after}", path.display()));
                }
            }
            assert!(out == text || !wrong.is_empty(), "{}", path.display());
        }
    }
    assert!(count >= 20, "{count} shapes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn secrets_by_name_and_what_only_looks_like_them() {
    let plan = plan_of(r#"{"presets":["secrets"]}"#);
    assert_redacts(
        &plan,
        "application/json",
        &[
            (
                r#"{"access_token":"abc"}"#,
                r#"{"access_token":"[API_KEY]"}"#,
            ),
            (r#"{"apiKey":"k1"}"#, r#"{"apiKey":"[API_KEY]"}"#),
            (
                r#"{"SecretString":"k1"}"#,
                r#"{"SecretString":"[API_KEY]"}"#,
            ),
            (
                r#"{"access_tokens":["a","b"]}"#,
                r#"{"access_tokens":["[API_KEY]","[API_KEY]"]}"#,
            ),
            (
                r#"{"credentials":{"pass":"hunter2"}}"#,
                r#"{"credentials":{"pass":"[PASSWORD]"}}"#,
            ),
            (r#"{"db_password":"x"}"#, r#"{"db_password":"[PASSWORD]"}"#),
            (r#"{"password2":"x"}"#, r#"{"password2":"[PASSWORD]"}"#),
            (r#"{"password":"PassWord"}"#, r#"{"password":"[PASSWORD]"}"#),
            (
                r#"{"password":"CorrectHorsePassword"}"#,
                r#"{"password":"[PASSWORD]"}"#,
            ),
            (
                r#"{"PGPASSWORD":"swordfish","storepass":"changeit2"}"#,
                r#"{"PGPASSWORD":"[PASSWORD]","storepass":"[PASSWORD]"}"#,
            ),
            (
                r#"{"note":"password: hunter2, thanks"}"#,
                r#"{"note":"password: [PASSWORD], thanks"}"#,
            ),
            (
                r#"{"c":"AccountName=a;AccountKey=aGVsbG8gd29ybGQ0Mg==;EndpointSuffix=x"}"#,
                r#"{"c":"AccountName=a;AccountKey=[API_KEY];EndpointSuffix=x"}"#,
            ),
            (
                r#"{"c":"Server=db;User Id=sa;Password=p4ss!;"}"#,
                r#"{"c":"Server=db;User Id=sa;Password=[PASSWORD];"}"#,
            ),
        ],
    );
    assert_keeps(
        &plan,
        "application/json",
        &[
            r#"{"prompt_tokens":10,"max_tokens":16,"tokens":["a1"],"token":1}"#,
            r#"{"token_type":"Bearer","nextPageToken":"CAEQ1","secretArn":"arn:aws:x:1"}"#,
            r#"{"token_endpoint":"https://a.b/t0","authorization_endpoint":"https://a.b/1"}"#,
            r#"{"password_min_length":"12","login_count":"7","address_id":"a1","password":true}"#,
            r#"{"NextContinuationToken":"1ueGcxLPRx1Tr","pagination_token":"x1","eos_token":"</s>"}"#,
            r#"{"tokens":[{"token":"quick1"}],"allowCredentials":"true"}"#,
            r#"{"text":"The password: must have 8 characters. Tokens: 150"}"#,
        ],
    );
}

#[test]
fn a_value_that_ends_with_what_it_is_called_is_one() {
    let plan = plan_of(r#"{"presets":["hipaa"]}"#);
    for (name, value, label) in [
        ("city", "New York City", "CITY"),
        ("county", "Orange County", "CITY"),
        ("city", "PleasantVille", "CITY"),
        ("street", "Main Street", "STREET_ADDRESS"),
        ("residence", "Kirk Residence", "STREET_ADDRESS"),
        ("passengerName", "DOE/JANE MRS", "PERSON_NAME"),
    ] {
        let body = format!(r#"{{"{name}":"{value}"}}"#);
        let expected = format!(r#"{{"{name}":"[{label}]"}}"#);
        assert_eq!(redacted(&plan, "application/json", &body), expected);
    }
    assert_keeps(
        &plan,
        "application/json",
        &[
            r#"{"city":"City","county":"Your county","street":"Street address","town":"Enter the town"}"#,
            r#"{"city":"Billing city","label":"City","type":"street"}"#,
            r#"{"label":"Home city","value":"home_city"}"#,
            r#"{"owner_name":"octocat/Hello-World"}"#,
        ],
    );
}

#[test]
fn images_and_resources_name_their_patients() {
    let plan = plan_of(r#"{"presets":["gdpr","hipaa"]}"#);
    assert_redacts(
        &plan,
        "application/json",
        &[
            (
                r#"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Doe^Jane"}]}}"#,
                r#"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"[PERSON_NAME]"}]}}"#,
            ),
            (
                r#"{"00100020":{"vr":"LO","Value":["MRN12345"]}}"#,
                r#"{"00100020":{"vr":"LO","Value":["[MEDICAL_RECORD]"]}}"#,
            ),
            (
                r#"{"resourceType":"Immunization","patient":{"reference":"x","display":"Imm P"}}"#,
                r#"{"resourceType":"Immunization","patient":{"reference":"x","display":"[PERSON_NAME]"}}"#,
            ),
            (
                r#"{"socialSecurityNumber":"0108","ssn":"8145"}"#,
                r#"{"socialSecurityNumber":"[US_SSN_LAST4]","ssn":"[US_SSN_LAST4]"}"#,
            ),
        ],
    );
    assert_keeps(
        &plan,
        "application/json",
        &[
            r#"{"00080008":{"vr":"CS","Value":["ORIGINAL","PRIMARY"]},"00280010":{"vr":"US","Value":[512]}}"#,
            r#"{"column":{"display":"block"},"ssn":{"type":"string"},"x":"ssn is required"}"#,
        ],
    );
}

#[test]
fn an_underscore_hides_no_card_and_a_digit_no_name() {
    let plan = plan_of(r#"{"presets":["pci","secrets"]}"#);
    assert_redacts(
        &plan,
        "application/json",
        &[
            (
                r#"{"file":"card_4111111111111111_2024.pdf"}"#,
                r#"{"file":"card_************1111_2024.pdf"}"#,
            ),
            (
                r#"{"x":"scan_4111111111111111.png"}"#,
                r#"{"x":"scan_************1111.png"}"#,
            ),
            (r#"{"x":"CVV2: 123"}"#, r#"{"x":"CVV2: "}"#),
            (r#"{"x":"cvv 123, thanks"}"#, r#"{"x":"cvv , thanks"}"#),
            (r#"{"x":"CVC2 123, thanks"}"#, r#"{"x":"CVC2 , thanks"}"#),
            (
                r#"{"x":"glsa_HOruNAb7SOiCdshU9algkrq7FDsNSLAa_55e2f8be"}"#,
                r#"{"x":"[PROVIDER_TOKEN]"}"#,
            ),
            (
                r#"{"x":"dckr_pat_7awgM4jG5SQvxcvmNzhKj8PQjxo"}"#,
                r#"{"x":"[PROVIDER_TOKEN]"}"#,
            ),
            (
                r#"{"x":"password2: swordfish1"}"#,
                r#"{"x":"password2: [PASSWORD]"}"#,
            ),
        ],
    );
    assert_keeps(
        &plan,
        "application/json",
        &[
            r#"{"id":"20531316728_4111111111111111","media":"4111111111111111_20531316728"}"#,
            r#"{"x":"at 12:30, ratio 4:3, CSC 101 at noon, secret_access_key_of_the_payments_service_v2"}"#,
        ],
    );
}

#[test]
fn names_of_members_in_every_style() {
    let plan = plan_of(r#"{"presets":["hipaa","gdpr","pci"]}"#);
    for (body, label) in [
        (r#"{"ssn2":"536228145"}"#, "[US_SSN]"),
        (r#"{"SSNs":["536228145"]}"#, "[US_SSN]"),
        (r#"{"phone1":"030 901820"}"#, "[PHONE]"),
        (r#"{"firstName2":"Ada"}"#, "[PERSON_NAME]"),
        (r#"{"first_name1":"Ada"}"#, "[PERSON_NAME]"),
        (r#"{"dob2":"1970-05-06"}"#, "[PERSON_DATE]"),
        (r#"{"ssn_last4":"8145"}"#, "[US_SSN_LAST4]"),
        (r#"{"age":"93 years"}"#, "\"90\""),
        (r#"{"age":90.5}"#, ":90}"),
        (r#"{"age":"93y 2m"}"#, "\"90\""),
        (r#"{"age":"4836 weeks"}"#, "[AGE]"),
        (r#"{"age":"33945 days"}"#, "[AGE]"),
        (r#"{"lat":5.2520008e1}"#, "[GEO_COORDINATE]"),
        (r#"{"lat":"5.2520008e1"}"#, "[GEO_COORDINATE]"),
        (r#"{"zip":"94110, CA"}"#, "[POSTAL_CODE]"),
        (r#"{"subject":{"display":"Ada Lovelace"}}"#, "[PERSON_NAME]"),
        (r#"{"text":"DOB: 12/10/1971"}"#, "DOB: [PERSON_DATE]"),
        (r#"{"text":"MRN: 0012345"}"#, "[MEDICAL_RECORD]"),
        (r#"{"card":"4111111111111111"}"#, "[CREDIT_CARD]"),
        (
            r#"{"account":{"number":"000123456789"}}"#,
            "[US_BANK_NUMBER]",
        ),
        (r#"{"account":"000123456789"}"#, "[ACCOUNT_NUMBER]"),
        (r#"{"user":{"login":"jdoe"}}"#, "[USERNAME]"),
        (r#"{"user":{"handle":"jdoe"}}"#, "[USERNAME]"),
        (r#"{"twitter_handle":"jdoe"}"#, "[USERNAME]"),
        (r#"{"real_name":"Egon Spengler"}"#, "[PERSON_NAME]"),
        (r#"{"payer":"John Roe"}"#, "[PERSON_NAME]"),
        (r#"{"createdBy":{"name":"John Roe"}}"#, "[PERSON_NAME]"),
        (r#"{"students":[{"name":"John Roe"}]}"#, "[PERSON_NAME]"),
        (r#"{"name_on_account":"John Roe"}"#, "[PERSON_NAME]"),
        (
            r#"{"profile_image_url":"https://a.example/1.png"}"#,
            "[PHOTO]",
        ),
    ] {
        let out = redacted(&plan, "application/json", body);
        assert!(out.contains(label), "{body} -> {out}");
    }
}

#[test]
fn codes_that_look_like_numbers() {
    let plan = plan_of(r#"{"presets":["gdpr","pci"]}"#);
    for (content_type, body, expected) in [
        ("text/plain", "010501E9032", "[FI_PERSONAL_IDENTITY_CODE]"),
        (
            "application/json",
            "[1.5e+06,12345678E10,1e5]",
            "[1.5e+06,12345678E10,1e5]",
        ),
        ("text/plain", "[4111 1111 1111 1111]", "[[CREDIT_CARD]]"),
        ("text/csv", "1,4111111111111111,x\n", "1,[CREDIT_CARD],x\n"),
    ] {
        let out = redacted(&plan, content_type, body);
        assert_eq!(out.trim_matches('"'), expected, "{body}");
    }
}

#[test]
fn a_key_takes_only_its_own_lines() {
    let plan = plan_of(r#"{"presets":["secrets"]}"#);
    let line = "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAq7BFUpkGp3abcdef";
    let begin = "-----BEGIN PRIVATE KEY-----";
    let end = "-----END PRIVATE KEY-----";
    let rows: String = (0..500).map(|row| format!("{row},a,b{row}\n")).collect();
    for (body, expected) in [
        (
            format!("1,{begin},x\n{rows}"),
            format!("1,[PRIVATE_KEY],x\n{rows}"),
        ),
        (format!("{begin}\n{rows}"), format!("[PRIVATE_KEY]\n{rows}")),
        (
            format!("{begin}\r\n{rows}"),
            format!("[PRIVATE_KEY]\r\n{rows}"),
        ),
        (
            format!("a\n{begin}\n{line}\n{line}\nMIIB\n{end}\nb\n"),
            "a\n[PRIVATE_KEY]\nb\n".to_owned(),
        ),
        (
            format!("{begin}\nProc-Type: 4,ENCRYPTED\n\n{line}\nMII=\n{end}\nb\n"),
            "[PRIVATE_KEY]\nb\n".to_owned(),
        ),
    ] {
        let content_type = if body.contains("1,-") {
            "text/csv"
        } else {
            "text/plain"
        };
        let out = redacted(&plan, content_type, &body);
        assert!(
            out.contains("[PRIVATE_KEY]") && !out.contains("MII"),
            "{out}"
        );
        if !body.contains('\r') {
            assert_eq!(out, expected);
        }
        assert!(
            out.ends_with(expected.rsplit('\n').nth(1).unwrap_or_default()) || out.ends_with('\n')
        );
    }
}

#[test]
fn separators_lists_and_addresses_of_services() {
    let plan = plan_of(r#"{"presets":["gdpr","secrets"]}"#);
    for (text, expected) in [
        ("4111\u{b7}1111\u{b7}1111\u{b7}1111", "[CREDIT_CARD]"),
        ("jane@example\u{3002}com", "[EMAIL]"),
        (
            "phones: 030 901820 (private), 040 1234567 (office)",
            "phones: [PHONE] (private), [PHONE] (office)",
        ),
        (
            "Phone (home): 030 901820, (work): 040 1234567",
            "Phone (home): [PHONE], (work): [PHONE]",
        ),
        ("Tel. 030 901820 u. 040 1234567", "Tel. [PHONE] u. [PHONE]"),
        (
            "redis://:s3cr3t@cache:6379",
            "redis://[URL_PASSWORD]@cache:6379",
        ),
        (
            "https://hooks.slack-gov.com/services/T0ABCDEFG/B0ABCDEFG/abcdefghijklmnopqrstuvwx",
            "https://[SLACK_TOKEN]",
        ),
        (
            "git@github.com:octo/hello.git",
            "git@github.com:octo/hello.git",
        ),
        ("ask git@example.com: now", "ask [EMAIL]: now"),
    ] {
        let body = format!("{{\"note\":\"{text}\"}}");
        let wanted = format!("{{\"note\":\"{expected}\"}}");
        assert_eq!(redacted(&plan, "application/json", &body), wanted);
    }
}
