//! Everything that `meshward check` can find, each under a number that never changes its meaning.

/// A kind of finding, with its stable code.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable code: `MW1203`.
    pub id: &'static str,
    /// The name: `rule_unreachable`.
    pub name: &'static str,
    /// What it means and what to do.
    pub about: &'static str,
}

macro_rules! codes {
    ($($constant:ident $id:literal $name:literal $about:literal;)*) => {
        $(pub(super) const $constant: Code = Code { id: $id, name: $name, about: $about };)*
        /// All of them, by number.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}

codes! {
    INVALID "MW1001" "invalid_config"
        "The filter refuses this configuration: its own parser has found the mistake. A proxy that is started with it does not start; one that is running keeps the configuration before.";
    SYNTAX "MW1002" "syntax"
        "The text is not the JSON or YAML that belongs there, so nothing in it could be checked. Plugin configurations are JSON without comments and trailing commas; manifests may be YAML.";
    DUPLICATE_KEY "MW1003" "duplicate_key"
        "A key stands twice in one map. Parsers keep one of the two, and not the same one.";
    YAML_BOOLEAN "MW1004" "yaml_boolean"
        "A word such as no, off or yes without quotes: YAML 1.1, which Kubernetes reads, takes it for a boolean, and YAML 1.2 for a text. Write true, false, or quotes.";
    NOTHING_FOUND "MW1005" "nothing_found"
        "The file was given by name, or has a key that is nearly one of a configuration, and there is no configuration of a filter in it: neither by the name of a module nor by its keys. If it is a configuration, say whose: meshward check token-bucket FILE. Of folders and patterns, and of other resources of Kubernetes, a line says that there is none.";
    TEMPLATE "MW1006" "not_rendered"
        "The file is a template (Helm, Go). Render it first: helm template . | meshward check -";
    API_KEY_EXPIRED "MW1201" "api_key_expired"
        "An API key is past its time and admits nobody. Take it out, or give it another time.";
    CONSENT_TRUSTED "MW1202" "consent_trusted"
        "A header or cookie may grant consent, and callers can write both. It is right only where something before the filter writes it and removes what callers send.";
    RULE_UNREACHABLE "MW1203" "rule_unreachable"
        "An earlier rule matches every request that this one does, so it never decides. Put the special rule before the general one.";
    RULE_NAME_DUPLICATE "MW1204" "rule_name_duplicate"
        "Two rules have one name: logs, metrics and records cannot tell them apart.";
    PROVIDER_UNUSED "MW1205" "provider_unused"
        "No rule names this provider, so it never vouches for anybody.";
    DEFAULT_ENFORCES "MW1206" "default_enforces"
        "All rules report and the default enforces: requests that no rule matches are refused all the same.";
    TEMPLATE_MISSING "MW1207" "template_missing"
        "The template of the rule is recorded in place of the path, and a rule has none.";
    METHOD_UNKNOWN "MW1215" "method_unknown"
        "No registered method has this name, and one is near: a rule for a misspelt method never matches.";
    CLASS_UNDETECTED "MW1217" "class_undetected"
        "A budget counts a class of data that no rule detects in responses, so it is never charged. Add its kinds to detect; with the action detect they stay as they are.";
    ISSUER_TLS "MW1209" "issuer_without_tls"
        "The issuer is an http address: whoever can change it on the way can say which keys count.";
    RANGE_HOST_BITS "MW1210" "range_host_bits"
        "The address of a range has bits behind its length, which do not count: 10.0.0.7/8 is all of 10.0.0.0/8.";
    BYPASS_EVERYBODY "MW1211" "bypass_everybody"
        "The bypass is for everybody: nothing is limited.";
    EVERYTHING_DENIED "MW1212" "everything_denied"
        "No rule lets anybody pass, and neither does the default: every request is refused.";
    SYNCHRONOUS_UNVERIFIED "MW1213" "synchronous_unverified"
        "The rule asks for scopes or claims, and is to hold requests until a record is stored. Nobody has verified the caller at that time, so it never does: choose such requests by route, host, path or method.";
    TEMPLATE_UNFIT "MW1214" "template_unfit"
        "The template fits none of the paths of its rule, so records name a path that no request has.";
    RETENTION_MISSING "MW1208" "retention_missing"
        "No rule says how long the records of a retention class are kept: they never expire, `audit purge` leaves them, and `audit erase` may not take them away. Say \"keep\" in the rule or for all; {\"at_least\": \"6y\"} alone keeps them for ever on purpose.";
    DATA_SUBJECT_UNUSED "MW1216" "data_subject_unused"
        "A rule says where messages name the people that they are about, and no record takes it: in \"redact\" without a rule of \"audit\" that asks for people in bodies, or in a rule of audit-emitter whose level is \"none\". Say data_subject in a rule of \"audit\" that records; \"redact\" then looks by itself.";
    ALL_OF_IMPOSSIBLE "MW1218" "all_of_impossible"
        "Two providers of all_of look for their credentials at one place only, the same: a request has one there, which counts for one of them. Give one of them another place.";
    HEADER_SHARED "MW1219" "header_shared"
        "Two providers of all_of set one header: the upstream gets what the first caller's token says, or nothing. Give one of them another header.";
    CONSENT_BEFORE_CALLER "MW1220" "consent_before_caller"
        "jwt-auth chooses rules before it knows the caller, so a condition on consent in a match goes by the signals of the request alone: no claim, no lookup, no remembered opt-out, no objection. Put what callers must have agreed to under require.";
    ON_ERROR_ALLOW "MW1221" "on_error_allow"
        "While a provider is away, requests pass that nobody has authenticated. What clients can bring about themselves (made-up keys, too many requests) is refused all the same.";
    KEY_UNUSABLE "MW1222" "key_unusable"
        "A key of the JWK set checks no token: it is wrong, too weak, for another use, or beyond the first 100. Tokens that name it are refused.";
    IP_PREFIX_ZERO "MW1223" "ip_prefix_zero"
        "An address prefix of no bits makes one client of everybody: one bucket for all, one address in records.";
    LOOPBACK_PROXY "MW1224" "loopback_proxy"
        "Only addresses of loopback are trusted. For a peer on loopback Envoy (use_remote_address) appends an address of its own machine to X-Forwarded-For, not the peer's: list that address as well, or all clients are one.";
    CREDENTIAL_TAKEN "MW1225" "credential_taken"
        "A filter behind jwt-auth looks for a credential that jwt-auth has taken out of the request: a limit by it is one bucket for everybody, and a condition on it never holds for a verified caller. Go by the caller (\"consumer\", \"claim:sub\"), or let every provider of the place say \"forward\": true.";
    HEADER_TAKEN "MW1226" "header_taken"
        "One header is given two meanings, of which one takes it away: a header that jwt-auth sets from a claim is first of all taken out of requests, and so are secrets of \"bypass\" and credentials. Give one of them another name.";
    PREFLIGHTS_COUNTED "MW1227" "preflights_counted"
        "\"cors_preflight\": \"allow\" lets preflights pass without a caller, and a limit by caller counts them by what it falls back to, such as the address that an office shares. List the methods that it counts, without OPTIONS, and give OPTIONS a limit of its own.";
    GRAPHQL_ALIASES_PASS "MW1228" "graphql_aliases_pass"
        "A rule about members of responses at a path of GraphQL, and no rule reads the operations: with an alias (x: ssn) callers rename what the rule goes by. Add a rule with \"graphql\": {} for request.body and request.query.";
    OWNER_MAY_BE_MISSING "MW1229" "owner_may_be_missing"
        "An object without its owner stays, and callers of many APIs leave members out (?fields=). Name the items of a list in the path, or say \"if_missing\": \"else\" where every response has an owner, \"keep\" where you have thought about it.";
    NO_EFFECT "MW1230" "no_effect"
        "A setting of pii-redactor that hides nothing: an action on a kind that its rule does not detect, headers where no headers are searched, a network of all bits, card numbers that are to stay under pci, a budget of what nobody gets in clear.";
    DISCLOSURES_LEFT_OUT "MW1231" "disclosures_left_out"
        "A rule that names the people whom the data is about records a sample, or gives its records way to others (best_effort): of the requests that leave no record nobody can tell whom they were about, so an accounting of disclosures (45 CFR 164.528, GDPR article 15) is not whole. Record all of them.";
    OTHER_WARNING "MW1299" "warning"
        "Accepted, and probably not meant.";
    CLUSTER_MISSING "MW2001" "cluster_missing"
        "The configuration names a cluster that the bootstrap does not have: every call to it fails. Clusters are looked for in static_resources.clusters, also in the bootstrap of an EnvoyProxy, and among the registries of an McpBridge; with dynamic clusters (cds_config) nothing is said.";
    CLUSTER_PROTOCOL "MW2002" "cluster_protocol"
        "A rate limit service is asked over gRPC, which needs HTTP/2, and its cluster does not say so: set http2_protocol_options in typed_extension_protocol_options, or use \"transport\": \"http\".";
    CLUSTER_TLS "MW2003" "cluster_without_tls"
        "The address begins with https and its cluster has no transport_socket: the call, with its credentials, goes in the clear.";
    CLUSTER_FORM "MW2004" "cluster_form"
        "Clusters have the names that the host gives them: outbound|443||idp.example.com on Istio (port, subset, host of the service), outbound|443||idp.dns on Higress (name and type of a registry of an McpBridge), host:port on APISIX and Kong. Calls to anything else fail.";
    CHAIN_ORDER "MW2101" "chain_order"
        "The order of the chain is audit-emitter, jwt-auth, token-bucket, pii-redactor, router: a filter knows only what those before it have found out.";
    AFTER_ROUTER "MW2102" "after_router"
        "The router ends the chain. A filter behind it never runs.";
    VM_ID_SHARED "MW2103" "vm_id_shared"
        "Two different filters have one vm_id, so they share one space of stored data and can crowd each other out. Give each filter its own.";
    VM_ID_MISSING "MW2104" "vm_id_missing"
        "The vm_id is the name of the stored data: limits, and records that wait. Without one, instances are told apart by their code and configuration, and a change of either begins anew.";
    FAIL_OPEN "MW2105" "fail_open"
        "If the filter fails, requests pass it: nobody is authenticated, limited or redacted. Use FAIL_RELOAD, or FAIL_CLOSE.";
    CAPABILITY_MISSING "MW2106" "capability_missing"
        "The list of allowed capabilities lacks one that the filter needs. A missing callback is skipped in silence: Envoy reports that all is well and lets everything through. A missing call ends the VM.";
    STATS_TAGS "MW2107" "stats_tags_missing"
        "The filters put labels at the end of the names of metrics, and stats_config.stats_tags splits them. Without it each combination is a metric of its own.";
    ENV_MISSING "MW2108" "env_missing"
        "The configuration names an environment variable that the manifest does not hand to the VM: the filter refuses to start. In Envoy: vm_config.environment_variables; Istio: vmConfig.env; Envoy Gateway: env.hostKeys.";
    ROUTE_UNREAD "MW2109" "route_metadata_unread"
        "The metadata of a route or a virtual host says something to a filter that does not read it: its plugin lacks \"route_config\": true (a warning), or the name space or the member is called otherwise (an error: the filter refuses the requests of the route).";
    NAME_COLLIDES "MW2110" "plugin_name_collides"
        "APISIX has a plugin of its own of this name, and takes that one. Give ours another name, such as meshward-jwt-auth.";
    OTHER_FILTER "MW2111" "config_of_other_filter"
        "The module and the configuration do not fit: it has the keys of another filter.";
    CONFIG_MISSING "MW2112" "config_missing"
        "The filter is here without a configuration, and refuses to start.";
    SHA256_MISSING "MW2113" "sha256_missing"
        "The module is fetched and nothing says which one: whoever can change it at its source runs code in the proxy. Say its sha256.";
    SAME_PRIORITY "MW2114" "same_priority"
        "Two plugins have one phase and one priority, so their order is not defined.";
    ROUTES_BY_CHANGED_HEADER "MW2115" "routes_by_changed_header"
        "Routes match on a header that a filter sets or removes, and a filter goes by the route. Envoy chooses the route anew when a header changes, and the filter has gone by the one before, which a client may have chosen. Let rules go by the claim or the header, or give these routes the same policies: filters/meshward/ROUTES.md.";
    MANAGED_HEADERS_REMOVED "MW2116" "managed_headers_removed"
        "A filter goes by the route, and jwt-auth, which cannot know that, only removes headers that clients may not send. Envoy chooses the route anew then, and a client has chosen the one that the filter goes by. Say \"managed_headers\": \"refuse\"; or \"remove\", if no route goes by such a header.";
    DATA_SUBJECT_UNSEEN "MW2117" "data_subject_unseen"
        "A rule of audit-emitter asks for the people in bodies, which pii-redactor finds, and no pii-redactor beside it has a rule that looks for them: records name nobody. Say data_subject in a rule of pii-redactor for the same paths. In the bundle it looks by itself.";
    DISABLED "MW2118" "filter_disabled"
        "The filter is disabled in its list of filters, and no route of the text enables it, or what its host switches plugins off with says so (\"enabled\": false of Kong, _meta.disable of APISIX, a type NETWORK of Istio, which sees no requests): requests pass it unchecked. Enable it with an entry of its name in typed_per_filter_config, or take the switch out.";
    DISABLED_ON_ROUTE "MW2119" "filter_disabled_on_route"
        "A route or a virtual host switches the filter off, or it runs for some requests only (_meta.filter of APISIX): the others pass it unchecked.";
    INTERNAL_REDIRECT "MW2120" "internal_redirect"
        "Envoy runs all filters again for an internal redirect, on the request as they have left it: without the credential that jwt-auth has taken off, so that a target that asks for one refuses it, and limits charge it twice. Let the client follow the redirect, or say \"forward\": true.";
    ROUTES_BY_PATH "MW2121" "routes_by_path"
        "A filter goes by the route, and routes go by the path. A path that some server takes for another place is refused (route_trust), but not what ordinary clients send and upstreams take for the same: /Admin, /index.php/admin, /admin.json, and with an escaped slash /admin%2Fusers, which \"route_trust\": \"unambiguous\" refuses. A rule with \"paths\" has none of these gaps: say there what must hold, or let routes differ by host. filters/meshward/ROUTES.md.";
    BODY_RULE_REFUSES "MW2122" "body_rule_refuses"
        "The host cannot change bodies (APISIX, Kong), and a rule of pii-redactor about bodies enforces: every request that has one and that the rule matches is refused, whatever is in it. Let the rule report (\"mode\": \"report\"), leave bodies out of apply_to, or say \"on_error\": {\"host_readonly\": \"pass\"}: what is found is counted then, and sent.";
    CALLER_UNKNOWN "MW2123" "caller_unknown"
        "A filter goes by the caller, and nothing before it says who that is: no jwt-auth in the chain, or a bundle without \"auth\". Limits then have one bucket for everybody, conditions on claims never hold, and nobody is exempt. Put jwt-auth before it, or go by what requests themselves have, such as \"ip\".";
    IDENTITY_FROM_CLIENT "MW2124" "identity_from_client"
        "\"identity_from\": \"header\" where the header is not jwt-auth's: on Envoy and what is built on it the identity is a property, jwt-auth never writes the header, and without jwt-auth the client writes it and is whoever it likes. Leave the key out; it is for APISIX and Kong, behind jwt-auth.";
    UPGRADE_UNFILTERED "MW2125" "upgrade_unfiltered"
        "An upgrade type with filters of its own does not pass http_filters: with Connection: Upgrade, or CONNECT, a client walks past the filter. Leave \"filters\" out of upgrade_configs, so that upgrades pass all of them, or list the filter there too.";
    ANSWERED_BEFORE "MW2126" "answered_before"
        "A filter that responds from its store stands before ours: what it has stored for one caller goes to everybody, unchecked, uncounted and unrecorded. Put it behind pii-redactor, and let responses say who may store them (Cache-Control: private, Vary).";
    LISTENER_UNFILTERED "MW2127" "listener_unfiltered"
        "Another listener or filter chain has routes to the same clusters, and not the filter: whoever comes that way passes it unchecked. Give its connection manager the same filters, or close it to clients.";
    NORMALIZE_PATH "MW2201" "normalize_path_off"
        "Dot segments reach the upstream as a client wrote them; requests that rules disagree about are refused with 400.";
    MERGE_SLASHES "MW2202" "merge_slashes_off"
        "// reaches the upstream; requests that rules disagree about are refused with 400.";
    ESCAPED_SLASHES "MW2203" "escaped_slashes_kept"
        "%2F and %5C reach the upstream, and some servers take them for slashes.";
    CLIENT_ADDRESS "MW2204" "client_address_from_client"
        "At the edge, clients choose in X-Forwarded-For the address that limits and records go by.";
    PEER_HOPS "MW2205" "trusted_hops_is_the_peer"
        "Envoy itself appends its peer to X-Forwarded-For, so one trusted hop is the balancer before it, not the client.";
    HOPS_OF_GATEWAY "MW2206" "trusted_hops_contradicted"
        "The gateway is told how many proxies are in front of it (ClientTrafficPolicy of Envoy Gateway, gatewayTopology of Istio), and trusted_hops says something else: limits and records go by another address than the gateway. Where the gateway knows, leave trusted_hops out.";
}

/// A code by its number or its name; the old spelling of a name counts too.
pub fn find(word: &str) -> Option<&'static Code> {
    let word = match word {
        "unreachable_rule" => "rule_unreachable",
        word => word,
    };
    ALL.iter()
        .find(|code| code.id.eq_ignore_ascii_case(word) || code.name == word)
}

/// The code of a warning of a parser.
pub(super) fn of_warning(name: &str) -> &'static Code {
    find(name).unwrap_or(&OTHER_WARNING)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_one_of_a_kind() {
        let ids: BTreeSet<&str> = ALL.iter().map(|code| code.id).collect();
        let names: BTreeSet<&str> = ALL.iter().map(|code| code.name).collect();
        assert_eq!((ids.len(), names.len()), (ALL.len(), ALL.len()));
        assert_eq!(
            find("mw1203").map(|code| code.name),
            Some("rule_unreachable")
        );
        assert_eq!(find("unreachable_rule").map(|code| code.id), Some("MW1203"));
    }

    /// The page of the command lists every one.
    #[test]
    fn the_readme_has_every_code() {
        let page = include_str!("../../../cli/README.md");
        for code in ALL {
            let row = format!("| `{}` | `{}` |", code.id, code.name);
            assert!(page.contains(&row), "{row} {} |", code.about);
        }
    }
}
