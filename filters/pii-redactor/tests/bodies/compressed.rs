//! Compressed bodies.

use super::*;

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("name")
        .comment("comment")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn decode(
    coding: Coding,
    body: &[u8],
    size: usize,
    limits: InflateLimits,
) -> Result<Vec<u8>, InflateError> {
    let mut pipeline = BodyPipeline::new(plan(RULES), &Framing::Json, coding, limits);
    let mut out = Vec::new();
    for chunk in body.chunks(size.max(1)) {
        pipeline.write(chunk, &mut out)?;
    }
    pipeline.finish(&mut out)?;
    Ok(out)
}

#[test]
fn compressed_bodies() {
    let text = format!("[{}1]", r#"{"mail":"jane@example.com"},"#.repeat(2000));
    let expected = text.replace("jane@example.com", "[EMAIL]").into_bytes();
    let limits = InflateLimits::default();
    let zipped = gzip(text.as_bytes());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(text.as_bytes()).unwrap();
    let zlib = zlib.finish().unwrap();
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    raw.write_all(text.as_bytes()).unwrap();
    let raw = raw.finish().unwrap();
    for size in [1, 2, 3, 7, 1000, 100_000] {
        assert_eq!(
            decode(Coding::Gzip, &zipped, size, limits).unwrap(),
            expected,
            "{size}"
        );
        assert_eq!(
            decode(Coding::Deflate, &zlib, size, limits).unwrap(),
            expected,
            "{size}"
        );
        assert_eq!(
            decode(Coding::Deflate, &raw, size, limits).unwrap(),
            expected,
            "{size}"
        );
    }
    // Two members are one body.
    let two = [gzip(b"[1,"), gzip(b"2]")].concat();
    assert_eq!(decode(Coding::Gzip, &two, 5, limits).unwrap(), b"[1,2]");
    assert_eq!(decode(Coding::Gzip, &[], 5, limits).unwrap(), b"");
    for cut in 1..zipped.len() {
        let cut_off = decode(Coding::Gzip, &zipped[..cut], 50, limits);
        assert_eq!(cut_off, Err(InflateError::Truncated), "{cut}");
    }
    let mut wrong = zipped.clone();
    let last = wrong.len() - 6;
    wrong[last] ^= 1;
    assert_eq!(
        decode(Coding::Gzip, &wrong, 50, limits),
        Err(InflateError::Broken)
    );
    assert_eq!(
        decode(Coding::Gzip, b"not gzip", 50, limits),
        Err(InflateError::Broken)
    );
    let trailing = [zipped.as_slice(), b"xyz"].concat();
    assert_eq!(
        decode(Coding::Gzip, &trailing, 50, limits),
        Err(InflateError::Broken)
    );
    let padded = [zipped.as_slice(), &[0; 512]].concat();
    assert_eq!(decode(Coding::Gzip, &padded, 50, limits).unwrap(), expected);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert_eq!(
        decode(Coding::Gzip, &bomb, 4096, limits),
        Err(InflateError::Limit)
    );
    let few = InflateLimits {
        max_bytes: 1000,
        ..limits
    };
    assert_eq!(
        decode(Coding::Gzip, &zipped, 50, few),
        Err(InflateError::Limit)
    );
}

#[test]
fn content_encodings() {
    for (encoding, expected) in [
        ("", Some(Coding::Identity)),
        ("identity", Some(Coding::Identity)),
        ("GZIP", Some(Coding::Gzip)),
        ("deflate", Some(Coding::Deflate)),
        ("br", None),
        ("gzip, gzip", None),
        ("identity, gzip", Some(Coding::Gzip)),
    ] {
        assert_eq!(Coding::of(encoding), expected, "{encoding}");
    }
}

/// All that compressors make, in every level, cut in every way, and long enough to fill every window.
mod compressors {
    use super::*;
    use flate2::Compression;

    /// Ordinary JSON that does not compress too well.
    fn document(records: u64) -> (String, String) {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let (mut plain, mut redacted) = (String::from("["), String::from("["));
        for id in 0..records {
            let (left, right) = (random(), random() % 1_000_000);
            let rest = format!("\"id\":{id},\"hash\":\"{left:016x}\",\"n\":0.{right}}}");
            plain.push_str(&format!("{{\"mail\":\"u{right}@example.com\",{rest},\n"));
            redacted.push_str(&format!("{{\"mail\":\"[EMAIL]\",{rest},\n"));
        }
        plain.push_str("1]");
        redacted.push_str("1]");
        (plain, redacted)
    }

    fn gzip_at(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib_at(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate_at(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zopfli(text: &[u8], format: zopfli::Format) -> Vec<u8> {
        let options = zopfli::Options {
            iteration_count: 1.try_into().unwrap(),
            ..zopfli::Options::default()
        };
        let mut out = Vec::new();
        zopfli::compress(options, format, text, &mut out).unwrap();
        out
    }

    fn check(coding: Coding, body: &[u8], sizes: &[usize], expected: &str, what: &str) {
        for size in sizes {
            let out = decode(coding, body, *size, InflateLimits::default());
            assert!(
                out.as_deref() == Ok(expected.as_bytes()),
                "{what}, by {size}"
            );
        }
    }

    #[test]
    fn every_level_in_any_pieces() {
        let (plain, redacted) = document(3000);
        let text = plain.as_bytes();
        for level in 0..=9 {
            let sizes = [1, 997, 4096, 16_384, 65_536, usize::MAX];
            let zipped = gzip_at(text, level);
            check(
                Coding::Gzip,
                &zipped,
                &sizes,
                &redacted,
                &format!("gzip -{level}"),
            );
            let zlib = zlib_at(text, level);
            check(
                Coding::Deflate,
                &zlib,
                &sizes[1..],
                &redacted,
                &format!("zlib -{level}"),
            );
            let raw = deflate_at(text, level);
            check(
                Coding::Deflate,
                &raw,
                &sizes[1..],
                &redacted,
                &format!("deflate -{level}"),
            );
        }
        let members: Vec<u8> = text
            .chunks(70_001)
            .enumerate()
            .flat_map(|(level, piece)| gzip_at(piece, level as u32 % 10))
            .collect();
        let sizes = [1, 2, 13, 1000, 16_384, usize::MAX];
        check(Coding::Gzip, &members, &sizes, &redacted, "members");
        let (short, redacted) = document(300);
        let zipped = zopfli(short.as_bytes(), zopfli::Format::Gzip);
        check(Coding::Gzip, &zipped, &sizes, &redacted, "zopfli, gzip");
        let zlib = zopfli(short.as_bytes(), zopfli::Format::Zlib);
        check(Coding::Deflate, &zlib, &sizes, &redacted, "zopfli, zlib");
    }

    #[test]
    fn a_body_of_twenty_megabytes() {
        let (plain, redacted) = document(260_000);
        assert!(plain.len() > 20_000_000);
        for level in [1, 6] {
            let zipped = gzip_at(plain.as_bytes(), level);
            check(Coding::Gzip, &zipped, &[16_384], &redacted, "20 MB");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 40 } else { 400 }))]

        #[test]
        fn any_bytes_in_any_pieces(
            pieces in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..200), 1..60_usize), 0..40),
            level in 0..10_u32,
            size in 1..70_000_usize,
        ) {
            let body: Vec<u8> = pieces
                .iter()
                .flat_map(|(piece, times)| piece.repeat(*times))
                .collect();
            let nothing = r#"{"rules":[{"fields":[{"path":"$.never","action":"remove"}]}]}"#;
            let bodies = [
                (Coding::Gzip, gzip_at(&body, level)),
                (Coding::Deflate, zlib_at(&body, level)),
                (Coding::Deflate, deflate_at(&body, level)),
            ];
            for (coding, zipped) in bodies {
                let limits = InflateLimits::default();
                let mut pipeline =
                    BodyPipeline::new(plan(nothing), &Framing::Text, coding, limits);
                let mut out = Vec::new();
                for chunk in zipped.chunks(size) {
                    pipeline.write(chunk, &mut out).unwrap();
                }
                pipeline.finish(&mut out).unwrap();
                prop_assert!(out == body);
            }
        }
    }
}
