//! What happened, from the records of requests: who accessed which data, what was refused and by
//! which rule, what people agreed to, and how long it is kept.
//!
//! [`Tally`] counts while records are read, in bounded memory; [`Report`] is what is left of it for
//! people and programs.

mod baseline;
mod classes;
mod known;
mod refusals;
mod request;
mod summary;
mod table;
mod tally;
mod timeline;

pub use baseline::{Anomalies, Anomaly, Comparison, Kind as AnomalyKind, MAX_WEEKS, Weeks};
pub(crate) use classes::{found, seen};
pub use known::{Unknown, Words};
pub use summary::{
    Access, Consent, Count, DataClass, FindingRow, Refusal, Report, Retained, Route, Rows,
    SubjectRow, Tables, Totals,
};
pub use tally::{Filter, Tally};
pub use timeline::Point;
