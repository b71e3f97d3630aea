//! Trails for tests and benchmarks: the records that audit-emitter writes of requests that nobody
//! sent, the same for the same seed.

use std::rc::Rc;
use std::time::Duration;

use audit::keys::SigningKey;
use audit::{Chain, Control, Event, Hash, Head, Lost, Peers, Range, Sealed, Statement};
use audit_emitter::config::{FieldSettings, Keep, Level, Retention};
use audit_emitter::record::{self, Envelope, Observation};
use policy::decision::{Decision, Outcome};
use policy::filters::PII_REDACTOR;
use policy::finding::{Category, Finding, FindingOutcome, Place};
use policy::identity::Identity;

/// An emitter with one chain.
#[derive(Debug)]
pub struct Emitter {
    chain: Chain,
    /// The retention class of its records.
    pub class: String,
    key: Option<SigningKey>,
    random: Random,
    /// When the next record is, milliseconds since 1970.
    pub time_ms: u64,
    /// How far apart requests are at most, milliseconds.
    pub step_ms: u64,
    /// How long records are kept, milliseconds; `None` for ever.
    pub keep_ms: Option<u64>,
    /// For how long nobody may take them away, where that is another time.
    pub keep_at_least_ms: Option<u64>,
    /// The check value of the key of pseudonyms that the chain states; empty where it states none.
    pub pseudonym_key: String,
    statement: Statement,
    /// The id of the emitter, which its chains share.
    pub id: String,
    /// What it says of its configuration.
    pub config_sha256: Hash,
}

/// A request to write a record of.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "what the names say")]
pub struct Request {
    pub subject: Option<String>,
    pub client: &'static str,
    pub roles: Vec<&'static str>,
    pub operation: String,
    pub method: &'static str,
    pub path: String,
    pub status: u64,
    /// The policy that refused it, and why.
    pub refused: Option<(&'static str, &'static str)>,
    /// Classes of data in the response, with how often.
    pub data: Vec<(&'static str, u64)>,
    pub gpc: bool,
    pub purposes: Vec<&'static str>,
    pub source: String,
}

/// Numbers that look random (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number of the sequence.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next, below a limit, small ones more often than large ones.
    pub fn skewed(&mut self, limit: u64) -> u64 {
        let limit = limit.max(1);
        let one = self.number() % limit;
        let other = self.number() % limit;
        one * other / limit
    }

    fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        for half in bytes.chunks_exact_mut(8) {
            half.copy_from_slice(&self.number().to_be_bytes());
        }
        bytes
    }
}

impl Emitter {
    /// An emitter whose chain is not open yet.
    #[must_use]
    pub fn new(seed: u64, class: &str, key: Option<SigningKey>) -> Self {
        let mut random = Random(seed);
        Self {
            chain: Chain::new(random.bytes()),
            class: class.to_owned(),
            key,
            random,
            time_ms: 1_800_000_000_000,
            step_ms: 40,
            keep_ms: None,
            keep_at_least_ms: None,
            pseudonym_key: String::new(),
            statement: Statement::default(),
            id: "0123456789abcdef".to_owned(),
            config_sha256: Hash::configuration("{}"),
        }
    }

    /// Goes on with another key.
    pub fn set_key(&mut self, key: SigningKey) {
        self.key = Some(key);
    }

    /// The id of the chain.
    #[must_use]
    pub fn chain_uid(&self) -> &str {
        self.chain.uid()
    }

    /// The chain at its last record.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// Opens the chain, as the successor of `predecessor` if there is one.
    pub fn open(&mut self, predecessor: Option<Head>) -> Sealed {
        let control = Control::Open {
            emitter: self.id.clone(),
            node: Some("edge-1".to_owned()),
            config_sha256: self.config_sha256,
            heartbeat_ms: HEARTBEAT_MS,
            predecessor,
            pseudonym_key: self.pseudonym_key.clone(),
            peers: self.statement.peers.clone(),
        };
        self.control(&control, true)
    }

    /// Seals a checkpoint over the records so far.
    pub fn checkpoint(&mut self) -> Sealed {
        self.control(&Control::Checkpoint(self.stated()), true)
    }

    fn stated(&self) -> Statement {
        Statement {
            emitter: self.id.clone(),
            heartbeat_ms: HEARTBEAT_MS,
            keep_ms: self.keep_ms.unwrap_or(0),
            keep_at_least_ms: self.keep_at_least_ms.unwrap_or(0),
            pseudonym_key: self.pseudonym_key.clone(),
            ..self.statement.clone()
        }
    }

    /// Ends the chain with its last record.
    pub fn close(&mut self) -> Sealed {
        let close = Control::Close {
            statement: self.stated(),
            reason: "shutdown".to_owned(),
        };
        self.control(&close, true)
    }

    /// A gap of these numbers.
    pub fn gap(&mut self, ranges: Vec<Range>, kept: Option<&str>) -> Sealed {
        let count = ranges.iter().map(|range| range.1 - range.0 + 1).sum();
        let gap = Control::Gap(Lost {
            reason: "queue_full".to_owned(),
            count,
            chain_uid: None,
            ranges,
            kept: kept.map(str::to_owned),
            from_ms: self.time_ms,
            to_ms: self.time_ms,
        });
        self.control(&gap, false)
    }

    /// A record about chains, signed if the emitter has a key.
    pub fn control(&mut self, control: &Control, sign: bool) -> Sealed {
        let event = Event {
            control,
            time_ms: self.time_ms,
            class: &self.class,
            product: "audit-emitter",
            product_version: "0.1.0",
        };
        let sealed = self
            .chain
            .add_event(&event, self.key.as_ref().filter(|_| sign));
        if sign {
            self.statement.previous_checkpoint = sealed.sequence;
        }
        sealed
    }

    /// The record of a request that looks like others.
    pub fn some_request(&mut self) -> Sealed {
        let request = Request::some(&mut self.random);
        self.request(&request)
    }

    /// The record of a request, as audit-emitter writes it.
    pub fn request(&mut self, request: &Request) -> Sealed {
        self.time_ms += self.random.number() % self.step_ms.max(1);
        self.statement.records += 1;
        let salts = std::array::from_fn(|_| self.random.bytes());
        let id = format!(
            "{:016x}-{:016x}",
            self.random.number(),
            self.random.number()
        );
        let observation = Observation {
            time_ms: self.time_ms,
            request_id: Some(id),
            ..request.observation()
        };
        let retention = Retention {
            class: self.class.clone(),
            keep: Keep {
                at_least: self.keep_at_least_ms.map(Duration::from_millis),
                at_most: self.keep_ms.map(Duration::from_millis),
            },
        };
        let (fields, template) = (FieldSettings::default(), request.template());
        let envelope = Envelope {
            chain: &self.chain,
            salts,
            level: Level::Request,
            is_received: false,
            template,
            retention: &retention,
            fields: &fields,
            subject: None,
        };
        let writer = record::write(&observation, &envelope, MAX_RECORD_BYTES);
        for one in observation.disclosed() {
            self.statement
                .add_disclosed(one.class, one.values, one.people);
        }
        self.chain.seal(writer, None)
    }
}

/// Tells each chain what the others of its emitter have by now, and which other emitters there are.
pub fn tell_peers(chains: &mut [Emitter]) {
    let all: Vec<_> = chains
        .iter()
        .map(|chain| (chain.id.clone(), chain.head()))
        .collect();
    for (at, chain) in chains.iter_mut().enumerate() {
        let others = all.iter().enumerate().filter(|(other, _)| *other != at);
        let (same, foreign): (Vec<_>, Vec<_>) = others
            .map(|(_, other)| other)
            .partition(|(id, _)| *id == chain.id);
        let mut emitters: Vec<String> = foreign.into_iter().map(|(id, _)| id.clone()).collect();
        emitters.sort_unstable();
        emitters.dedup();
        chain.statement.peers = Peers {
            siblings: same
                .into_iter()
                .filter_map(|(_, head)| head.clone())
                .collect(),
            emitters,
        };
    }
}

impl Request {
    /// What the emitter sees of it.
    fn observation(&self) -> Observation {
        let identity = self.subject.as_ref().map(|subject| Identity {
            subject: Some(subject.clone()),
            roles: self.roles.iter().map(|role| (*role).to_owned()).collect(),
            issuer: Some("https://idp.example.com/realms/shop".to_owned()),
            client_id: Some(self.client.to_owned()),
            provider: "corp".to_owned(),
            ..Identity::default()
        });
        Observation {
            duration_ms: self.status % 17,
            method: Some(self.method.to_owned()),
            path: Some(self.path.clone()),
            host: Some("shop.example.com".to_owned()),
            route: Some(self.operation.clone()),
            status: u16::try_from(self.status).ok(),
            status_details: Some("via_upstream".to_owned()),
            source_ip: Some(self.source.clone()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned()),
            identity: identity.map(Rc::new),
            decisions: self.decisions(),
            opted_out: self.gpc,
            purposes: (!self.purposes.is_empty())
                .then(|| self.purposes.iter().map(|one| (*one).to_owned()).collect()),
            ..Observation::default()
        }
    }

    fn decisions(&self) -> Vec<Decision> {
        let by = |policy: &str, outcome| {
            let (filter, rule) = policy.split_once('/').unwrap_or((policy, "rules[0]"));
            Decision::new(filter, outcome).rule(rule)
        };
        let mut decisions = vec![match self.refused {
            Some((policy, why)) => by(policy, Outcome::Denied).reason(why),
            None => by("jwt-auth/rules[1]", Outcome::Allowed),
        }];
        if !self.data.is_empty() {
            let seen = Decision::new(PII_REDACTOR, Outcome::Allowed).rule("seen");
            decisions.push(self.data.iter().fold(seen, |decision, (kind, count)| {
                let (place, outcome) = (Place::ResponseBody, FindingOutcome::Seen);
                decision.found(Finding::new(kind, category(kind), place, outcome).times(*count))
            }));
        }
        decisions
    }

    /// The operation is called by its route where it is not method and template.
    fn template(&self) -> Option<&str> {
        self.operation.strip_prefix(self.method)?.strip_prefix(' ')
    }

    /// One like others: few subjects send most, some are refused, some responses hold personal data.
    #[must_use]
    pub fn some(random: &mut Random) -> Self {
        const ROUTES: [(&str, &str, &str, &[&str]); 8] = [
            ("GET /orders/{id}", "GET", "/orders/", &["EMAIL"]),
            (
                "GET /patients/{id}",
                "GET",
                "/patients/",
                &["US_SSN", "PHONE", "EMAIL"],
            ),
            ("POST /orders", "POST", "/orders", &[]),
            ("GET /search", "GET", "/search", &[]),
            (
                "GET /invoices/{id}",
                "GET",
                "/invoices/",
                &["IBAN", "CREDIT_CARD"],
            ),
            ("PUT /patients/{id}", "PUT", "/patients/", &["PHONE"]),
            ("GET /healthz", "GET", "/healthz", &[]),
            ("DELETE /orders/{id}", "DELETE", "/orders/", &[]),
        ];
        const REFUSALS: [(&str, &str, u64); 4] = [
            ("jwt-auth/rules[1]", "credential_missing", 401),
            ("jwt-auth/rules[2]", "scope_missing", 403),
            ("token-bucket/per-client", "rate_limited", 429),
            ("jwt-auth/rules[1]", "token_expired", 401),
        ];
        let pick = usize::try_from(random.skewed(8)).unwrap_or(0);
        let (operation, method, path, data) =
            ROUTES
                .get(pick)
                .copied()
                .unwrap_or(("GET /", "GET", "/", &[]));
        let refusal = random.skewed(60);
        let refused = usize::try_from(refusal)
            .ok()
            .filter(|_| random.number().is_multiple_of(12))
            .and_then(|index| REFUSALS.get(index % 4).copied());
        let failed = random.number().is_multiple_of(40);
        let status = match refused {
            Some((_, _, status)) => status,
            None if failed => 503,
            None => 200,
        };
        let subject = random.skewed(400);
        let succeeded = refused.is_none() && !failed;
        Self {
            subject: (status != 401).then(|| pseudonym(subject)),
            client: "shop-web",
            roles: Vec::new(),
            operation: operation.to_owned(),
            method,
            path: if path.ends_with('/') {
                format!("{path}{}", random.number() % 100_000)
            } else {
                path.to_owned()
            },
            status,
            refused: refused.map(|(policy, why, _)| (policy, why)),
            data: if succeeded {
                data.iter()
                    .map(|class| (*class, 1 + random.skewed(6)))
                    .collect()
            } else {
                Vec::new()
            },
            gpc: random.number().is_multiple_of(7),
            purposes: if random.number().is_multiple_of(3) {
                vec!["analytics", "support"]
            } else {
                Vec::new()
            },
            source: format!("192.0.2.{}", random.skewed(200)),
        }
    }
}

/// What looks like the pseudonym of a subject.
fn pseudonym(number: u64) -> String {
    let mut random = Random(number);
    format!("2026:{:016x}{:016x}", random.number(), random.number())
}

fn category(kind: &str) -> Category {
    match kind {
        "CREDIT_CARD" | "IBAN" => Category::Financial,
        "US_SSN" => Category::Governmental,
        _ => Category::Personal,
    }
}

/// A key that everybody knows.
#[must_use]
pub fn emitter_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-2026"), &[7; 32])
}

/// The key that operators' ledgers are signed with.
#[must_use]
pub fn operator_key() -> SigningKey {
    SigningKey::from_seed(Some("dpo"), &[9; 32])
}

/// The longest time between two records of these emitters.
pub const HEARTBEAT_MS: u64 = 60_000;

/// Writes the records of so many requests, as two workers of a proxy with two retention classes
/// each would leave them: batches take turns, each ends with a checkpoint, and all chains end.
///
/// # Errors
/// Whatever `out` returns.
pub fn write_trail(out: &mut impl std::io::Write, requests: u64, seed: u64) -> std::io::Result<()> {
    const YEAR_MS: u64 = 365 * 86_400_000;
    let mut emitters: Vec<Emitter> = [("default", 1), ("hipaa", 6), ("default", 1), ("hipaa", 6)]
        .into_iter()
        .zip(0_u64..)
        .map(|((class, years), number)| {
            let mut emitter = Emitter::new(seed ^ number << 32, class, Some(emitter_key()));
            emitter.keep_ms = Some(years * YEAR_MS);
            emitter.id = format!("{:024x}", seed ^ (number / 2));
            emitter
        })
        .collect();
    let mut random = Random(seed);
    for emitter in &mut emitters {
        writeln!(out, "{}", emitter.open(None).text)?;
    }
    let mut left = requests;
    while left > 0 {
        tell_peers(&mut emitters);
        for emitter in &mut emitters {
            let batch = left.min(BATCH - random.number() % 100);
            for _ in 0..batch {
                writeln!(out, "{}", emitter.some_request().text)?;
            }
            if batch > 0 {
                writeln!(out, "{}", emitter.checkpoint().text)?;
            }
            left -= batch;
        }
        let latest_ms = emitters
            .iter()
            .map(|emitter| emitter.time_ms)
            .max()
            .unwrap_or(0);
        for emitter in &mut emitters {
            emitter.time_ms = latest_ms;
        }
    }
    tell_peers(&mut emitters);
    for emitter in &mut emitters {
        writeln!(out, "{}", emitter.close().text)?;
    }
    Ok(())
}

const MAX_RECORD_BYTES: usize = 12 * 1024;
/// Records in a batch, about.
const BATCH: u64 = 500;
