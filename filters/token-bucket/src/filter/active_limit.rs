//! A limit at work: its configuration, its buckets and what is counted of it.

use host::Host;
use policy::config::Problems;

use crate::config::{Config, Limit, Start};
use crate::counters::LimitCounters;
use crate::key::KeyPart;
use crate::ratelimit_headers::LimitState;
use crate::storage::WorkerStorage;
use crate::table::{BucketDecision, Table, TableSettings};
use crate::windows::Tats;

use super::start_time;

/// A limit at work.
pub(super) struct ActiveLimit {
    pub(super) settings: Limit,
    /// Its buckets; `None` where a service counts alone.
    pub(super) table: Option<Table>,
    pub(super) counters: LimitCounters,
    /// Its name in decisions and logs, with that of the instance before it.
    pub(super) rule: String,
}

/// What the limits of one configuration have in common.
pub(super) struct Shared<'c> {
    pub(super) config: &'c Config,
    /// Tells the storage of this plugin from that of others.
    pub(super) plugin: &'c str,
    /// Tells the decisions and metrics of this plugin from those of others, where it has a name.
    pub(super) instance: Option<&'c str>,
    pub(super) seed: [u8; 16],
    pub(super) own_storage: Option<&'c WorkerStorage>,
}

impl ActiveLimit {
    /// All limits of a configuration, with storage keys that no host confuses.
    pub(super) fn all(
        host: &dyn Host,
        filter: &str,
        limits: Vec<Limit>,
        shared: &Shared<'_>,
    ) -> Result<Vec<Self>, Problems> {
        let mut taken_keys = Vec::new();
        let mut active = Vec::with_capacity(limits.len());
        for settings in limits {
            let table = match settings.windows.clone() {
                None => None,
                Some(windows) => {
                    // Only what changes the meaning of this limit's keys: where addresses come
                    // from, or what becomes of requests without a key, does not.
                    let parts: Vec<String> = settings.key.iter().map(KeyPart::spelled).collect();
                    let table_settings = TableSettings {
                        zone: &shared.config.table.zone,
                        limit: &settings.name,
                        key: &format!("{} {}", shared.plugin, parts.join(" ")),
                        slots: shared.config.table.slots,
                        seed: shared.seed,
                        windows,
                    };
                    let mut table = Table::new(table_settings, &taken_keys);
                    if shared.config.start == Start::Empty {
                        table.start_empty(start_time(host, shared.own_storage, &table)?);
                    }
                    taken_keys.push(table.storage_keys());
                    Some(table)
                }
            };
            active.push(Self {
                counters: LimitCounters::new(filter, &settings.name, shared.instance),
                rule: match shared.instance {
                    Some(instance) => format!("{instance}/{}", settings.name),
                    None => settings.name.clone(),
                },
                table,
                settings,
            });
        }
        Ok(active)
    }

    /// Where a client stands in each window. `in_force` says whether the request is charged.
    pub(super) fn states(
        &self,
        decision: &BucketDecision,
        in_force: bool,
        now_ns: u64,
    ) -> Vec<LimitState> {
        let tats = if in_force {
            &decision.after
        } else {
            &decision.before
        };
        let mut states = self.states_of(tats, now_ns);
        if !decision.admitted {
            for state in &mut states {
                state.refuses = true;
                state.until_more = decision.wait.unwrap_or(state.until_more);
            }
        }
        states
    }

    /// Where a client with this bucket stands in each window.
    pub(super) fn states_of(&self, tats: &Tats, now_ns: u64) -> Vec<LimitState> {
        let Some(table) = &self.table else {
            return Vec::new();
        };
        let windows = table.windows();
        let states = windows.states(tats, now_ns);
        let each = windows.list().iter().zip(states).enumerate();
        each.map(|(place, (gcra, state))| LimitState {
            name: match place {
                0 => self.settings.name.clone(),
                // No limit has a colon in its name.
                _ => format!("{}:{}", self.settings.name, place.saturating_add(1)),
            },
            quota: gcra.burst(),
            window: Some(gcra.window()),
            remaining: state.remaining,
            until_full: state.until_full,
            until_more: state.until_next,
            refuses: false,
        })
        .collect()
    }
}
