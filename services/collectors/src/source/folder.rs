//! A path that a registration names, held below the folders that the service was started with.

use std::path::{Component, Path, PathBuf};

/// The real path of `path` below one of `folders`.
///
/// `path` is relative to one of them, or absolute and within one. Whatever leads out of them, by `..` or by a symbolic
/// link, is refused with the same words as what does not exist, so that nobody learns what lies elsewhere.
///
/// # Errors
/// A sentence for the caller.
pub fn below(folders: &[PathBuf], path: &str) -> Result<PathBuf, String> {
    let missing = || format!("`{}` is not below a folder of the service", path.escape_default());
    if folders.is_empty() {
        return Err("the service was started without a folder for manifests".to_owned());
    }
    let path_given = Path::new(path);
    let climbs =
        path_given.components().any(|part| matches!(part, Component::ParentDir | Component::Prefix(_)));
    if path.is_empty() || path.contains('\0') || climbs {
        return Err(missing());
    }
    for folder in folders {
        let Ok(folder) = folder.canonicalize() else {
            tracing::warn!(folder = %folder.display(), "a folder for manifests cannot be read");
            continue;
        };
        // Joining an absolute path gives that path.
        let Ok(real) = folder.join(path_given).canonicalize() else { continue };
        if real.starts_with(&folder) {
            return Ok(real);
        }
    }
    Err(missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_folders() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.yaml"), "a: 1").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("shop");
        std::fs::create_dir(&shop).unwrap();
        std::fs::write(shop.join("web.yaml"), "a: 1").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("secret.yaml"), shop.join("file-link.yaml")).unwrap();
        let folders = [folder.path().to_owned()];
        let real = shop.canonicalize().unwrap();
        assert_eq!(below(&folders, "shop"), Ok(real.clone()));
        assert_eq!(below(&folders, "./shop/"), Ok(real.clone()));
        assert_eq!(below(&folders, real.to_str().unwrap()), Ok(real));
        let elsewhere = outside.path().to_str().unwrap();
        for hostile in [
            "",
            "..",
            "shop/../..",
            "/",
            "/etc",
            "link",
            "link/secret.yaml",
            "shop/file-link.yaml",
            "a\0b",
            "absent",
            elsewhere,
        ] {
            assert!(below(&folders, hostile).is_err(), "{hostile}");
        }
        assert!(below(&[], "shop").is_err());
    }
}
