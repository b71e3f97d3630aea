//! ACCOUNT_NUMBER: the number of an account.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ACCOUNT_NUMBER",
    about: "The number of an account",
    presets: CCPA | HIPAA | PCI,
    form: Form::Named,
    checked: false,
    words: &[
        "account number",
        "account no",
        "acct",
        "acct number",
        "acct no",
        "account",
        "accountnumber",
        "bank account",
        "bank account number",
        "kontonummer",
        "customer number",
        "loan number",
    ],
    lookalikes: &[],
    examples: &["000123456789"],
    counterexamples: &[],
};
