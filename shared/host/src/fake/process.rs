//! What the workers of one proxy process share: the clocks, shared data and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Failure, Profile};
use crate::{MetricId, MetricKind, SharedValue, Status};

/// One proxy process. Cheap to clone, and the only part of the fake that threads may share.
#[derive(Clone, Debug)]
pub struct Process {
    profile: Profile,
    shared: Arc<Mutex<Shared>>,
}

/// A metric as the proxy has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Whether it is a counter, a gauge or a histogram.
    pub kind: MetricKind,
    /// The sum of a counter, the level of a gauge.
    pub value: i64,
    /// The values of a histogram, in the order they came.
    pub recorded: Vec<u64>,
}

impl Process {
    /// A fresh process; its clocks stand at a fixed time until the test moves them.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let shared = Shared {
            wall: START_OF_WALL_CLOCK,
            monotonic: START_OF_MONOTONIC_CLOCK,
            has_zone: true,
            last_cas: 0,
            data: BTreeMap::new(),
            metrics: Vec::new(),
            workers: 0,
        };
        Self {
            profile,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// The host that is played.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Wall clock: time since 1970.
    #[must_use]
    pub fn wall_clock(&self) -> Duration {
        self.lock().wall
    }

    /// The time on the monotonic clock, from an arbitrary start.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    /// Sets the wall clock alone, as an administrator or NTP does.
    pub fn set_wall_clock(&self, since_1970: Duration) {
        self.lock().wall = since_1970;
    }

    /// Lets time pass on both clocks. Ticks are for [`super::Proxy::advance`].
    pub fn advance(&self, by: Duration) {
        let mut shared = self.lock();
        shared.wall = shared.wall.saturating_add(by);
        shared.monotonic = shared.monotonic.saturating_add(by);
    }

    /// On Kong, whether the operator has configured a zone for shared data. Without one every
    /// access traps there.
    pub fn set_shared_zone(&self, configured: bool) {
        self.lock().has_zone = configured;
    }

    /// All shared data, by key.
    #[must_use]
    pub fn shared_data(&self) -> BTreeMap<String, SharedValue> {
        self.lock().data.clone()
    }

    /// All metrics by full name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.lock().metrics.iter().cloned().collect()
    }

    /// Kong seeds the random source of a worker with its number and the time, so that whoever knows
    /// these knows all that comes from it. The other hosts ask the operating system; here their
    /// numbers repeat from run to run, but not from worker to worker.
    pub(super) fn seed_of_the_next_worker(&self) -> u64 {
        let mut shared = self.lock();
        let worker = shared.workers;
        shared.workers = worker.wrapping_add(1);
        match self.profile {
            Profile::Kong => shared.wall.as_secs().wrapping_add(worker),
            Profile::Envoy | Profile::Apisix => worker,
        }
    }

    pub(super) fn read_shared(&self, key: &str) -> Result<SharedValue, Failure> {
        let shared = self.lock();
        self.check_zone(&shared)?;
        let value = shared.data.get(key).cloned();
        value.ok_or(Failure::Status(Status::NotFound))
    }

    /// Envoy creates whatever the cas, and cas 0 overwrites; nginx creates with cas 0 only, and
    /// never overwrites with it. Envoy's numbers are global, those of nginx belong to the key.
    pub(super) fn write_shared(&self, key: &str, value: &[u8], cas: u32) -> Result<(), Failure> {
        let mut shared = self.lock();
        self.check_zone(&shared)?;
        let present = shared.data.get(key).map(|value| value.cas);
        let admitted = match (self.profile, present) {
            (Profile::Kong, present) => present.unwrap_or(0) == cas,
            (_, None) => true,
            (_, Some(present)) => cas == 0 || present == cas,
        };
        if !admitted {
            return Err(Failure::Status(Status::CasMismatch));
        }
        let last = match self.profile {
            Profile::Kong => present.unwrap_or(0),
            Profile::Envoy | Profile::Apisix => shared.last_cas,
        };
        let cas = match last.wrapping_add(1) {
            0 => 1,
            next => next,
        };
        shared.last_cas = cas;
        let bytes = value.to_vec();
        shared
            .data
            .insert(key.to_owned(), SharedValue { bytes, cas });
        Ok(())
    }

    pub(super) fn define_metric(&self, kind: MetricKind, name: &str) -> MetricId {
        let mut shared = self.lock();
        let known = shared.metrics.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            let metric = Metric {
                kind,
                value: 0,
                recorded: Vec::new(),
            };
            shared.metrics.push((name.to_owned(), metric));
            shared.metrics.len().saturating_sub(1)
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    pub(super) fn change_metric(
        &self,
        id: MetricId,
        change: impl FnOnce(&mut Metric) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let mut shared = self.lock();
        let index = usize::try_from(id).map_err(|_| Status::NotFound)?;
        let (_, metric) = shared.metrics.get_mut(index).ok_or(Status::NotFound)?;
        change(metric)
    }

    pub(super) fn is_gauge(&self, id: MetricId) -> bool {
        let shared = self.lock();
        let metric = usize::try_from(id)
            .ok()
            .and_then(|index| shared.metrics.get(index));
        metric.is_some_and(|(_, metric)| metric.kind == MetricKind::Gauge)
    }

    fn check_zone(&self, shared: &Shared) -> Result<(), Failure> {
        if self.profile == Profile::Kong && !shared.has_zone {
            let trap = "could not resolve the namespace of shared data";
            return Err(Failure::Trap(trap.to_owned()));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Shared {
    wall: Duration,
    monotonic: Duration,
    has_zone: bool,
    last_cas: u32,
    data: BTreeMap<String, SharedValue>,
    metrics: Vec<(String, Metric)>,
    workers: u64,
}

/// 2026-01-01T00:00:00Z, where the wall clock starts.
const START_OF_WALL_CLOCK: Duration = Duration::from_secs(1_767_225_600);
const START_OF_MONOTONIC_CLOCK: Duration = Duration::from_secs(1_000);
