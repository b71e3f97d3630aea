//! Identities that were read before.
//!
//! Every filter behind jwt-auth reads who the caller is, and the same callers come again and again. Reading the text
//! is a pure function of it, so a few results are kept, each beside the whole text that it was read from.

use std::cell::RefCell;
use std::rc::Rc;

use policy::identity::Identity;

/// How many are kept; a text has one place, and the last of those that share it has it.
const PLACES: usize = 128;
/// A longer text is read each time.
const LONGEST: usize = 4096;

struct Known {
    text: Box<[u8]>,
    identity: Rc<Identity>,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

/// Reads an identity, or finds it among those read before.
pub(crate) fn parse(text: &[u8]) -> Option<Rc<Identity>> {
    if text.len() > LONGEST {
        return Identity::parse(text).ok().map(Rc::new);
    }
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.resize_with(PLACES, || None);
        }
        let place = known.get_mut(place(text))?;
        if let Some(known) = place.as_ref().filter(|known| equal(&known.text, text)) {
            return Some(Rc::clone(&known.identity));
        }
        let identity = Rc::new(Identity::parse(text).ok()?);
        *place = Some(Known {
            text: text.into(),
            identity: Rc::clone(&identity),
        });
        Some(identity)
    })
}

/// Any spread will do: texts that share a place are read more often, and nothing else.
fn place(text: &[u8]) -> usize {
    const ODD: u64 = 0x517c_c1b7_2722_0a95;
    let (words, rest) = text.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    let mixed = words.chain(rest).fold(0_u64, |hash, word| {
        (hash.rotate_left(5) ^ word).wrapping_mul(ODD)
    });
    // The upper half is the better mixed one.
    usize::try_from(mixed >> 32).unwrap_or(0) % PLACES
}

/// As `==`, eight bytes at a time: that of the C library takes them one by one.
fn equal(text: &[u8], other: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    let mut pairs = words.iter().zip(other_words);
    text.len() == other.len()
        && pairs.all(|(word, other)| u64::from_le_bytes(*word) == u64::from_le_bytes(*other))
        && rest == other_rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(subject: &str) -> String {
        format!(r#"{{"method":"jwt","provider":"corp","subject":"{subject}"}}"#)
    }

    #[test]
    fn the_second_time_it_is_not_read_again_and_no_text_gets_the_identity_of_another() {
        let subjects: Vec<String> = (0..3 * PLACES).map(|n| format!("user {n}")).collect();
        for _ in 0..2 {
            for subject in &subjects {
                let text = text(subject);
                let first = parse(text.as_bytes()).unwrap();
                assert_eq!(first.subject.as_deref(), Some(subject.as_str()));
                assert!(Rc::ptr_eq(&first, &parse(text.as_bytes()).unwrap()));
            }
        }
    }

    #[test]
    fn what_is_no_identity_is_none_each_time_and_a_long_text_is_read() {
        for _ in 0..2 {
            assert!(parse(b"{}").is_none());
            assert!(parse(b"").is_none());
        }
        let long = "x".repeat(LONGEST);
        let identity = parse(text(&long).as_bytes()).unwrap();
        assert_eq!(identity.subject.as_deref(), Some(long.as_str()));
    }

    #[test]
    fn texts_are_equal_only_byte_by_byte() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(equal(&text, &text));
            assert!(!equal(&text, &[text.as_slice(), b"x"].concat()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!equal(&text, &other), "{length}, {at}");
            }
        }
    }
}
