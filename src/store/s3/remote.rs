//! The bucket: a few requests, each told apart by what it proves.
//!
//! The client never retries by itself. Reads are tried again here; of a write that failed nothing is believed until
//! the object has been read.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, GetOptions, ObjectMeta, ObjectStore, PutMode, PutOptions, UpdateVersion};

use crate::store::StoreError;

/// How often a read is tried.
const TRIES: u32 = 5;

/// Objects read at the same time.
const AT_ONCE: usize = 16;

/// The user metadata that tells one write from another of the same bytes.
const WRITER: &str = "trade-ledger-write";

/// An object that was read whole.
pub struct Object {
    pub bytes: Vec<u8>,
    pub e_tag: Option<String>,
    pub writer: Option<String>,
}

/// One bucket.
pub struct Remote {
    client: Arc<dyn ObjectStore>,
    /// `s3://bucket`.
    url: String,
    /// The longest wait before the second try; it doubles with each.
    pause: Duration,
}

/// A number nobody can guess: for write ids and jitter, never for anything that is kept.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Remote {
    pub fn new(client: Arc<dyn ObjectStore>, url: String, pause: Duration) -> Self {
        Self { client, url, pause }
    }

    pub fn bucket(&self) -> &str {
        &self.url
    }

    /// An object's URL.
    pub fn url(&self, path: &Path) -> String {
        format!("{}/{path}", self.url)
    }

    pub fn error(&self, action: &'static str, path: &Path, error: &Error) -> StoreError {
        StoreError::Remote { action, object: self.url(path), reason: reason(error) }
    }

    /// Waits a random time, longer after each try.
    pub async fn pause(&self, tried: u32) {
        let most = u64::try_from(self.pause.as_millis()).unwrap_or(1000) << tried.min(6);
        tokio::time::sleep(Duration::from_millis(random() % most.max(1) + 1)).await;
    }

    /// Every object below a path, those behind `after` where it is given.
    ///
    /// # Errors
    /// No try got a whole listing.
    pub async fn list(&self, below: &Path, after: Option<&Path>) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut tried = 0;
        loop {
            let listing = match after {
                Some(after) => self.client.list_with_offset(Some(below), after),
                None => self.client.list(Some(below)),
            };
            match listing.try_collect().await {
                Ok(objects) => return Ok(objects),
                Err(error) if tried + 1 == TRIES || is_final(&error) => return Err(self.error("list", below, &error)),
                Err(_) => self.pause(tried).await,
            }
            tried += 1;
        }
    }

    /// An object; `None` when there is none.
    ///
    /// # Errors
    /// No try got an answer.
    pub async fn get(&self, path: &Path) -> Result<Option<Object>, StoreError> {
        let mut tried = 0;
        loop {
            match self.get_once(path).await {
                Ok(object) => return Ok(Some(object)),
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) if tried + 1 == TRIES || is_final(&error) => return Err(self.error("read", path, &error)),
                Err(_) => self.pause(tried).await,
            }
            tried += 1;
        }
    }

    async fn get_once(&self, path: &Path) -> Result<Object, Error> {
        let got = self.client.get_opts(path, GetOptions::default()).await?;
        let writer = got.attributes.get(&Attribute::Metadata(WRITER.into())).map(|value| value.as_ref().to_owned());
        let e_tag = got.meta.e_tag.clone();
        Ok(Object { bytes: got.bytes().await?.to_vec(), e_tag, writer })
    }

    /// Several objects, in the order asked for.
    ///
    /// # Errors
    /// The first object that could not be read, or is not there any more.
    pub async fn get_all(&self, paths: &[Path]) -> Result<Vec<Option<Object>>, StoreError> {
        futures_util::stream::iter(paths).map(|path| self.get(path)).buffered(AT_ONCE).try_collect().await
    }

    /// Creates an object that must not exist yet. An error proves nothing: see [`Remote::get`].
    ///
    /// # Errors
    /// Whatever the client made of the answer.
    pub async fn create(&self, path: &Path, bytes: &[u8], writer: &str) -> Result<Option<String>, Error> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(WRITER.into()), writer.to_owned().into());
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        Ok(self.client.put_opts(path, bytes.to_vec().into(), options).await?.e_tag)
    }

    /// Replaces an object on a condition that cannot hold; a store that keeps its promises refuses.
    ///
    /// # Errors
    /// Whatever the client made of the answer.
    pub async fn replace_stale(&self, path: &Path) -> Result<(), Error> {
        let version = UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".to_owned()), version: None };
        let options = PutOptions::from(PutMode::Update(version));
        self.client.put_opts(path, b"stale".to_vec().into(), options).await.map(|_| ())
    }
}

/// Errors that another try does not change.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::InvalidPath { .. }
            | Error::NotImplemented { .. }
            | Error::NotSupported { .. }
    )
}

fn reason(error: &Error) -> String {
    let text = error.to_string();
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            format!("{text} (check the credentials and what they are allowed)")
        }
        _ => text,
    }
}
