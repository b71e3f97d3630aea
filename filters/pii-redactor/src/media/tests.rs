use super::*;

/// Browsers call a file in CSV so where Excel is installed; files of Excel have control characters.
#[test]
fn a_file_of_excel_may_be_rows_or_markup() {
    use crate::fixtures::{assert_redacts, plan_of, redacted};
    const EXCEL: &str = "application/vnd.ms-excel";
    let plan = plan_of(r#"{"rules":[{"detect":["US_SSN"]}]}"#);
    assert_redacts(
        &plan,
        EXCEL,
        &[
            ("id,ssn\n1,536221234\n", "id,ssn\n1,[US_SSN]\n"),
            (
                "<table><th>ssn</th><td>536221234</td></table>",
                "<table><th>ssn</th><td>[US_SSN]</td></table>",
            ),
            (
                "\u{1}\u{10}id,ssn\n1,536221234\n",
                "\u{1}\u{10}id,ssn\n1,536221234\n",
            ),
        ],
    );
    let plan = plan_of(r#"{"rules":[{"allow_fields":["$.id"]}]}"#);
    assert_eq!(
        redacted(&plan, EXCEL, "\u{1}id,ssn\n1,2\n"),
        "\n\n",
        "where only members pass, nothing of what has none does"
    );
}

/// The first field of a message of protobuf begins with the byte of a line end.
#[test]
fn a_message_of_an_unknown_type_is_no_text_behind_an_empty_line() {
    use crate::fixtures::{plan_of, redacted};
    let plan = plan_of(r#"{"rules":[{"detect":["EMAIL"]}]}"#);
    for body in [
        "\n\u{5}u_123\u{12}\u{10}jane@example.com\u{1a}\u{1}x",
        "\n\n0123456789\u{12}\u{10}jane@example.com",
        "\n$0123456789abcdef-jane@example.com-123\u{12}\u{1}x",
    ] {
        let out = redacted(&plan, "application/octet-stream", body);
        assert_eq!(out, body, "{body:?}");
    }
    for body in [
        "\njane@example.com\n",
        "\n \njane@example.com",
        " jane@example.com",
    ] {
        let out = redacted(&plan, "application/octet-stream", body);
        assert_eq!(out, body.replace("jane@example.com", "[EMAIL]"));
    }
}

#[test]
fn types_and_what_they_are() {
    let csv = |delimiter, header| {
        Framing::Csv(CsvFormat {
            delimiter,
            header,
            may_be_file: false,
        })
    };
    for (content_type, framing) in [
        ("application/json; charset=utf-8", Some(Framing::Json)),
        ("APPLICATION/JSON", Some(Framing::Json)),
        ("application/connect+json", Some(Framing::Grpc)),
        ("application/connect+proto", Some(Framing::Grpc)),
        ("application/x-protobuf", None),
        ("application/proto", None),
        ("application/vnd.google.protobuf", None),
        ("application/x-msgpack", None),
        ("application/cbor", None),
        ("application/x-amz-cbor", None),
        ("application/vnd.amazon.eventstream", None),
        ("application/avro", None),
        ("application/problem+json", Some(Framing::Json)),
        ("application/json, application/json", Some(Framing::Json)),
        ("application/x-amz-json-1.0", Some(Framing::Json)),
        ("application/x-amz-json-1.1", Some(Framing::Json)),
        ("application/csp-report", Some(Framing::Json)),
        ("application/json5", Some(Framing::Json)),
        ("application/vnd.api.v2.json", Some(Framing::Json)),
        ("text/x-json", Some(Framing::Json)),
        ("application/fhir+ndjson", Some(Framing::JsonLines)),
        (
            "application/vnd.elasticsearch+x-ndjson",
            Some(Framing::JsonLines),
        ),
        (
            "application/vnd.elasticsearch+json;compatible-with=8",
            Some(Framing::Json),
        ),
        ("application/x-jsonlines", Some(Framing::JsonLines)),
        ("application/jsonlines", Some(Framing::JsonLines)),
        ("application/x-ldjson", Some(Framing::JsonLines)),
        ("application/x-ndjson", Some(Framing::JsonLines)),
        ("application/jsonl", Some(Framing::JsonLines)),
        ("application/json-seq", Some(Framing::JsonLines)),
        ("application/geo+json-seq", Some(Framing::JsonLines)),
        ("text/event-stream", Some(Framing::Events)),
        (
            "multipart/x-mixed-replace; boundary=b",
            Some(Framing::Multipart(b"b".to_vec())),
        ),
        (
            "multipart/byteranges;boundary=\"a b\"",
            Some(Framing::Multipart(b"a b".to_vec())),
        ),
        ("multipart/mixed", Some(Framing::Text)),
        ("text/csv", Some(csv(None, None))),
        ("text/csv; header=present", Some(csv(None, Some(true)))),
        (
            "text/tab-separated-values;header=absent",
            Some(csv(Some(b'\t'), Some(false))),
        ),
        ("TEXT/HTML", Some(Framing::Markup)),
        ("image/svg+xml", Some(Framing::Markup)),
        ("application/atom+xml", Some(Framing::Markup)),
        ("text/plain", Some(Framing::Text)),
        ("application/openapi+yaml", Some(Framing::Lines)),
        ("application/graphql", Some(Framing::Graphql)),
        ("application/sql", Some(Framing::Text)),
        ("text/javascript", Some(Framing::Text)),
        ("", Some(Framing::Unknown)),
        ("application/octet-stream", Some(Framing::Unknown)),
        ("application/grpc+proto", Some(Framing::Grpc)),
        ("application/grpc-web", Some(Framing::Grpc)),
        ("application/grpc, application/json", Some(Framing::Json)),
        ("x", Some(Framing::Unknown)),
        ("image/png", None),
        ("application/pdf", None),
        ("application/senml+cbor", None),
        ("application/json+protobuf", Some(Framing::Json)),
        ("application/vnd.apache.thrift.json", Some(Framing::Json)),
        ("application/vnd.kafka.avro.v2+json", Some(Framing::Json)),
        ("application/vnd.git-lfs+json", Some(Framing::Json)),
        ("application/graphql-response+json", Some(Framing::Json)),
        ("application/cloudevents-batch+json", Some(Framing::Json)),
        ("application/vnd.api+json", Some(Framing::Json)),
        ("application/stream+json", Some(Framing::JsonLines)),
        ("application/x-json-stream", Some(Framing::JsonLines)),
        ("application/vnd.oai.openapi", Some(Framing::Unknown)),
        ("application/vnd.oai.openapi+json", Some(Framing::Json)),
        ("text/x-protobuf", Some(Framing::Text)),
        ("image/png, application/json", Some(Framing::Json)),
        ("application/json, text/plain", Some(Framing::Json)),
        ("text/plain; a=\"x, application/json\"", Some(Framing::Text)),
    ] {
        assert_eq!(Media::of(content_type).framing, framing, "{content_type}");
    }
}

/// Values have their lengths before them there, and a replacement has another one.
#[test]
fn formats_with_lengths_before_values_are_binary() {
    for kind in [
        "protobuf",
        "x-protobuf",
        "proto",
        "vnd.google.protobuf",
        "x-google-protobuf",
        "vnd.kubernetes.protobuf",
        "msgpack",
        "x-msgpack",
        "vnd.msgpack",
        "cbor",
        "cbor-seq",
        "missing-blocks+cbor-seq",
        "x-amz-cbor-1.1",
        "cose",
        "bson",
        "ubjson",
        "avro",
        "vnd.apache.avro",
        "avro-binary",
        "vnd.apache.parquet",
        "x-thrift",
        "vnd.apache.thrift.compact",
        "x-jackson-smile",
        "vnd.amazon.eventstream",
        "vnd.apache.arrow.stream",
        "x-pkcs12",
        "ocsp-response",
        "x-tar",
        "x-zip-compressed",
        "vnd.oci.image.layer.v1.tar",
        "x-git-upload-pack-result",
        "gzip",
        "zip",
    ] {
        let kind = format!("application/{kind}");
        assert_eq!(Media::of(&kind).framing, None, "{kind}");
    }
    for kind in [
        "application/grpc-web+json",
        "application/grpc-web-text",
        "application/connect+json",
        "application/connect+proto",
    ] {
        assert_eq!(Media::of(kind).framing, Some(Framing::Grpc), "{kind}");
    }
}

#[test]
fn readers_may_disagree() {
    for content_type in [
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; BOUNDARY=\"x\"; boundary=x ; boundary=xy",
        "multipart/form-data; boundary=x, multipart/form-data; boundary=y",
        "multipart/form-data; boundary*=UTF-8''x",
        "multipart/form-data; boundary*0=x; boundary*1=y",
        "multipart/form-data; boundary=x; boundary*=y",
        "application/x-www-form-urlencoded, application/json",
        "multipart/form-data; boundary=x, application/json",
        "text/csv, application/x-www-form-urlencoded",
        "text/event-stream, application/json",
    ] {
        let media = Media::of(content_type);
        assert!(media.is_ambiguous, "{content_type}");
        assert_eq!(media.framing, Some(Framing::Text), "{content_type}");
    }
    for content_type in [
        "multipart/form-data; boundary=x; boundary=\"x\"",
        "multipart/form-data; a=\"; boundary=y\"; boundary=x",
        "application/json, application/json",
        "image/png, application/json",
        "text/plain, application/json",
        "",
    ] {
        assert!(!Media::of(content_type).is_ambiguous, "{content_type}");
    }
}

#[test]
fn charsets() {
    let wide = |is_32, is_little_endian| {
        Charset::Wide(Wide {
            is_32,
            is_little_endian,
        })
    };
    for (content_type, expected) in [
        ("text/plain", Charset::AsciiCompatible),
        ("text/plain; charset=iso-8859-1", Charset::AsciiCompatible),
        ("text/plain; charset=\"UTF-16LE\"", wide(false, true)),
        ("application/json;charset=utf-32be", wide(true, false)),
        (
            "text/csv; charset=UTF_16",
            Charset::WideUnspecified { is_32: false },
        ),
        ("text/plain; charset=utf-7", Charset::Undecodable),
        ("text/plain; charset=IBM037", Charset::Undecodable),
        ("text/plain; charset=iso-2022-jp", Charset::Undecodable),
        ("application/json; charset=Shift_JIS", Charset::Undecodable),
        ("application/json; charset=gbk", Charset::Undecodable),
        ("application/json; charset=euc-kr", Charset::AsciiCompatible),
        ("text/html; charset=shift_jis", Charset::AsciiCompatible),
        (
            "text/plain; charset=utf-16le; charset=utf-16be",
            Charset::Undecodable,
        ),
        (
            "text/plain; charset=utf-8; charset=utf-16le",
            wide(false, true),
        ),
    ] {
        assert_eq!(Media::of(content_type).charset, expected, "{content_type}");
    }
}

/// The labels of the WHATWG Encoding Standard, and those of IANA, Java, Python and Windows for the
/// encodings that it lacks.
#[test]
fn labels_of_charsets() {
    let unspecified = |is_32| Charset::WideUnspecified { is_32 };
    let wide = |is_32, is_little_endian| {
        Charset::Wide(Wide {
            is_32,
            is_little_endian,
        })
    };
    for (labels, expected) in [
        (
            "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8 utf8mb4 cp65001 \
             866 cp866 csibm866 ibm866 csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 \
             iso_8859-2:1987 l2 latin2 csisolatincyrillic cyrillic arabic asmo-708 ecma-114 iso-8859-6-e \
             greek greek8 sun_eu_greek csiso88598i hebrew logical visual iso-8859-15 l9 iso-8859-16 cskoi8r \
             koi koi8-r koi8_r koi8-u koi8-ru csmacintosh mac macintosh x-mac-roman dos-874 tis-620 \
             windows-874 cp1250 x-cp1250 windows-1251 ansi_x3.4-1968 ascii cp1252 cp819 ibm819 us-ascii \
             windows-1252 x-cp1252 windows-1258 x-mac-cyrillic x-mac-ukrainian cseucpkdfmtjapanese euc-jp \
             x-euc-jp cseuckr korean euc-kr iso-ir-149 ksc5601 x-user-defined \
             iso-10646-ucs-basic none binary cp20866 cp20936 cp20127 ibm437 x-made-up",
            Charset::AsciiCompatible,
        ),
        (
            "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030 \
             big5 big5-hkscs big5hkscs cn-big5 csbig5 x-x-big5 csshiftjis ms932 ms_kanji shift-jis shift_jis \
             sjis windows-31j x-sjis cswindows31j cp932 cp936 ibm-943 x-IBM943C x-MS950-HKSCS x-windows-950 \
             x-mswin-936 johab cp1361 uhc cp949 windows-949 ks_c_5601-1987 csksc56011987 x-PCK ibm-1386 936 \
             csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement csiso2022jp \
             iso-2022-jp x-windows-iso2022jp cp50220 utf-7 unicode-1-1-utf-7 UTF-7-IMAP scsu bocu-1 utf-1 \
             cp65000 ebcdic-cp-us cp037 csibm037 IBM1140 IBM01140 CCSID01140 cp273 cp500 ibm-1047_P100-1995 \
             x-IBM930 cp1026 IBM-Thai x-ebcdic-koreanextended cp20273 1047 x-COMPOUND_TEXT JIS_Encoding",
            Charset::Undecodable,
        ),
        (
            "csunicode iso-10646-ucs-2 ucs-2 unicode utf-16 utf_16 cp1200",
            unspecified(false),
        ),
        (
            "utf-16le unicodefeff UCS-2LE x-UTF-16LE-BOM UnicodeLittle",
            wide(false, true),
        ),
        ("utf-16be unicodefffe UnicodeBig cp1201", wide(false, false)),
        ("utf-32 UCS-4 ISO-10646-UCS-4 csUCS4", unspecified(true)),
        ("utf-32le UCS-4LE cp12000", wide(true, true)),
        ("utf-32be X-UTF-32BE-BOM", wide(true, false)),
    ] {
        for label in labels.split_whitespace() {
            let kind = format!("application/json; charset=\"{label}\"");
            assert_eq!(Media::of(&kind).charset, expected, "{label}");
        }
    }
}

#[test]
fn parameters_of_header_values() {
    let value = r#"form-data; name="a;b\"c"; filename=x.txt ; other"#;
    assert_eq!(parameter(value, "name").as_deref(), Some("a;b\"c"));
    assert_eq!(parameter(value, "FileName").as_deref(), Some("x.txt"));
    assert_eq!(parameter(value, "other"), None);
    assert_eq!(parameter(value, "form-data"), None);
}
