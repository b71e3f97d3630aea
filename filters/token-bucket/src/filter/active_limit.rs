//! A limit at work: its configuration, its buckets and what is counted of it.

use host::route_config::PolicyOfRoute;
use host::{Filter as _, Host, Startup};
use policy::config::Problems;
use policy::matching::Match;
use policy::mode::Mode;

use crate::TokenBucket;
use crate::config::{Config, Limit, Service, Start};
use crate::counters::LimitCounters;
use crate::host_limits;
use crate::ratelimit_headers::LimitState;
use crate::storage::WorkerStorage;
use crate::table::{BucketDecision, Table, TableSettings};
use crate::windows::Tats;
use host::key::KeyPart;

use super::start_time;

/// A limit with its table and its counters.
pub(super) struct ActiveLimit {
    pub(super) settings: Limit,
    /// Its buckets; `None` where a service counts alone.
    pub(super) table: Option<Table>,
    pub(super) counters: LimitCounters,
    /// It counts every request.
    pub(super) counts_all: bool,
    /// Its name in decisions and logs, with that of the instance before it.
    pub(super) rule: String,
}

/// The limits of the plugin, or those of one route.
#[derive(Default)]
pub(super) struct LimitSet {
    limits: Vec<ActiveLimit>,
    /// The services that they name.
    pub(super) services: Vec<Service>,
}

/// What the limits of all routes have in common.
pub(super) struct Shared<'c> {
    /// Tells the storage of this plugin from that of others.
    pub(super) plugin: &'c str,
    /// Tells the decisions and metrics of this plugin from those of others, where it has a name.
    pub(super) instance: Option<&'c str>,
    pub(super) seed: [u8; 16],
    pub(super) own_storage: Option<&'c WorkerStorage>,
}

impl LimitSet {
    /// All limits of a configuration, with storage keys that no host confuses.
    pub(super) fn new(
        host: &dyn Host,
        config: &Config,
        shared: &Shared<'_>,
    ) -> Result<Self, Problems> {
        let mut taken_keys = Vec::new();
        let mut limits = Vec::with_capacity(config.limits.len());
        for settings in config.limits.iter().cloned() {
            let table = match settings.windows.clone() {
                None => None,
                Some(windows) => {
                    // Only what changes the meaning of this limit's keys: where addresses come
                    // from, or what becomes of requests without a key, does not.
                    let parts: Vec<String> = settings.key.iter().map(KeyPart::spelled).collect();
                    let table_settings = TableSettings {
                        zone: &config.table.zone,
                        limit: &settings.name,
                        key: &format!("{} {}", shared.plugin, parts.join(" ")),
                        slots: config.table.slots,
                        seed: shared.seed,
                        windows,
                    };
                    let mut table = Table::new(table_settings, &taken_keys);
                    if config.start == Start::Empty {
                        table.start_empty(start_time(host, shared.own_storage, &table)?);
                    }
                    taken_keys.push(table.storage_keys());
                    Some(table)
                }
            };
            limits.push(ActiveLimit {
                counters: LimitCounters::new(TokenBucket::NAME, &settings.name, shared.instance),
                rule: match shared.instance {
                    Some(instance) => format!("{instance}/{}", settings.name),
                    None => settings.name.clone(),
                },
                counts_all: settings.matches == Match::default(),
                table,
                settings,
            });
        }
        Ok(Self {
            limits,
            services: config.services.clone(),
        })
    }

    /// The limits of a route with a configuration of its own.
    pub(super) fn of_route(startup: &Startup<'_>, shared: &Shared<'_>) -> Result<Self, Problems> {
        let config = startup.read::<Config>(TokenBucket::NAME)?;
        host_limits::check(&config, startup.capabilities)?;
        Self::new(startup.host, &config, shared)
    }

    /// The limit at a place of the configuration.
    pub(super) fn get(&self, place: usize) -> Option<&ActiveLimit> {
        self.limits.get(place)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, ActiveLimit> {
        self.limits.iter()
    }

    /// Tells the host what was only noted so far.
    pub(super) fn flush(&self, host: &dyn Host) {
        for limit in &self.limits {
            limit.counters.admitted.flush(host);
        }
    }
}

impl PolicyOfRoute for LimitSet {
    fn strictest_mode(&self) -> Mode {
        Mode::strictest(self.limits.iter().map(|limit| limit.settings.mode))
    }
}

impl ActiveLimit {
    /// Adds where a client stands in each window. `in_force` says whether the request is charged.
    pub(super) fn add_states(
        &self,
        states: &mut Vec<LimitState>,
        decision: &BucketDecision,
        in_force: bool,
        now_ns: u64,
    ) {
        let tats = if in_force {
            &decision.after
        } else {
            &decision.before
        };
        let first = states.len();
        self.add_states_of(states, tats, now_ns);
        if !decision.admitted {
            for state in states.iter_mut().skip(first) {
                state.refuses = true;
                state.until_more = decision.wait.unwrap_or(state.until_more);
            }
        }
    }

    /// Adds where a client with this bucket stands in each window.
    pub(super) fn add_states_of(&self, states: &mut Vec<LimitState>, tats: &Tats, now_ns: u64) {
        let Some(table) = &self.table else {
            return;
        };
        for (place, (gcra, state)) in table.windows().states(tats, now_ns).enumerate() {
            states.push(LimitState {
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
            });
        }
    }
}
