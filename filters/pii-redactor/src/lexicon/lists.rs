//! Words that say something about a name or a number without being part of a phrase.

/// Words that say that there is a value and not what it is: `ssn_value`, `phone.number`.
#[rustfmt::skip]
pub(super) const VALUE: &[&str] = &[
    "number", "no", "nr", "num", "value", "text", "raw", "formatted", "national", "international",
    "primary", "secondary", "main", "home", "work", "e164", "digits", "full", "display", "data",
    "content", "current", "previous", "old", "new", "masked", "plain", "string", "str",
];

/// Words that say nothing behind the head of a name, beside those of [`VALUE`]: `phone_hex`, and the types that
/// stores add (`MRN__c`, `first_name_s`, `title.keyword`).
#[rustfmt::skip]
pub(super) const TAIL: &[&str] = &[
    "values", "input", "confirmation", "confirm", "repeat", "again", "iso", "keyword", "txt", "c", "r", "pc", "s", "t", "i", "l", "d", "b", "dt", "ss",
    "utc", "kana", "kanji", "latin", "plaintext", "encrypted", "base64", "hex",
];

/// At the end of a name they say that it holds no such value, but something about one:
/// `phone_count`, `ssn_verified`.
#[rustfmt::skip]
pub(super) const COUNTING: &[&str] = &[
    "count", "counts", "total", "size", "length", "len", "min", "max", "limit", "index", "offset",
    "ms", "seconds", "duration", "timestamp", "time", "at", "type", "version", "hash", "status",
    "enabled", "required", "supported", "verified", "format", "policy", "url", "uri", "endpoint",
    "arn", "pattern", "regex", "expires", "ttl", "in", "age", "score", "rate",
];

/// Names in an object that declares a member, or says where a value is from: these are no part of it, such
/// as the `description` of a `birth_date`.
#[rustfmt::skip]
pub(super) const DECLARING: &[&str] = &[
    "description", "label", "placeholder", "title", "example", "examples", "enum", "nullable", "items",
    "properties", "ref", "hint", "help", "message", "messages", "error", "errors", "rule", "rules", "regex",
    "validation", "kind", "visible", "editable", "sortable", "searchable", "href", "link", "links", "self",
    "schema", "property", "column", "default", "use", "system", "period", "country", "state", "region",
    "province", "currency", "language", "lang", "locale", "unit", "active", "readonly", "optional", "source",
    "industry", "room", "caption", "alt", "method", "provider",
];

/// Right before a phrase they make it a measure: `max_age` is nobody's age.
pub(super) const MODIFIERS: &[&str] = &[
    "max", "maximum", "min", "minimum", "avg", "average", "mean", "median", "total",
];

/// Right behind a number they say what it counts.
#[rustfmt::skip]
pub(super) const UNITS: &[&str] = &[
    "ms", "msec", "millis", "milliseconds", "us", "ns", "s", "sec", "secs", "seconds", "min",
    "minutes", "hours", "days", "bytes", "byte", "b", "kb", "mb", "gb", "kib", "mib", "gib",
    "bits", "rows", "records", "items", "requests", "entries", "lines", "events", "messages",
    "times", "tokens", "ops", "cycles", "iterations", "points", "pixels", "px", "km", "m", "usd",
    "eur", "gbp", "dollars", "euros", "percent", "users", "people", "hits", "packets", "files",
    "blocks", "units", "pieces", "pcs",
];

/// Words that only repeat that there is a value, beside those of [`VALUE`]: `phone.id`, `email.address`.
#[rustfmt::skip]
pub(super) const GENERIC: &[&str] = &[
    "code", "verified", "address", "id", "identifier",
];

/// Words that name ids of things, hashes, times and amounts.
#[rustfmt::skip]
pub(super) const NEGATIVE: &[&str] = &[
    "id", "ids", "uuid", "guid", "oid", "hash", "sha", "sha1", "sha256", "md5", "etag", "checksum",
    "digest", "integrity", "version", "ver", "build", "revision", "rev", "release", "timestamp",
    "ts", "time", "updated", "created", "modified", "epoch", "count", "total", "price", "amount",
    "quantity", "qty", "size", "length", "width", "height", "offset", "index", "port", "score",
    "weight", "duration", "ms", "seconds", "order", "invoice", "sku", "ean", "upc", "isbn", "gtin",
    "barcode", "tracking", "trace", "span", "request", "correlation", "nonce", "seq", "sequence",
    "cursor", "page", "limit", "commit", "ref", "reference", "transaction", "txn", "batch",
    "parcel", "shipment", "product", "item", "issn", "bytes", "snowflake", "at",
];

/// Words that, right before a number in a text, say that it is of a thing.
#[rustfmt::skip]
pub(super) const NEGATIVE_BEFORE: &[&str] = &[
    "model", "id", "uuid", "guid", "hash", "sha", "checksum", "version", "ver", "v", "build",
    "release", "order", "invoice", "sku", "ref", "reference", "tracking", "trace", "transaction",
    "commit", "isbn", "issn", "ean", "upc", "serial", "timestamp", "epoch", "ticket", "ts", "ms",
    "rev", "revision", "parcel", "shipment", "size", "count", "price", "total", "amount",
];

/// What forms and catalogues of texts write before the name of what they ask for: `Enter your city`, `Billing city`.
/// None of them begins the name of a place.
#[rustfmt::skip]
pub(super) const ASKING: &[&str] = &[
    "your", "my", "the", "a", "an", "enter", "please", "choose", "select", "confirm", "repeat", "billing", "shipping",
    "delivery", "mailing", "customer", "patient", "user", "employee", "contact", "account",
];

/// People write these right beside a number, without a space: `No4111…`, `4111…USD`.
pub(super) const BESIDE_NUMBERS: &[&str] = &[
    "no", "nr", "num", "number", "nummer", "numero", "bic", "swift", "cvv", "cvc", "usd", "eur",
    "gbp", "chf", "cad", "aud", "jpy", "cny", "inr", "sek", "nok", "dkk", "pln", "czk", "huf",
    "brl", "mxn", "zar", "krw", "sgd",
];
