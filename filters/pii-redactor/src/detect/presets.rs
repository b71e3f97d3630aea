//! The presets, item by item, as `kinds/presets.toml` has them.

use super::DETECTORS;

/// What switches on the kinds that a law or a standard is about.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The preset's name in configurations.
    pub name: &'static str,
    /// What it covers, in one line.
    pub about: &'static str,
    /// The preset's bit in [`Detector::presets`](super::Detector::presets).
    pub bit: u8,
    /// The items of the standard.
    pub items: &'static [Item],
    /// What it demands of a kind, where that is not that no part of the value stays.
    treatments: &'static [(u8, Treatment)],
}

/// One item of a standard.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its short name within the preset.
    pub id: &'static str,
    /// Where the standard has it.
    pub standard: &'static str,
    /// The data that the standard's item is about.
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
    /// The value is removed entirely.
    Remove,
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
    /// What it demands of a kind; `None` for those of which no part of the value stays, and for those that are
    /// not its own.
    #[must_use]
    pub fn treatment(&self, entity: u8) -> Option<Treatment> {
        let mut demanded = self.treatments.iter();
        demanded
            .find(|(kind, _)| *kind == entity)
            .map(|(_, treatment)| *treatment)
    }
}

/// What several presets, given as bits, demand of a kind: the strictest treatment, if one of them has any, and
/// whether one of them lets no part of the value stay.
pub(crate) fn demands(presets: u8, entity: u8) -> (Option<Treatment>, bool) {
    let detector = DETECTORS.get(usize::from(entity));
    let presets = presets & detector.map_or(0, |detector| detector.presets);
    let chosen = PRESETS.iter().filter(|preset| presets & preset.bit != 0);
    let demanded = chosen.map(|preset| preset.treatment(entity));
    demanded.fold((None, false), |(strictest, whole), demanded| {
        let strictest = [strictest, demanded].into_iter().flatten().min();
        (strictest, whole || demanded.is_none())
    })
}

/// Whether the kind is one of those of which even the absence tells something: GDPR articles 9 and 10.
pub(crate) fn is_special_category(entity: u8) -> bool {
    demands(GDPR, entity).0 == Some(Treatment::Remove)
}

include!(concat!(env!("OUT_DIR"), "/presets.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{assert_redacts, plan_of, redacted};

    #[test]
    fn a_year_that_tells_an_age_over_89_goes() {
        let plan = plan_of(r#"{"presets":["hipaa"]}"#);
        assert_redacts(
            &plan,
            "application/json",
            &[
                (r#"{"dob":"1931-05-06"}"#, r#"{"dob":"[PERSON_DATE]"}"#),
                (r#"{"dob":19310506}"#, r#"{"dob":"[PERSON_DATE]"}"#),
                (
                    r#"{"note":"DOB: 12/10/1931"}"#,
                    r#"{"note":"DOB: [PERSON_DATE]"}"#,
                ),
                (r#"{"dob":"1937-12-31"}"#, r#"{"dob":"[PERSON_DATE]"}"#),
                (r#"{"dob":"1938-01-01"}"#, r#"{"dob":"1938"}"#),
            ],
        );
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
        for (presets, input, output) in [
            (
                r#"["pci"]"#,
                r#"{"card":"4111111111111111"}"#,
                r#"{"card":"************1111"}"#,
            ),
            (
                r#"["pci","ccpa"]"#,
                r#"{"card":"4111111111111111"}"#,
                r#"{"card":"[CREDIT_CARD]"}"#,
            ),
            (
                r#"["pci","secrets"]"#,
                r#"{"card":"4111111111111111"}"#,
                r#"{"card":"************1111"}"#,
            ),
            (
                r#"["hipaa","gdpr"]"#,
                r#"{"dob":"1970-01-02"}"#,
                r#"{"dob":"[PERSON_DATE]"}"#,
            ),
            (
                r#"["gdpr","hipaa"]"#,
                r#"{"zip":"62704"}"#,
                r#"{"zip":"[POSTAL_CODE]"}"#,
            ),
            (
                r#"["gdpr","ccpa"]"#,
                r#"{"ip":"10.1.2.3"}"#,
                r#"{"ip":"[IP_ADDRESS]"}"#,
            ),
            (
                r#"["gdpr","ccpa"]"#,
                r#"{"latitude":52.5200066}"#,
                r#"{"latitude":52.52}"#,
            ),
            (
                r#"["gdpr","ccpa"]"#,
                r#"{"a":1,"diagnosis":"E11"}"#,
                r#"{"a":1}"#,
            ),
        ] {
            let plan = plan_of(&format!(r#"{{"presets":{presets}}}"#));
            assert_eq!(
                redacted(&plan, "application/json", input),
                output,
                "{presets}"
            );
        }
        // A default is for the kinds that have no treatment; beside one that has, the stricter of both acts.
        for (presets, default, output) in [
            (r#"["pci"]"#, "detect", "************1111"),
            (r#"["pci","gdpr"]"#, "detect", "************1111"),
            (r#"["pci","gdpr"]"#, "remove", ""),
            (r#"["gdpr"]"#, "detect", "4111111111111111"),
        ] {
            let plan = plan_of(&format!(
                r#"{{"presets":{presets},"actions":{{"default":"{default}"}}}}"#
            ));
            let left = redacted(&plan, "application/json", r#"{"card":"4111111111111111"}"#);
            assert_eq!(
                left,
                format!(r#"{{"card":"{output}"}}"#),
                "{presets} {default}"
            );
        }
    }

    /// The runs of letters and digits that a text has in common with another, which it is made of.
    fn left_of(text: &str, input: &str) -> Vec<String> {
        let words = text.split(|sign: char| !sign.is_ascii_alphanumeric());
        let words = words.filter(|word| !word.is_empty() && input.contains(word));
        words.map(str::to_owned).collect()
    }

    #[test]
    fn another_preset_leaves_no_more() {
        let plans: Vec<_> = (1_u8..1 << PRESETS.len())
            .map(|bits| {
                let chosen = PRESETS.iter().filter(|preset| bits & preset.bit != 0);
                let names: Vec<_> = chosen.map(|preset| preset.name).collect();
                (bits, plan_of(&format!(r#"{{"presets":{names:?}}}"#)))
            })
            .collect();
        let items = PRESETS.iter().flat_map(|preset| preset.items);
        let mut wrong = Vec::new();
        for input in items.map(|item| item.input) {
            let left: Vec<_> = plans
                .iter()
                .map(|(bits, plan)| (bits, redacted(plan, "application/json", input)))
                .collect();
            for (bits, fewer) in &left {
                for (more_bits, more) in &left {
                    let is_one_more =
                        (*more_bits & !*bits).count_ones() == 1 && *bits & !*more_bits == 0;
                    let stays = |word: &String| fewer.contains(word.as_str());
                    if is_one_more && !left_of(more, input).iter().all(stays) {
                        wrong.push(format!("{bits:05b} {fewer}\n{more_bits:05b} {more}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
