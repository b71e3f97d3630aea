//! What a rule wants of the connection: TLS, certificates, and tokens that are bound to them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::{Host, Request, has_client_certificate};
use policy::hex;
use policy::identity::{AuthenticationMethod, Claims, Identity};
use policy::json::Json;

use crate::config::{TlsRequirement, TlsVersion};
use crate::reason::Reason;

/// Checks the connection of the effective context.
///
/// # Errors
/// The reason to refuse the request.
pub(crate) fn check(
    host: &dyn Host,
    request: &Request,
    required: &TlsRequirement,
) -> Result<(), Reason> {
    let version = tls_version(host);
    if !is_encrypted(host, request, required) {
        return Err(Reason::TlsRequired);
    }
    if required
        .min_version
        .is_some_and(|least| version.is_none_or(|version| version < least))
    {
        return Err(Reason::TlsRequired);
    }
    if required.wants_certificate() && !has_client_certificate(host) {
        return Err(Reason::ClientCertificateRequired);
    }
    if !required.san.is_empty() {
        let names = subject_alternative_names(host);
        let fits = |name: &String| required.san.iter().any(|pattern| pattern.fits(name));
        if !names.iter().any(fits) {
            return Err(Reason::ClientCertificateRequired);
        }
    }
    Ok(())
}

/// Whether the request came with TLS: over this connection, or over the one to the proxy before
/// this one, where the rule trusts that.
pub(crate) fn is_encrypted(host: &dyn Host, request: &Request, required: &TlsRequirement) -> bool {
    tls_version(host).is_some()
        || (required.forwarded_proto
            && request
                .header(host, "x-forwarded-proto")
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")))
}

/// Checks that the certificate of this connection is the one that a token is bound to: base64url
/// of its SHA-256 (RFC 8705 section 3.1).
pub(crate) fn is_bound_to(host: &dyn Host, digest: &str) -> bool {
    certificate_digest(host).is_some_and(|found| found == digest)
}

/// The digest of the client's certificate, in base64url: hosts tell it in hexadecimal.
fn certificate_digest(host: &dyn Host) -> Option<String> {
    let property = host.property(&["connection", "sha256_peer_certificate_digest"]);
    let digits = String::from_utf8(property.ok()?).ok()?;
    hex::decode::<32>(&digits).map(|digest| URL_SAFE_NO_PAD.encode(digest))
}

/// The caller that the certificate of this connection names: its first URI, else its first DNS name,
/// else its subject. `None` where the client has shown none, or the host does not say.
pub(crate) fn certificate_identity(host: &dyn Host) -> Option<Identity> {
    if !has_client_certificate(host) {
        return None;
    }
    let text = |name: &str| {
        let value = host.property(&["connection", name]).ok()?;
        String::from_utf8(value)
            .ok()
            .filter(|text| !text.is_empty())
    };
    let uri = text("uri_san_peer_certificate");
    let dns = text("dns_san_peer_certificate");
    let distinguished = text("subject_peer_certificate");
    let subject = uri
        .clone()
        .or_else(|| dns.clone())
        .or_else(|| distinguished.clone())?;
    let mut members = vec![("sub".to_owned(), Json::from(subject.as_str()))];
    for (name, value) in [
        ("uri_san", uri),
        ("dns_san", dns),
        ("subject_dn", distinguished),
    ] {
        members.extend(value.map(|value| (name.to_owned(), Json::String(value))));
    }
    if let Some(digest) = certificate_digest(host) {
        let confirmation = vec![("x5t#S256".to_owned(), Json::String(digest))];
        members.push(("cnf".to_owned(), Json::Object(confirmation)));
    }
    Some(Identity {
        subject: Some(subject),
        method: AuthenticationMethod::ClientCertificate,
        provider: CERTIFICATE.to_owned(),
        claims: Claims(Json::Object(members)),
        ..Identity::default()
    })
}

/// Where the same page is with TLS: for what a browser may repeat without harm.
pub(crate) fn https_location(host: &dyn Host, request: &Request) -> Option<String> {
    let repeatable = matches!(request.method(host), "GET" | "HEAD");
    let path = std::str::from_utf8(request.raw_path(host)).ok()?;
    let name = request.host_name(host);
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\?#@\"<>".contains(&byte);
    let usable = repeatable && path.starts_with('/') && !name.is_empty() && name.bytes().all(plain);
    if !usable {
        return None;
    }
    let name = if name.contains(':') {
        format!("[{name}]")
    } else {
        name.to_owned()
    };
    Some(format!("https://{name}{path}"))
}

fn tls_version(host: &dyn Host) -> Option<TlsVersion> {
    let name = host.property(&["connection", "tls_version"]).ok()?;
    TlsVersion::named(std::str::from_utf8(&name).ok()?)
}

/// The provider of an identity that a certificate gives.
pub(crate) const CERTIFICATE: &str = "client_certificate";

/// The first of each kind is what hosts tell.
fn subject_alternative_names(host: &dyn Host) -> Vec<String> {
    ["uri_san_peer_certificate", "dns_san_peer_certificate"]
        .iter()
        .filter_map(|name| host.property(&["connection", name]).ok())
        .filter_map(|name| String::from_utf8(name).ok())
        .filter(|name| !name.is_empty())
        .collect()
}
