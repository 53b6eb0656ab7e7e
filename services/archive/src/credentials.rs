//! Credentials of a store as files: a folder with one file for each variable, named as the variable. So a Secret can be
//! mounted instead of being put into the environment, where every child process and every crash report has it.

use std::fmt::Display;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::ArchiveError;

/// Names the folder.
const FOLDER: &str = "HEXPROOF_STORE_CREDENTIALS_DIR";
/// No key comes near this.
const LONGEST: u64 = 64 << 10;

/// The folder, if the environment names one.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// What the files of a folder set, in the order of their names. `prefix` is what variables of the store begin with.
///
/// # Errors
/// [`ArchiveError::CredentialFile`] for a file that cannot be read, and for one that means nothing to the store: a
/// credential that is not used would be missed much later.
pub(crate) fn read<K>(folder: &Path, prefix: &str) -> Result<Vec<(K, String)>, ArchiveError>
where
    K: FromStr,
    K::Err: Display,
{
    let mut names = Vec::new();
    let listed = std::fs::read_dir(folder).map_err(|source| wrong(folder, source))?;
    for entry in listed {
        let name = entry.map_err(|source| wrong(folder, source))?.file_name();
        // Mounted Secrets keep their versions in names that begin with dots.
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    let setting = |name: std::ffi::OsString| {
        let path = folder.join(&name);
        let known = name.to_str().filter(|name| name.starts_with(prefix));
        let known = known.and_then(|name| name.to_ascii_lowercase().parse::<K>().ok());
        let unknown =
            || Error::new(ErrorKind::InvalidInput, format!("is no variable `{prefix}...` of this store"));
        let key = known.ok_or_else(|| wrong(&path, unknown()))?;
        let value = value(&path).map_err(|source| wrong(&path, source))?;
        Ok((key, value))
    };
    names.into_iter().map(setting).collect()
}

fn value(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    let text = text.trim();
    match text.len() as u64 {
        0 => Err(Error::new(ErrorKind::InvalidData, "is empty")),
        1..=LONGEST => Ok(text.to_owned()),
        _ => Err(Error::new(ErrorKind::InvalidData, "is too long for a credential")),
    }
}

fn wrong(path: &Path, source: Error) -> ArchiveError {
    ArchiveError::CredentialFile { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use object_store::aws::AmazonS3ConfigKey;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn s3(folder: &Path) -> Result<Vec<(AmazonS3ConfigKey, String)>, ArchiveError> {
        read(folder, "AWS_")
    }

    #[test]
    fn each_file_is_a_variable_and_line_ends_do_not_count() {
        let folder =
            folder(&[("AWS_SECRET_ACCESS_KEY", "s3cr3t\n"), ("AWS_ACCESS_KEY_ID", "id"), ("..data", "x")]);
        let set = s3(folder.path()).unwrap();
        let wanted = [(AmazonS3ConfigKey::AccessKeyId, "id"), (AmazonS3ConfigKey::SecretAccessKey, "s3cr3t")];
        assert_eq!(set, wanted.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn what_means_nothing_to_the_store_is_refused_by_name_and_never_shown() {
        for name in ["AWS_ACCES_KEY_ID", "AZURE_STORAGE_ACCOUNT_KEY", "access_key_id", "token"] {
            let folder = folder(&[(name, "hunter2")]);
            let error = s3(folder.path()).unwrap_err();
            let told = format!("{error}: {}", std::error::Error::source(&error).unwrap());
            assert!(told.contains(name) && told.contains("AWS_"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        let long = "x".repeat(LONGEST as usize + 1);
        for text in ["", " \n", long.as_str()] {
            let folder = folder(&[("AWS_ACCESS_KEY_ID", text)]);
            assert!(s3(folder.path()).is_err());
        }
        let none = Path::new("/nowhere/at/all");
        assert!(s3(none).unwrap_err().to_string().contains("/nowhere/at/all"));
    }
}
