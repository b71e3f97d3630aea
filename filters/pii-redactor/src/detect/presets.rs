//! The presets, item by item, as `kinds/presets.toml` has them.

/// What switches on the kinds that a law or a standard is about.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The word in configurations.
    pub name: &'static str,
    /// What it covers, in one line.
    pub about: &'static str,
    /// Its bit in [`Detector::presets`](super::Detector::presets).
    pub bit: u8,
    /// The items of the standard.
    pub items: &'static [Item],
    /// What it demands of a kind, where a label is not enough or not needed.
    treatments: &'static [(u8, Treatment)],
}

/// One item of a standard.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its short name within the preset.
    pub id: &'static str,
    /// Where the standard has it.
    pub standard: &'static str,
    /// What it covers.
    pub what: &'static str,
    /// The kinds that it asks for, by their numbers.
    pub kinds: &'static [u8],
    /// A JSON document with such data.
    pub input: &'static str,
    /// What the preset by itself makes of it.
    pub output: &'static str,
}

/// What a preset demands of a kind; of several the first in this order wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// Nothing stays.
    Remove,
    /// No part of the value stays.
    Label,
    /// The last four characters stay.
    LastFour,
    /// Three digits of a postal code stay.
    Zip3,
    /// The year of a date stays, unless it tells an age over 89.
    Year,
    /// Ages up to 89 stay.
    AgeCap,
    /// The network of an address stays.
    Network,
    /// Two decimals of a coordinate stay.
    Decimals,
}

impl Treatment {
    /// The word in the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "nothing stays",
            Self::Label => "no part stays",
            Self::LastFour => "the last four digits stay",
            Self::Zip3 => "three digits stay",
            Self::Year => "the year stays, unless it tells an age over 89",
            Self::AgeCap => "up to 89 stays",
            Self::Network => "the network stays",
            Self::Decimals => "two decimals stay",
        }
    }
}

impl Preset {
    /// What it demands of a kind besides a label.
    #[must_use]
    pub fn treatment(&self, entity: u8) -> Option<Treatment> {
        let mut demanded = self.treatments.iter();
        demanded
            .find(|(kind, _)| *kind == entity)
            .map(|(_, treatment)| *treatment)
    }
}

/// The strictest demand of several presets, given as bits; `None` if none of them has any.
pub(crate) fn strictest(presets: u8, entity: u8) -> Option<Treatment> {
    let chosen = PRESETS.iter().filter(|preset| presets & preset.bit != 0);
    chosen.filter_map(|preset| preset.treatment(entity)).min()
}

/// Whether the kind is one of those of which even the absence tells something: GDPR articles 9 and 10.
pub(crate) fn is_special_category(entity: u8) -> bool {
    strictest(GDPR, entity) == Some(Treatment::Remove)
}

include!(concat!(env!("OUT_DIR"), "/presets.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::kind;
    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn a_year_that_tells_an_age_over_89_goes() {
        let plan = plan_of(r#"{"presets":["hipaa"]}"#);
        for (input, output) in [
            (r#"{"dob":"1931-05-06"}"#, r#"{"dob":"[PERSON_DATE]"}"#),
            (r#"{"dob":19310506}"#, r#"{"dob":"[PERSON_DATE]"}"#),
            (
                r#"{"note":"DOB: 12/10/1931"}"#,
                r#"{"note":"DOB: [PERSON_DATE]"}"#,
            ),
            (r#"{"dob":"1937-12-31"}"#, r#"{"dob":"[PERSON_DATE]"}"#),
            (r#"{"dob":"1938-01-01"}"#, r#"{"dob":"1938"}"#),
        ] {
            assert_eq!(redacted(&plan, "application/json", input), output);
        }
        // A year that somebody asks for stays.
        let plan = plan_of(
            r#"{"rules":[{"detect":["PERSON_DATE"],"actions":{"PERSON_DATE":{"date":"year"}}}]}"#,
        );
        let left = redacted(&plan, "application/json", r#"{"dob":"1931-05-06"}"#);
        assert_eq!(left, r#"{"dob":"1931"}"#);
    }

    #[test]
    fn every_item_of_every_preset_does_what_its_example_says() {
        let mut wrong = Vec::new();
        for preset in &PRESETS {
            let plan = plan_of(&format!(r#"{{"presets":[{:?}]}}"#, preset.name));
            for item in preset.items {
                let left = redacted(&plan, "application/json", item.input);
                if left != item.output {
                    wrong.push(format!(
                        "{} {}:\n  {}\n  {left}\n  {} was expected",
                        preset.name, item.id, item.input, item.output
                    ));
                }
                let again = redacted(&plan, "application/json", &left);
                if again != left {
                    wrong.push(format!(
                        "{} {}: {again} a second time",
                        preset.name, item.id
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn hipaa_has_its_eighteen_identifiers() {
        let hipaa = PRESETS.iter().find(|preset| preset.bit == HIPAA).unwrap();
        let ids: String = hipaa.items.iter().map(|item| item.id).collect();
        assert_eq!(ids, "ABCDEFGHIJKLMNOPQR");
    }

    #[test]
    fn of_several_presets_the_strictest_wins() {
        for (presets, entity, expected) in [
            (PCI, kind::CREDIT_CARD, Some(Treatment::LastFour)),
            (PCI | HIPAA, kind::CREDIT_CARD, Some(Treatment::Label)),
            (PCI | GDPR, kind::CREDIT_CARD, Some(Treatment::LastFour)),
            (GDPR, kind::IP_ADDRESS, Some(Treatment::Network)),
            (GDPR | HIPAA, kind::IP_ADDRESS, Some(Treatment::Label)),
            (CCPA | HIPAA, kind::GEO_COORDINATE, Some(Treatment::Label)),
            (CCPA | GDPR, kind::HEALTH, Some(Treatment::Remove)),
            (CCPA, kind::HEALTH, None),
            (SECRETS, kind::CREDIT_CARD, None),
        ] {
            assert_eq!(strictest(presets, entity), expected, "{presets} {entity}");
        }
    }
}
