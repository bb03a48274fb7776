//! Checks whether other users of the machine can read secret files, for warnings in the log.
//!
//! A warning and not an error: group access may be intended by the operator.

use std::path::Path;

use secrecy::ExposeSecret as _;

use crate::platform::config::Config;

/// What a folder gives away: the names in it, or files whose names are known.
const FOLDER_OPEN: u32 = 0o055;
/// What a file gives away: its content.
const FILE_OPEN: u32 = 0o044;

/// What is there already and open to others than its owner. What the gateway makes itself is the owner's alone.
pub fn warnings(config: &Config) -> Vec<String> {
    let database = config.database_url.expose_secret().strip_prefix("sqlite:").map(Path::new);
    let folders = [Some(config.data_dir.as_path()), database.and_then(Path::parent)];
    let mut folders: Vec<&Path> =
        folders.into_iter().flatten().filter(|folder| !folder.as_os_str().is_empty()).collect();
    folders.dedup();
    let folders = folders.into_iter().filter_map(|folder| {
        let mode = mode(folder, FOLDER_OPEN)?;
        let path = folder.display();
        Some(format!(
            "others can look into the data folder {path} (mode {mode:03o}), where keys are: `chmod 700 {path}`"
        ))
    });
    let key = config.tls.as_ref().and_then(|files| {
        let mode = mode(&files.key, FILE_OPEN)?;
        let path = files.key.display();
        Some(format!("other users can read the TLS key {path} (mode {mode:03o}): `chmod 600 {path}`"))
    });
    folders.chain(key).collect()
}

/// The permissions of what is there, if one of these is among them.
#[cfg(unix)]
fn mode(path: &Path, open: u32) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & open != 0).then_some(mode)
}

#[cfg(not(unix))]
fn mode(_: &Path, _: u32) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_can_read_is_named_with_its_remedy() {
        let folder = std::env::temp_dir().join(format!("quanzi-exposure-{}", std::process::id()));
        let key = folder.join("key.pem");
        fs::create_dir_all(&folder).unwrap();
        fs::write(&key, "key").unwrap();
        let config = Config::of(&[
            ("data_dir", folder.to_str().unwrap()),
            ("tls_certificate", "certificate.pem"),
            ("tls_key", key.to_str().unwrap()),
        ]);
        let config = config.unwrap();
        let with = |folder_mode, key_mode| {
            fs::set_permissions(&key, Permissions::from_mode(key_mode)).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(folder_mode)).unwrap();
            warnings(&config)
        };

        let (private, folder_open, key_open) = (with(0o700, 0o600), with(0o750, 0o600), with(0o700, 0o644));
        fs::remove_dir_all(&folder).unwrap();
        let absent = warnings(&config);

        assert_eq!((private, absent), (vec![], vec![]));
        let (folder, key) = (folder.display(), key.display());
        let wanted =
            format!("others can look into the data folder {folder} (mode 750), where keys are: `chmod 700 {folder}`");
        assert_eq!(folder_open, [wanted]);
        assert_eq!(key_open, [format!("other users can read the TLS key {key} (mode 644): `chmod 600 {key}`")]);
    }
}
