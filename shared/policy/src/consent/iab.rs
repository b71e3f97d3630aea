//! Strings of the IAB: TC strings of the Transparency and Consent Framework, version 2, and strings of
//! the Global Privacy Platform, version 1.
//!
//! Both are bits in base64url. Only what a purpose depends on is read: one pass, nothing is allocated
//! in proportion to the string, and whatever does not fit the format makes the whole unreadable.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// What somebody wants to know of such a string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Purposes of the framework by number, and what the rules call them.
    pub(super) purposes: Vec<(u32, String)>,
    /// Special features by number, likewise.
    pub(super) special_features: Vec<(u32, String)>,
    /// The vendor that must have consent as well.
    pub(super) vendor: Option<u64>,
}

/// What a TCF or GPP string says about the purposes that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) granted: BTreeSet<String>,
    pub(super) refused: BTreeSet<String>,
    /// The bits that decided, as text for a record.
    pub(super) bits: String,
}

impl Decoded {
    fn say(&mut self, name: &str, is_granted: bool) {
        let (into, other) = if is_granted {
            (&mut self.granted, &self.refused)
        } else {
            (&mut self.refused, &self.granted)
        };
        // Of two sections that disagree the refusal counts.
        if is_granted && other.contains(name) {
            return;
        }
        into.insert(name.to_owned());
        if !is_granted {
            self.granted.remove(name);
        }
    }

    fn note(&mut self, text: &str) {
        if !self.bits.is_empty() {
            self.bits.push(' ');
        }
        self.bits.push_str(text);
    }
}

/// Decodes a TC string of the IAB's Transparency and Consent Framework, version 2.
pub(super) fn tcf(text: &str, wanted: &Wanted) -> Option<Decoded> {
    let mut decoded = Decoded::default();
    read_tcf(text, wanted, &mut decoded)?;
    Some(decoded)
}

fn read_tcf(text: &str, wanted: &Wanted, decoded: &mut Decoded) -> Option<()> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut segments = text.split('.');
    let mut core = Bits::new(segments.next()?)?;
    if core.take(6)? != TCF_VERSION {
        return None;
    }
    core.skip(SPECIAL_FEATURES_AT.checked_sub(6)?)?;
    let special_features = core.take(12)?;
    let purposes = core.take(24)?;
    // Legitimate interests, the treatment of purpose one, and the publisher's country.
    core.skip(24 + 1 + 12)?;
    let mut has_vendor = core.vendors(wanted.vendor)?;
    let _legitimate = core.vendors(wanted.vendor)?;
    let restricted = restrictions(&mut core, wanted.vendor)?;
    for segment in all(segments)? {
        let mut bits = Bits::new(segment)?;
        if bits.take(3)? == DISCLOSED_VENDORS {
            // A vendor that was never shown has nobody's consent.
            has_vendor &= bits.vendors(wanted.vendor)?;
        }
    }
    let has_vendor = has_vendor || wanted.vendor.is_none();
    let bit = |field: u64, width: u32, number: u32| {
        let shift = width.checked_sub(number)?;
        Some(field.checked_shr(shift)? & 1 == 1)
    };
    for (number, name) in &wanted.purposes {
        let is_restricted = bit(restricted, 24, *number)?;
        let is_granted = bit(purposes, 24, *number)? && has_vendor && !is_restricted;
        decoded.say(name, is_granted);
    }
    for (number, name) in &wanted.special_features {
        decoded.say(name, bit(special_features, 12, *number)? && has_vendor);
    }
    decoded.note(&format!(
        "tcf purposes={purposes:024b} special_features={special_features:012b}"
    ));
    if let Some(vendor) = wanted.vendor {
        decoded.note(&format!("vendor{vendor}={}", u8::from(has_vendor)));
    }
    Some(())
}

/// The optional segments of a string. One with more than there are kinds cannot be read: what is not
/// looked at may be the one that refuses.
fn all<'t>(segments: std::str::Split<'t, char>) -> Option<std::str::Split<'t, char>> {
    (segments.clone().count() <= MAX_SEGMENTS).then_some(segments)
}

/// The purposes, as bits of which the first is purpose 1, that the publisher forbids this vendor, or
/// wants to rest on something else than consent.
fn restrictions(bits: &mut Bits<'_>, vendor: Option<u64>) -> Option<u64> {
    let mut restricted = 0_u64;
    for _ in 0..bits.take(12)? {
        let purpose = u32::try_from(bits.take(6)?).ok()?;
        let kind = bits.take(2)?;
        let is_listed = bits.ranges(vendor)?;
        if is_listed && kind != REQUIRES_CONSENT {
            let shift = 24_u32.checked_sub(purpose).unwrap_or(u32::MAX);
            restricted |= 1_u64.checked_shl(shift).unwrap_or(0);
        }
    }
    Some(restricted)
}

/// Reads a GPP string: its section for Europe as a TC string, and of those for the United States what
/// was opted out of. A section of the United States that is not known here refuses all three.
pub(super) fn gpp(text: &str, wanted: &Wanted) -> Option<Decoded> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut sections = text.split('~');
    let ids = section_ids(sections.next()?)?;
    let mut decoded = Decoded::default();
    for id in ids {
        let section = sections.next()?;
        match id {
            TCF_EU => read_tcf(section, wanted, &mut decoded)?,
            US_PRIVACY => read_us_privacy(section, &mut decoded)?,
            FIRST_US_SECTION.. => read_us_section(id, section, &mut decoded)?,
            other @ (TCF_EU_FIRST | TCF_CANADA) => {
                // Not read, and may refuse any purpose.
                let asked = wanted.purposes.iter().chain(&wanted.special_features);
                asked.for_each(|(_, name)| decoded.say(name, false));
                decoded.note(&format!("section{other}=unread"));
            }
            other => decoded.note(&format!("section{other}=unread")),
        }
    }
    // As many sections as the header names.
    sections.next().is_none().then_some(decoded)
}

fn section_ids(header: &str) -> Option<Vec<u64>> {
    let mut bits = Bits::new(header)?;
    if (bits.take(6)?, bits.take(6)?) != (GPP_HEADER, GPP_VERSION) {
        return None;
    }
    let mut ids = Vec::new();
    let mut last = 0_u64;
    for _ in 0..bits.take(12)? {
        let is_range = bits.take(1)? == 1;
        let first = last.checked_add(bits.fibonacci()?)?;
        last = match is_range {
            true => first.checked_add(bits.fibonacci()?)?,
            false => first,
        };
        let count = last.checked_sub(first)?.checked_add(1)?;
        let room = MAX_SECTIONS.checked_sub(u64::try_from(ids.len()).ok()?)?;
        if count > room {
            return None;
        }
        ids.extend(first..=last);
    }
    Some(ids)
}

/// The US Privacy string: `1YNN`, of which the third says whether the sale was opted out of.
fn read_us_privacy(text: &str, decoded: &mut Decoded) -> Option<()> {
    let [b'1', notice, opted_out, agreement] = text.as_bytes() else {
        return None;
    };
    let known = |byte: &u8| matches!(byte, b'Y' | b'N' | b'-' | b'y' | b'n');
    if ![notice, opted_out, agreement].into_iter().all(known) {
        return None;
    }
    if opted_out.eq_ignore_ascii_case(&b'Y') {
        // It is older than the law that tells sharing from sale.
        decoded.say(SALE, false);
        decoded.say(SHARING, false);
    }
    decoded.note(&format!("usp={}", char::from(*opted_out)));
    Some(())
}

fn read_us_section(id: u64, text: &str, decoded: &mut Decoded) -> Option<()> {
    let Some(layout) = US_SECTIONS.iter().find(|layout| layout.id == id) else {
        for name in [SALE, SHARING, TARGETED_ADVERTISING] {
            decoded.say(name, false);
        }
        decoded.note(&format!("section{id}=unread"));
        return Some(());
    };
    let mut segments = text.split('.');
    let core = Bits::new(segments.next()?)?;
    if !(1..=layout.last_version).contains(&core.clone().take(6)?) {
        return None;
    }
    let opted_out = |at: Option<usize>| match at {
        None => Some(None),
        Some(at) => {
            let mut bits = core.clone();
            bits.skip(at)?;
            // 0: not applicable, 1: opted out, 2: did not opt out.
            let value = bits.take(2)?;
            (value <= 2).then_some(Some(value))
        }
    };
    for (name, at) in [
        (SALE, Some(layout.sale)),
        (SHARING, layout.sharing),
        (TARGETED_ADVERTISING, layout.targeted_advertising),
    ] {
        if let Some(value) = opted_out(at)? {
            if value == 1 {
                decoded.say(name, false);
            }
            decoded.note(&format!("{}.{name}={value}", layout.name));
        }
    }
    for segment in all(segments)? {
        let mut bits = Bits::new(segment)?;
        if bits.take(2)? == GPC_SEGMENT && bits.take(1)? == 1 {
            for name in [SALE, SHARING, TARGETED_ADVERTISING] {
                decoded.say(name, false);
            }
            decoded.note(&format!("{}.gpc=1", layout.name));
        }
    }
    Some(())
}

/// Where a section of the United States says what was opted out of, in bits from its start.
struct UsSection {
    id: u64,
    name: &'static str,
    last_version: u64,
    sale: usize,
    sharing: Option<usize>,
    targeted_advertising: Option<usize>,
}

const fn us_section(
    id: u64,
    name: &'static str,
    sale: usize,
    targeted_advertising: usize,
) -> UsSection {
    UsSection {
        id,
        name,
        last_version: 1,
        sale,
        sharing: None,
        targeted_advertising: Some(targeted_advertising),
    }
}

const US_SECTIONS: &[UsSection] = &[
    UsSection {
        id: 7,
        name: "usnat",
        last_version: 2,
        sale: 18,
        sharing: Some(20),
        targeted_advertising: Some(22),
    },
    UsSection {
        id: 8,
        name: "usca",
        last_version: 1,
        sale: 12,
        sharing: Some(14),
        targeted_advertising: None,
    },
    us_section(9, "usva", 12, 14),
    us_section(10, "usco", 12, 14),
    us_section(11, "usut", 14, 16),
    us_section(12, "usct", 12, 14),
    us_section(19, "usne", 12, 14),
];

/// The bits of a text in base64url, six to a character.
#[derive(Clone)]
struct Bits<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Bits<'t> {
    fn new(text: &'t str) -> Option<Self> {
        let text = text.trim_end_matches('=').as_bytes();
        let readable = !text.is_empty() && text.iter().all(|byte| six_bits(*byte).is_some());
        readable.then_some(Self { text, at: 0 })
    }

    fn take(&mut self, count: u32) -> Option<u64> {
        let mut value = 0_u64;
        for _ in 0..count {
            value = (value << 1) | u64::from(self.bit(self.at)?);
            self.at = self.at.checked_add(1)?;
        }
        Some(value)
    }

    fn bit(&self, at: usize) -> Option<bool> {
        let byte = six_bits(*self.text.get(at.checked_div(6)?)?)?;
        let shift = 5_u32.checked_sub(u32::try_from(at.checked_rem(6)?).ok()?)?;
        Some(byte.checked_shr(shift)? & 1 == 1)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        let to = self.at.checked_add(count)?;
        (to <= self.text.len().checked_mul(6)?).then_some(())?;
        self.at = to;
        Some(())
    }

    /// Whether a list of vendors has this one.
    fn vendors(&mut self, vendor: Option<u64>) -> Option<bool> {
        let most = self.take(16)?;
        if self.take(1)? == 1 {
            return self.ranges(vendor);
        }
        let start = self.at;
        self.skip(usize::try_from(most).ok()?)?;
        let place = vendor
            .filter(|vendor| *vendor <= most)
            .and_then(|vendor| usize::try_from(vendor.checked_sub(1)?).ok());
        match place {
            Some(place) => self.bit(start.checked_add(place)?),
            None => Some(false),
        }
    }

    /// Whether a list of ranges has this vendor.
    fn ranges(&mut self, vendor: Option<u64>) -> Option<bool> {
        let mut found = false;
        for _ in 0..self.take(12)? {
            let is_range = self.take(1)? == 1;
            let first = self.take(16)?;
            let last = if is_range { self.take(16)? } else { first };
            // A range that ends before it begins could hide the vendor that it is about.
            if last < first {
                return None;
            }
            found |= vendor.is_some_and(|vendor| (first..=last).contains(&vendor));
        }
        Some(found)
    }

    /// A number in Fibonacci coding: the end is two ones in a row.
    fn fibonacci(&mut self) -> Option<u64> {
        let (mut value, mut one, mut two) = (0_u64, 1_u64, 2_u64);
        let mut was_set = false;
        for _ in 0..MAX_FIBONACCI_BITS {
            let is_set = self.take(1)? == 1;
            if is_set && was_set {
                return Some(value);
            }
            if is_set {
                value = value.checked_add(one)?;
            }
            (one, two) = (two, one.checked_add(two)?);
            was_set = is_set;
        }
        None
    }
}

const fn six_bits(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

/// Purposes that the laws of the United States know, which Global Privacy Control denies too.
pub(super) const SALE: &str = "sale";
pub(super) const SHARING: &str = "sharing";
pub(super) const TARGETED_ADVERTISING: &str = "targeted_advertising";

const TCF_VERSION: u64 = 2;
/// The length of what comes before: version, two times, consent platform, language and lists.
const SPECIAL_FEATURES_AT: usize = 140;
const DISCLOSED_VENDORS: u64 = 1;
/// The restriction that consent is what the purpose must rest on.
const REQUIRES_CONSENT: u64 = 1;
const GPP_HEADER: u64 = 3;
const GPP_VERSION: u64 = 1;
const TCF_EU_FIRST: u64 = 1;
const TCF_EU: u64 = 2;
const TCF_CANADA: u64 = 5;
const US_PRIVACY: u64 = 6;
const FIRST_US_SECTION: u64 = 7;
const GPC_SEGMENT: u64 = 1;
const MAX_SEGMENTS: usize = 4;
const MAX_SECTIONS: u64 = 32;
const MAX_FIBONACCI_BITS: usize = 16;
/// A TC string that lists every vendor there is takes about 3 KiB.
const MAX_BYTES: usize = 8192;
