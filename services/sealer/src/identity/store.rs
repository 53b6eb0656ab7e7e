//! An identity in a directory: `ca.pem`, `signer.pem`, `signer.key`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use super::{Identity, issue};
use crate::SealError;
use crate::certificate::Certificate;

/// Root certificate, for those who verify.
const AUTHORITY: &str = "ca.pem";
/// Certificate chain, leaf first.
const CHAIN: &str = "signer.pem";
/// Private key, PKCS#8.
const KEY: &str = "signer.key";
/// No certificate chain and no key comes near this.
const MAX_FILE: u64 = 1 << 20;

impl Identity {
    /// Loads the identity of a directory, or makes one where the directory is absent or empty.
    ///
    /// The directory gets mode 0700 and three files: `ca.pem` (give it to those who verify),
    /// `signer.pem` (the chain, leaf first) and `signer.key` (PKCS#8, mode 0600). It appears complete or
    /// not at all, and of several processes that make it at the same time all end up with the same one.
    ///
    /// The authority's own key is never stored: it signs one certificate and is gone. So nobody can
    /// issue another signer in its name; and the certificate cannot be renewed. When it ends after
    /// three years, move the directory away: the next call makes a new authority, and those who verify
    /// keep the old `ca.pem` beside the new one.
    ///
    /// A PKCS#8 key and a chain of one's own under these file names work as well; `ca.pem` may then be
    /// absent.
    ///
    /// Returns whether the identity was created by this call. `now` dates a new certificate.
    ///
    /// # Errors
    /// [`SealError::KeyExposed`] where others may read the key, [`SealError::Incomplete`] where a file is
    /// missing, [`SealError::File`] where the system refuses, and those of [`Identity::from_pem`].
    pub fn load_or_create(dir: &Path, now: Timestamp) -> Result<(Self, bool), SealError> {
        if holds_something(dir)? {
            return Ok((Self::load(dir)?, false));
        }
        let created = create(dir, now)?;
        Ok((Self::load(dir)?, created))
    }

    /// Loads the identity of a directory.
    ///
    /// # Errors
    /// As [`Identity::load_or_create`].
    pub fn load(dir: &Path) -> Result<Self, SealError> {
        let incomplete = |missing| SealError::Incomplete { dir: dir.to_owned(), missing };
        let chain = read(&dir.join(CHAIN), false)?.ok_or_else(|| incomplete(CHAIN))?;
        let key = read(&dir.join(KEY), true)?.ok_or_else(|| incomplete(KEY))?;
        let chain = Certificate::from_pem(&chain, &dir.join(CHAIN).display().to_string())?;
        let authority = match read(&dir.join(AUTHORITY), false)? {
            None => None,
            Some(text) => {
                Certificate::from_pem(&text, &dir.join(AUTHORITY).display().to_string())?.into_iter().next()
            }
        };
        Self::from_parts(chain, &key, authority)
    }
}

fn holds_something(dir: &Path) -> Result<bool, SealError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(failed("read", dir, source)),
    }
}

/// Writes a complete identity beside `dir` and renames it into place. A rename onto a directory that
/// has become non-empty fails: then another process was faster, and its identity stands.
fn create(dir: &Path, now: Timestamp) -> Result<bool, SealError> {
    let issued = issue::issue(now)?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|source| failed("create", parent, source))?;
    let staging = Staging::new(dir, parent)?;
    write(&staging.path.join(AUTHORITY), &issued.authority, 0o644)?;
    write(&staging.path.join(CHAIN), &issued.chain, 0o644)?;
    write(&staging.path.join(KEY), &issued.key, 0o600)?;
    sync(&staging.path)?;
    match fs::rename(&staging.path, dir) {
        Ok(()) => {
            sync(parent)?;
            Ok(true)
        }
        Err(_) if holds_something(dir)? => Ok(false),
        Err(source) => Err(failed("create", dir, source)),
    }
}

/// A private directory that is removed again unless it was renamed away.
struct Staging {
    path: PathBuf,
}

impl Staging {
    fn new(dir: &Path, parent: &Path) -> Result<Self, SealError> {
        let mut suffix = [0; 8];
        SystemRandom::new().fill(&mut suffix).map_err(|_| SealError::Crypto)?;
        let name = dir.file_name().map_or_else(|| "identity".into(), |name| name.to_string_lossy());
        let path = parent.join(format!(".{name}.{}", crate::hex(&suffix)));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|source| failed("create", &path, source))?;
        Ok(Self { path })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Absent after the rename; anything else is a leftover that no one reads.
        fs::remove_dir_all(&self.path).unwrap_or_default();
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), SealError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|source| failed("create", path, source))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| failed("write", path, source))
}

/// Makes renames and new names within a directory durable.
fn sync(dir: &Path) -> Result<(), SealError> {
    if cfg!(unix) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| failed("sync", dir, source))?;
    }
    Ok(())
}

/// The bytes of a file, or `None` where there is none. `secret`: nobody but the owner may read it.
fn read(path: &Path, secret: bool) -> Result<Option<Vec<u8>>, SealError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("read", path, source)),
    };
    if secret {
        refuse_exposed(&file, path)?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|source| failed("read", path, source))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(failed("read", path, io::Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB")));
    }
    Ok(Some(bytes))
}

/// Asks the open file, not its name, so that nothing can be swapped in between.
#[cfg(unix)]
fn refuse_exposed(file: &File, path: &Path) -> Result<(), SealError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|source| failed("read", path, source))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SealError::KeyExposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_: &File, _: &Path) -> Result<(), SealError> {
    Ok(())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> SealError {
    SealError::File { action, path: path.to_owned(), source }
}
