//! The product's store on a server of a test.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, RetryConfig};
use trade_ledger::store::s3::{Patience, S3Store};

/// A test does not wait long.
pub const PATIENCE: Patience = Patience { request: Duration::from_millis(300), pause: Duration::from_millis(2) };

/// The ledger below a prefix of the bucket `books`.
pub fn open(endpoint: &str, prefix: &str, patience: Patience) -> S3Store {
    let client = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name("books")
        // where a bucket is made when its maker says nothing
        .with_region("us-east-1")
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_client_options(ClientOptions::new().with_allow_http(true).with_timeout(patience.request))
        .build()
        .expect("a client");
    S3Store::over(Arc::new(client), "books", prefix, endpoint, patience).expect("opens")
}
