//! Methods in a rule.

use crate::config::Node;
use crate::nearest::nearest;

/// A method in upper case; a typing mistake such as `get` would never match.
pub(super) fn method(node: &Node<'_>) -> Option<String> {
    let text = node.name(32)?;
    let meant = || nearest(text, METHODS.into_iter());
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_')
    {
        let upper = text.to_ascii_uppercase();
        let known = METHODS.into_iter().find(|method| *method == upper);
        match known.or_else(meant) {
            Some(method) => node.reject(format_args!(
                "did you mean {method:?}? methods are in upper case"
            )),
            None => node.reject("expected a method in upper case, such as GET"),
        }
        return None;
    }
    if matches!(text, "ANY" | "ALL") {
        node.reject("no method has this name; without \"methods\" a rule is about all of them");
        return None;
    }
    if !METHODS.contains(&text)
        && let Some(method) = meant()
    {
        node.warn(
            "method_unknown",
            format_args!("no method that is known; did you mean {method:?}?"),
        );
    }
    Some(text.to_owned())
}

/// The methods that are registered, and those of caches and of UPnP.
const METHODS: [&str; 48] = [
    "ACL",
    "BAN",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REFRESH",
    "REPORT",
    "SEARCH",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "VIEW",
];
