//! US_BANK_NUMBER: an account number of a bank of the United States, where a word announces it.

use crate::detect::prelude::*;

/// Finds an account number of a bank of the United States, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_BANK_NUMBER",
    about: "An account number of a bank of the United States, where a word announces it",
    category: Category::Financial,
    presets: CCPA | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "99999999",
            "999999999",
            "9999999999",
            "99999999999",
            "999999999999",
            "9999999999999",
            "99999999999999",
            "999999999999999",
            "9999999999999999",
            "99999999999999999",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "bank account",
        "bank account number",
        "checking account",
        "savings account",
        "account number",
        "checking",
        "savings",
        "debit account",
        "direct deposit",
        "bank acct",
    ],
    lookalikes: &[],
    examples: &["000123456789"],
    counterexamples: &["1234567", "00000000"],
};
