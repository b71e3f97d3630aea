use crate::fixtures::plan_of;
use crate::json::tests::check_with;
use crate::steps;

const ALL: &str = r#"{"presets":["gdpr","hipaa","secrets","pci"]}"#;

#[test]
fn a_member_names_the_value_beside_it() {
    for (input, expected) in [
        (
            r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"MODE","value":"hunter2"}]}"#,
            r#"{"env":[{"name":"DB_PASSWORD","value":"[PASSWORD]"},{"name":"MODE","value":"hunter2"}]}"#,
        ),
        (
            r#"{"Name":"birthdate","Value":"1980-11-10"}"#,
            r#"{"Name":"birthdate","Value":"[PERSON_DATE]"}"#,
        ),
        (
            r#"{"key":"ssn","value":536228145}"#,
            r#"{"key":"ssn","value":"[US_SSN]"}"#,
        ),
        (
            r#"{"attributes":[{"name":"cvv","values":["123"]}]}"#,
            r#"{"attributes":[{"name":"cvv","values":[""]}]}"#,
        ),
        (
            r#"{"attribute_name":"last_name","attribute_value":"Doe"}"#,
            r#"{"attribute_name":"last_name","attribute_value":"[PERSON_NAME]"}"#,
        ),
        (
            r#"{"request":{"headers":[{"name":"authorization","value":"Bearer abc1"}]}}"#,
            r#"{"request":{"headers":[{"name":"authorization","value":"[API_KEY]"}]}}"#,
        ),
        (
            r#"{"key":"db.password","value":{"stringValue":"hunter2"}}"#,
            r#"{"key":"db.password","value":{"stringValue":"[PASSWORD]"}}"#,
        ),
        (
            r#"[{"key":"a","value":{"stringValue":"x"}},{"key":"pwd","value":{"stringValue":"x"}},{"key":"a","value":{"stringValue":"x"}}]"#,
            r#"[{"key":"a","value":{"stringValue":"x"}},{"key":"pwd","value":{"stringValue":"[PASSWORD]"}},{"key":"a","value":{"stringValue":"x"}}]"#,
        ),
        (
            r#"{"question":"Religion","answer":"none","id":1}"#,
            r#"{"question":"Religion","answer":"","id":1}"#,
        ),
        (
            r#"{"name":"db_password", "value":"x"}"#,
            r#"{"name":"db_password", "value":"[PASSWORD]"}"#,
        ),
        // What names it may be spelled with escapes.
        (
            r#"{"name":"pass\u0077ord","value":"x"}"#,
            r#"{"name":"pass\u0077ord","value":"[PASSWORD]"}"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
}

#[test]
fn a_value_is_held_for_a_name_that_follows() {
    for (input, expected) in [
        (
            r#"[{"value":"hunter2","name":"DB_PASSWORD"},{"value":"hunter2","name":"MODE"}]"#,
            r#"[{"value":"[PASSWORD]","name":"DB_PASSWORD"},{"value":"hunter2","name":"MODE"}]"#,
        ),
        (
            r#"{"a":1, "value" : ["123", "4\"56"] , "b":"}" ,"key":"cvv"}"#,
            r#"{"a":1, "value" : ["", "4\"56"] , "b":"}" ,"key":"cvv"}"#,
        ),
        (
            "{value:'x',name:'password'}",
            "{value:'[PASSWORD]',name:'password'}",
        ),
        // Objects are not held.
        (
            r#"{"value":{"a":"x"},"name":"password"}"#,
            r#"{"value":{"a":"x"},"name":"password"}"#,
        ),
        (
            r#"{"value":"x","a":{},"name":"password"}"#,
            r#"{"value":"x","a":{},"name":"password"}"#,
        ),
        (
            r#"{"value":"x","unit":"kg"}"#,
            r#"{"value":"x","unit":"kg"}"#,
        ),
        (r#"{"value":"x""#, r#"{"value":"x""#),
    ] {
        check_with(ALL, input, expected);
    }
    // Only so much of it.
    let filling = "y".repeat(2048);
    let long = format!(r#"{{"value":"x","a":"{filling}","name":"password"}}"#);
    check_with(ALL, &long, &long);
}

#[test]
fn a_name_that_says_nothing_settles_nothing() {
    for input in [
        r#"{"type":"field","value":"swordfish","msg":"Invalid value","path":"password","location":"body"}"#,
        r#"{"type":"encrypted","value":"swordfish","id":"1","key":"DB_PASSWORD"}"#,
        r#"{"kind":"x","value":"swordfish","name":"password"}"#,
        r#"{"label":"x","value":"swordfish","name":"password"}"#,
        r#"{"value":"swordfish","type":"text","name":"password"}"#,
        r#"{"value":"swordfish","type":["a"],"n":[1,"b"],"title":"t","name":"password"}"#,
    ] {
        check_with(ALL, input, &input.replace("swordfish", "[PASSWORD]"));
    }
    for (input, expected) in [
        (
            r#"{"title":"Your data","value":"536221234","name":"ssn"}"#,
            r#"{"title":"Your data","value":"[US_SSN]","name":"ssn"}"#,
        ),
        (
            r#"{"field":"q1","value":536221234,"label":"ssn"}"#,
            r#"{"field":"q1","value":"[US_SSN]","label":"ssn"}"#,
        ),
        (
            r#"{"type":"field","value":"Jane","path":"firstName"}"#,
            r#"{"type":"field","value":"[PERSON_NAME]","path":"firstName"}"#,
        ),
        (
            r#"{"name":"key","d":"X4cT","kty":"RSA"}"#,
            r#"{"name":"key","d":"[API_KEY]","kty":"RSA"}"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
}

#[test]
fn errors_about_what_was_sent_repeat_no_value() {
    for input in [
        // FastAPI
        r#"{"detail":[{"type":"string_too_short","loc":["body","password"],"msg":"String should have at least 12 characters","input":"swordfish","ctx":{"min_length":12}}]}"#,
        r#"{"input":"swordfish","loc":["body","users",0,"password"]}"#,
        // Spring and Hibernate
        r#"{"errors":[{"field":"password","rejectedValue":"swordfish","objectName":"u"}]}"#,
        r#"{"errors":[{"rejectedValue":"swordfish","objectName":"u","field":"password"}]}"#,
        r#"{"violations":[{"propertyPath":"create.user.password","invalidValue":"swordfish"}]}"#,
        // Zod
        r#"{"issues":[{"received":"swordfish","code":"x","path":["user","password"]}]}"#,
        r#"{"instancePath":"/user/password","value":"swordfish"}"#,
        r#"{"value":"swordfish","pointer":"/data/attributes/password"}"#,
    ] {
        check_with(ALL, input, &input.replace("swordfish", "[PASSWORD]"));
    }
    for input in [
        r#"{"loc":["address","country"],"input":"x1","type":"enum"}"#,
        r#"{"input":"x1","loc":["password","hint"]}"#,
        r#"{"path":["ssn"],"received":"number","expected":"string"}"#,
        r#"{"a":{"loc":["body","password"]},"input":"x1"}"#,
        r#"{"input":{"name":"password"},"loc":["body"]}"#,
    ] {
        check_with(ALL, input, input);
    }
}

#[test]
fn choices_are_no_values() {
    for input in [
        r#"{"options":[{"value":"password","label":"Password"},{"label":"Religion","value":"religion"}]}"#,
        r#"{"name":"Password reset","value":"weekly"}"#,
    ] {
        check_with(ALL, input, input);
    }
}

#[test]
fn identifiers_of_fhir_are_what_their_system_or_type_says() {
    for (input, expected) in [
        (
            r#"{"telecom":[{"system":"phone","value":"(03) 5555 6473","use":"home"}]}"#,
            r#"{"telecom":[{"system":"phone","value":"[PHONE]","use":"home"}]}"#,
        ),
        (
            r#"{"identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"536228145"}]}"#,
            r#"{"identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"[US_SSN]"}]}"#,
        ),
        (
            r#"{"identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:oid:1.2.36","value":"0012345"}]}"#,
            r#"{"identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:oid:1.2.36","value":"[MEDICAL_RECORD]"}]}"#,
        ),
        (
            r#"{"identifier":[{"type":{"text":"Social Security Number"},"value":"536228145"}]}"#,
            r#"{"identifier":[{"type":{"text":"Social Security Number"},"value":"[US_SSN]"}]}"#,
        ),
    ] {
        check_with(r#"{"presets":["hipaa"]}"#, input, expected);
    }
}

#[test]
fn members_are_read_ahead_once() {
    let plan = plan_of(ALL);
    let cost = |body: &str| {
        steps::take();
        crate::fixtures::redacted(&plan, "application/json", body);
        steps::take() as f64 / body.len() as f64
    };
    let ordinary = cost(&r#"{"id":17,"label":"blue summer bundle","note":"Left at door 12 on day 5, call 030 901820"}"#.repeat(100));
    for unit in [r#"{"value":1},"#, r#"{"value":[[],[1]]},"#] {
        let many = format!("[{}1]", unit.repeat(500));
        assert!(cost(&many) <= 8.0 * ordinary, "{unit}: {}", cost(&many));
    }
    let nested = format!("{}1{}", r#"{"value":"a","b":"#.repeat(200), "}".repeat(200));
    assert!(cost(&nested) <= 8.0 * ordinary, "{}", cost(&nested));
    let one = format!("{{{}\"b\":1}}", r#""value":1,"#.repeat(500));
    assert!(cost(&one) <= 8.0 * ordinary, "{}", cost(&one));
}

#[test]
fn changes_and_keys_are_what_is_beside_them_says() {
    for (input, expected) in [
        (
            r#"[{"op":"replace","path":"/first_name","value":"Jane"},{"op":"add","path":"name.familyName","value":"Roe"}]"#,
            r#"[{"op":"replace","path":"/first_name","value":"[PERSON_NAME]"},{"op":"add","path":"name.familyName","value":"[PERSON_NAME]"}]"#,
        ),
        (
            r#"{"field":"last_name","oldValue":"Doe","newValue":"Roe"}"#,
            r#"{"field":"last_name","oldValue":"[PERSON_NAME]","newValue":"[PERSON_NAME]"}"#,
        ),
        (
            r#"{"column_name":"first_name","new_value":"Jane","old_value":null}"#,
            r#"{"column_name":"first_name","new_value":"[PERSON_NAME]","old_value":null}"#,
        ),
        (
            r#"{"from":"Jane","to":"Joan","field":"first_name"}"#,
            r#"{"from":"[PERSON_NAME]","to":"[PERSON_NAME]","field":"first_name"}"#,
        ),
        (
            r#"{"code":{"text":"Religion"},"valueString":"Catholic"}"#,
            r#"{"code":{"text":"Religion"},"valueString":""}"#,
        ),
        (
            r#"{"OutputKey":"password","OutputValue":"hunter2"}"#,
            r#"{"OutputKey":"password","OutputValue":"[PASSWORD]"}"#,
        ),
        (
            r#"[{"kty":"EC","x":"gI0","d":"jpsQ"},{"d":"X4cT","e":"AQAB","k":"AyM1","kty":"RSA"},{"d":"X4cT","k":"v"}]"#,
            r#"[{"kty":"EC","x":"gI0","d":"[API_KEY]"},{"d":"[API_KEY]","e":"AQAB","k":"[API_KEY]","kty":"RSA"},{"d":"X4cT","k":"v"}]"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
}

#[test]
fn any_name_is_a_persons_beside_what_only_people_have() {
    for (input, expected) in [
        (
            r#"{"id":7,"name":"Jane Roe","email":"jane@example.com"}"#,
            r#"{"id":7,"name":"[PERSON_NAME]","email":"[EMAIL]"}"#,
        ),
        (
            r#"{"email":"jane@example.com","name":"Jane Roe"}"#,
            r#"{"email":"[EMAIL]","name":"[PERSON_NAME]"}"#,
        ),
        (
            r#"{"displayName":"Jane Roe","jobTitle":"Nurse","surname":"Roe"}"#,
            r#"{"displayName":"[PERSON_NAME]","jobTitle":"Nurse","surname":"[PERSON_NAME]"}"#,
        ),
        (
            r#"{"displayName":"Jane Roe","name":{"familyName":"Roe"}}"#,
            r#"{"displayName":"[PERSON_NAME]","name":{"familyName":"[PERSON_NAME]"}}"#,
        ),
        (
            r#"{"displayName":"Jane Roe","emails":[{"value":"jane@example.com"}]}"#,
            r#"{"displayName":"[PERSON_NAME]","emails":[{"value":"[EMAIL]"}]}"#,
        ),
        (
            r#"{"nombre":"Camisa azul","precio":7}"#,
            r#"{"nombre":"Camisa azul","precio":7}"#,
        ),
        (
            r#"{"nombre":"Juana","apellido":"Roe"}"#,
            r#"{"nombre":"[PERSON_NAME]","apellido":"[PERSON_NAME]"}"#,
        ),
        // Of a thing, and of what has no address.
        (
            r#"{"name":"repo","email":null,"value":"x"}"#,
            r#"{"name":"repo","email":null,"value":"x"}"#,
        ),
        (
            r#"{"displayName":"Sales","securityEnabled":true}"#,
            r#"{"displayName":"Sales","securityEnabled":true}"#,
        ),
        (
            r#"{"name":"x","email":"jane@example.com","value":"swordfish","label":"password"}"#,
            r#"{"name":"[PERSON_NAME]","email":"[EMAIL]","value":"[PASSWORD]","label":"password"}"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
    check_with(
        r#"{"presets":["secrets"]}"#,
        r#"{"name":"Jane Roe","email":"jane@example.com"}"#,
        r#"{"name":"Jane Roe","email":"jane@example.com"}"#,
    );
}

#[test]
fn a_type_says_what_the_number_beside_it_is() {
    for (input, expected) in [
        (
            r#"{"type":"passport","number":"X1234567"}"#,
            r#"{"type":"passport","number":"[LICENSE_NUMBER]"}"#,
        ),
        (
            r#"{"number":"X1234567","type":"passport"}"#,
            r#"{"number":"[LICENSE_NUMBER]","type":"passport"}"#,
        ),
        (
            r#"{"documentType":"PASSPORT","documentNumber":"X1234567"}"#,
            r#"{"documentType":"PASSPORT","documentNumber":"[LICENSE_NUMBER]"}"#,
        ),
        (
            r#"{"type":"ssn","id":"536221234"}"#,
            r#"{"type":"ssn","id":"[US_SSN]"}"#,
        ),
        (
            r#"{"type":"mobile","number":"01701234567"}"#,
            r#"{"type":"mobile","number":"[PHONE]"}"#,
        ),
        (
            r#"{"PrvtId":{"Othr":{"Id":"536221234"}}}"#,
            r#"{"PrvtId":{"Othr":{"Id":"[LICENSE_NUMBER]"}}}"#,
        ),
        (
            r#"{"CdtrAcct":{"Id":{"Othr":{"Id":"12345678"}}},"OrgId":{"Othr":{"Id":"12345678"}}}"#,
            r#"{"CdtrAcct":{"Id":{"Othr":{"Id":"[ACCOUNT_NUMBER]"}}},"OrgId":{"Othr":{"Id":"12345678"}}}"#,
        ),
        // Ids of things, and what a name says.
        (
            r#"{"type":"accounts","id":"12345678","number":7}"#,
            r#"{"type":"accounts","id":"12345678","number":7}"#,
        ),
        (
            r#"{"name":"Passport cover","id":"123456789","number":"123456789"}"#,
            r#"{"name":"Passport cover","id":"123456789","number":"123456789"}"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
}

#[test]
fn errors_about_what_was_sent_repeat_it() {
    for (input, expected) in [
        (
            r#"{"instancePath":"/ssn","keyword":"pattern","data":"536221234"}"#,
            r#"{"instancePath":"/ssn","keyword":"pattern","data":"[US_SSN]"}"#,
        ),
        (
            r#"{"received":"undefined","path":["firstName"]}"#,
            r#"{"received":"undefined","path":["firstName"]}"#,
        ),
        (
            r#"{"e":"Key (first_name, dob)=(Jane, 1970-05-04) already exists."}"#,
            r#"{"e":"Key (first_name, dob)=([PERSON_NAME], [PERSON_DATE]) already exists."}"#,
        ),
        (
            r#"{"e":"Key (lower(last_name::text))=(roe) already exists."}"#,
            r#"{"e":"Key (lower(last_name::text))=([PERSON_NAME]) already exists."}"#,
        ),
        (
            r#"{"e":"Duplicate entry '536221234' for key 'users.ssn'"}"#,
            r#"{"e":"Duplicate entry '[US_SSN]' for key 'users.ssn'"}"#,
        ),
        (
            r#"{"e":"Incorrect value: 'swordfish' for column 'db_password' at row 1"}"#,
            r#"{"e":"Incorrect value: '[PASSWORD]' for column 'db_password' at row 1"}"#,
        ),
        (
            r#"{"e":"constraint 'UQ_ssn'. The duplicate key value is (536221234)."}"#,
            r#"{"e":"constraint 'UQ_ssn'. The duplicate key value is ([US_SSN])."}"#,
        ),
        (
            r#"{"e":"Duplicate entry 'A-1' for key 'orders.sku', Key (sku)=(A-1) already exists"}"#,
            r#"{"e":"Duplicate entry 'A-1' for key 'orders.sku', Key (sku)=(A-1) already exists"}"#,
        ),
    ] {
        check_with(ALL, input, expected);
    }
}
