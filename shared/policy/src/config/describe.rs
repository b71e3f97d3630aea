//! What a converter asks of a document, written down while it reads one: the schemas of the
//! configurations are made of it, so they cannot say anything else than the converters.
//!
//! Only with the feature `describe`; in the filters nothing of this is compiled.

#[cfg(feature = "describe")]
use std::any::Any;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::json::Json;

/// What was asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The value as it is: the converter looks for itself.
    Raw,
    /// A string; the text says what belongs there, where the converter says so.
    Text(String),
    /// A string of 1 to so many bytes without control characters.
    Name(usize),
    /// A name of a part of a request: what it is called.
    NameOf(&'static str),
    /// `true` or `false`.
    Boolean,
    /// An integer in a range.
    Integer(RangeInclusive<u64>),
    /// A duration in a range.
    Duration(RangeInclusive<Duration>),
    /// A size in bytes in a range.
    Size(RangeInclusive<u64>),
    /// A rate such as `"100/min"`.
    Rate,
    /// One of several words.
    Words(Vec<String>),
    /// A word alone, or an object with it as its only key.
    Variant(Vec<&'static str>),
    /// An array of at most so many items.
    List {
        /// The most items that the list may have.
        at_most: usize,
        /// Whether an empty one is a mistake.
        is_never_empty: bool,
    },
    /// An object with names that the user chooses, at most so many.
    Named(usize),
    /// An object with known keys.
    Object,
    /// A key of this object was asked for.
    Key {
        /// The name of the key.
        name: &'static str,
        /// Whether it must be there.
        is_required: bool,
    },
    /// What stands in for a key that is absent, where it is a plain value.
    Default {
        /// The name of the key.
        name: &'static str,
        /// The default value of the key, as JSON.
        value: Json,
    },
}

/// One question that a parser asked of a configuration: the source of schemas.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The place, whichever item or member it is: `limits[].rate`, `providers.*.issuer`.
    pub place: String,
    /// The path of the value in this document: `limits[2].rate`.
    pub path: String,
    /// The shape of value that was asked for.
    pub shape: Shape,
}

/// A default as JSON, where its type is a plain one.
#[cfg(feature = "describe")]
pub(super) fn plain(value: &dyn Any) -> Option<Json> {
    if let Some(value) = value.downcast_ref::<bool>() {
        return Some(Json::Bool(*value));
    }
    if let Some(value) = value.downcast_ref::<Duration>() {
        return Some(Json::String(crate::units::DurationText(*value).to_string()));
    }
    let number = value
        .downcast_ref::<u64>()
        .copied()
        .or_else(|| value.downcast_ref::<u32>().copied().map(u64::from))
        .or_else(|| value.downcast_ref::<u16>().copied().map(u64::from))
        .or_else(|| value.downcast_ref::<u8>().copied().map(u64::from))
        .or_else(|| {
            let size = value.downcast_ref::<usize>().copied()?;
            u64::try_from(size).ok()
        });
    number.map(Json::from)
}

/// Everything that `convert` asks of a document, and what it makes of it.
#[cfg(feature = "describe")]
pub fn trace<T>(
    document: &Json,
    convert: impl FnOnce(super::Node<'_>) -> Option<T>,
) -> (super::Checked<T>, Vec<Ask>) {
    let sink = super::Sink::default();
    let converted = convert(super::Node::root(document, &sink));
    let asks = sink.asks.take();
    (sink.into_checked(converted), asks)
}
