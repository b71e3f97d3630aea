//! One case, at least, for each line of the security checklist of token validation: RFC 8725, the
//! standards that it builds on, and what has gone wrong elsewhere. Each runs in every host, has its
//! own reason code, and tells nobody any part of a credential.

mod bed;
mod consent;
mod credentials;
mod examples;
mod failures;
mod fetching;
mod keys;
mod lists;
mod opaque;
mod readings;
mod requests;
mod separate;
mod tokens;
