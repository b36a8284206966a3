//! What goes wrong, and when.

use super::super::sim::Rng;
use super::http::Request;

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Get,
    Head,
    Put,
    Delete,
    /// Many keys at once.
    MultiDelete,
    List,
    Other,
}

impl Kind {
    pub fn of(request: &Request) -> Self {
        match (request.method.as_str(), request.key().is_some()) {
            ("GET", true) => Self::Get,
            ("GET", false) => Self::List,
            ("HEAD", true) => Self::Head,
            ("PUT", true) => Self::Put,
            ("DELETE", true) => Self::Delete,
            ("POST", false) if request.query("delete").is_some() => Self::MultiDelete,
            _ => Self::Other,
        }
    }
}

/// Whether the request was applied when it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// This is answered.
    Status(u16),
    /// The connection is closed in good order (FIN) without an answer.
    Close,
    /// The connection is reset (RST).
    Reset,
    /// No answer, ever; the connection stays open until the client gives up.
    Hang,
    /// The answer breaks off: in the middle of its body, or of its head where it has no body.
    Truncate,
    /// The connection is closed, and after so many further requests the request is applied all the same.
    Late { requests: u64 },
}

/// Each harm there is, before and after.
pub const ALL: [(When, Harm); 17] = [
    (When::Before, Harm::Status(500)),
    (When::After, Harm::Status(500)),
    (When::Before, Harm::Status(503)),
    (When::After, Harm::Status(503)),
    (When::Before, Harm::Status(429)),
    (When::After, Harm::Status(429)),
    (When::Before, Harm::Status(409)),
    (When::After, Harm::Status(409)),
    (When::Before, Harm::Close),
    (When::After, Harm::Close),
    (When::Before, Harm::Reset),
    (When::After, Harm::Reset),
    (When::Before, Harm::Hang),
    (When::After, Harm::Hang),
    (When::Before, Harm::Truncate),
    (When::After, Harm::Truncate),
    (When::Before, Harm::Late { requests: 2 }),
];

enum Which {
    Nth { from: u64, count: u64 },
    Random { rng: Rng, per_mille: u64 },
}

/// A fault: which requests it strikes and what it does.
pub struct Rule {
    kind: Option<Kind>,
    containing: String,
    not_containing: Option<String>,
    which: Which,
    fault: Option<(When, Harm)>,
    seen: u64,
    /// How often it has.
    pub struck: u64,
}

impl Rule {
    fn new(kind: Option<Kind>, which: Which, fault: Option<(When, Harm)>) -> Self {
        Self { kind, containing: String::new(), not_containing: None, which, fault, seen: 0, struck: 0 }
    }

    /// The nth request (from 1) of this kind.
    pub fn nth(kind: Kind, nth: u64, when: When, harm: Harm) -> Self {
        Self::new(Some(kind), Which::Nth { from: nth, count: 1 }, Some((when, harm)))
    }

    /// Every request of this kind.
    pub fn each(kind: Kind, when: When, harm: Harm) -> Self {
        Self::new(Some(kind), Which::Nth { from: 1, count: u64::MAX }, Some((when, harm)))
    }

    /// The nth request of any kind.
    pub fn nth_of_any(nth: u64, when: When, harm: Harm) -> Self {
        Self::new(None, Which::Nth { from: nth, count: 1 }, Some((when, harm)))
    }

    /// Any fault on this many of a thousand requests of any kind.
    pub fn random(seed: u64, per_mille: u64) -> Self {
        Self::new(None, Which::Random { rng: Rng(seed), per_mille }, None)
    }

    /// Only for keys (of a list: prefixes) that contain this.
    pub fn on(mut self, containing: &str) -> Self {
        containing.clone_into(&mut self.containing);
        self
    }

    /// Only for keys that do not contain this.
    pub fn not_on(mut self, containing: &str) -> Self {
        self.not_containing = Some(containing.to_owned());
        self
    }

    /// So many in a row.
    pub fn times(mut self, times: u64) -> Self {
        if let Which::Nth { count, .. } = &mut self.which {
            *count = times;
        }
        self
    }

    pub(super) fn strikes(&mut self, kind: Kind, key: &str) -> Option<(When, Harm)> {
        let excluded = self.not_containing.as_ref().is_some_and(|word| key.contains(word.as_str()));
        if excluded || self.kind.is_some_and(|wanted| wanted != kind) || !key.contains(&self.containing) {
            return None;
        }
        self.seen += 1;
        let fault = match &mut self.which {
            Which::Nth { from, count } => (self.seen >= *from && self.seen - *from < *count).then_some(self.fault).flatten(),
            Which::Random { rng, per_mille } => {
                let strikes = rng.next() % 1000 < *per_mille;
                // a client waits long for a server that hangs: rarely
                let any = ALL[rng.below(ALL.len())];
                let fault = if any.1 == Harm::Hang && rng.below(4) > 0 { (any.0, Harm::Reset) } else { any };
                strikes.then_some(fault)
            }
        };
        self.struck += u64::from(fault.is_some());
        fault
    }
}
