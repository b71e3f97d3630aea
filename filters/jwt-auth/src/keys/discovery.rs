//! OpenID Connect Discovery 1.0: from the metadata of an issuer to its keys.

use policy::json::Json;

use crate::config::{Discovery, Endpoint};
use crate::keys::FetchError;
use crate::keys::document::without_mark;

/// Where the metadata say that the keys are.
///
/// # Errors
/// Why they are not believed: they must name the very issuer (section 4.3), and an address that
/// can be reached as configured.
pub fn jwks_endpoint(
    metadata: &[u8],
    discovery: &Discovery,
    asked: &Endpoint,
) -> Result<Endpoint, FetchError> {
    let metadata = Json::parse(without_mark(metadata)).map_err(|_| FetchError("not_json"))?;
    let text = |name: &str| metadata.member(name).and_then(Json::as_str);
    if text("issuer") != Some(discovery.issuer.as_str()) {
        return Err(FetchError("issuer_mismatch"));
    }
    let uri = text("jwks_uri").ok_or(FetchError("no_jwks_uri"))?;
    let address = Endpoint::split(uri).map_err(|_| FetchError("no_jwks_uri"))?;
    let (scheme, authority, _) = &address;
    if *scheme == "http" && !discovery.plain_http {
        return Err(FetchError("jwks_uri_plain_http"));
    }
    // A cluster reaches the hosts that it is made for: asking it for another one would leave it to
    // whoever answers there what our keys are.
    let asked_scheme = discovery.issuer.split(':').next().unwrap_or_default();
    let upstream = match &discovery.jwks_cluster {
        Some(cluster) => cluster,
        None if is_same_host((scheme, authority), (asked_scheme, &asked.authority)) => {
            &asked.upstream
        }
        None => return Err(FetchError("jwks_uri_elsewhere")),
    };
    Ok(Endpoint::within(address, upstream.clone()))
}

/// Whether two addresses, each a scheme and an authority, lead to one port of one host: letters count in either
/// case, and a port may be left out where it is the scheme's own (RFC 3986 section 6.2.3).
fn is_same_host(one: (&str, &str), other: (&str, &str)) -> bool {
    fn host_and_port<'a>((scheme, authority): (&str, &'a str)) -> (&'a str, &'a str) {
        let scheme_port = if scheme == "http" { "80" } else { "443" };
        match authority.rsplit_once(':') {
            // In an IPv6 address the last colon is one of its own.
            Some((host, port)) if !port.ends_with(']') => match port {
                "" => (host, scheme_port),
                _ => (host, port),
            },
            _ => (authority, scheme_port),
        }
    }
    let (one, other) = (host_and_port(one), host_and_port(other));
    one.0.eq_ignore_ascii_case(other.0) && one.1 == other.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(metadata: &str, jwks_cluster: Option<&str>) -> Result<String, &'static str> {
        let discovery = Discovery {
            issuer: "https://idp.test/shop".to_owned(),
            jwks_cluster: jwks_cluster.map(str::to_owned),
            plain_http: false,
        };
        let address = Endpoint::split("https://idp.test/.well-known/x").unwrap();
        let asked = Endpoint::within(address, "idp".to_owned());
        jwks_endpoint(metadata.as_bytes(), &discovery, &asked)
            .map(|endpoint| format!("{} {}", endpoint.upstream, endpoint.path))
            .map_err(|FetchError(code)| code)
    }

    #[test]
    fn metadata_are_believed_if_they_fit() {
        let with =
            |issuer: &str, uri: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#);
        let issuer = "https://idp.test/shop";
        for (metadata, cluster, expected) in [
            (
                with(issuer, "https://idp.test/keys?a=b"),
                None,
                Ok("idp /keys?a=b"),
            ),
            (
                with(issuer, "https://keys.test/"),
                None,
                Err("jwks_uri_elsewhere"),
            ),
            (
                with(issuer, "https://idp.test:444/"),
                None,
                Err("jwks_uri_elsewhere"),
            ),
            (
                with(issuer, "https://IDP.test:443/keys"),
                None,
                Ok("idp /keys"),
            ),
            (
                with(issuer, "https://idp.test:80/keys"),
                None,
                Err("jwks_uri_elsewhere"),
            ),
            (
                with(issuer, "https://keys.test/"),
                Some("keys"),
                Ok("keys /"),
            ),
            (
                with(issuer, "http://idp.test/keys"),
                None,
                Err("jwks_uri_plain_http"),
            ),
            (
                with(issuer, "ftp://idp.test/keys"),
                None,
                Err("no_jwks_uri"),
            ),
            (
                with(issuer, "https://idp.test/a b"),
                None,
                Err("no_jwks_uri"),
            ),
            (
                with("https://idp.test/shop/", "https://idp.test/"),
                None,
                Err("issuer_mismatch"),
            ),
            (
                with("https://evil.test", "https://idp.test/"),
                None,
                Err("issuer_mismatch"),
            ),
            ("{}".to_owned(), None, Err("issuer_mismatch")),
            (
                format!(r#"{{"issuer":"{issuer}"}}"#),
                None,
                Err("no_jwks_uri"),
            ),
            ("<html>".to_owned(), None, Err("not_json")),
        ] {
            let found = endpoint(&metadata, cluster);
            assert_eq!(
                found.as_deref().map_err(|code| *code),
                expected,
                "{metadata}"
            );
        }
    }
}
