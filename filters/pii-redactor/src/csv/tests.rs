use std::rc::Rc;

use super::*;
use crate::fixtures::plan_of;

fn check(rules: &str, input: &str, expected: &str) {
    let plan = plan_of(rules);
    for size in [1, 2, 3, 7, input.len().max(1)] {
        let mut csv = CsvRewriter::new(Rc::clone(&plan), CsvFormat::default());
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        for chunk in input.as_bytes().chunks(size) {
            csv.write(chunk, &mut out, &mut tally);
        }
        csv.finish(&mut out, &mut tally);
        assert_eq!(String::from_utf8_lossy(&out), expected, "by {size}");
    }
}

const DETECT: &str =
    r#"{"rules":[{"detect":["EMAIL","CREDIT_CARD","US_SSN","PERSON_NAME","PHONE"]}]}"#;

#[test]
fn cells_are_searched_one_by_one() {
    for (input, expected) in [
        (
            "1,4111111111111111,x\n1,536-22-1234,2\n",
            "1,[CREDIT_CARD],x\n1,[US_SSN],2\n",
        ),
        (
            "a,b\r\n\"4111 1111 1111 1111\",\"say \"\"jane@example.com\"\", please\"\r\n",
            "a,b\r\n\"[CREDIT_CARD]\",\"say \"\"[EMAIL]\"\", please\"\r\n",
        ),
        (
            "first_name;city\nJane;Berlin\nBob;Rome",
            "first_name;city\n[PERSON_NAME];Berlin\n[PERSON_NAME];Rome",
        ),
        (
            "phone\tn\n030 901820\t030 901820\n",
            "phone\tn\n[PHONE]\t030 901820\n",
        ),
        (
            "sep=|\na|first name\n1|Jane\n",
            "sep=|\na|first name\n1|[PERSON_NAME]\n",
        ),
        (
            "\u{feff}first_name,x\nJane,1\n",
            "\u{feff}first_name,x\n[PERSON_NAME],1\n",
        ),
        (
            "\n\na,first_name\n,\n1,\n2,\"J\nD\"\n",
            "\n\na,first_name\n,\n1,\n2,\"[PERSON_NAME]\"\n",
        ),
        ("a,ssn\r1,536228145\r", "a,ssn\r1,[US_SSN]\r"),
        ("", ""),
        ("\"open,jane@example.com\n", "\"open,[EMAIL]\n"),
        (
            "a,b\n\"x\"y jane@example.com,2\n",
            "a,b\n\"x\"y [EMAIL],2\n",
        ),
    ] {
        check(DETECT, input, expected);
    }
}

#[test]
fn columns_are_members() {
    let rules = r#"{"rules":[{"fields":[{"name":"notes","action":"remove"},{"path":"$[*].id","action":{"mask":{"keep_last":2}}},
        {"path":"$.kind","action":{"replace":"x, y"}}]}]}"#;
    check(
        rules,
        "id,notes,kind\n12345678,\"a, \"\"b\"\",\nc\",K\n1,,\"K\"\n",
        "id,kind\n******78,x  y\n*,\"x, y\"\n",
    );
    check(rules, "notes,id\nn,12345678\n", "id\n******78\n");
    let only = r#"{"rules":[{"allow_fields":["$.a","$[*].c"]}]}"#;
    check(
        only,
        "a,b,c\n1,2,3,4\n5,\"6,\"\"\n\"\"\",7\n",
        "a,c\n1,3\n5,7\n",
    );
    check(only, "1,2,3\n4,5,6", "\n");
}

#[test]
fn lines_of_comment_hide_no_header() {
    for (input, expected) in [
        (
            "# exported on 2024-05-06\nid,first_name\n1,Ada\n",
            "# exported on 2024-05-06\nid,first_name\n1,[PERSON_NAME]\n",
        ),
        (
            "# by jane@example.com, 2024\r\n#\r\n\r\nid;first_name\r\n1;Ada\r\n",
            "# by [EMAIL], 2024\r\n#\r\n\r\nid;first_name\r\n1;[PERSON_NAME]\r\n",
        ),
        (
            "#id,first_name\n1,Ada\n",
            "#id,first_name\n1,[PERSON_NAME]\n",
        ),
        ("# jane@example.com", "# [EMAIL]"),
        ("# nothing else\n", "# nothing else\n"),
    ] {
        check(DETECT, input, expected);
    }
}

#[test]
fn titles_hide_no_header() {
    for (input, expected) in [
        (
            "Patient report\nid,first_name\n1,Ada\n",
            "Patient report\nid,first_name\n1,[PERSON_NAME]\n",
        ),
        // As spreadsheets export a title, and blank rows.
        (
            "Patient report,,\r\n,,\r\nid,first_name,x\r\n1,Ada,2\r\n",
            "Patient report,,\r\n,,\r\nid,first_name,x\r\n1,[PERSON_NAME],2\r\n",
        ),
        (
            "Patients of jane@example.com\n2024-05-06\n\nid;ssn\n1;536228145\n",
            "Patients of [EMAIL]\n2024-05-06\n\nid;ssn\n1;[US_SSN]\n",
        ),
        // A title with a comma.
        (
            "Report, all wards\nid,first_name,x\n1,Ada,2\n",
            "Report, all wards\nid,first_name,x\n1,[PERSON_NAME],2\n",
        ),
        // A second table below a blank line.
        (
            "id,qty\n1,2\n\nid,first_name\n1,Ada\n",
            "id,qty\n1,2\n\nid,first_name\n1,[PERSON_NAME]\n",
        ),
        // Below a blank line there may be more of the same table.
        (
            "first_name,n\nAda,1\n\nBob,Rome\nEve,Oslo\n",
            "first_name,n\n[PERSON_NAME],1\n\n[PERSON_NAME],Rome\n[PERSON_NAME],Oslo\n",
        ),
        // One column is a table too.
        (
            "first_name\nAda\nBob\n\nEve\n",
            "first_name\n[PERSON_NAME]\n[PERSON_NAME]\n\n[PERSON_NAME]\n",
        ),
        (
            "first_name\nAda\nBob, Eve\n",
            "first_name\n[PERSON_NAME]\n[PERSON_NAME], Eve\n",
        ),
    ] {
        check(DETECT, input, expected);
    }
    let only = r#"{"rules":[{"allow_fields":["$.id"]}]}"#;
    check(only, "Jane's report\nid,name\n1,Jane\n", "\nid\n1\n");
}

#[test]
fn a_second_table_passes_by_its_own_names() {
    let only = r#"{"rules":[{"allow_fields":["$.id"]}]}"#;
    for (input, expected) in [
        ("id,ssn\n1,a\n\nssn,name\n536221234,Jane\n", "id\n1\n\n\n\n"),
        ("id,x\n1,a\n\nx,id\n2,3\n", "id\n1\n\nid\n3\n"),
        ("id,x\n1,a\n\nA title\nx,y\n2,secret\n", "id\n1\n\n\n\n\n"),
        ("id\n1\n\nssn\n536221234\n", "id\n1\n\n\n\n"),
        ("id,x\n1,a\n\nssn;id\n536221234;7\n", "id\n1\n\nid\n7\n"),
        // As spreadsheets write a blank row.
        ("id,x\n1,a\n,\ny,z\n2,secret\n", "id\n1\n\n\n\n"),
        ("id,x\n1,a\n\"\", \nx,y\n2,secret\n", "id\n1\n\"\"\n\n\n"),
        // More of what may pass, or of something else: nobody can tell.
        ("id,x\n1,a\n\n2,b\n", "id\n1\n\n\n"),
    ] {
        check(only, input, expected);
    }
    let gone = r#"{"rules":[{"fields":[{"name":"ssn","action":"remove"}]}]}"#;
    for (input, expected) in [
        ("id,x\n1,a\n,\nssn,y\n536221234,b\n", "id,x\n1,a\n,\ny\nb\n"),
        ("id,x\n1,a\n\nssn\n536221234\n", "id,x\n1,a\n\n\n\n"),
    ] {
        check(gone, input, expected);
    }
}

#[test]
fn a_header_that_is_not_taken_apart_denies_nothing() {
    let card = r#"{"rules":[{"detect":["CREDIT_CARD","US_SSN","PHONE"]}]}"#;
    for (input, expected) in [
        ("id^val\n1^4111111111111111\n", "id^val\n1^[CREDIT_CARD]\n"),
        ("id~val\n1~+49 30 901820\n", "id~val\n1~[PHONE]\n"),
        (
            "id:val:n\n1:4111111111111111:3\n",
            "id:val:n\n1:[CREDIT_CARD]:3\n",
        ),
        (
            "id val n\n1 4111111111111111 3\n",
            "id val n\n1 [CREDIT_CARD] 3\n",
        ),
        (
            "id\u{1}val\n1\u{1}536-22-1234\n",
            "id\u{1}val\n1\u{1}[US_SSN]\n",
        ),
        ("id\n4111111111111111\n", "id\n4111111111111111\n"),
    ] {
        check(card, input, expected);
    }
    let plan = plan_of(card);
    let table = "id,val\n1,4111111111111111\n";
    let left = crate::fixtures::redacted(&plan, "text/tab-separated-values", table);
    assert_eq!(left, "id,val\n1,[CREDIT_CARD]\n");
}

const SECRETS: &str = r#"{"rules":[{"detect":["EMAIL","US_SSN","PERSON_NAME","PASSWORD"]}]}"#;

#[test]
fn a_cell_says_what_the_one_beside_it_is() {
    for (input, expected) in [
        (
            "id,name,value\n1,ssn,536221234\n2,\"DB_PASSWORD\",\"hunter2x\"\n3,x,hunter2x\n",
            "id,name,value\n1,ssn,[US_SSN]\n2,\"DB_PASSWORD\",\"[PASSWORD]\"\n3,x,hunter2x\n",
        ),
        (
            "value;key\r\n536221234;ssn\r\n\"hunter\n2x\";password\r\nJane;city\r\n",
            "value;key\r\n[US_SSN];ssn\r\n\"[PASSWORD]\";password\r\nJane;city\r\n",
        ),
        (
            "val,field\npassword,ssn\nhunter2x,password\n\na,first_name\n1,Jane",
            "val,field\npassword,ssn\n[PASSWORD],password\n\na,first_name\n1,[PERSON_NAME]",
        ),
        (
            "key,value,key,value\nssn,536221234,n,536221234\n",
            "key,value,key,value\nssn,[US_SSN],n,536221234\n",
        ),
    ] {
        check(SECRETS, input, expected);
    }
}

#[test]
fn a_header_may_be_long() {
    let wide = |end: &str| {
        let columns: Vec<String> = (0..4_000).map(|n| format!("column_{n}")).collect();
        format!(
            "first_name,{},ssn\nJane,{}{end}\n",
            columns.join(","),
            "1,".repeat(4_000)
        )
    };
    let expected = wide("[US_SSN]").replace("Jane", "[PERSON_NAME]");
    let plan = plan_of(SECRETS);
    for (input, expected) in [
        (wide("536221234"), Some(expected)),
        // What is too long is told.
        (format!("{}ssn\n536221234", "x,".repeat(200_000)), None),
        (format!("{}ssn\n536221234", ",".repeat(40_000)), None),
    ] {
        let mut csv = CsvRewriter::new(Rc::clone(&plan), CsvFormat::default());
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        for chunk in input.as_bytes().chunks(1_000) {
            csv.write(chunk, &mut out, &mut tally);
        }
        csv.finish(&mut out, &mut tally);
        assert_eq!(csv.malformed().is_none(), expected.is_some());
        let is_as_expected = *out == *expected.unwrap_or(input).as_bytes();
        assert!(is_as_expected, "{}", out.len());
    }
}

#[test]
fn a_row_of_groups_hides_no_header() {
    for (input, expected) in [
        (
            "Person,,Password\nfirst_name,ssn,number\nJane,536221234,12345678\n",
            "Person,,Password\nfirst_name,ssn,number\n[PERSON_NAME],[US_SSN],12345678\n",
        ),
        // A column without a name makes no row of groups.
        (
            "first_name,,ssn\nJane,x,536221234\nJoe,y,536221234\n",
            "first_name,,ssn\n[PERSON_NAME],x,[US_SSN]\n[PERSON_NAME],y,[US_SSN]\n",
        ),
        (
            "first_name,,password\nJane,x,hunter\nJoe,,hunter\n",
            "first_name,,password\n[PERSON_NAME],x,[PASSWORD]\n[PERSON_NAME],,[PASSWORD]\n",
        ),
    ] {
        check(SECRETS, input, expected);
    }
}
