//! What people write who have no keys for the letters of a language.

/// A phrase, and the same without the marks of its letters; of umlauts also as two letters.
pub(super) fn of(phrase: &str) -> Vec<String> {
    let mut spellings = vec![phrase.to_owned()];
    if !phrase.is_ascii() {
        spellings.push(without_marks(phrase, false));
        spellings.push(without_marks(phrase, true));
    }
    spellings
}

fn without_marks(phrase: &str, in_two: bool) -> String {
    let mut plain = String::with_capacity(phrase.len());
    for letter in phrase.chars() {
        match TWO.iter().find(|(marked, _)| in_two && *marked == letter) {
            Some((_, two)) => plain.push_str(two),
            None if letter == 'ß' => plain.push_str("ss"),
            None => {
                let known = MARKED.iter().find(|(_, marked)| marked.contains(letter));
                plain.push(known.map_or(letter, |(plain, _)| *plain));
            }
        }
    }
    plain
}

const TWO: &[(char, &str)] = &[
    ('ä', "ae"),
    ('æ', "ae"),
    ('ö', "oe"),
    ('ø', "oe"),
    ('ü', "ue"),
    ('å', "aa"),
];
const MARKED: &[(char, &str)] = &[
    ('a', "áàâäãåāąăæ"),
    ('c', "çćč"),
    ('d', "ďđ"),
    ('e', "éèêëėęěē"),
    ('g', "ğġģ"),
    ('i', "íîìïīįı"),
    ('k', "ķ"),
    ('l', "łļľ"),
    ('n', "ñńňņ"),
    ('o', "óòôöõőø"),
    ('r', "ř"),
    ('s', "śšşș"),
    ('t', "ťţț"),
    ('u', "úùûüūůűų"),
    ('y', "ý"),
    ('z', "źżž"),
    ('α', "ά"),
    ('ε', "έ"),
    ('η', "ή"),
    ('ι', "ί"),
    ('ο', "ό"),
    ('υ', "ύ"),
    ('ω', "ώ"),
];
