"""Writes the dashboards of the filters: one for each, and one for all together.

    dashboards.py [FOLDER]

What a panel shows is one line below; what Grafana wants around it is the same for all. The files in this
folder are what this prints, and a test holds them to it.
"""

import json
import pathlib
import sys

# Stands in a query for the selection of proxies at the top of the dashboard.
PROXIES = 'instance=~"$instance"'


def rate(metric, by, select=""):
    """Events a second, by label."""
    return f"sum by ({by}) (rate({metric}{{{PROXIES}{select}}}[$__rate_interval]))"


def total(metric, select=""):
    """Events in the time that is shown; 0 where there were none."""
    return f"sum({since_start(metric + '{' + PROXIES + select + '}')}) or vector(0)"


def since_start(counter):
    """Of each series. One that was not there at the beginning appears with its first event, which `increase` leaves out."""
    return f"({counter} unless {counter} offset $__range) or increase({counter}[$__range])"


def gauge(metric, by="instance"):
    return f"max by ({by}) ({metric}{{{PROXIES}}})"


def share(metric, select):
    part = f"sum(rate({metric}{{{PROXIES}{select}}}[$__rate_interval]))"
    return f"{part} / sum(rate({metric}{{{PROXIES}}}[$__rate_interval]))"


def quantile(metric, a_second, q="0.99"):
    """In seconds, of a histogram in a smaller unit: those of proxy-wasm hold whole numbers."""
    return f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{{{PROXIES}}}[$__rate_interval]))) / {a_second}"


def named_in(metric, label):
    """Events in the time that is shown of metrics that differ in a part of their names, which becomes a label."""

    def found(offset=""):
        return f'label_replace({{__name__=~"{metric}",{PROXIES}}}{offset}, "{label}", "$1", "__name__", "{metric}")'

    return f"sum by ({label}) (({found()} unless {found(' offset $__range')}) or increase({found()}[$__range:]))"


AUTH = "meshward_jwt_auth_"
LIMITS = "meshward_token_bucket_"
REDACT = "meshward_pii_redactor_"
AUDIT = "meshward_audit_emitter_"

# File: (title, metric that lists the proxies, rows of (title, panels of (title, type, unit, legend, query))).
DASHBOARDS = {
    "overview": (
        "Meshward",
        AUDIT + "records_total",
        [
            (
                "Is anything wrong?",
                [
                    ("Audit records lost", "stat", "short", "lost", total(AUDIT + "lost_total")),
                    ("Not redacted and passed", "stat", "short", "passed", total(REDACT + "unredacted_total", ',outcome="passed"')),
                    ("Let through unchecked", "stat", "short", "unchecked", total(AUTH + "requests_total", ',outcome="unchecked"')),
                    ("Let through unrecorded", "stat", "short", "unrecorded", total(AUDIT + "rejected_requests_total", ',outcome="allowed"')),
                    ("Limits without a decision", "stat", "short", "errors", total(LIMITS + "errors_total")),
                ],
            ),
            (
                "Does anything need a look?",
                [
                    ("Plugins started again", "stat", "short", "{{plugin}}", named_in("envoy_wasm_(.+)_vm_reload_success", "plugin")),
                    ("Wrong metadata of routes", "stat", "short", "{{filter}}", named_in("meshward_(.+)_route_config_errors_total", "filter")),
                    ("Budgets of personal data that were spent", "stat", "short", "spent", total(REDACT + "budget_spent_total")),
                    ("Messages that asked for too much", "stat", "short", "too much", total(REDACT + "exceeded_total")),
                ],
            ),
            (
                "Who refuses, and why",
                [
                    ("jwt-auth", "timeseries", "reqps", "{{reason}}", rate(AUTH + "requests_total", "reason", ',outcome="denied"')),
                    ("token-bucket", "timeseries", "reqps", "{{limit}}", rate(LIMITS + "requests_total", "limit", ',outcome="refused"')),
                    ("pii-redactor", "timeseries", "reqps", "{{direction}}", rate(REDACT + "blocked_total", "direction")),
                    ("audit-emitter", "timeseries", "reqps", "{{outcome}}", rate(AUDIT + "rejected_requests_total", "outcome")),
                ],
            ),
            (
                "What would be refused in report mode",
                [
                    ("jwt-auth", "timeseries", "reqps", "{{reason}}", rate(AUTH + "requests_total", "reason", ',outcome="reported"')),
                    ("token-bucket", "timeseries", "reqps", "{{limit}}", rate(LIMITS + "requests_total", "limit", ',outcome="reported"')),
                    ("pii-redactor", "timeseries", "short", "{{type}}", rate(REDACT + "findings_total", "type", ',outcome="reported"')),
                ],
            ),
            (
                "Traffic",
                [
                    ("Records by decision", "timeseries", "reqps", "{{decision}}", rate(AUDIT + "records_total", "decision")),
                    ("Redacted values by kind", "timeseries", "short", "{{type}}", rate(REDACT + "findings_total", "type", ',outcome="redacted"')),
                    ("Age of the keys", "timeseries", "s", "{{provider}}", gauge(AUTH + "key_age_seconds", "provider")),
                ],
            ),
        ],
    ),
    "jwt-auth": (
        "Meshward: jwt-auth",
        AUTH + "requests_total",
        [
            (
                "Decisions",
                [
                    ("Requests by outcome", "timeseries", "reqps", "{{outcome}}", rate(AUTH + "requests_total", "outcome")),
                    ("Refused, by reason", "timeseries", "reqps", "{{reason}}", rate(AUTH + "requests_total", "reason", ',outcome="denied"')),
                    ("Would be refused (report mode)", "timeseries", "reqps", "{{reason}}", rate(AUTH + "requests_total", "reason", ',outcome="reported"')),
                    ("Refused, share", "timeseries", "percentunit", "refused", share(AUTH + "requests_total", ',outcome="denied"')),
                ],
            ),
            (
                "Keys",
                [
                    ("Age of the keys", "timeseries", "s", "{{provider}}", gauge(AUTH + "key_age_seconds", "provider")),
                    ("Fetches", "timeseries", "ops", "{{provider}} {{result}}", rate(AUTH + "key_fetches_total", "provider, result")),
                    ("Key sets refused", "timeseries", "short", "{{provider}} {{reason}}", rate(AUTH + "key_sets_refused_total", "provider, reason")),
                    ("Keys left out", "timeseries", "short", "{{provider}}", rate(AUTH + "keys_skipped_total", "provider")),
                ],
            ),
            (
                "Work",
                [
                    ("Tokens: remembered or verified", "timeseries", "ops", "{{result}}", rate(AUTH + "token_cache_total", "result")),
                    ("Checking a signature, 99th percentile", "timeseries", "s", "p99", quantile(AUTH + "verification_microseconds", 1_000_000)),
                    ("Introspections", "timeseries", "ops", "{{provider}} {{result}}", rate(AUTH + "introspections_total", "provider, result")),
                    ("Requests that wait", "timeseries", "short", "{{instance}}", gauge(AUTH + "waiting_requests")),
                    ("Refused because too many wait", "timeseries", "reqps", "{{instance}}", rate(AUTH + "waiting_overflow_total", "instance")),
                ],
            ),
            (
                "Failed attempts",
                [
                    ("Refused after too many failures", "timeseries", "reqps", "{{instance}}", rate(AUTH + "requests_total", "instance", ',reason="too_many_failures"')),
                    ("From addresses that are not known", "timeseries", "ops", "{{instance}}", rate(AUTH + "failure_address_unknown_total", "instance")),
                    ("Failures that were forgotten", "timeseries", "short", "{{instance}}", rate(AUTH + "failure_evictions_total", "instance")),
                    ("Failures that were not counted", "timeseries", "short", "{{instance}}", rate(AUTH + "failure_limit_errors_total", "instance")),
                ],
            ),
            (
                "Consent and opt-outs",
                [
                    ("Refused for want of consent", "timeseries", "reqps", "{{outcome}}", rate(AUTH + "requests_total", "outcome", ',reason="consent_missing"')),
                    ("Questions to the consent service", "timeseries", "ops", "{{result}}", rate(AUTH + "consent_lookups_total", "result")),
                    ("Opt-outs without an answer", "timeseries", "short", "{{instance}}", rate(AUTH + "opt_out_errors_total", "instance")),
                    ("Opt-outs that were forgotten", "timeseries", "short", "{{instance}}", rate(AUTH + "opt_out_evictions_total", "instance")),
                ],
            ),
            (
                "Lists of revoked tokens and of objections that are fetched",
                [
                    ("Fetches of lists", "timeseries", "ops", "{{source}} {{result}}", rate(AUTH + "list_fetches_total", "source, result")),
                    ("Entries", "timeseries", "short", "{{source}}", gauge(AUTH + "list_entries", "source")),
                    ("Age of the lists", "timeseries", "s", "{{source}}", gauge(AUTH + "list_age_seconds", "source")),
                ],
            ),
            (
                "Objects, errors and emergencies",
                [
                    ("Asked for another's object", "timeseries", "reqps", "{{outcome}}", rate(AUTH + "requests_total", "outcome", ',reason="object_not_owned"')),
                    ("Errors of upstreams whose text was replaced", "timeseries", "reqps", "{{instance}}", rate(AUTH + "hidden_errors_total", "instance")),
                    ("Glass broken", "stat", "short", "{{rule}}", f"sum by (rule) ({since_start(f'{AUTH}break_glass_total{{{PROXIES}}}')})"),
                ],
            ),
        ],
    ),
    "token-bucket": (
        "Meshward: token-bucket",
        LIMITS + "requests_total",
        [
            (
                "Decisions",
                [
                    ("Admitted, by limit", "timeseries", "reqps", "{{limit}}", rate(LIMITS + "requests_total", "limit", ',outcome="admitted"')),
                    ("Refused, by limit", "timeseries", "reqps", "{{limit}}", rate(LIMITS + "requests_total", "limit", ',outcome="refused"')),
                    ("Would be refused (report mode)", "timeseries", "reqps", "{{limit}}", rate(LIMITS + "requests_total", "limit", ',outcome="reported"')),
                    ("Past all limits", "timeseries", "reqps", "{{instance}}", rate(LIMITS + "bypassed_total", "instance")),
                ],
            ),
            (
                "Is a limit in trouble?",
                [
                    ("Without a decision", "timeseries", "short", "{{limit}} {{reason}}", rate(LIMITS + "errors_total", "limit, reason")),
                    ("Buckets that had to make room", "timeseries", "short", "{{limit}}", rate(LIMITS + "overflow_total", "limit")),
                    ("Lost compare-and-swaps", "timeseries", "short", "{{limit}}", rate(LIMITS + "cas_retries_total", "limit")),
                    ("Rate limit services", "timeseries", "ops", "{{result}}", rate(LIMITS + "service_calls_total", "result")),
                ],
            ),
            (
                "Is what the workers share whole?",
                [
                    ("Damaged buckets", "timeseries", "short", "{{limit}}", rate(LIMITS + "corrupt_total", "limit")),
                    ("Configurations of workers that share nothing", "stat", "short", "{{instance}}", f"sum by (instance) ({LIMITS}unshared_total{{{PROXIES}}})"),
                ],
            ),
        ],
    ),
    "pii-redactor": (
        "Meshward: pii-redactor",
        REDACT + "findings_total",
        [
            (
                "What was found",
                [
                    ("Values by kind", "timeseries", "short", "{{type}}", rate(REDACT + "findings_total", "type")),
                    ("Values by place", "timeseries", "short", "{{where}}", rate(REDACT + "findings_total", "where")),
                    ("Values by rule and outcome", "timeseries", "short", "{{rule}} {{outcome}}", rate(REDACT + "findings_total", "rule, outcome")),
                    ("Blocked", "timeseries", "short", "{{direction}}", rate(REDACT + "blocked_total", "direction")),
                ],
            ),
            (
                "What was not searched",
                [
                    ("Passed without redaction", "stat", "short", "passed", total(REDACT + "unredacted_total", ',outcome="passed"')),
                    ("Could not be redacted", "timeseries", "short", "{{reason}} {{outcome}}", rate(REDACT + "unredacted_total", "reason, outcome")),
                    ("Not searched, by reason", "timeseries", "short", "{{reason}}", rate(REDACT + "skipped_total", "reason")),
                    ("Not what they say", "timeseries", "short", "{{where}}", rate(REDACT + "malformed_total", "where")),
                ],
            ),
            (
                "Messages that ask for too much",
                [
                    ("Refused, by limit", "timeseries", "short", "{{limit}} {{direction}}", rate(REDACT + "exceeded_total", "limit, direction", ',outcome="refused"')),
                    ("Would be refused (report mode)", "timeseries", "short", "{{limit}} {{direction}}", rate(REDACT + "exceeded_total", "limit, direction", ',outcome="reported"')),
                    ("By rule and outcome", "timeseries", "short", "{{rule}} {{outcome}}", rate(REDACT + "exceeded_total", "rule, outcome")),
                ],
            ),
            (
                "Budgets of personal data",
                [
                    ("Values charged", "timeseries", "short", "{{budget}}", rate(REDACT + "budget_values_total", "budget")),
                    ("Spent", "timeseries", "reqps", "{{budget}} {{outcome}}", rate(REDACT + "budget_spent_total", "budget, outcome")),
                    ("Requests without a key", "timeseries", "reqps", "{{budget}} {{outcome}}", rate(REDACT + "budget_keyless_total", "budget, outcome")),
                    ("Not looked up or not charged", "timeseries", "short", "{{budget}}", rate(REDACT + "budget_errors_total", "budget")),
                    ("Begun anew for want of room", "timeseries", "short", "{{budget}}", rate(REDACT + "budget_evictions_total", "budget")),
                ],
            ),
        ],
    ),
    "audit-emitter": (
        "Meshward: audit-emitter",
        AUDIT + "records_total",
        [
            (
                "Is the trail whole?",
                [
                    ("Lost records", "stat", "short", "lost", total(AUDIT + "lost_total")),
                    ("Oldest record that waits", "timeseries", "s", "{{instance}}", f"sum by (instance) ({AUDIT}oldest_record_seconds{{{PROXIES}}})"),
                    ("Records in the proxy's log", "timeseries", "short", "{{reason}}", rate(AUDIT + "spilled_total", "reason")),
                    ("Checkpoints", "timeseries", "ops", "{{instance}}", rate(AUDIT + "checkpoints_total", "instance")),
                ],
            ),
            (
                "What is recorded",
                [
                    ("Records by class and decision", "timeseries", "reqps", "{{class}} {{decision}}", rate(AUDIT + "records_total", "class, decision")),
                    ("Left out by sampling", "timeseries", "reqps", "{{class}}", rate(AUDIT + "sampled_out_total", "class")),
                    ("Refused by a filter, share", "timeseries", "percentunit", "refused", share(AUDIT + "records_total", ',decision="denied"')),
                    ("Refused by audit-emitter", "timeseries", "reqps", "{{outcome}}", rate(AUDIT + "rejected_requests_total", "outcome")),
                ],
            ),
            (
                "Delivery",
                [
                    ("Batches", "timeseries", "ops", "{{result}}", rate(AUDIT + "batches_total", "result")),
                    ("Response of the collector, 99th percentile", "timeseries", "s", "p99", quantile(AUDIT + "flush_duration_milliseconds", 1_000)),
                    ("Queue", "timeseries", "bytes", "{{instance}}", f"sum by (instance) ({AUDIT}queue_bytes{{{PROXIES}}})"),
                    ("Records that wait", "timeseries", "short", "{{instance}}", f"sum by (instance) ({AUDIT}queue_records{{{PROXIES}}})"),
                    ("Chains opened", "timeseries", "short", "{{instance}}", rate(AUDIT + "chains_opened_total", "instance")),
                    ("Handed over to other instances", "timeseries", "short", "{{instance}}", rate(AUDIT + "handed_over_total", "instance")),
                ],
            ),
            (
                "Consent and the witness",
                [
                    ("Consent that could not be read", "timeseries", "reqps", "{{source}}", rate(AUDIT + "consent_unreadable_total", "source")),
                    ("Batches to the witness", "timeseries", "ops", "{{result}}", rate(AUDIT + "witness_batches_total", "result")),
                    ("Signed records that the witness misses", "stat", "short", "missed", total(AUDIT + "witness_lost_total")),
                ],
            ),
        ],
    ),
}

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, title, kind, unit, legend, query, place):
    return {
        "id": number,
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"expr": query, "legendFormat": legend, "refId": "A", "datasource": SOURCE}],
    }


def dashboard(name, title, proxies, rows):
    panels, y = [], 0
    for row, contents in rows:
        place = {"h": 1, "w": 24, "x": 0, "y": y}
        panels.append({"id": len(panels) + 1, "type": "row", "title": row, "collapsed": False, "gridPos": place, "panels": []})
        y += 1
        width = 24 // len(contents)
        for position, contents_of_panel in enumerate(contents):
            place = {"h": 8, "w": width, "x": position * width, "y": y}
            panels.append(panel(len(panels) + 1, *contents_of_panel, place))
        y += 8
    values = f"label_values({proxies}, instance)"
    return {
        "uid": f"meshward-{name}",
        "title": title,
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "tags": ["meshward"],
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "annotations": {"list": []},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source", "hide": 0, "current": {}},
                {
                    "name": "instance",
                    "type": "query",
                    "label": "Proxy",
                    "datasource": SOURCE,
                    "query": {"query": values, "refId": "A"},
                    "definition": values,
                    "refresh": 2,
                    "includeAll": True,
                    "multi": True,
                    "allValue": ".*",
                    "current": {},
                },
            ]
        },
        "panels": panels,
    }


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    for name, contents in DASHBOARDS.items():
        text = json.dumps(dashboard(name, *contents), indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
