//! What a refused client is told.

use policy::refusal::{CustomResponse, Refusal};

use crate::config::{
    Config, CustomBody, ProviderKind, Providers, RefusalFormat, Requirement, StepUp,
};
use crate::reason::Reason;

/// What a refusal says beside its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    /// The scopes that would have been needed.
    pub(crate) scopes: Vec<String>,
    /// How and when the caller would have had to log in.
    pub(crate) step_up: StepUp,
    /// The purposes that the caller has not agreed to.
    pub(crate) purposes: Vec<String>,
    /// When it is worth trying again.
    pub(crate) retry_after_s: Option<u64>,
    /// What the client is challenged to bring.
    pub(crate) challenge: Challenge,
}

/// The authentication scheme of a challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A bearer token (RFC 6750, section 3).
    #[default]
    Bearer,
    /// An API key; there is no registered scheme for it.
    ApiKey,
}

impl Detail {
    pub(crate) fn retry_after(seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..Self::default()
        }
    }
}

impl Challenge {
    /// What a requirement wants: an API key if nothing else will do.
    pub(crate) fn of(config: &Config, requirement: &Requirement) -> Self {
        let (Providers::AnyOf(providers) | Providers::AllOf(providers)) = &requirement.providers;
        let only_keys = !providers.is_empty()
            && providers.iter().all(|index| {
                let kind = config.providers.get(*index).map(|provider| &provider.kind);
                matches!(kind, Some(ProviderKind::ApiKeys(_)))
            });
        if only_keys {
            Self::ApiKey
        } else {
            Self::Bearer
        }
    }
}

/// The refusal for a reason: challenges as RFC 6750 section 3 has them, with a fixed realm.
pub(crate) fn refusal(
    config: &Config,
    reason: Reason,
    detail: &Detail,
    request_id: Option<&str>,
) -> Refusal {
    let mut refusal = Refusal::new(reason.status(), reason.code(), reason.to_string());
    if let Some(challenge) = challenge(config, reason, detail) {
        refusal = refusal.header("www-authenticate", challenge);
    }
    if !detail.purposes.is_empty() {
        refusal = refusal.member("purposes", detail.purposes.join(" "));
    }
    if reason.is_undecided() || reason == Reason::TooManyFailures {
        let seconds = detail.retry_after_s.unwrap_or(1);
        refusal = refusal.header("retry-after", seconds.to_string());
    }
    refusal.custom = custom(&config.refusals, reason, request_id);
    refusal
}

fn challenge(config: &Config, reason: Reason, detail: &Detail) -> Option<String> {
    let realm = &config.refusals.realm;
    if reason.status() == 401 && detail.challenge == Challenge::ApiKey {
        return Some(format!("ApiKey realm=\"{realm}\""));
    }
    let error = match reason {
        // No error code where no credential was sent (section 3.1).
        Reason::CredentialMissing => String::new(),
        Reason::CredentialsMultiple => ", error=\"invalid_request\"".to_owned(),
        Reason::ScopeMissing => {
            let scopes: String = detail
                .scopes
                .join(" ")
                .chars()
                .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\') || *c == ' ')
                .collect();
            format!(", error=\"insufficient_scope\", scope=\"{scopes}\"")
        }
        // RFC 9470 section 3.
        Reason::InsufficientAuthentication => {
            let StepUp {
                acr_values,
                max_age,
            } = &detail.step_up;
            let mut error = format!(
                ", error=\"{}\", error_description=\"{reason}\"",
                reason.code()
            );
            if !acr_values.is_empty() {
                error.push_str(&format!(", acr_values=\"{}\"", acr_values.join(" ")));
            }
            if let Some(max_age) = max_age {
                error.push_str(&format!(", max_age=\"{}\"", max_age.as_secs()));
            }
            error
        }
        _ if reason.status() == 401 => ", error=\"invalid_token\"".to_owned(),
        _ => return None,
    };
    // RFC 9728 section 5.1.
    let metadata = config
        .resource_metadata
        .as_ref()
        .map(|metadata| format!(", resource_metadata=\"{}\"", metadata.uri))
        .unwrap_or_default();
    Some(format!("Bearer realm=\"{realm}\"{error}{metadata}"))
}

fn custom(
    format: &RefusalFormat,
    reason: Reason,
    request_id: Option<&str>,
) -> Option<CustomResponse> {
    let CustomBody { content_type, text } = format.body(reason.status())?;
    // Clients may choose the id: in a text of any kind, only what is plain in all of them.
    let plain = |id: &&str| {
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    let text = text
        .replace("{status}", &reason.status().to_string())
        .replace("{code}", reason.code())
        .replace("{request_id}", request_id.filter(plain).unwrap_or("-"));
    Some(CustomResponse {
        body: Some((content_type.clone(), text)),
        ..CustomResponse::default()
    })
}
