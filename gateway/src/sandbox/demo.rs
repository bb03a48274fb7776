//! The demo partner: created when a sandbox starts for the first time, and found again by the key in its file.
//!
//! Invariants: the file is written completely or not at all, readable only by its owner; a key that is in the file and not
//! in the database (a new database, or an interrupted start) is registered, never replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use quanzi_openapi::ErrorCode;
use quanzi_openapi::apps::{KeyInput, NewApp};
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::sandbox::NewPartner;

use crate::access::Access;
use crate::capabilities::apps::service::Context;
use crate::platform::crypto::SigningKey;
use crate::platform::fault::Fault;
use crate::platform::outbox;

use super::service;

const KEY_FILE: &str = "demo-key.pem";
/// A key file is a few hundred bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// Who a newcomer can be right away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The partner.
    pub partner: PartnerId,
    /// Its app.
    pub app: AppId,
    /// The private key of the app, PKCS#8 in PEM.
    pub key_file: PathBuf,
}

/// The demo partner, made when there is none.
pub async fn ensure(access: &Access) -> Result<Demo, Fault> {
    let key_file = access.config.data_dir.join(KEY_FILE);
    let key = read_or_make(access, &key_file)?;
    if let Some(demo) = find(access, key.kid(), &key_file).await? {
        return Ok(demo);
    }
    match register(access, &key).await {
        // Another process was faster with the same file.
        Err(fault) if fault.code() == ErrorCode::KeyExists => {}
        outcome => outcome?,
    }
    find(access, key.kid(), &key_file).await?.ok_or_else(|| Fault::internal("the demo partner no longer exists"))
}

async fn find(access: &Access, kid: &str, key_file: &Path) -> Result<Option<Demo>, Fault> {
    let Some(owner) = access.directory.owner_of_key(&access.db, kid).await? else { return Ok(None) };
    let facts = access.directory.app(&access.db, owner).await?;
    Ok(facts.map(|facts| Demo { partner: facts.partner, app: facts.app, key_file: key_file.to_owned() }))
}

async fn register(access: &Access, key: &SigningKey) -> Result<(), Fault> {
    let serde_json::Value::Object(jwk) = serde_json::to_value(key.jwk()).map_err(Fault::internal)? else {
        return Err(Fault::internal("a JWK is an object"));
    };
    let new = NewPartner::new("Demo partner", "Demo Partner Ltd.", NewApp::new("Demo app", [KeyInput::Jwk(jwk)]));
    let mut tx = access.db.begin().await?;
    service::register(&mut tx, Context::new(access, access.clock.now()), &new).await?;
    Ok(outbox::service::commit(access, tx).await?)
}

fn read_or_make(access: &Access, key_file: &Path) -> Result<SigningKey, Fault> {
    if let Some(key) = read(key_file)? {
        return Ok(key);
    }
    let key = SigningKey::generate(&access.clock).map_err(Fault::internal)?;
    let pem = key.to_pkcs8_pem().map_err(Fault::internal)?;
    let draft = key_file.with_extension(format!("pem.{}", access.clock.random_text()));
    let made = write_new(&draft, pem.as_bytes()).and_then(|()| fs::hard_link(&draft, key_file));
    fs::remove_file(&draft).ok();
    match made {
        Ok(()) => Ok(key),
        // Another process was faster: its key counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(key_file)?.ok_or_else(|| Fault::internal("the demo key is missing"))
        }
        Err(error) => Err(Fault::internal(error)),
    }
}

fn read(key_file: &Path) -> Result<Option<SigningKey>, Fault> {
    let text = match fs::metadata(key_file).and_then(|about| {
        if about.len() > KEY_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { fs::read_to_string(key_file) }
    }) {
        Ok(text) => secrecy::zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::internal(error)),
    };
    let unreadable = |_| {
        Fault::internal(format!(
            "{} is not an Ed25519 private key in PKCS#8: restore it, or move it away to get a new demo partner",
            key_file.display()
        ))
    };
    SigningKey::from_pkcs8_pem(&text).map(Some).map_err(unreadable)
}

/// Writes a file that was not there, for its owner only.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut private = fs::DirBuilder::new();
        private.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private.create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::platform::config::Mode;
    use crate::platform::db::scratch::Scratch;
    use crate::testing::process_in;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("quanzi-demo-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        folder
    }

    #[tokio::test]
    async fn the_demo_partner_is_found_again_by_its_key() {
        let scratch = Scratch::sqlite().unwrap();
        let db = scratch.open().await.unwrap();
        let folder = folder("again");
        let app = process_in(&db, Mode::Sandbox, folder.clone()).await;

        let (first, same) = tokio::join!(ensure(&app), ensure(&app));
        let (first, same) = (first.unwrap(), same.unwrap());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let modes = (mode(&first.key_file), mode(&folder));
        fs::remove_file(&first.key_file).unwrap();
        let other = ensure(&app).await.unwrap();

        assert_eq!(first, same);
        assert_eq!(modes, (0o600, 0o700));
        assert_ne!((other.partner, other.app), (first.partner, first.app));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left behind");
        // A new database under the same file: the key stays the one people have.
        let empty = Scratch::sqlite().unwrap();
        let new = empty.open().await.unwrap();
        let before = fs::read(&other.key_file).unwrap();
        let again = ensure(&*process_in(&new, Mode::Sandbox, folder.clone()).await).await.unwrap();
        assert_ne!(again.partner, other.partner);
        assert_eq!(fs::read(&again.key_file).unwrap(), before);
        fs::remove_dir_all(folder).ok();
        db.close().await;
        new.close().await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_key_is_left_alone() {
        let scratch = Scratch::sqlite().unwrap();
        let db = scratch.open().await.unwrap();
        let folder = folder("other");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(KEY_FILE), "notes").unwrap();
        let app = process_in(&db, Mode::Sandbox, folder.clone()).await;

        assert_eq!(ensure(&app).await.unwrap_err().code(), ErrorCode::Internal);
        assert_eq!(fs::read_to_string(folder.join(KEY_FILE)).unwrap(), "notes");
        fs::remove_dir_all(folder).ok();
        db.close().await;
    }
}
