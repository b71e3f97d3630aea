//! MESSAGE_CONTENT: the contents of a person's mail or messages.

use crate::detect::prelude::*;

/// Finds the contents of a person's mail or messages.
pub(crate) const DETECTOR: Detector = Detector {
    name: "MESSAGE_CONTENT",
    about: "The contents of a person's mail or messages",
    category: Category::Personal,
    presets: CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "message body",
        "mail body",
        "email body",
        "sms body",
        "message text",
        "chat message",
        "private message",
        "text message",
    ],
    lookalikes: &[],
    examples: &["See you at eight"],
    counterexamples: &[],
};
