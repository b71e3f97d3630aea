//! Signatures whose outcome is known, to try the engines with.
//!
//! They were made once with OpenSSL, with keys that were thrown away.

use super::Algorithm;

/// A signature of [`KnownAnswer::TEXT`] and the key that it is by.
#[derive(Clone, Copy, Debug)]
pub struct KnownAnswer {
    /// What it is signed with.
    pub algorithm: Algorithm,
    /// The public key as a JWK.
    pub jwk: &'static str,
    /// The signature in base64url.
    pub signature: &'static str,
}

impl KnownAnswer {
    /// The text that was signed.
    pub const TEXT: &'static [u8] = b"meshward known answer";
}

/// The modulus of the RSA key, which all RSA algorithms share.
macro_rules! rsa_modulus {
    () => {
        concat!(
            "sJvmA7P50TaEZdlKgyWUpGFTAWHjKHdKkkPj12EE80vAgRiiUBGYmHQ2NLMXM3bttNm69cz2nGZaY0r-iRnU",
            "y0Was2962qcoaZk4okZaJtuAnKbllS5p3vJRHUQdXEf9ywm48z14q1XVASWOqjSiNRdFoOoDHv7Qu-3PUa5G",
            "DT5uH2vcU3RnysKBW41lnRDqWgP3Mv4FIvblF-38ySth9j11lhLz95FsOoBfdzIlHoH-RvH7YX1r4hWk-Gcl",
            "PtLCj3bYGaf91CS6IyN3vT7AXvjGH07uLSjk-PlqN1JluBH5Gcg3A7JzRN_QzunjsRlKruzexeQugiDzKzL9",
            "C_F5FQ",
        )
    };
}

/// A known answer: the algorithm, the pieces of its key and those of its signature.
macro_rules! known_answer {
    ($algorithm:ident, [$($jwk:expr),* $(,)?], [$($signature:expr),* $(,)?] $(,)?) => {
        KnownAnswer {
            algorithm: Algorithm::$algorithm,
            jwk: concat!($($jwk),*),
            signature: concat!($($signature),*),
        }
    };
}

/// One signature for each algorithm.
pub const KNOWN_ANSWERS: [KnownAnswer; 13] = [
    known_answer!(
        Rs256,
        [
            r#"{"kty":"RSA","alg":"RS256","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "D7QIQ7bktZdTDd4bCuyVw4_EBDrg_IEgv4SbExeF62KQdlUwmymI88se6aGCjNBgQrCxgs2NgtZpuD1SViXT",
            "0s883rmrlfQwRlh0mg3InHF18rEXoC2BetWd4Yy7YheSXcw-WBElcb_Fr9zam75R08EghtmwsrvFMxWuzXYi",
            "JGBK0hmblc5XG3yL9bAuvvarkgQwPd9anYv3UAXP3BuENDe0Q0mPQz0jD4_8ceMaZZm250gp_urLXpsWll_x",
            "PPuF3qBcgSSdCiN05s_QNgFZ1RJj6atakX7HjOy9gIiaL8rAegQcJLfSmab5Bhl30kc0nFGSGdMaDLhEWwYQ",
            "A4jVIA",
        ],
    ),
    known_answer!(
        Rs384,
        [
            r#"{"kty":"RSA","alg":"RS384","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "SBN_ocjKXwZB_VL2X7lR9uD13_5_k9G5ikVvSCttrCU7r50Zpu3RrixqqxTGHSJCY7t_PotnMLGbg6lS7Lw8",
            "2JL7L5wgUVdBTyd6jhQMf1t3wjqWNjdZaenfWU3hUeU6fj8hUmIgALTrGSzc87-lN-SVdhTBPmejMj50gNhl",
            "HgsHmN-qoUBv_12i8Z4qsClVgzAvD2BUTMzEl-QYh32ufHSCyCmbjnnsTmpxIn4DheyVytImydXTSRWp5RlM",
            "89RcnsCfq4vFrMGP5AfhU1-ePuueXLO8B6oYayQ62QsBG9fqsD8EcHzwE-zppJt_MSPQ0sgq6ALK3D0leKsI",
            "8LTWzA",
        ],
    ),
    known_answer!(
        Rs512,
        [
            r#"{"kty":"RSA","alg":"RS512","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "EciryH-vFk_2O6iyxzMIgAeXlUyp7hVv5NSR8pZv_eThRyJ7fqFsC_FvSCX8AcOEX3nrVCLQKFtd8emfwTjC",
            "aQ13FYmHqDQ0aUWKZr6F7EB1qG17iTdohzTt4_TRScrAAoqGdrNH5NbqshXtJl-lu1KAfUnRqc3tq_s3jpJx",
            "-No5tSx2Qe2_DkoKtv5v5v0IGbVu5ZA_RSGSJqW53TajgZtdzGpsYTUvywyaULyCXDqYvt3DawlyQpSG-cYV",
            "tosHs3qE-NVGIbtZDWDGgwl9tgTGE08Out2ngrFSV9YF-xFseU8Xxx7RobAmeszbkPzP9-SuAtdNmHXEuK-9",
            "54ltAQ",
        ],
    ),
    known_answer!(
        Ps256,
        [
            r#"{"kty":"RSA","alg":"PS256","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "J35KPAEh2dqyg_u_EuMo1iW1gY4q7_3yzYPYGwYNNfYNSqsUyhuO65QB1YZ1m8_3uDbUPaPQLbbQD5dZZVje",
            "WZQvtOGvD8xNOZaEjk8L8hXVcdVW6Ax73LfhF2OSELg5fpRLMS2XWXN6jLrFZ7NRH11vxR-aoyR7CLgzV6ih",
            "zyK2ej5fXRo1qxO89TeDixRvkylKtzwImNDCyUpiknTl5x8976flXFqARZxzOAg5hyUbik9OlO0dR_HBg4NW",
            "KvT9_yEA040gqSSsQCjBCWULgzqAmvEQwYh7S86DIv_2ITKVHbpC-1iP5NK4l5LnxFAXJyJpVcLVJ6MtAmAd",
            "RVvgww",
        ],
    ),
    known_answer!(
        Ps384,
        [
            r#"{"kty":"RSA","alg":"PS384","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "I1FwmxKmwMwLQfGhQ5kMkAp-avWMRgg0178P-6qKvr5oALak_EESCUu6op60v8TdutLm9lcaVNR_8gPZVw7x",
            "vSK0Uuz9raKWh8sA-VEUT8GVTe4tPhezKHtVSrwKW3X4bU-pdULQ2pcXfFV6hDydpEOYbJcwRy36Bh-viqwf",
            "ueEWn0-UvZDoEd2aeEv-FmFT9_NXdxhcrJzQfaVdvbK0tuy9dQ916bCG8jx59FOsqimdAM04m_0xDwtVU9RY",
            "V3IZ3_V3Kll9y2GC3PwYM0COXMon1KYANLUFzl2dCJk4Io5pV1ZG7nuQeP56nVujqn2oaJ6yK45nz12g9VZH",
            "l06ISQ",
        ],
    ),
    known_answer!(
        Ps512,
        [
            r#"{"kty":"RSA","alg":"PS512","e":"AQAB","n":""#,
            rsa_modulus!(),
            r#""}"#
        ],
        [
            "KWodD8B3iGKyQ1tTuY4iPDsU7t48l8zEP4RWKhUmvC5cmbFC23_s-CJXUtH-CvQ6qfNH0OAnX5R-64I8W5Qk",
            "w8DzEi-7AQLYU5crj0rCdMwN5BzSyUMCZvWcKBJUG9Um927gnKUxVTjj2Lg5-B3ewjGqMCvDzGUGN8gJmlI0",
            "-hxjvclIF2I-YLy3k19i9OQO9CPYtKHx9_DqPK1NuLBcwURAiLV3YEnSmFX0z82M_OZlMRDZSAY-t-V-chzQ",
            "Ar4BrxFoy4RvuHtb1tXw5Jh2LC8g686CZimd9DlFeRVFOiiGKIDGlM9kCMzfwBT21TVdb8wlk5lVk7CnSM32",
            "I4r_6w",
        ],
    ),
    known_answer!(
        Es256,
        [
            r#"{"kty":"EC""#,
            r#","x":"THEKv0lLclXp4cR06NmOpEUQiiWmXm42n96pkNzlAmw""#,
            r#","y":"Joymqpa0ZOo1q-hIzYfLReiZE6S2Lh79H3BoKtBJ3iM""#,
            r#","crv":"P-256""#,
            "}",
        ],
        [
            "Ods8YSJ5z4C5StEz8XpNI4eZPQjYKQvYrBmZCJuAimIDo7zDWW2UaqMfzM7vN_Wbqlz86yHNjBy6ElXgi4If",
            "Ig",
        ],
    ),
    known_answer!(
        Es384,
        [
            r#"{"kty":"EC""#,
            r#","x":"EW5bwk4W_p3I9WM3bOeIoO-sJ4_0b4SRAd6XogKqLY7wicV8Elh0MBPLSFxuYkQU""#,
            r#","y":"ny3JFHVBumsor8h-SoeFRP-dJlUzcZW5B2iBcQOokcEE8dUO8zSxAt7hWDIxxMRh""#,
            r#","crv":"P-384""#,
            "}",
        ],
        [
            "waBReiemXE0DO4hWAavS82Vqjs7qLs5wRNGutayOVOp41bdqtt5HBsU1AcuIlzloL3zqmYxeyeRxIP_VDtVq",
            "rGXeSaHM0qjr1aJqr3vY_KfhALn5VO54CsuDfANpwF1j",
        ],
    ),
    known_answer!(
        Es512,
        [
            r#"{"kty":"EC""#,
            r#","x":"AU7ROP0CHv3M6X-SeErv_5ZLiJBgWoWtKrH6XV3DeV5qktqkPjX2hWWhrMGr-u5NO4qTsj8vLLvJ8fP-txSXMf1f""#,
            r#","y":"ASmuuppc4XSaBnu5djxUt4UpyL1TZL0XIgSMsvAzzQo2CFuVgho14jTZFgHn_WQsprY2I8hWknetvE02kF6QtjkP""#,
            r#","crv":"P-521""#,
            "}",
        ],
        [
            "AE2kaI7sckcHm8X0eeHC7N1YX8Vv95HB7G9sBi63Xn_Thhc11X6ewYtSplQzBv8Am_ym5Iixj9FmAMHHvnXz",
            "SEBlAOELm0iuOlKvPQ1-2AZV8wP-F619SyYB-tv8aFZUu6StODuU-4UaFFvtJVc74pGUCZonPHiksZbsjz3X",
            "8l8nZYoW",
        ],
    ),
    known_answer!(
        EdDsa,
        [
            r#"{"crv":"Ed25519""#,
            r#","x":"vKC3hdNnJsrNWJsY7dQZ1EdVS5KS8047PxZqENHHlnQ""#,
            r#","kty":"OKP""#,
            "}",
        ],
        [
            "7LR4G1ndCP_9vrnlzaQwlWaxcvIq4aij9kSp972hIHXLp6ZlFC8zjy2c4LriPVtNYYBKtn88t3b9Z0_afLni",
            "AQ",
        ],
    ),
    known_answer!(
        Hs256,
        [
            r#"{"kty":"oct""#,
            r#","alg":"HS256""#,
            r#","k":"nzfBm7HcFeCiEm8lUoAMX_3Ij9t-ToqWEW_QGzXFuba0KK72lfyD-9zt2zz7-DjBjAKntDsxTiYAKdkb6npFoQ""#,
            "}",
        ],
        ["A-K114LDKuv2HEDsA3Gj8BN0tQAIDdSAl4qMRAIIsnU",],
    ),
    known_answer!(
        Hs384,
        [
            r#"{"kty":"oct""#,
            r#","alg":"HS384""#,
            r#","k":"3RZNfqmhzMHC7Jv7FbWgjH-6e4nlrBQY6FrUxbyqEUO8IMRwNKmEEkVJNRXLf7BJrKs9nQjMocidOiCmMVxkBg""#,
            "}",
        ],
        ["I3UWwEiIfVYngWeWJgnYfIAFaxB5Bm1b0NjxPjgXZP64N4eVE9Pbh-FJFfYS25Hr",],
    ),
    known_answer!(
        Hs512,
        [
            r#"{"kty":"oct""#,
            r#","alg":"HS512""#,
            r#","k":"0yvuFsrIsLS_AiPWWGS5e5cZHJfpKAHzfF4D1R-7L5QdhcHffpYSJCDPt_DsLDP7Ga0IULwcnLsQZfVe6rEPgA""#,
            "}",
        ],
        [
            "H5_pCW7_yuzBbri5vugWrw02iHvDFb6o7-1zrHx2sRg5tTGYLr2gLaK7t4CVU-PW1cphsHRZz8fi32HdPhas",
            "7g",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use policy::json::Json;

    use super::*;
    use crate::jose::{Key, KeyRules};

    #[test]
    fn known_answers_hold_inside_the_vm_and_no_others() {
        let rules = KeyRules {
            algorithms: Algorithm::ALL.into_iter().collect(),
            listed: false,
            secrets: true,
        };
        for (answer, expected) in KNOWN_ANSWERS.iter().zip(Algorithm::ALL) {
            let algorithm = answer.algorithm;
            assert_eq!(algorithm, expected);
            let jwk = Json::parse(answer.jwk.as_bytes()).unwrap();
            let key = Key::import(&jwk, &rules).unwrap();
            let signature = URL_SAFE_NO_PAD.decode(answer.signature).unwrap();
            let verifies = |text: &[u8], signature: &[u8]| key.verifies(algorithm, text, signature);
            assert!(verifies(KnownAnswer::TEXT, &signature), "{algorithm:?}");
            assert!(!verifies(b"meshward known answeR", &signature));
            for bit in [0, 7, 100, signature.len() * 8 - 1] {
                let mut changed = signature.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    !verifies(KnownAnswer::TEXT, &changed),
                    "{algorithm:?} {bit}"
                );
            }
            for length in [0, 1, signature.len() - 1] {
                assert!(!verifies(KnownAnswer::TEXT, &signature[..length]));
            }
            let mut longer = signature.clone();
            longer.push(0);
            assert!(!verifies(KnownAnswer::TEXT, &longer));
            longer.rotate_right(1);
            assert!(!verifies(KnownAnswer::TEXT, &longer));
            assert!(!verifies(KnownAnswer::TEXT, &vec![0; signature.len()]));
            for other in Algorithm::ALL
                .into_iter()
                .filter(|other| *other != algorithm)
            {
                assert!(!key.verifies(other, KnownAnswer::TEXT, &signature));
            }
        }
    }
}
