//! What the filter tells of keys and of the host, in logs and metrics.

use host::{Capabilities, Host, LogLevel, Metrics};

use super::JwtAuth;
use crate::config::Config;
use crate::credential::source::CredentialSource;
use crate::jose::SkippedKey;
use crate::keys::{FetchError, NS_PER_S};
use crate::verify::Import;

impl JwtAuth {
    /// Counts a fetch for each provider that takes its keys from what was fetched, and for each list.
    pub(super) fn report_fetch(&self, host: &dyn Host, document: usize, result: &str) {
        for provider in self.verifier.users_of(document) {
            let labels = [("provider", provider.name.as_str()), ("result", result)];
            self.report_result(host, "key_fetches_total", "keys of", labels);
        }
        let lists = self.verifier.lists.iter();
        for list in lists.filter(|list| list.document == document) {
            let labels = [("source", list.name.as_str()), ("result", result)];
            self.report_result(host, "list_fetches_total", "list", labels);
        }
    }

    /// Counts one fetch, and says so if it has failed.
    fn report_result(
        &self,
        host: &dyn Host,
        metric: &str,
        what: &str,
        labels @ [(_, name), (_, result)]: [(&str, &str); 2],
    ) {
        if result != "ok" {
            self.throttle.log(host, LogLevel::Warn, || {
                format!("jwt-auth: the {what} {name} could not be fetched: {result}")
            });
        }
        self.metrics.count(host, metric, &labels);
    }

    /// Reports the results of imports of key sets and lists.
    pub(super) fn report_imports(&mut self, host: &dyn Host) {
        for (list, result) in self.verifier.take_list_imports() {
            let line = match result {
                Ok(count) => {
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    self.metrics
                        .set(host, "list_entries", &[("source", &list)], count);
                    format!("jwt-auth: the list {list} has {count} entries")
                }
                Err(FetchError(code)) => format!("jwt-auth: the list {list} is none: {code}"),
            };
            host.log(LogLevel::Info, &line);
        }
        for Import { provider, result } in self.verifier.take_imports() {
            let name = provider.name.as_str();
            match result {
                Ok((count, skipped)) => {
                    report_skipped(host, &self.metrics, name, &skipped);
                    let line = format!("jwt-auth: {count} keys of {name} serve");
                    host.log(LogLevel::Info, &line);
                }
                Err(FetchError(code)) => {
                    let line = format!(
                        "jwt-auth: {name} can use no key of the set that was fetched for it: {code}"
                    );
                    host.log(LogLevel::Warn, &line);
                    let labels = [("provider", name), ("reason", code)];
                    self.metrics.count(host, "key_sets_refused_total", &labels);
                }
            }
        }
    }

    /// How old the keys and the lists are, as all workers know it.
    pub(super) fn report_age(&self, host: &dyn Host, now_ns: u64) {
        for list in self.verifier.lists.iter() {
            if let Some(age_ns) = list.age_ns(now_ns) {
                let labels = [("source", list.name.as_str())];
                let age_s = age_ns / NS_PER_S;
                self.metrics.set(host, "list_age_seconds", &labels, age_s);
            }
        }
        for provider in &self.verifier.providers {
            if let CredentialSource::Fetched(keys) = &provider.source
                && let Some(age) = keys.age(now_ns)
            {
                let labels = [("provider", provider.settings.name.as_str())];
                self.metrics
                    .set(host, "key_age_seconds", &labels, age.as_secs());
            }
        }
    }
}

pub(super) fn report_skipped(
    host: &dyn Host,
    metrics: &Metrics,
    provider: &str,
    skipped: &[SkippedKey],
) {
    for SkippedKey { index, reason } in skipped {
        let line = format!("jwt-auth: keys[{index}] of {provider} is left out: {reason}");
        host.log(LogLevel::Warn, &line);
        metrics.count(host, "keys_skipped_total", &[("provider", provider)]);
    }
}

/// What the configuration asks for and this host lacks, where leaving it out does no harm.
pub(super) fn warn_of_missing(host: &dyn Host, capabilities: &Capabilities, config: &Config) {
    if config.clear_route_cache && !capabilities.has_foreign_functions() {
        host.log(
            LogLevel::Warn,
            "jwt-auth: clear_route_cache does nothing: this host chooses no route anew",
        );
    }
}
