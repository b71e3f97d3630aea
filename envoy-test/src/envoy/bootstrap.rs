//! The Envoy configuration that users read, fitted to where things run in a test.
//!
//! `envoy-test/envoy/meshward.yaml` is written for the containers of `docker-compose.yaml`. The
//! tests and the demonstration run that very file: only the addresses and paths that this module
//! declares are replaced, and one that is not found as declared is an error, so that the file and
//! the tests cannot drift apart.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::client::Protocol;
use crate::error::Context;
use crate::paths::{BUNDLE, PARTS};
use crate::{Error, FILTERS, Result, paths};

/// An address as the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The IP address to listen on.
    pub host: &'static str,
    /// The port to listen on.
    pub port: u16,
}

/// The listener through which all requests go.
pub const LISTENER: &str = "gateway";
/// Where that listener is in the configuration.
pub const GATEWAY: Address = Address {
    host: "0.0.0.0",
    port: 10000,
};
/// Where the admin interface is in the configuration.
pub const ADMIN: Address = Address {
    host: "0.0.0.0",
    port: 9901,
};
/// Where it is in a configuration for one machine, which no container has to reach.
const LOCAL_ADMIN: Address = Address {
    host: "127.0.0.1",
    ..ADMIN
};
/// The clusters and where they are in the configuration.
pub const CLUSTERS: [(&str, Address); 3] = [
    (
        "upstream",
        Address {
            host: "upstream",
            port: 8080,
        },
    ),
    (
        "idp",
        Address {
            host: "idp",
            port: 8081,
        },
    ),
    (
        "collector",
        Address {
            host: "collector",
            port: 4318,
        },
    ),
];
/// Where a cluster says where it is.
const CLUSTER_ADDRESS: &str =
    "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
/// The folder of the modules in the configuration.
pub const MODULES: &str = "/meshward/dist";

/// A static bootstrap of Envoy.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    file: PathBuf,
    tree: Value,
}

impl Bootstrap {
    /// The configuration that users read, as it is in the repository.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn shipped() -> Result<Self> {
        Self::read(&paths::root().join("envoy-test/envoy/meshward.yaml"))
    }

    /// Reads a bootstrap in YAML.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).context(format!("reading {}", file.display()))?;
        let file = file.to_path_buf();
        match serde_saphyr::from_str(&text) {
            Ok(tree) => Ok(Self { file, tree }),
            Err(error) => Err(Error::Config {
                file: file.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// Lets the listener and the admin interface take any free port of the loopback interface.
    ///
    /// # Errors
    /// When they are not where they are declared to be.
    pub fn on_free_ports(&mut self) -> Result<()> {
        self.listen_on(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            SocketAddr::from(([127, 0, 0, 1], 0)),
        )
    }

    /// Says where the listener and the admin interface are to be.
    ///
    /// # Errors
    /// When they are not where they are declared to be.
    pub fn listen_on(&mut self, gateway: SocketAddr, admin: SocketAddr) -> Result<()> {
        let address = self.tree.pointer_mut("/admin/address/socket_address");
        let is_local = address
            .as_ref()
            .is_some_and(|address| address["address"] == LOCAL_ADMIN.host);
        let declared = if is_local { LOCAL_ADMIN } else { ADMIN };
        replace_address(address, declared, admin).map_err(|reason| self.wrong(&reason))?;
        let listener = self.named("/static_resources/listeners", LISTENER)?;
        let address = listener.pointer_mut("/address/socket_address");
        replace_address(address, GATEWAY, gateway).map_err(|reason| self.wrong(&reason))
    }

    /// Takes the second line of defence away: paths reach the filters as clients write them, as with
    /// the defaults of Envoy. The filters must hold without it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn leave_paths_alone(&mut self) -> Result<()> {
        let manager = self.connection_manager()?.as_object_mut();
        let removed = manager.is_some_and(|manager| {
            ["normalize_path", "merge_slashes"]
                .iter()
                .all(|name| manager.remove(*name).is_some())
        });
        if removed {
            Ok(())
        } else {
            Err(self.wrong("its connection manager normalises no paths"))
        }
    }

    /// A cluster, to be changed.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn cluster(&mut self, name: &str) -> Result<&mut Value> {
        self.named("/static_resources/clusters", name)
    }

    /// Says where a cluster of [`CLUSTERS`] really is.
    ///
    /// # Errors
    /// When it is not where it is declared to be.
    pub fn place_cluster(&mut self, name: &str, at: SocketAddr) -> Result<()> {
        let declared = CLUSTERS.iter().find(|(cluster, _)| *cluster == name);
        let Some((_, declared)) = declared else {
            return Err(self.wrong(&format!("{name} is not one of the declared clusters")));
        };
        self.place_declared(name, *declared, at)
    }

    /// Says where a cluster really is that the configuration has at `declared`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn place_declared(&mut self, name: &str, declared: Address, at: SocketAddr) -> Result<()> {
        let cluster = self.cluster(name)?;
        replace_address(cluster.pointer_mut(CLUSTER_ADDRESS), declared, at)
            .map_err(|reason| self.wrong(&reason))
    }

    /// Says that a cluster is somewhere else than [`Bootstrap::place_cluster`] has put it.
    ///
    /// # Errors
    /// When there is no such cluster with one address.
    pub fn move_cluster(&mut self, name: &str, to: SocketAddr) -> Result<()> {
        let reason = self.wrong(&format!("the cluster {name} has no address"));
        let cluster = self.cluster(name)?;
        let address = cluster.pointer_mut(CLUSTER_ADDRESS).ok_or(reason)?;
        *address = json!({"address": to.ip().to_string(), "port_value": to.port()});
        Ok(())
    }

    /// Points every filter to the module that `make build` left.
    ///
    /// # Errors
    /// When a module is not built, or not where it is declared to be.
    pub fn load_built_modules(&mut self) -> Result<()> {
        for filter in FILTERS {
            if self.filter(filter).is_ok() {
                let declared = json!(format!("{MODULES}/{filter}.wasm"));
                let wrong = self.wrong(&format!("{filter} does not load {declared}"));
                if *self.module(filter)? != declared {
                    return Err(wrong);
                }
                self.replace_module(filter, &paths::wasm(filter)?)?;
            }
        }
        Ok(())
    }

    /// Points a filter to a module of another kind.
    ///
    /// # Errors
    /// When the filter is not there.
    pub fn replace_module(&mut self, filter: &str, module: &Path) -> Result<()> {
        *self.module(filter)? = json!(module);
        Ok(())
    }

    /// Puts the bundle in the place of the filters in the chain, with their configurations as its
    /// parts and the environment of all of them.
    ///
    /// # Errors
    /// When the bundle is not built, or a filter is not as declared.
    pub fn bundle(&mut self) -> Result<()> {
        let mut parts = Vec::new();
        let mut environment = serde_json::Map::new();
        let mut bundle = None;
        for (filter, part) in PARTS {
            let Ok(entry) = self.filter(filter).cloned() else {
                continue;
            };
            let configuration = self.configuration(filter)?;
            parts.push(format!("\"{part}\": {configuration}"));
            let variables = "/typed_config/config/vm_config/environment_variables/key_values";
            let variables = entry.pointer(variables).and_then(Value::as_object);
            environment.extend(variables.cloned().unwrap_or_default());
            bundle.get_or_insert(entry);
        }
        let mut bundle = bundle.ok_or_else(|| self.wrong("has none of the filters"))?;
        let module = paths::wasm(BUNDLE)?;
        let vm = "/typed_config/config/vm_config";
        let changes = [
            (String::new(), "name", json!(BUNDLE)),
            ("/typed_config/config".to_owned(), "name", json!(BUNDLE)),
            (
                "/typed_config/config/configuration".to_owned(),
                "value",
                json!(format!("{{{}}}", parts.join(",\n"))),
            ),
            (vm.to_owned(), "vm_id", json!(BUNDLE)),
            (
                vm.to_owned(),
                "environment_variables",
                json!({ "key_values": environment }),
            ),
            (format!("{vm}/code/local"), "filename", json!(module)),
        ];
        for (place, key, value) in changes {
            let object = bundle.pointer_mut(&place).and_then(Value::as_object_mut);
            let wrong = || self.wrong(&format!("has a filter without {place}"));
            object.ok_or_else(wrong)?.insert(key.to_owned(), value);
        }
        let chain = self.chain()?;
        let is_filter = |entry: &Value| {
            let name = entry.get("name").and_then(Value::as_str);
            name.is_some_and(|name| FILTERS.contains(&name))
        };
        let first = chain.iter().position(is_filter).unwrap_or_default();
        chain.retain(|entry| !is_filter(entry));
        chain.insert(first, bundle);
        Ok(())
    }

    /// Leaves only these filters in the chain, and the router.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn keep_filters(&mut self, filters: &[&str]) -> Result<()> {
        for filter in filters {
            self.filter(filter)?;
        }
        self.chain()?.retain(|entry| {
            let name = entry
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            !FILTERS.contains(&name) || filters.contains(&name)
        });
        Ok(())
    }

    /// The plugin configuration of a filter.
    ///
    /// # Errors
    /// When the filter or its configuration is not there.
    pub fn configuration(&mut self, filter: &str) -> Result<String> {
        let value = self.configuration_value(filter)?;
        Ok(match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
    }

    /// Replaces the plugin configuration of a filter.
    ///
    /// # Errors
    /// When the filter or its configuration is not there.
    pub fn configure(&mut self, filter: &str, configuration: &str) -> Result<()> {
        *self.configuration_value(filter)? = json!(configuration);
        // It may have stood there as a structure.
        if let Some(kind) = self
            .filter(filter)?
            .pointer_mut("/typed_config/config/configuration/@type")
        {
            *kind = json!("type.googleapis.com/google.protobuf.StringValue");
        }
        Ok(())
    }

    /// Sets an environment variable of the VM of a filter.
    ///
    /// # Errors
    /// When the filter is not there.
    pub fn set_environment(&mut self, filter: &str, name: &str, value: &str) -> Result<()> {
        let reason = self.wrong(&format!("{filter} has no VM"));
        let vm = self
            .filter(filter)?
            .pointer_mut("/typed_config/config/vm_config")
            .ok_or(reason)?;
        let variables = vm
            .as_object_mut()
            .map(|vm| vm.entry("environment_variables"))
            .map(|entry| entry.or_insert_with(|| json!({"key_values": {}})));
        let variables = variables.and_then(|variables| variables.pointer_mut("/key_values"));
        if let Some(Value::Object(variables)) = variables {
            variables.insert(name.to_owned(), json!(value));
        }
        Ok(())
    }

    #[cfg(feature = "bed")]
    /// Lets a filter call and be called by everything that its module names, but for this.
    ///
    /// # Errors
    /// When the filter is not there, or its module cannot be read.
    pub fn forbid(&mut self, filter: &str, function: &str) -> Result<()> {
        let module = self.module(filter)?.as_str().unwrap_or_default().to_owned();
        let bytes = fs::read(&module).context(format!("reading {module}"))?;
        let module = wasmi::Module::new(&wasmi::Engine::default(), &bytes)
            .map_err(|error| self.wrong(&format!("{filter} has no module: {error}")))?;
        let imports = module.imports().map(|import| import.name().to_owned());
        let exports = module.exports().map(|export| export.name().to_owned());
        let allowed: serde_json::Map<String, Value> = imports
            .chain(exports)
            .filter(|name| name != function)
            .map(|name| (name, json!({})))
            .collect();
        let reason = self.wrong(&format!("{filter} has no plugin configuration"));
        let plugin = self
            .filter(filter)?
            .pointer_mut("/typed_config/config")
            .and_then(Value::as_object_mut)
            .ok_or(reason)?;
        let restriction = json!({"allowed_capabilities": allowed});
        plugin.insert("capability_restriction_config".to_owned(), restriction);
        Ok(())
    }

    /// Says which protocol Envoy speaks with the upstream, and lets trailers pass either way; over
    /// HTTP/1.1 Envoy drops them unless told so.
    ///
    /// # Errors
    /// When the upstream or the connection manager is not there.
    pub fn speak_with_upstream(&mut self, protocol: Protocol) -> Result<()> {
        let trailers = json!({"enable_trailers": true});
        self.connection_manager()?["http_protocol_options"] = trailers.clone();
        let spoken = match protocol {
            Protocol::Http1 => json!({"http_protocol_options": trailers}),
            Protocol::Http2 => json!({"http2_protocol_options": {}}),
        };
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        let upstream = self.named("/static_resources/clusters", "upstream")?;
        upstream["typed_extension_protocol_options"] = json!({
            options: {
                "@type": format!("type.googleapis.com/{options}"),
                "explicit_http_config": spoken,
            }
        });
        Ok(())
    }

    /// The text to give to Envoy.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.tree.to_string()
    }

    /// The listener with another name and VMs of that name, as discovery gives it to Envoy.
    pub(super) fn listener_as(&self, name: &str) -> Result<Value> {
        let mut bootstrap = self.clone();
        for filter in bootstrap.chain()? {
            if let Some(vm) = filter.pointer_mut("/typed_config/config/vm_config/vm_id") {
                *vm = json!(format!("{}-{name}", vm.as_str().unwrap_or_default()));
            }
        }
        let listener = bootstrap.named("/static_resources/listeners", LISTENER)?;
        listener["name"] = json!(name);
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        Ok(listener.take())
    }

    /// The text to give to an Envoy that reads its listener from a file, and again when that is replaced.
    pub(super) fn with_listener_from(&self, file: &Path) -> String {
        let mut tree = self.tree.clone();
        if let Some(listeners) = tree.pointer_mut("/static_resources/listeners") {
            *listeners = json!([]);
        }
        if let Some(tree) = tree.as_object_mut() {
            let source =
                json!({"path_config_source": {"path": file}, "resource_api_version": "V3"});
            tree.insert(
                "dynamic_resources".to_owned(),
                json!({"lds_config": source}),
            );
            tree.insert(
                "node".to_owned(),
                json!({"id": LISTENER, "cluster": LISTENER}),
            );
        }
        tree.to_string()
    }

    /// The whole tree, for tests that look at or change other parts.
    pub fn tree(&mut self) -> &mut Value {
        &mut self.tree
    }

    /// The settings of the connection manager.
    ///
    /// # Errors
    /// When it is not there.
    pub fn connection_manager(&mut self) -> Result<&mut Value> {
        let reason = self.wrong("has no connection manager");
        let listener = self.named("/static_resources/listeners", LISTENER)?;
        listener
            .pointer_mut("/filter_chains/0/filters/0/typed_config")
            .ok_or(reason)
    }

    /// The entry of a filter in the chain.
    ///
    /// # Errors
    /// When it is not there.
    pub fn filter(&mut self, name: &str) -> Result<&mut Value> {
        let reason = self.wrong(&format!("has no HTTP filter named {name}"));
        let named = |entry: &&mut Value| entry.get("name").and_then(Value::as_str) == Some(name);
        self.chain()?.iter_mut().find(named).ok_or(reason)
    }

    fn module(&mut self, filter: &str) -> Result<&mut Value> {
        let reason = self.wrong(&format!("{filter} loads no module from a file"));
        let path = "/typed_config/config/vm_config/code/local/filename";
        self.filter(filter)?.pointer_mut(path).ok_or(reason)
    }

    fn configuration_value(&mut self, filter: &str) -> Result<&mut Value> {
        let reason = self.wrong(&format!("{filter} has no configuration"));
        let value = "/typed_config/config/configuration/value";
        self.filter(filter)?.pointer_mut(value).ok_or(reason)
    }

    pub(super) fn chain(&mut self) -> Result<&mut Vec<Value>> {
        let reason = self.wrong("has no list of HTTP filters");
        let filters = self.connection_manager()?.get_mut("http_filters");
        filters.and_then(Value::as_array_mut).ok_or(reason)
    }

    pub(super) fn named(&mut self, list: &str, name: &str) -> Result<&mut Value> {
        let reason = self.wrong(&format!("has nothing named {name} in {list}"));
        let named = |entry: &&mut Value| entry.get("name").and_then(Value::as_str) == Some(name);
        let list = self.tree.pointer_mut(list).and_then(Value::as_array_mut);
        list.and_then(|list| list.iter_mut().find(named))
            .ok_or(reason)
    }

    pub(super) fn wrong(&self, reason: &str) -> Error {
        Error::Config {
            file: self.file.display().to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Replaces an address if it is as declared.
fn replace_address(
    address: Option<&mut Value>,
    declared: Address,
    actual: SocketAddr,
) -> std::result::Result<(), String> {
    let expected = json!({"address": declared.host, "port_value": declared.port});
    match address {
        Some(address) if *address == expected => {
            *address = json!({"address": actual.ip().to_string(), "port_value": actual.port()});
            Ok(())
        }
        Some(other) => Err(format!("expected the address {expected}, found {other}")),
        None => Err(format!("expected the address {expected}, found none")),
    }
}
