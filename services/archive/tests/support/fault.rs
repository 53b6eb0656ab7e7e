//! A store whose n-th operation goes wrong.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and an error comes back.
    Before,
    /// It happens, and an error comes back all the same.
    After,
    /// A write leaves half of the bytes in a staging object, a read ends half way.
    Partial,
    /// A write finds the disk full.
    Full,
    /// The store says that the key exists, and it does not: S3 answers so while another request is open.
    Busy,
    /// No answer ever comes.
    Hang,
}

impl Fault {
    pub const ALL: [Fault; 6] =
        [Fault::Before, Fault::After, Fault::Partial, Fault::Full, Fault::Busy, Fault::Hang];
}

/// A store over another one whose `at`-th operation, counted from 0, goes wrong by `fault`; with `dead`,
/// every later one fails too, as if the process had died there.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    fault: Fault,
    at: usize,
    dead: bool,
    operations: AtomicUsize,
}

impl FaultStore {
    pub fn new(inner: Arc<dyn ObjectStore>, fault: Fault, at: usize, dead: bool) -> Arc<Self> {
        Arc::new(Self { inner, fault, at, dead, operations: AtomicUsize::new(0) })
    }

    /// Whether the operation that was to fail has been reached.
    pub fn struck(&self) -> bool {
        self.operations.load(Ordering::SeqCst) > self.at
    }

    /// Counts an operation; what is to happen to it.
    fn next(&self) -> Result<Option<Fault>> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        match number {
            n if n == self.at => Ok(Some(self.fault)),
            n if n > self.at && self.dead => Err(lost()),
            _ => Ok(None),
        }
    }
}

fn lost() -> Error {
    Error::Generic { store: "fault", source: Box::new(io::Error::from(io::ErrorKind::ConnectionReset)) }
}

fn full() -> Error {
    Error::Generic { store: "fault", source: Box::new(io::Error::from(io::ErrorKind::StorageFull)) }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.next()? {
            None => self.inner.put_opts(at, payload, options).await,
            Some(Fault::Before) => Err(lost()),
            Some(Fault::After) => self.inner.put_opts(at, payload, options).await.and_then(|_| Err(lost())),
            Some(Fault::Partial) => {
                let bytes: Vec<u8> = payload.iter().flatten().copied().collect();
                let staging = Path::from(format!("staging/{}", at.as_ref().replace('/', "-")));
                self.inner.put(&staging, bytes[..bytes.len() / 2].to_vec().into()).await?;
                Err(lost())
            }
            Some(Fault::Full) => Err(full()),
            Some(Fault::Busy) => Err(Error::AlreadyExists { path: at.to_string(), source: "409".into() }),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        match self.next()? {
            None => self.inner.get_opts(at, options).await,
            Some(Fault::Partial) => {
                let found = self.inner.get_opts(at, options).await?;
                let (meta, range, attributes) =
                    (found.meta.clone(), found.range.clone(), found.attributes.clone());
                let extensions = found.extensions.clone();
                let bytes = found.bytes().await?;
                let half = bytes.slice(..bytes.len() / 2);
                let payload = GetResultPayload::Stream(futures::stream::iter([Ok(half)]).boxed());
                Ok(GetResult { payload, meta, range, attributes, extensions })
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Before | Fault::After | Fault::Full | Fault::Busy) => Err(lost()),
        }
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(at, ranges).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        panic!("multipart uploads have no create mode and must not be used")
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let at = at.inspect_ok(|at| assert!(at.as_ref().starts_with("index/"), "{at} must never be deleted"));
        match self.next() {
            Ok(None) => self.inner.delete_stream(at.boxed()),
            Ok(Some(Fault::After)) => {
                self.inner.delete_stream(at.boxed()).and_then(async |_| Err(lost())).boxed()
            }
            Ok(Some(Fault::Hang)) => futures::stream::pending().boxed(),
            Ok(Some(_)) | Err(_) => futures::stream::iter([Err(lost())]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.next() {
            Ok(None) => self.inner.list(prefix),
            Ok(Some(_)) | Err(_) => futures::stream::iter([Err(lost())]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match self.next()? {
            None => self.inner.list_with_delimiter(prefix).await,
            Some(_) => Err(lost()),
        }
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        panic!("nothing is ever copied")
    }
}

/// A store that accepts a create and overwrites, as some have done.
#[derive(Debug, Default)]
pub struct OverwritingStore(InMemory);

impl fmt::Display for OverwritingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OverwritingStore")
    }
}

#[async_trait]
impl ObjectStore for OverwritingStore {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.0.put_opts(at, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(at, options).await
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}
