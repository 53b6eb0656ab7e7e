//! A store that counts what is asked of it, and can be switched off.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What was asked of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    pub puts: usize,
    pub gets: usize,
    pub lists: usize,
    /// Objects and folders that came back from lists.
    pub listed: usize,
}

#[derive(Debug)]
pub struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    down: AtomicBool,
    counts: Arc<[AtomicUsize; 4]>,
}

impl CountingStore {
    pub fn new(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { inner, down: AtomicBool::new(false), counts: Arc::default() })
    }

    /// While it is down every operation fails.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// What was asked since the last time that this was called.
    pub fn take(&self) -> Asked {
        let [puts, gets, lists, listed] =
            [0, 1, 2, 3].map(|which| self.counts[which].swap(0, Ordering::SeqCst));
        Asked { puts, gets, lists, listed }
    }

    fn count(&self, which: usize) -> Result<()> {
        self.counts[which].fetch_add(1, Ordering::SeqCst);
        match self.down.load(Ordering::SeqCst) {
            true => Err(gone()),
            false => Ok(()),
        }
    }
}

fn gone() -> Error {
    Error::Generic { store: "counting", source: Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)) }
}

impl fmt::Display for CountingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountingStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.count(0)?;
        self.inner.put_opts(at, payload, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.count(1)?;
        self.inner.get_opts(at, options).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        panic!("multipart uploads have no create mode and must not be used")
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.down.load(Ordering::SeqCst) {
            true => futures::stream::iter([Err(gone())]).boxed(),
            false => self.inner.delete_stream(at),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.count(2) {
            return futures::stream::iter([Err(error)]).boxed();
        }
        let counts = self.counts.clone();
        self.inner
            .list(prefix)
            .inspect_ok(move |_| {
                counts[3].fetch_add(1, Ordering::SeqCst);
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.count(2)?;
        let listed = self.inner.list_with_delimiter(prefix).await?;
        self.counts[3].fetch_add(listed.common_prefixes.len() + listed.objects.len(), Ordering::SeqCst);
        Ok(listed)
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        panic!("nothing is ever copied")
    }
}
