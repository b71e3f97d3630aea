//! IBAN: an international bank account number (ISO 13616): country, length and MOD 97-10.

use crate::detect::prelude::*;

use crate::detect::boundary::{Strength, ends_free, starts_free};
use crate::detect::shape::{is_separator, more_separators};

/// The end of an account number that begins at `start`: in one piece, or in groups of four, with any
/// signs between them that people put there.
pub(crate) fn find(text: &[u8], start: usize) -> Option<usize> {
    if !starts_free(text, start, Strength::Checked) {
        return None;
    }
    let length = length_of(at(text, start), at(text, start.plus(1)))?;
    let mut plain = [0_u8; MAX_CHARACTERS];
    let mut position = start;
    let mut count = 0_usize;
    while count < length {
        let mut byte = at(text, position);
        if (count == 2 || count > 0 && count % 4 == 0) && (is_separator(byte) || byte == b'+') {
            position = position.plus(1);
            position = position.plus(more_separators(text, position));
            byte = at(text, position);
        }
        if !byte.is_ascii_alphanumeric() {
            return None;
        }
        if let Some(slot) = plain.get_mut(count) {
            *slot = byte.to_ascii_uppercase();
        }
        count = count.plus(1);
        position = position.plus(1);
    }
    let spelled = plain.get(..count).unwrap_or_default();
    step(count);
    (ends_free(text, position, Strength::Checked)
        && is_digits(part(spelled, 2, 4))
        && mod97(spelled))
    .then_some(position)
}

/// The length of the numbers of a country.
fn length_of(first: u8, second: u8) -> Option<usize> {
    let place = |byte: u8| usize::from(byte.to_ascii_uppercase().wrapping_sub(b'A'));
    let (first, second) = (place(first), place(second));
    let length = BY_LETTERS.get(first)?.get(second).copied()?;
    (length > 0).then_some(usize::from(length))
}

/// [`LENGTHS`] by the letters of the country.
const BY_LETTERS: [[u8; 26]; 26] = by_letters();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs while compiling"
)]
const fn by_letters() -> [[u8; 26]; 26] {
    let mut table = [[0; 26]; 26];
    let mut place = 0;
    while place < LENGTHS.len() {
        let (country, length) = LENGTHS[place];
        table[(country[0] - b'A') as usize][(country[1] - b'A') as usize] = length as u8;
        place += 1;
    }
    table
}

/// Whether two letters are a country (ISO 3166-1 alpha-2).
pub(crate) fn is_country(code: &[u8]) -> bool {
    COUNTRIES
        .as_bytes()
        .chunks_exact(2)
        .any(|known| known == code)
}

const MAX_CHARACTERS: usize = 34;

/// Countries with their lengths, from the registry of ISO 13616.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";
