//! ACCOUNT_NUMBER: the number of an account.

use crate::detect::prelude::*;

/// Finds the number of an account.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ACCOUNT_NUMBER",
    about: "The number of an account",
    category: Category::Financial,
    presets: CCPA | HIPAA | PCI,
    form: Form::NamedIf(check),
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
    counterexamples: &["savings", "acct_1032D82eZvKYlo2C"],
};

/// Letters and digits, with at least four digits.
fn check(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 4
        && value.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/' | b'*')
        })
}
