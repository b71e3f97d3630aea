//! All kinds, in the order in which they win where two fit equally well.
//!
//! A detector is a row of `kinds/*.toml`, which the build turns into [`DETECTORS`]:
//!
//! | key | meaning |
//! | --- | --- |
//! | `name`, `about`, `category` | as in [`Detector`] |
//! | `presets` | the presets that switch it on, each with the item of `kinds/presets.toml` that asks for it; several items with a space between |
//! | `treatment` | what a preset demands, if it is not that no part of the value stays: `remove`, `last_four`, `zip3`, `year`, `age_cap`, `network`, `decimals` |
//! | `form` | `shapes`: fixed forms, `alone` where they act by themselves and `announced` where a word must announce them, with the function that is their `check`; `scanned`: found by a scanner; `value`: the whole value of a member that is called so, if it passes the `check` |
//! | `checked` | a check digit or a rigid grammar stands behind the form |
//! | `words`, `lookalikes` | phrases that announce it, and phrases with such a word that are about something else |
//! | `examples`, `counterexamples` | what the tests find, and what they do not |
//!
//! A check is a function in one of the modules beside this one, named by its path from here. A key, a category, an item
//! or a check that does not exist does not compile.

use super::{
    Category, Detector, Form, checksum, contact, eu, money, person, secret, uk, us, world,
};

include!(concat!(env!("OUT_DIR"), "/detectors.rs"));
