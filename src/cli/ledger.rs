//! From arguments to a store, and the notes every report makes about names it does not know.

use std::path::PathBuf;

use trade_ledger::core::entry::UNATTRIBUTED;
use trade_ledger::core::fills::{Fills, Names};
use trade_ledger::core::replay::Options;
use trade_ledger::store::Store;
use trade_ledger::store::local::{LocalStore, default_dir};

use super::args::{Global, OwnerArgs, ReplayArgs};
use super::failure::Failure;
use super::{inputs, screen};

/// The ledger's directory.
pub fn dir(global: &Global) -> PathBuf {
    match &global.ledger {
        // pointing at the file inside means its directory
        Some(path) if path.is_file() && path.file_name().is_some_and(|name| name == "ledger.jsonl") => match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        },
        Some(path) => path.clone(),
        None => default_dir(),
    }
}

/// `s3://bucket[/prefix]`, where that is the ledger.
fn s3_url(global: &Global) -> Option<&str> {
    global.ledger.as_deref()?.to_str().filter(|url| url.starts_with("s3://"))
}

#[cfg(feature = "s3")]
fn in_bucket(url: &str) -> Result<Box<dyn Store>, Failure> {
    use trade_ledger::store::s3::{Patience, S3Store};
    Ok(Box::new(S3Store::open(url, Patience::default())?))
}

#[cfg(not(feature = "s3"))]
fn in_bucket(url: &str) -> Result<Box<dyn Store>, Failure> {
    Err(Failure::usage(format!("{url}: this build cannot reach object storage; build it with the feature `s3`")))
}

/// The ledger to add to; it need not exist yet.
pub fn to_write(global: &Global) -> Result<Box<dyn Store>, Failure> {
    match s3_url(global) {
        Some(url) => in_bucket(url),
        None => Ok(Box::new(directory(global)?)),
    }
}

fn directory(global: &Global) -> Result<LocalStore, Failure> {
    if global.ledger.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
        return Err(Failure::usage("--ledger is empty: give the ledger's directory"));
    }
    Ok(LocalStore::open(dir(global))?)
}

/// The ledger to read; one that does not exist is an error that says where it was looked for.
pub fn to_read(global: &Global) -> Result<Box<dyn Store>, Failure> {
    match s3_url(global) {
        Some(url) => in_bucket(url),
        None => Ok(Box::new(local(global)?)),
    }
}

/// The same for what only a ledger in a directory can do.
pub fn local(global: &Global) -> Result<LocalStore, Failure> {
    if let Some(url) = s3_url(global) {
        return Err(Failure::usage(format!("{url}: this command works on a ledger in a directory only")));
    }
    let store = directory(global)?;
    if store.exists() {
        return Ok(store);
    }
    Err(Failure::usage(format!(
        "there is no ledger in {}. Record fills with `trade-ledger record fills.csv`, try `trade-ledger demo`, or say where the ledger is \
         with --ledger DIR or TRADE_LEDGER_BASE_PATH.",
        dir_shown(global)
    )))
}

/// Passes on what the store wants a person to know.
pub fn pass_on_notices(store: &dyn Store) {
    for notice in store.take_notices() {
        screen::note(&notice);
    }
}

/// The ledger's directory or bucket as messages show it.
pub fn dir_shown(global: &Global) -> String {
    inputs::shown(&dir(global))
}

/// What to replay, with notes about names the ledger does not hold.
pub fn options(global: &Global, replay: &ReplayArgs, symbol: Option<&str>, fills: &Fills) -> Options {
    note_account(global, fills);
    if let trade_ledger::core::attribution::Policy::Single(name) = &replay.policy {
        note_missing(fills.strategies(), "strategy", Some(name.as_str()).filter(|name| *name != UNATTRIBUTED));
    }
    Options {
        account: global.account.clone(),
        symbol: symbol.map(str::to_owned),
        as_of: replay.as_of,
        policy: replay.policy.clone(),
        account_books: false,
    }
}

/// Notes an account the ledger does not hold.
pub fn note_account(global: &Global, fills: &Fills) {
    note_missing(fills.accounts(), "account", global.account.as_deref());
}

/// The owner and symbol asked for, as the ledger writes them: `Some(None)` is the unattributed book.
pub fn owner(of: &OwnerArgs, fills: &Fills) -> (Option<Option<String>>, Option<String>) {
    let strategy = of.strategy.as_deref().map(str::trim).map(|name| (name != UNATTRIBUTED).then(|| name.to_owned()));
    let symbol = of.symbol.as_deref().map(|symbol| symbol.trim().to_uppercase());
    note_missing(fills.strategies(), "strategy", strategy.as_ref().and_then(Option::as_deref));
    note_missing(fills.symbols(), "symbol", symbol.as_deref());
    (strategy, symbol)
}

/// Notes a name that no fill has, with the names there are.
pub fn note_missing(names: &Names, what: &str, wanted: Option<&str>) {
    const SHOWN: usize = 8;
    let Some(wanted) = wanted.filter(|name| names.find(name).is_none()) else { return };
    let mut known: Vec<&str> = names.iter().filter(|name| !name.is_empty()).collect();
    known.sort_unstable();
    let more = known.len().saturating_sub(SHOWN);
    known.truncate(SHOWN);
    let known = match (known.as_slice(), more) {
        ([], _) => format!("no fill names a{} {what}", if what == "account" { "n" } else { "" }),
        (some, 0) => format!("there is {}", some.join(", ")),
        (some, more) => format!("there is {} and {more} more", some.join(", ")),
    };
    screen::note(&format!("the ledger holds no {what} {wanted:?}; {known}"));
}
