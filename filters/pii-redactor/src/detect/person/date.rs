//! PERSON_DATE: a date of a person's life: birth, admission, discharge, death.

use crate::detect::prelude::*;

/// Finds a date of a person's life: birth, admission, discharge, death.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PERSON_DATE",
    about: "A date of a person's life: birth, admission, discharge, death",
    category: Category::Personal,
    presets: GDPR | CCPA | HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "dob",
        "date of birth",
        "birth date",
        "birthdate",
        "birthday",
        "birth day",
        "born",
        "born on",
        "admission date",
        "date of admission",
        "admitted",
        "admitted on",
        "discharge date",
        "date of discharge",
        "discharged",
        "death date",
        "date of death",
        "deceased date",
        "died",
        "died on",
        "deceased on",
        "service date",
        "date of service",
        "visit date",
        "appointment date",
        "marriage date",
        "wedding date",
        "geburtsdatum",
        "date de naissance",
        "fecha de nacimiento",
        "data di nascita",
        "hire date",
        "surgery date",
        "procedure date",
        "encounter date",
        "onset date",
        "immunization date",
        "prescription date",
        "specimen date",
        "admit date",
        "lab date",
        "collected date",
        "collected date time",
        "last visit",
        "last visit date",
        "appointment",
        "effective date time",
        "performed date time",
        "onset date time",
        "deceased date time",
        "occurrence date time",
        "recorded date",
        "asserted date",
        "authored on",
    ],
    lookalikes: &[],
    examples: &["1970-05-06", "06.05.1970", "May 6, 1970", "19700506"],
    counterexamples: &["unknown"],
};

/// A day somewhere in it: digits that can be one, or the name of a month.
fn check(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    value.len() <= 40
        && digits >= 4
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b" -/.,:+".contains(byte) || *byte >= 0x80)
}
