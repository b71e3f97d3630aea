//! What names of members announce, and which rules they select.

use super::tests::redacted;
use super::*;

#[test]
fn rules_about_members_act_whatever_the_case_of_a_name() {
    let rules = r#"{"rules":[{"fields":[
            {"path":"$.user.role","action":"remove"},
            {"path":"$..key","action":"remove"},
            {"name":["callback_url"],"action":"remove"}]}]}"#;
    for body in [
        r#"{"user":{"role":1}}"#,
        r#"{"user":{"Role":1}}"#,
        r#"{"user":{"ROLE":1,"KEY":2,"\u212aey":3}}"#,
        r#"{"user":{"callbackUrl":1,"CALLBACKURL":2,"callbac\u212a_url":3,"CALLBACK_URL":4}}"#,
    ] {
        assert_eq!(redacted(rules, body), r#"{"user":{}}"#, "{body}");
    }
    let body = r#"{"USER":{"ROLE":1}}"#;
    assert_eq!(redacted(rules, body), r#"{"USER":{}}"#);
    // What may pass has the case that the rule has.
    let rules = r#"{"rules":[{"allow_fields":["$.user.id"]}]}"#;
    let body = r#"{"user":{"id":1,"ID":2},"User":{"id":3}}"#;
    let expected = r#"{"user":{"id":1},"User":{}}"#;
    assert_eq!(redacted(rules, body), expected);
}

#[test]
fn what_stores_add_to_a_name_makes_no_difference() {
    let rules = r#"{"presets":["gdpr","hipaa","pci","secrets"]}"#;
    for (name, value) in [
        ("Medical_Record_Number__c", "0012345"),
        ("First_Name__c", "Jane"),
        ("Password__c", "hunter2x"),
        ("CVV__c", "123"),
        ("mrn_s", "0012345"),
        ("password_txt", "hunter2x"),
        ("first_name.keyword", "Jane"),
        ("api_key_s", "hunter2x"),
    ] {
        let body = format!(r#"{{"{name}":"{value}"}}"#);
        let out = redacted(rules, &body);
        assert!(!out.contains(value), "{out}");
    }
}

#[test]
fn an_expression_costs_what_its_program_may_take() {
    let config = |expression: &str, more: &str| {
        format!(
            r#"{{"detectors":[{{"name":"D","regex":"{expression}"{more}}}],"rules":[{{"detect":["D"]}}]}}"#
        )
    };
    for expression in ["E[0-9]{6}", "[A-Z]{2}-[0-9]{4}-[A-Z0-9]{4}"] {
        assert!(
            Config::parse(&config(expression, "")).is_ok(),
            "{expression}"
        );
    }
    for expression in ["[a-z]{1,100}[0-9]", ".{1,200}x", "([a-z]{1,30}){1,30}x"] {
        let problems = Config::parse(&config(expression, ""))
            .err()
            .unwrap()
            .to_string();
        assert!(problems.contains("keywords"), "{expression}: {problems}");
    }
    // With keywords it is counted.
    let rules = config("[a-z]{1,100}[0-9]", r#","keywords":["abc"]"#);
    let plan = crate::fixtures::plan_of(&rules);
    let before = plan.looks();
    let text = "abcdefgh".repeat(500);
    crate::fixtures::redacted(&plan, "text/plain", &text);
    assert!(
        plan.looks() - before > 2 * 4000,
        "{}",
        plan.looks() - before
    );
}

#[test]
fn two_rules_of_one_name_and_scopes_with_commas_are_warned_of() {
    let checked = Config::check(
        r#"{"rules":[{"name":"a","detect":["EMAIL"]},{"name":"a","detect":["PHONE"],"unless":{"scopes":["x,y"]}}]}"#,
    );
    let warnings = checked.warnings.iter();
    let found: Vec<&str> = warnings.map(config::Warning::code).collect();
    assert_eq!(found, ["scope_comma", "rule_name_duplicate"]);
    let wrong = r#"{"rules":[{"detect":["EMAIL"],"unless":{"scopes":["x y"]}}]}"#;
    assert!(Config::check(wrong).result.is_err());
}

#[test]
fn what_is_left_of_a_value_beside_a_label_goes() {
    let rules = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;
    for (name, value) in [
        ("first_name", "Jane [EMAIL]"),
        ("street_address", "742 Evergreen Terrace, [EMAIL]"),
        ("password", "hunter2 [EMAIL]"),
        ("password", "x[PASSWORD]"),
        ("cvv", "123[PHONE]"),
        ("dob", "1970-01-02 [AGE]"),
        ("[PASSWORD]", "hunter2"),
        ("user[PASSWORD]", "hunter2"),
        ("[CITY]", "Rome"),
    ] {
        let once = redacted(rules, &format!(r#"{{"{name}":"{value}"}}"#));
        assert!(!once.contains(value), "{once}");
        assert_eq!(redacted(rules, &once), once);
    }
    for value in ["[EMAIL]", "[EMAIL], [PHONE]"] {
        let document = format!(r#"{{"first_name":"{value}"}}"#);
        assert_eq!(redacted(rules, &document), document);
    }
}

#[test]
fn declarations_states_and_messages_are_no_values() {
    let rules = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;
    for document in [
        r#"{"errors":{"password":["This field is required.","is too short"]},"forgot_password":"Forgot password?"}"#,
        r#"{"State":{"Health":{"Status":"healthy"}},"cluster":{"health":{"status":"green"}}}"#,
        r#"{"properties":{"religion":{"type":"string"},"diagnosis":{"$ref":"x"}}}"#,
        r#"{"type":"Polygon","coordinates":[[[13.1001,52.1002],[13.2003,52.2004]]]}"#,
        r#"{"username_field":"email","password_field":"passwd"}"#,
        r#"{"user":{"id":7},"cookie":{"secure":true},"login":true}"#,
        r#"{"message":{"content":"Hello"},"sms":true,"version":{"major":"1","minor":"29"}}"#,
    ] {
        assert_eq!(redacted(rules, document), document);
    }
    for (document, expected) in [
        (
            r#"{"password":"correct horse battery staple"}"#,
            r#"{"password":"[PASSWORD]"}"#,
        ),
        (
            r#"{"message_content":"hi","sms":"hi"}"#,
            r#"{"message_content":"[MESSAGE_CONTENT]","sms":"[MESSAGE_CONTENT]"}"#,
        ),
        (
            r#"{"isMinor":true,"age":12}"#,
            r#"{"isMinor":"","age":"[MINOR_AGE]"}"#,
        ),
        (
            r#"{"coordinates":[13.1001,52.1002]}"#,
            r#"{"coordinates":["[GEO_COORDINATE]","[GEO_COORDINATE]"]}"#,
        ),
    ] {
        let out = redacted(rules, document);
        assert!(out == expected || out.contains("MINOR"), "{out}");
    }
}

/// A name of each language and kind, with letters of its own and without.
#[test]
fn names_in_other_languages_announce() {
    let rules = r#"{"presets":["gdpr","secrets"]}"#;
    for names in [
        "Kennwort mdp contraseña contrasena hasło lösenord loesenord adgangskode passord salasana heslo jelszó şifre пароль κωδικός 密码 パスワード 비밀번호",
        "Familienname nom_de_famille sobrenome voornaam achternaam imię nazwisko förnamn efternamn etunimi sukunimi příjmení keresztnév prenume prezime фамилия 姓名 氏名",
        "Straße Strasse Anschrift dirección indirizzo endereço endereco straat ulica osoite 住所",
        "Gewerkschaft Krankheit Behinderung Ethnie Religionszugehörigkeit Religionszugehoerigkeit Parteizugehörigkeit sexuelle_Orientierung religión religione maladie malattia enfermedad syndicat sindicato orientation_sexuelle godsdienst wyznanie",
    ] {
        for name in names.split(' ') {
            let body = format!(r#"{{"a":1,"{name}":"Hunter2"}}"#);
            assert_ne!(redacted(rules, &body), body, "{name}");
        }
    }
    for name in [
        "geburtstag",
        "dateNaissance",
        "data_nascimento",
        "syntymäaika",
        "生年月日",
    ] {
        let body = format!(r#"{{"{name}":"1980-11-10"}}"#);
        assert_ne!(redacted(rules, &body), body, "{name}");
    }
    for name in ["nome", "ime", "titre", "ort", "datum"] {
        let body = format!(r#"{{"{name}":"Hunter2"}}"#);
        assert_eq!(redacted(rules, &body), body, "{name}");
    }
}

#[test]
fn what_only_looks_like_a_name_stays() {
    let rules = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;
    for body in [
        r#"{"user":{"id":"u_7","role":"admin"},"account":{"name":"Acme Ltd"}}"#,
        r#"{"card":{"fingerprint":"mToisGZ01V71BCos"},"data_race":"x"}"#,
        r#"{"cookie":{"same_site":"lax"},"city":{"id":5,"population":100000}}"#,
        r#"{"login":{"username":"Username","first_name":"First name"}}"#,
        r#"{"races":[{"id":1,"distance":"10k"}]}"#,
    ] {
        assert_eq!(redacted(rules, body), body);
    }
}
