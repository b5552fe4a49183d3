//! The folder of the memory: where it is, who may read it, and what its files are called.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_core::Key;
use rustls::SupportedCipherSuite;
use rustls::crypto::ring;

/// What the name of a key's file ends with.
const EXTENSION: &str = "limits";
/// And that of a budget's.
const BUDGET: &str = "budget";
/// The age at which a file goes.
const OLD: Duration = Duration::from_secs(90 * 86_400);
const SALT: &str = "salt";
const SALT_LEN: usize = 32;

/// The folder with the secret that its names are made with.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    salt: [u8; SALT_LEN],
}

/// The user's folder for what programs keep between runs.
pub(super) fn user() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = named("ABIDE_STATE_DIR") {
        return Some(folder);
    }
    // The XDG rules have relative paths ignored.
    if let Some(folder) = named("XDG_STATE_HOME").filter(|folder| folder.is_absolute()) {
        return Some(folder.join("abide"));
    }
    if cfg!(windows) {
        return named("LOCALAPPDATA").map(|folder| folder.join("abide"));
    }
    let home = env::home_dir().filter(|home| home.is_absolute())?;
    let state = if cfg!(target_os = "macos") { "Library/Application Support/abide" } else { ".local/state/abide" };
    Some(home.join(state))
}

/// The files of all keys; none if there is no folder yet.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(all(folder)?.into_iter().filter(|path| path.extension().is_some_and(|it| it == EXTENSION)).collect())
}

fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)?;
        Ok(Self { path: path.to_owned(), salt: salt(&path.join(SALT))? })
    }

    /// A key's file. Without the salt nobody can find out the key by trying names.
    pub(super) fn file(&self, key: &Key) -> PathBuf {
        let mut text = self.salt.to_vec();
        text.extend_from_slice(&key.credential().to_le_bytes());
        text.extend_from_slice(key.origin().as_bytes());
        if let Some(bucket) = key.bucket() {
            // No origin holds a line feed.
            text.push(b'\n');
            text.extend_from_slice(bucket.as_bytes());
        }
        let name: String = sha256(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.path.join(name).with_extension(EXTENSION)
    }

    /// The file of one of the budgets of a key.
    pub(super) fn budget(&self, key: &Key, id: u64) -> PathBuf {
        self.file(key).with_extension(format!("{id:016x}.{BUDGET}"))
    }
}

/// Removes the files that nobody wrote to for so long that nothing in them is believed any more.
pub(super) fn prune(folder: &Path) {
    let is_old = |path: &PathBuf| {
        let written = path.metadata().and_then(|meta| meta.modified());
        written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
    };
    let is_ours = |path: &PathBuf| path.extension().is_some_and(|it| it == EXTENSION || it == BUDGET);
    for path in all(folder).unwrap_or_default().iter().filter(|path| is_ours(path) && is_old(path)) {
        // Where it can't be removed it does no harm.
        let _ = fs::remove_file(path);
    }
}

/// Options for a file that nobody else may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The salt of the folder; whoever comes first draws it.
fn salt(path: &Path) -> io::Result<[u8; SALT_LEN]> {
    let mut file = private().read(true).append(true).create(true).open(path)?;
    file.lock()?;
    let mut salt = [0; SALT_LEN];
    let mut known = Vec::new();
    (&file).take(SALT_LEN as u64 + 1).read_to_end(&mut known)?;
    if known.len() == SALT_LEN {
        salt.copy_from_slice(&known);
        return Ok(salt);
    }
    let random = ring::default_provider().secure_random;
    random.fill(&mut salt).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    file.set_len(0)?;
    file.write_all(&salt)?;
    Ok(salt)
}

/// The digest of the library that is here for TLS anyway.
fn sha256(text: &[u8]) -> Vec<u8> {
    match ring::cipher_suite::TLS13_AES_128_GCM_SHA256 {
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider.hash(text).as_ref().to_vec(),
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider.hash(text).as_ref().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let hex: String = sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn names_are_the_same_in_one_folder_and_others_in_another() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = |folder: &Path, key: &Key| Folder::open(folder).unwrap().file(key).file_name().unwrap().to_owned();
        let (key, signed) = (Key::new("https://x.test", 0), Key::new("https://x.test", 7));
        assert_eq!(name(one.path(), &key), name(one.path(), &key));
        assert_ne!(name(one.path(), &key), name(one.path(), &signed));
        assert_ne!(name(one.path(), &key), name(other.path(), &key));
    }

    #[test]
    fn what_nobody_wrote_to_for_a_season_goes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, age: u64| {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age * 86_400)).unwrap();
        };
        write("old.limits", 91);
        write("new.limits", 89);
        write("old.1.budget", 91);
        write("other", 91);
        prune(folder.path());
        let left: Vec<_> = files(folder.path()).unwrap();
        assert_eq!(left, [folder.path().join("new.limits")]);
        assert!(folder.path().join("other").exists());
        assert!(!folder.path().join("old.1.budget").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/abide");
        Folder::open(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(SALT))), (0o700, 0o600));
    }
}
