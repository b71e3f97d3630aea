//! What decides: limitador says which limits a descriptor counts in, Redis counts.
//!
//! The counters of one question are read and added to in one script, which Redis runs as one step:
//! however many gateways and copies of this service ask at once, no limit is ever exceeded.

use std::collections::HashMap;
use std::time::Duration;

use limitador::counter::Counter;
use limitador::limit::{Context, Expression, Limit};
use redis::Script;
use redis::aio::ConnectionManager;

use crate::Error;

/// The engine with its limits.
pub(crate) struct Engine {
    redis: ConnectionManager,
    limits: Vec<Limit>,
    script: Script,
}

/// Entries of a descriptor, by key.
pub(crate) type Descriptor = HashMap<String, String>;

/// What the engine says about one descriptor.
#[derive(Default)]
pub(crate) struct Status {
    pub(crate) limited: bool,
    /// The strictest limit that applies; `None` when there is none.
    pub(crate) limit: Option<Applied>,
}

/// A limit as it stands.
pub(crate) struct Applied {
    pub(crate) name: String,
    pub(crate) requests: u32,
    pub(crate) window: Duration,
    pub(crate) remaining: u32,
    pub(crate) until_reset: Duration,
}

/// A limit on the command line: `edge/tenant=5/60`.
pub(crate) struct LimitText {
    domain: String,
    keys: Vec<String>,
    requests: u64,
    seconds: u64,
}

impl LimitText {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let parts = || {
            let (domain, rest) = text.split_once('/')?;
            let (keys, rate) = rest.split_once('=')?;
            let (requests, seconds) = rate.split_once('/')?;
            Some(Self {
                domain: domain.to_owned(),
                keys: keys.split(',').map(str::to_owned).collect(),
                requests: requests.parse().ok()?,
                seconds: seconds.parse().ok()?,
            })
        };
        parts().ok_or_else(|| format!("{text:?} is not <domain>/<key>=<requests>/<seconds>").into())
    }

    fn limit(&self) -> Result<Limit, Error> {
        let mut variables = Vec::new();
        for key in &self.keys {
            variables.push(Expression::parse(format!("descriptors[0].{key}"))?);
        }
        let mut limit = Limit::new(
            self.domain.as_str(),
            self.requests,
            self.seconds,
            Vec::new(),
            variables,
        );
        limit.set_name(self.keys.join("-"));
        Ok(limit)
    }
}

impl Engine {
    pub(crate) async fn connect(redis: &str, limits: &[LimitText]) -> Result<Self, Error> {
        let limits = limits.iter().map(LimitText::limit);
        Ok(Self {
            redis: ConnectionManager::new(redis::Client::open(redis)?).await?,
            limits: limits.collect::<Result<_, _>>()?,
            script: Script::new(SCRIPT),
        })
    }

    /// Counts a request with several descriptors if all of them let it pass.
    pub(crate) async fn decide(
        &self,
        domain: &str,
        descriptors: &[(Descriptor, u64)],
    ) -> Result<Vec<Status>, Error> {
        let mut counters = Vec::new();
        for (place, (descriptor, hits)) in descriptors.iter().enumerate() {
            let context = context(descriptor);
            for limit in &self.limits {
                if limit.namespace().as_ref() == domain
                    && let Some(counter) =
                        Counter::new(limit.clone(), &context).map_err(|error| error.to_string())?
                {
                    counters.push((place, counter, *hits));
                }
            }
        }
        let mut statuses: Vec<Status> = descriptors.iter().map(|_| Status::default()).collect();
        if counters.is_empty() {
            return Ok(statuses);
        }
        let mut call = self.script.prepare_invoke();
        for (_, counter, hits) in &counters {
            call.key(key(counter));
            call.arg(counter.max_value());
            call.arg(counter.window().as_secs());
            call.arg(*hits);
        }
        let mut redis = self.redis.clone();
        let counted: Vec<(u64, u64, u64)> = call.invoke_async(&mut redis).await?;
        for ((place, counter, _), counted) in counters.iter().zip(counted) {
            if let Some(status) = statuses.get_mut(*place) {
                status.add(counter, counted);
            }
        }
        Ok(statuses)
    }
}

impl Status {
    fn add(&mut self, counter: &Counter, (limited, value, ttl_ms): (u64, u64, u64)) {
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let remaining = small(counter.max_value().saturating_sub(value));
        self.limited |= limited == 1;
        let stricter = |known: &Applied| remaining < known.remaining;
        if self.limit.as_ref().is_none_or(stricter) {
            self.limit = Some(Applied {
                name: counter.limit().name().unwrap_or_default().to_owned(),
                requests: small(counter.max_value()),
                window: counter.window(),
                remaining,
                until_reset: Duration::from_millis(ttl_ms),
            });
        }
    }
}

fn context(descriptor: &Descriptor) -> Context<'static> {
    let mut context = Context::default();
    context.list_binding("descriptors".to_owned(), vec![descriptor.clone()]);
    context
}

fn key(counter: &Counter) -> String {
    let name = counter.limit().name().unwrap_or_default();
    let window = counter.window().as_secs();
    let variables = counter.set_variables();
    format!(
        "{}/{name}/{window}/{variables:?}",
        counter.namespace().as_ref()
    )
}

/// For each counter: whether it refuses, its value after this, and the milliseconds that it lives.
const SCRIPT: &str = r"
local refused = 0
local answer = {}
for i, key in ipairs(KEYS) do
  local max, hits = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3])
  local value = tonumber(redis.call('GET', key) or '0')
  local over = 0
  if value + hits > max then over = 1; refused = 1 end
  answer[i] = {over, value, ARGV[i * 3 - 1] * 1000}
end
for i, key in ipairs(KEYS) do
  if refused == 0 then
    answer[i][2] = redis.call('INCRBY', key, ARGV[i * 3])
    if redis.call('PTTL', key) < 0 then redis.call('EXPIRE', key, ARGV[i * 3 - 1]) end
  end
  local left = redis.call('PTTL', key)
  if left >= 0 then answer[i][3] = left end
end
return answer
";
