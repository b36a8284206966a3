//! The proof that a bucket can be trusted with several writers: some stores ignore the conditions of a write, some
//! check them and then write without holding on to what they checked.
//!
//! What was proved is kept beside the ledger in `trade_ledger_probe/passed`, with the endpoint it was proved for, so
//! that later processes need one request.

use futures_util::future::join_all;
use object_store::Error;

use super::layout::Layout;
use super::remote::{Remote, random};
use crate::store::StoreError;

/// Writers that race for one name.
const RACERS: u64 = 8;

/// Proves the bucket, unless that was done before.
///
/// # Errors
/// [`StoreError::Untrusted`] with the promise that was broken; [`StoreError::Remote`] when it could not be found out.
pub async fn prove(remote: &Remote, layout: &Layout, endpoint: &str) -> Result<(), StoreError> {
    let passed = layout.probe("passed");
    let proof = format!("{endpoint}\n");
    if remote.get(&passed).await?.is_some_and(|kept| kept.bytes == proof.as_bytes()) {
        return Ok(());
    }
    let untrusted = |reason: &str| {
        Err(StoreError::Untrusted {
            bucket: remote.bucket().to_owned(),
            reason: format!("{reason}; two writers would lose each other's fills. Use a store with conditional writes"),
        })
    };
    let name = layout.probe(&format!("{:016x}", random()));
    let bodies: Vec<String> = (0..RACERS).map(|racer| format!("{racer}\n")).collect();
    let race = join_all(bodies.iter().map(|body| remote.create(&name, body.as_bytes(), body.trim_end()))).await;
    let mut won = race.iter().zip(&bodies).filter(|(result, _)| result.is_ok()).map(|(_, body)| body);
    let first = won.next();
    if won.next().is_some() {
        return untrusted("of several that created one object at the same time more than one was told that it had");
    }
    let Some(kept) = remote.get(&name).await? else {
        let error = race.iter().find_map(|result| result.as_ref().err());
        return Err(match error {
            Some(error) => remote.error("write", &name, error),
            None => {
                StoreError::Untrusted { bucket: remote.bucket().to_owned(), reason: "an object that was created cannot be read".to_owned() }
            }
        });
    };
    if first.is_some_and(|first| kept.bytes != first.as_bytes()) {
        return untrusted("an object that was created was replaced by one that should have failed");
    }
    match remote.create(&name, b"again\n", "again").await {
        Ok(_) => return untrusted("it ignores If-None-Match: an object that exists was created again"),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(error) => return Err(remote.error("write", &name, &error)),
    }
    match remote.replace_stale(&name).await {
        Ok(()) => return untrusted("it ignores If-Match: an object was replaced by a writer that had not seen it"),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(error) => return Err(remote.error("write", &name, &error)),
    }
    // only saves time: whoever comes second finds it there
    let _ = remote.create(&passed, proof.as_bytes(), "proof").await;
    Ok(())
}
