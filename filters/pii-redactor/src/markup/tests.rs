use crate::fixtures::{assert_keeps, assert_redacts, plan_of, redacted};

#[test]
fn elements_and_attributes_announce_their_values() {
    let plan = plan_of(r#"{"presets":["gdpr","hipaa","pci","secrets"]}"#);
    assert_redacts(
        &plan,
        "application/xml",
        &[
            ("<ssn>536228145</ssn>", "<ssn>[US_SSN]</ssn>"),
            ("<ssn>\n  536228145\n</ssn>", "<ssn>\n  [US_SSN]\n</ssn>"),
            (
                "<a:dob x='1'>1971-12-10</a:dob>",
                "<a:dob x='1'>[PERSON_DATE]</a:dob>",
            ),
            (
                "<birthDate value=\"1971-12-10\"/>",
                "<birthDate value=\"[PERSON_DATE]\"/>",
            ),
            (
                "<password><![CDATA[hunter2]]></password>",
                "<password><![CDATA[[PASSWORD]]]></password>",
            ),
            ("<cvv>123</cvv><b>123</b>", "<cvv></cvv><b>123</b>"),
            (
                "<name><firstName>Jane</firstName></name>",
                "<name><firstName>[PERSON_NAME]</firstName></name>",
            ),
            (
                "<address class=\"blue\">1 Main St</address>",
                "<address class=\"blue\">[STREET_ADDRESS]</address>",
            ),
            (
                "<u firstName=Jane cvv='123'>x</u>",
                "<u firstName=[PERSON_NAME] cvv=''>x</u>",
            ),
            (
                "<religion><code>y</code></religion><x>y</x>",
                "<religion><code></code></religion><x>y</x>",
            ),
            (
                "<input name=\"cvv\" value=\"123\">",
                "<input name=\"cvv\" value=\"\">",
            ),
            (
                "<input value=\"123\" name=\"cvv\">",
                "<input value=\"\" name=\"cvv\">",
            ),
            (
                "<input\n type=\"password\"\n value=\"x\">",
                "<input\n type=\"password\"\n value=\"[PASSWORD]\">",
            ),
            (
                "<Data Name=\"last_name\">Doe</Data>",
                "<Data Name=\"last_name\">[PERSON_NAME]</Data>",
            ),
            (
                "<Attribute Name=\"last_name\"><AttributeValue>Doe</AttributeValue></Attribute>",
                "<Attribute Name=\"last_name\"><AttributeValue>[PERSON_NAME]</AttributeValue></Attribute>",
            ),
            (
                "<property><name>db.password</name><value>x</value></property><value>x</value>",
                "<property><name>db.password</name><value>[PASSWORD]</value></property><value>x</value>",
            ),
            (
                "<dict><key>password</key><string>x</string><key>b</key><string>x</string></dict>",
                "<dict><key>password</key><string>[PASSWORD]</string><key>b</key><string>x</string></dict>",
            ),
            (
                "<tr><th>MRN<td>0012345<tr><th>No<td>0012345",
                "<tr><th>MRN<td>[MEDICAL_RECORD]<tr><th>No<td>0012345",
            ),
            (
                "<telecom><system value=\"phone\"/><value value=\"(03) 5555 6473\"/></telecom>",
                "<telecom><system value=\"phone\"/><value value=\"[PHONE]\"/></telecom>",
            ),
            (
                "<identifier><type><coding><code value=\"MR\"/></coding></type><value value=\"0012345\"/></identifier>",
                "<identifier><type><coding><code value=\"MR\"/></coding></type><value value=\"[MEDICAL_RECORD]\"/></identifier>",
            ),
        ],
    );
}

#[test]
fn what_is_no_value_stays() {
    let plan = plan_of(r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#);
    assert_keeps(
        &plan,
        "text/html",
        &[
            "<input type=\"submit\" name=\"login\" value=\"Sign in\">",
            "<label>Password</label><p>at least 8 characters</p>",
            "<select name=\"religion\"><option value=\"religion\">Religion</option></select>",
            "<!-- <password> --><b>hunter2</b><br>text",
            "<script>if (a<password) { b>c }</script><b>hunter2</b>",
            "<xs:element name=\"password\" type=\"xs:string\"/>",
            "1 < 2 <password",
        ],
    );
}

#[test]
fn a_reference_to_a_sign_is_no_markup() {
    let plan = plan_of(r#"{"presets":["pci"]}"#);
    let text = "<a>&lt;b c=&quot;</a><cvv>123</cvv>";
    let expected = "<a>&lt;b c=&quot;</a><cvv></cvv>";
    assert_eq!(redacted(&plan, "text/xml", text), expected);
    let text = "<a b=\"&quot;>&lt;x\"><cvv>123</cvv></a>";
    let expected = "<a b=\"&quot;>&lt;x\"><cvv></cvv></a>";
    assert_eq!(redacted(&plan, "text/xml", text), expected);
}

#[test]
fn values_in_long_lines_are_found_wherever_a_window_ends() {
    let plan = plan_of(r#"{"presets":["pci","gdpr"]}"#);
    for filling in 4000..4110 {
        let text = format!(
            "<a>{}</a><cvv>123</cvv><first_name>Jane</first_name>{0}",
            "x y ".repeat(filling / 4)
        );
        let out = redacted(&plan, "text/xml", &text);
        assert!(!out.contains("123") && !out.contains("Jane"), "{filling}");
    }
}

#[test]
fn labels_and_members_name_what_is_beside_them() {
    let plan = plan_of(r#"{"presets":["gdpr","hipaa","pci","secrets"]}"#);
    assert_redacts(
        &plan,
        "text/html",
        &[
            (
                "<member><name>password</name><value><string>hunter2</string></value></member>",
                "<member><name>password</name><value><string>[PASSWORD]</string></value></member>",
            ),
            (
                "<Patient><name><given value=\"Jane\"/><family value=\"Doe\"/></name></Patient>",
                "<Patient><name><given value=\"[PERSON_NAME]\"/><family value=\"[PERSON_NAME]\"/></name></Patient>",
            ),
            (
                "<id root=\"2.16.840.1.113883.4.1\" extension=\"536221000\"/>",
                "<id root=\"2.16.840.1.113883.4.1\" extension=\"[US_SSN]\"/>",
            ),
            (
                "<birthTime value=\"19710102\"/>",
                "<birthTime value=\"[PERSON_DATE]\"/>",
            ),
            (
                "<Dbtr><Nm>Jane Doe</Nm></Dbtr><Prd><Nm>x</Nm></Prd>",
                "<Dbtr><Nm>[PERSON_NAME]</Nm></Dbtr><Prd><Nm>x</Nm></Prd>",
            ),
            (
                "<tr><td>First name:</td><td>Jane</td></tr><tr><td>Jane</td></tr>",
                "<tr><td>First name:</td><td>[PERSON_NAME]</td></tr><tr><td>Jane</td></tr>",
            ),
            (
                "<p><b>First name:</b> Jane</p><p>Jane</p>",
                "<p><b>First name:</b> [PERSON_NAME]</p><p>Jane</p>",
            ),
            (
                "<p><label for=\"p\">Password</label><input id=\"p\" value=\"hunter2\"><input value=\"x\">",
                "<p><label for=\"p\">Password</label><input id=\"p\" value=\"[PASSWORD]\"><input value=\"x\">",
            ),
        ],
    );
}

#[test]
fn a_row_of_names_names_the_cells_below() {
    let plan = plan_of(r#"{"presets":["gdpr","hipaa","secrets"]}"#);
    for (text, expected) in [
        (
            "<table><thead><tr><th>Visit</th><th>First name</th><th>MRN</th></tr></thead>\n<tbody><tr><td>1</td><td>Jane</td><td>A12345</td></tr>\n<tr><td>2</td><td>John</td><td>A12346</td></tr></tbody></table><table><tr><td>1</td><td>Jane</td></tr></table>",
            "<table><thead><tr><th>Visit</th><th>First name</th><th>MRN</th></tr></thead>\n<tbody><tr><td>1</td><td>[PERSON_NAME]</td><td>[MEDICAL_RECORD]</td></tr>\n<tr><td>2</td><td>[PERSON_NAME]</td><td>[MEDICAL_RECORD]</td></tr></tbody></table><table><tr><td>1</td><td>Jane</td></tr></table>",
        ),
        (
            "<table><tr><th>Row<th>First name<tr><th>1<td>Jane<tr><th>2<td>John</table>",
            "<table><tr><th>Row<th>First name<tr><th>1<td>[PERSON_NAME]<tr><th>2<td>[PERSON_NAME]</table>",
        ),
        (
            "<map><entry><string>password</string><string>x1</string></entry><entry><string>a</string><string>x1</string></entry></map>",
            "<map><entry><string>password</string><string>[PASSWORD]</string></entry><entry><string>a</string><string>x1</string></entry></map>",
        ),
    ] {
        assert_eq!(redacted(&plan, "text/html", text), expected, "{text}");
    }
}

#[test]
fn attributes_come_in_any_order() {
    let plan = plan_of(r#"{"rules":[{"detect":["US_SSN","PASSWORD"]}]}"#);
    for (text, label) in [
        (
            r#"<input type="text" value="536221234" name="ssn">"#,
            "[US_SSN]",
        ),
        (
            r#"<input value="536221234" type="text" name="ssn">"#,
            "[US_SSN]",
        ),
        (
            r#"<add type="x" value="536221234" key="Password"/>"#,
            "[PASSWORD]",
        ),
        (
            r#"<param label="x" value="536221234" name="password"/>"#,
            "[PASSWORD]",
        ),
    ] {
        let expected = text.replace("536221234", label);
        assert_eq!(redacted(&plan, "text/html", text), expected);
    }
    for text in [
        r#"<input value="Log in" type="submit" name="password">"#,
        r#"<input type="submit" value="Log in" name="password">"#,
    ] {
        assert_eq!(redacted(&plan, "text/html", text), text);
    }
}
