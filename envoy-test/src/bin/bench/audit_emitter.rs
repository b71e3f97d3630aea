//! What an audit trail costs: audit-emitter beside Envoy's own loggers, which do less.

use std::net::SocketAddr;

use envoy_test::client::Request;
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Collector, Peers};
use envoy_test::{Result, paths};
use serde_json::{Value, json};

use crate::load::{Load, median};

const FILTER: &str = "audit-emitter";
const ROUNDS: usize = 5;
const LOAD: Load = Load {
    connections: 8,
    warm_up: 200,
    measured: 800,
};

/// Changes an Envoy with no filter, or with audit-emitter, into the one that is measured.
type Change = fn(&mut Bootstrap, &Collector) -> Result<()>;

struct Setup {
    name: &'static str,
    filtered: bool,
    change: Change,
    microseconds: Vec<f64>,
}

impl Setup {
    fn new(name: &'static str, filtered: bool, change: Change) -> Self {
        Self {
            name,
            filtered,
            change,
            microseconds: Vec::new(),
        }
    }
}

pub(crate) fn run() -> Result<()> {
    let mut setups = [
        Setup::new("no audit", false, |_, _| Ok(())),
        Setup::new("access log to a file, JSON", false, |bootstrap, _| {
            set_access_log(bootstrap, file_logger())
        }),
        Setup::new("access log over OTLP", false, |bootstrap, native| {
            add_cluster(bootstrap, native.address());
            set_access_log(bootstrap, otlp_logger())
        }),
        Setup::new("a filter that does nothing", true, |bootstrap, _| {
            bootstrap.replace_module(FILTER, &paths::noop_filter()?)
        }),
        Setup::new("audit-emitter", true, |bootstrap, _| {
            configure(bootstrap, "metadata", false)
        }),
        Setup::new("audit-emitter, signed", true, |bootstrap, _| {
            configure(bootstrap, "metadata", true)
        }),
        Setup::new(
            "audit-emitter, signed, OTLP in JSON",
            true,
            |bootstrap, _| {
                configure(bootstrap, "metadata", true)?;
                encode_json(bootstrap)
            },
        ),
        Setup::new("audit-emitter, signed, level full", true, |bootstrap, _| {
            configure(bootstrap, "full", true)
        }),
    ];
    let peers = Peers::start()?;
    let native = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let request = Request::get("/orders/17")
        .header("user-agent", "bench/1.0")
        .header("x-forwarded-for", "192.0.2.7");
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for setup in &mut setups {
            let filters: &[&str] = if setup.filtered { &[FILTER] } else { &[] };
            let mut bootstrap = peers.bootstrap(filters)?;
            (setup.change)(&mut bootstrap, &native)?;
            let envoy = Envoy::start(&bootstrap, Options::default())?;
            let microseconds = LOAD.measure(&envoy, &|_, _| request.clone())?;
            setup.microseconds.push(microseconds);
        }
    }
    print(&setups);
    Ok(())
}

fn print(setups: &[Setup]) {
    let value = |position: usize| {
        let setup: Option<&Setup> = setups.get(position);
        setup.map_or(f64::NAN, |setup| median(&setup.microseconds))
    };
    let (nothing, noop) = (value(0), value(3));
    println!(
        "GET /orders/17 over HTTP/1.1: one worker, {} connections, {ROUNDS} rounds of {} requests\n",
        LOAD.connections,
        LOAD.connections * LOAD.measured
    );
    println!(
        "{:36} {:>10} {:>12} {:>14} {:>18}",
        "", "us of CPU", "x no audit", "x doing none", "records/s and core"
    );
    for setup in setups {
        let median = median(&setup.microseconds);
        let more = median - nothing;
        // What one core could record if it did nothing else.
        let records = if more > 0.5 {
            format!("{:.0}", 1e6 / more)
        } else {
            "-".to_owned()
        };
        println!(
            "{:36} {median:>10.1} {:>12.2} {:>14.2} {records:>18}",
            setup.name,
            median / nothing,
            median / noop
        );
    }
}

pub(crate) fn configure(bootstrap: &mut Bootstrap, level: &str, signed: bool) -> Result<()> {
    let mut configuration = json!({
        "sink": {"otlp_http": {"cluster": "collector"}},
        "rules": [{"level": level}],
    });
    if signed {
        if let Some(members) = configuration.as_object_mut() {
            members.insert("chain".to_owned(), json!({"signing_key_env": "CHAIN"}));
        }
        let vm = "/typed_config/config/vm_config";
        if let Some(vm) = bootstrap.filter(FILTER)?.pointer_mut(vm) {
            vm["environment_variables"] = json!({"key_values": {"CHAIN": KEY}});
        }
    }
    bootstrap.configure(FILTER, &configuration.to_string())
}

fn encode_json(bootstrap: &mut Bootstrap) -> Result<()> {
    let configuration = bootstrap.configuration(FILTER)?;
    let cluster = r#""cluster":"collector""#;
    let with_encoding = format!(r#"{cluster},"encoding":"json""#);
    bootstrap.configure(FILTER, &configuration.replace(cluster, &with_encoding))
}

pub(crate) fn set_access_log(bootstrap: &mut Bootstrap, logger: Value) -> Result<()> {
    bootstrap.connection_manager()?["access_log"] = Value::Array(vec![logger]);
    Ok(())
}

/// The facts of a record that Envoy's loggers know too.
fn format() -> Value {
    json!({
        "time": "%START_TIME%", "duration": "%DURATION%", "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "host": "%REQ(:AUTHORITY)%",
        "code": "%RESPONSE_CODE%", "details": "%RESPONSE_CODE_DETAILS%", "flags": "%RESPONSE_FLAGS%",
        "source": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "id": "%REQ(X-REQUEST-ID)%",
        "route": "%ROUTE_NAME%", "trace": "%REQ(TRACEPARENT)%",
    })
}

pub(crate) fn file_logger() -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
            "log_format": {"json_format": format()},
        },
    })
}

fn otlp_logger() -> Value {
    let format = format();
    let members = format.as_object().cloned().unwrap_or_default();
    let attributes = members
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"string_value": value}}));
    json!({
        "name": "envoy.access_loggers.open_telemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "log_name": "native",
            "http_service": {
                "http_uri": {"uri": "http://native/v1/logs", "cluster": "native", "timeout": "5s"},
            },
            "body": {"string_value": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%"},
            "attributes": {"values": attributes.collect::<Vec<_>>()},
        },
    })
}

fn add_cluster(bootstrap: &mut Bootstrap, at: SocketAddr) {
    let cluster = json!({
        "name": "native",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "native", "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}},
        }}]}]},
    });
    let clusters = bootstrap
        .tree()
        .pointer_mut("/static_resources/clusters")
        .and_then(Value::as_array_mut);
    if let Some(clusters) = clusters {
        clusters.push(cluster);
    }
}

const KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
