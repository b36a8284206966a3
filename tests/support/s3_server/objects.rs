//! The objects, and what each request does to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use uuid::Uuid;

use super::http::{Answer, Request, escaped, unescaped};

struct Object {
    body: Vec<u8>,
    /// From the bytes alone, as S3 does: the same bytes have the same ETag.
    etag: String,
    modified: Timestamp,
    metadata: Vec<(String, String)>,
}

/// Ways in which other servers differ from the first.
#[derive(Debug, Clone)]
pub struct Quirks {
    /// `If-None-Match` and `If-Match` are read by nobody.
    pub ignores_conditions: bool,
    /// ETags are compared as they come: with quotes they never match.
    pub unquoted_if_match: bool,
    /// `If-Match` on an object that is not there answers 412 rather than 404.
    pub missing_is_precondition_failed: bool,
    /// A page of a list is never longer.
    pub page: usize,
    /// Every answer to a PUT comes without an ETag.
    pub no_etag_on_put: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            ignores_conditions: false,
            unquoted_if_match: false,
            missing_is_precondition_failed: false,
            page: 1000,
            no_etag_on_put: false,
        }
    }
}

#[derive(Default)]
pub struct Objects {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    passed: Duration,
    pub quirks: Quirks,
}

impl Objects {
    pub fn create_bucket(&mut self, name: &str) {
        self.buckets.entry(name.to_owned()).or_default();
    }

    pub fn contents(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        self.buckets[bucket].iter().map(|(key, object)| (key.clone(), object.body.clone())).collect()
    }

    pub fn put(&mut self, bucket: &str, key: &str, body: &[u8]) {
        let object = self.object(body.to_vec(), Vec::new());
        self.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object);
    }

    pub fn remove(&mut self, bucket: &str, key: &str) {
        self.buckets.entry(bucket.to_owned()).or_default().remove(key);
    }

    pub fn pass(&mut self, time: Duration) {
        self.passed += time;
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.passed
    }

    fn object(&self, body: Vec<u8>, metadata: Vec<(String, String)>) -> Object {
        let etag = format!("\"{}\"", Uuid::new_v5(&Uuid::NAMESPACE_OID, &body).simple());
        Object { body, etag, modified: self.now(), metadata }
    }

    /// Does what a request asks.
    pub fn answer(&mut self, request: &Request) -> Answer {
        let date = http_date(self.now());
        let answer = if !self.buckets.contains_key(&request.bucket) && request.method != "PUT" {
            Answer::error(404, "NoSuchBucket", &request.bucket)
        } else {
            match (request.method.as_str(), request.key()) {
                ("GET" | "HEAD", Some(key)) => self.get(request, key),
                ("GET", None) => self.list(request),
                ("HEAD", None) => Answer::new(200),
                ("PUT", Some(key)) => self.put_request(request, key),
                ("PUT", None) => {
                    self.create_bucket(&request.bucket);
                    Answer::new(200)
                }
                ("DELETE", Some(key)) => {
                    self.remove(&request.bucket, key);
                    Answer::new(204)
                }
                ("POST", None) if request.query("delete").is_some() => self.multi_delete(request),
                _ => Answer::error(501, "NotImplemented", &request.method),
            }
        };
        answer.with("date", date)
    }

    fn get(&self, request: &Request, key: &str) -> Answer {
        let Some(object) = self.buckets[&request.bucket].get(key) else { return Answer::error(404, "NoSuchKey", key) };
        if request.header("if-match").is_some_and(|wanted| !self.matches(wanted, &object.etag)) {
            return Answer::error(412, "PreconditionFailed", key);
        }
        if request.header("if-none-match").is_some_and(|known| known == "*" || self.matches(known, &object.etag)) {
            return Answer::new(304).with("etag", object.etag.clone());
        }
        let mut answer = Answer::new(200)
            .with("etag", object.etag.clone())
            .with("last-modified", http_date(object.modified))
            .with("accept-ranges", "bytes")
            .with("content-type", "application/octet-stream");
        answer.metadata.clone_from(&object.metadata);
        let Some(range) = request.header("range") else { return answer.body(object.body.clone()) };
        let length = object.body.len();
        let Some((start, end)) = range_of(range, length) else {
            return Answer::error(416, "InvalidRange", range).with("content-range", format!("bytes */{length}"));
        };
        answer.status = 206;
        answer.with("content-range", format!("bytes {start}-{}/{length}", end - 1)).body(&object.body[start..end])
    }

    fn matches(&self, wanted: &str, etag: &str) -> bool {
        let bare = |tag: &str| tag.trim_matches('"').to_owned();
        wanted == "*" || if self.quirks.unquoted_if_match { wanted == bare(etag) } else { bare(wanted) == bare(etag) }
    }

    fn put_request(&mut self, request: &Request, key: &str) -> Answer {
        let known = self.buckets.get(&request.bucket).and_then(|bucket| bucket.get(key)).map(|object| object.etag.clone());
        if !self.quirks.ignores_conditions {
            if request.header("if-none-match") == Some("*") && known.is_some() {
                return Answer::error(412, "PreconditionFailed", key);
            }
            match (request.header("if-match"), &known) {
                (Some(wanted), Some(etag)) if !self.matches(wanted, etag) => return Answer::error(412, "PreconditionFailed", key),
                (Some(_), None) if self.quirks.missing_is_precondition_failed => return Answer::error(412, "PreconditionFailed", key),
                (Some(_), None) => return Answer::error(404, "NoSuchKey", key),
                _ => {}
            }
        }
        let metadata = request.headers().filter(|(name, _)| name.starts_with("x-amz-meta-"));
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let object = self.object(request.body.clone(), metadata);
        let answer = if self.quirks.no_etag_on_put { Answer::new(200) } else { Answer::new(200).with("etag", object.etag.clone()) };
        self.buckets.entry(request.bucket.clone()).or_default().insert(key.to_owned(), object);
        answer
    }

    fn multi_delete(&mut self, request: &Request) -> Answer {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult>");
        for key in body.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>")).map(|(key, _)| unescaped(key)) {
            self.remove(&request.bucket, &key);
            let _ = write!(xml, "<Deleted><Key>{}</Key></Deleted>", escaped(&key));
        }
        Answer::new(200).with("content-type", "application/xml").body(xml + "</DeleteResult>")
    }

    fn list(&self, request: &Request) -> Answer {
        let bucket = &self.buckets[&request.bucket];
        let prefix = request.query("prefix").unwrap_or_default();
        let delimiter = request.query("delimiter").filter(|text| !text.is_empty());
        let after = request.query("continuation-token").or(request.query("start-after")).unwrap_or_default();
        let wanted = request.query("max-keys").and_then(|n| n.parse().ok()).unwrap_or(1000);
        let page = self.quirks.page.min(wanted).max(1);
        let (mut contents, mut common, mut last, mut count) = (String::new(), Vec::<String>::new(), String::new(), 0);
        let mut truncated = false;
        for (key, object) in bucket.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix)) {
            if key.as_str() <= after {
                continue;
            }
            let group = delimiter.and_then(|delimiter| Some(&key[..prefix.len() + key[prefix.len()..].find(delimiter)? + delimiter.len()]));
            if group.is_some_and(|group| common.last().is_some_and(|last| last == group)) {
                continue;
            }
            if count == page {
                truncated = true;
                break;
            }
            count += 1;
            if let Some(group) = group {
                common.push(group.to_owned());
                // past everything in the group
                last = format!("{group}\u{10ffff}");
                continue;
            }
            last.clone_from(key);
            let (key, etag, size, modified) = (escaped(key), escaped(&object.etag), object.body.len(), object.modified);
            let _ = write!(
                contents,
                "<Contents><Key>{key}</Key><LastModified>{modified:.3}</LastModified><ETag>{etag}</ETag><Size>{size}</Size></Contents>"
            );
        }
        for group in &common {
            let _ = write!(contents, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(group));
        }
        let next = if truncated { format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(&last)) } else { String::new() };
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount>\
             <IsTruncated>{truncated}</IsTruncated>{next}{contents}</ListBucketResult>",
            escaped(&request.bucket),
            escaped(prefix)
        );
        Answer::new(200).with("content-type", "application/xml").body(xml)
    }
}

fn http_date(time: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).expect("a date of our times")
}

/// `bytes=a-b`, `bytes=a-` and `bytes=-n` as a range of bytes; `None` when it asks for nothing that is there.
fn range_of(header: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (from.parse::<usize>().ok(), to.parse::<usize>().ok()) {
        (Some(from), Some(to)) => (from, to.checked_add(1)?.min(length)),
        (Some(from), None) => (from, length),
        (None, Some(last)) => (length.saturating_sub(last), length),
        (None, None) => return None,
    };
    (start < end).then_some((start, end))
}
