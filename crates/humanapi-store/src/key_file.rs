//! A file of keys, and how it is changed: under a lock, all or nothing.
//!
//! One piece: lock, copy, rename and sync keep one promise in this order, and each test breaks in at another point of it.

mod attributes;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use humanapi_client::{StoreError, StoreErrorKind};
use same_file::Handle;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;

use crate::key_text::{self, KeyText, LARGEST_FILE, cannot};
use crate::keys::{SealingKeys, misconfigured};

/// A file that holds [`SealingKeys`], and can be changed.
///
/// Whoever changes it has its lock, writes a new file beside it and puts that in its place, on the disk:
/// a reader finds the keys of before or those of after, whatever ends the change, and no change of
/// another process is lost. A symbolic link stays one, and the file keeps its mode, owner and group, and on Linux its
/// POSIX access control list.
///
/// An error leaves the file as it was, unless its source is [`KeyFileInPlace`].
///
/// These functions block: call them from a thread that may wait.
///
/// ```
/// use humanapi_store::{KeyFile, SealingKeys};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token-keys");
/// let file = KeyFile::new(path);
/// file.create(&SealingKeys::generate("2026-05")?)?;
/// file.add("2026-11")?;
/// assert_eq!(file.read()?.newest_id(), "2026-05");
/// file.promote("2026-11")?;
/// assert_eq!(file.read()?.newest_id(), "2026-11");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

/// How long a change waits for those of others. Each takes as long as the disk takes for three writes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a waiting change looks again.
const PAUSE: Duration = Duration::from_millis(5);

impl KeyFile {
    /// The file at this path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the keys, as [`SealingKeys::from_file`] does.
    ///
    /// # Errors
    ///
    /// Those of [`SealingKeys::from_file`].
    pub fn read(&self) -> Result<SealingKeys, StoreError> {
        SealingKeys::from_file(&self.path)
    }

    /// Makes the file, readable by its owner alone, with these keys.
    ///
    /// # Errors
    ///
    /// When something is at this path already, which stays as it is, or the file cannot be written; with
    /// [`KeyFileInPlace`] as the source, when it was made and nobody can tell whether the disk has it.
    pub fn create(&self, keys: &SealingKeys) -> Result<(), StoreError> {
        self.create_and(keys, Folder::sync)
    }

    fn create_and(&self, keys: &SealingKeys, confirm: Confirm) -> Result<(), StoreError> {
        let cannot = |error| cannot("made", &self.path, error);
        let folder = Folder::open(&self.path).map_err(cannot)?;
        let fresh = self.beside(&self.path, &keys.to_text())?;
        fresh.as_file().sync_all().map_err(cannot)?;
        fresh.persist_noclobber(&self.path).map_err(|failed| {
            if failed.error.kind() == io::ErrorKind::AlreadyExists {
                let path = self.path.display();
                misconfigured(format!("there is something at {path} already"))
                    .with_source(failed.error)
            } else {
                cannot(failed.error)
            }
        })?;
        confirm(&folder).map_err(|error| self.in_place("made", Some(error)))
    }

    /// Adds a new key of this id, which reads and does not write, and gives the keys of the file after that.
    ///
    /// # Errors
    ///
    /// When the id is taken or is not one, or the file cannot be read or replaced; it is then as before. With
    /// [`KeyFileInPlace`] as the source, it was replaced, and it cannot be told whether that lasts.
    pub fn add(&self, id: &str) -> Result<SealingKeys, StoreError> {
        self.change(
            |keys| keys.add(id),
            |keys| keys.sealing_key(id).is_some(),
            Folder::sync,
        )
    }

    /// Has the key of this id write, and gives the keys of the file after that.
    ///
    /// # Errors
    ///
    /// When there is no sealing key of this id, or the file cannot be read or replaced; it is then as before. With
    /// [`KeyFileInPlace`] as the source, it was replaced, and it cannot be told whether that lasts.
    pub fn promote(&self, id: &str) -> Result<SealingKeys, StoreError> {
        self.change(
            |keys| keys.promote(id),
            |keys| keys.newest_id() == id,
            Folder::sync,
        )
    }

    /// Changes the keys and reads them again, to see that it `is_done`.
    fn change(
        &self,
        edit: impl FnOnce(&mut KeyText) -> Result<(), StoreError>,
        is_done: impl FnOnce(&SealingKeys) -> bool,
        confirm: Confirm,
    ) -> Result<SealingKeys, StoreError> {
        let path = fs::canonicalize(&self.path);
        let path = path.map_err(|error| cannot("read", &self.path, error))?;
        let _locked = self.lock(&path)?;
        let mut old = key_text::open(&path)?;
        let mut keys = KeyText::parse(&key_text::read(&mut old, &self.path)?)?;
        // What lacks keys is no file of keys, and is not made one.
        keys.keys()?;
        edit(&mut keys)?;
        self.clear(&path);
        let (_locked_too, folder) = self.replace(&path, &old, &keys.write())?;
        // From here on the file is another, whatever fails.
        confirm(&folder).map_err(|error| self.in_place("replaced", Some(error)))?;
        match self.read() {
            Ok(keys) if is_done(&keys) => Ok(keys),
            // Something that does not ask for the lock was at it.
            Ok(_) => Err(self.in_place("replaced", None)),
            Err(error) => Err(self.in_place("replaced", system(&error))),
        }
    }

    /// The failure after the new file is in its place.
    fn in_place(&self, what: &'static str, error: Option<io::Error>) -> StoreError {
        let path = self.path.display();
        let message = match &error {
            Some(error) => format!(
                "the file with sealing keys {path} was {what}, and whether it stays so cannot be told: {}",
                error.kind()
            ),
            None => format!(
                "the file with sealing keys {path} was {what}, and then changed again by something that does not ask for its lock"
            ),
        };
        misconfigured(message).with_source(KeyFileInPlace { error })
    }

    /// Waits until the file is ours to change, for as long as what this gives is kept.
    fn lock(&self, path: &Path) -> Result<Handle, StoreError> {
        let cannot = |error| cannot("locked", &self.path, error);
        // Some systems keep readers from a locked file, and a locked file from being replaced.
        let place = match cfg!(unix) {
            true => path.to_owned(),
            false => folder(path).join(prefix(path) + "lock"),
        };
        let gives_up = Instant::now() + PATIENCE;
        loop {
            let file = match cfg!(unix) {
                true => key_text::open(&place)?,
                false => {
                    let mut open = File::options();
                    open.create(true).append(true);
                    open.open(&place).map_err(cannot)?
                }
            };
            let file = Handle::from_file(file).map_err(cannot)?;
            match file.as_file().try_lock() {
                // Whoever had the lock may have put another file in the place of this one.
                Ok(()) if Handle::from_path(&place).map_err(cannot)? == file => return Ok(file),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < gives_up => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let path = self.path.display();
                    let message = format!("another process keeps {path} locked");
                    return Err(StoreError::new(StoreErrorKind::Unavailable, message));
                }
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
        }
    }

    /// Puts a file with this text in the place of the old one. It is ours to change for as long as what
    /// this gives is kept.
    fn replace(
        &self,
        path: &Path,
        old: &File,
        text: &SecretString,
    ) -> Result<(File, Folder), StoreError> {
        let cannot = |error| cannot("replaced", &self.path, error);
        let folder = Folder::open(path).map_err(cannot)?;
        let fresh = self.beside(path, text)?;
        attributes::keep(old, fresh.as_file()).map_err(|error| {
            let path = self.path.display();
            let kind = error.kind();
            misconfigured(format!(
                "{path} cannot be replaced by a file of the same owner, group, mode and access control list: {kind}"
            ))
            .with_source(error)
        })?;
        fresh.as_file().sync_all().map_err(cannot)?;
        if cfg!(unix) {
            // The lock goes over to the new file, which nobody else knows yet.
            fresh.as_file().lock().map_err(cannot)?;
        }
        let fresh = fresh.persist(path).map_err(|failed| cannot(failed.error))?;
        Ok((fresh, folder))
    }

    /// Writes a file that its owner alone can read, in the same folder. It goes when it is dropped.
    ///
    /// A text that could not be read again is refused: in the place of the old file, it would take all keys away.
    fn beside(&self, path: &Path, text: &SecretString) -> Result<NamedTempFile, StoreError> {
        if text.expose_secret().len() as u64 > LARGEST_FILE {
            let message = "the file of keys would be larger than 64 KiB: take keys that nobody uses, or remarks, out of it";
            return Err(misconfigured(message));
        }
        SealingKeys::parse(text.expose_secret())?;
        let cannot = |error| cannot("written", &self.path, error);
        let mut file = tempfile::Builder::new();
        // Nobody else makes files of such names, so what was left behind can be told by its own.
        let (prefix, suffix) = (prefix(path), SUFFIX);
        file.prefix(&prefix).suffix(suffix).rand_bytes(RANDOM);
        #[cfg(unix)]
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        #[cfg(unix)]
        file.permissions(mode);
        let mut file = file.tempfile_in(folder(path)).map_err(cannot)?;
        let written = file.write_all(text.expose_secret().as_bytes());
        written.map_err(cannot)?;
        Ok(file)
    }

    /// Removes what changes left behind that were killed: it holds keys. We have the lock, so none of
    /// it is another's work. Where that cannot be done, it harms no change.
    fn clear(&self, path: &Path) {
        let prefix = prefix(path);
        for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let random = name
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(SUFFIX));
            if random.is_some_and(|random| random.len() == RANDOM) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Beneath the error of a change of a [`KeyFile`] that is in place already: its file is the new one, and what could not be
/// told is whether that is on the disk, or that it holds what it should.
///
/// Read the file to see what it holds, before any process is given it.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyFileInPlace {
    error: Option<io::Error>,
}

impl fmt::Display for KeyFileInPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the new file is in place")
    }
}

impl std::error::Error for KeyFileInPlace {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.error.as_ref()? as _)
    }
}

/// What the system said, if it is what lies beneath.
fn system(error: &StoreError) -> Option<io::Error> {
    let system = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
    Some(system.kind().into())
}

/// How it is made sure that a new name is on the disk.
type Confirm = fn(&Folder) -> io::Result<()>;

/// How many random letters are in the name of a file that is to replace another.
const RANDOM: usize = 16;
const SUFFIX: &str = ".new";

fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The folder of a file, whose new name the disk is to know. Not every system has folders that can be
/// written out.
struct Folder(#[cfg(unix)] File);

impl Folder {
    #[cfg(unix)]
    fn open(path: &Path) -> io::Result<Self> {
        File::open(folder(path)).map(Self)
    }

    #[cfg(unix)]
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    #[cfg(not(unix))]
    fn open(path: &Path) -> io::Result<Self> {
        fs::metadata(folder(path)).map(|_| Self())
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "on Unix it can fail"
    )]
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("there is room"))
        }

        fn file(&self, name: &str) -> KeyFile {
            KeyFile::new(self.0.path().join(name))
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.path()).expect("it is ours");
            let names = entries.map(|entry| {
                entry
                    .expect("it can be read")
                    .file_name()
                    .into_string()
                    .expect("it is text")
            });
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        }

        fn with_keys(name: &str) -> (Self, KeyFile) {
            let place = Self::new();
            let file = place.file(name);
            file.create(&SealingKeys::generate("1").expect("it is an id"))
                .expect("the folder is ours");
            (place, file)
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("the folder is ours").mode() & 0o7777
    }

    #[test]
    fn new_keys_replace_nothing() {
        let (place, file) = Place::with_keys("keys");
        assert_eq!(mode(file.path()), 0o600);
        let keys = SealingKeys::generate("2").unwrap();
        let refused = file.create(&keys).unwrap_err().to_string();
        assert!(refused.contains("already"), "{refused}");
        assert_eq!(file.read().unwrap().newest_id(), "1");
        // A link to nowhere is something, too.
        let link = place.file("link");
        symlink("nowhere", link.path()).unwrap();
        assert!(link.create(&keys).is_err());
        assert!(place.file("no/keys").create(&keys).is_err());
        assert_eq!(place.names(), ["keys", "link"]);
    }

    #[test]
    fn mode_owner_group_and_link_stay() {
        let (place, file) = Place::with_keys("keys");
        let link = place.file("link");
        symlink("keys", link.path()).unwrap();
        fs::set_permissions(file.path(), PermissionsExt::from_mode(0o440)).unwrap();
        // Only where we may: as root, or with a second group.
        let chosen = std::os::unix::fs::chown(file.path(), Some(64_990), Some(64_991)).is_ok();
        let before = fs::metadata(file.path()).unwrap();
        link.add("2").unwrap();
        let after = fs::metadata(file.path()).unwrap();
        assert_ne!(after.ino(), before.ino(), "it is replaced, not overwritten");
        link.promote("2").unwrap();
        let after = fs::metadata(file.path()).unwrap();
        assert_eq!(mode(file.path()), 0o440);
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert!(!chosen || after.gid() == 64_991);
        assert_eq!(fs::read_link(link.path()).unwrap(), Path::new("keys"));
        assert_eq!(file.read().unwrap().newest_id(), "2");
        assert_eq!(place.names(), ["keys", "link"]);
    }

    /// One entry of an access control list: what it is about, what may be done, and who may.
    #[cfg(target_os = "linux")]
    fn entry(tag: u16, may: u16, id: u32) -> Vec<u8> {
        [
            &tag.to_le_bytes()[..],
            &may.to_le_bytes(),
            &id.to_le_bytes(),
        ]
        .concat()
    }

    /// A list that lets this user read, in the form of the attribute.
    #[cfg(target_os = "linux")]
    fn lets_read(user: u32) -> Vec<u8> {
        const NOBODY: u32 = u32::MAX;
        [
            2_u32.to_le_bytes().to_vec(),
            entry(0x01, 0o6, NOBODY),
            entry(0x02, 0o4, user),
            entry(0x04, 0o0, NOBODY),
            entry(0x10, 0o4, NOBODY),
            entry(0x20, 0o0, NOBODY),
        ]
        .concat()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_access_control_list_stays_and_none_is_inherited() {
        use rustix::fs::{XattrFlags, setxattr};

        let list = |file: &KeyFile| {
            attributes::access_list::read(&File::open(file.path()).unwrap()).unwrap()
        };
        let (place, file) = Place::with_keys("keys");
        let set = setxattr(
            file.path(),
            attributes::access_list::NAME,
            &lets_read(64_990),
            XattrFlags::empty(),
        );
        if set == Err(rustix::io::Errno::NOTSUP) {
            let test = "humanapi-store: access control lists";
            humanapi_testkit::skip(test, "a file system with access control lists");
            return;
        }
        set.unwrap();
        assert_eq!(
            mode(file.path()),
            0o640,
            "the mask stands in the group's bits"
        );
        file.add("2").unwrap();
        file.promote("2").unwrap();
        assert_eq!(list(&file), Some(lets_read(64_990)));
        assert_eq!(mode(file.path()), 0o640);

        // A list that the folder gives to new files is not that of the old one.
        let plain = place.file("plain");
        plain.create(&SealingKeys::generate("1").unwrap()).unwrap();
        fs::set_permissions(plain.path(), PermissionsExt::from_mode(0o640)).unwrap();
        let of_folder = "system.posix_acl_default";
        let set = setxattr(
            place.0.path(),
            of_folder,
            &lets_read(64_991),
            XattrFlags::empty(),
        );
        set.unwrap();
        plain.add("2").unwrap();
        assert_eq!(list(&plain), None, "nobody else may read it");
        assert_eq!(mode(plain.path()), 0o640);
        file.add("3").unwrap();
        assert_eq!(list(&file), Some(lets_read(64_990)));
    }

    /// Once the new file is in its place, no error says that nothing changed.
    #[test]
    fn what_cannot_be_confirmed_is_told_as_what_it_is() {
        let not_confirmed = |_: &Folder| Err(io::ErrorKind::StorageFull.into());
        let told = |error: &StoreError, part: &str| {
            let source = std::error::Error::source(error).expect("there is one");
            assert!(source.is::<KeyFileInPlace>(), "{error}");
            assert!(error.to_string().contains(part), "{error}");
        };
        let (place, file) = Place::with_keys("keys");
        let changed = file.change(|keys| keys.add("2"), |_| true, not_confirmed);
        told(
            &changed.unwrap_err(),
            "was replaced, and whether it stays so",
        );
        assert!(file.read().unwrap().sealing_key("2").is_some());

        let changed = file.change(|keys| keys.add("3"), |_| false, Folder::sync);
        told(&changed.unwrap_err(), "and then changed again");

        let fresh = place.file("fresh");
        let made = fresh.create_and(&SealingKeys::generate("1").unwrap(), not_confirmed);
        told(&made.unwrap_err(), "was made, and whether it stays so");
        assert_eq!(fresh.read().unwrap().newest_id(), "1");
        assert_eq!(place.names(), ["fresh", "keys"]);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let (place, file) = Place::with_keys("keys");
        let before = fs::read(file.path()).unwrap();
        for refused in [
            file.add("1"),
            file.add("naming"),
            file.promote("2"),
            file.promote("naming"),
        ] {
            refused.unwrap_err();
        }
        assert_eq!(fs::read(file.path()).unwrap(), before);
        let other = place.file("other");
        for no_keys in ["", "canary", "naming:canary"] {
            fs::write(other.path(), no_keys).unwrap();
            fs::set_permissions(other.path(), PermissionsExt::from_mode(0o600)).unwrap();
            let refused = other.add("2").unwrap_err().to_string();
            assert!(!refused.contains("canary"), "{refused}");
            assert_eq!(fs::read_to_string(other.path()).unwrap(), no_keys);
        }
        assert_eq!(place.names(), ["keys", "other"]);
    }

    #[test]
    fn no_file_is_made_that_would_be_too_large_to_read() {
        let (place, file) = Place::with_keys("keys");
        let mut text = fs::read_to_string(file.path()).unwrap();
        let room = usize::try_from(LARGEST_FILE).unwrap() - text.len();
        text.push_str(&format!("#{}\n", "r".repeat(room - 2)));
        fs::write(file.path(), &text).unwrap();
        assert_eq!(file.read().unwrap().newest_id(), "1");
        let refused = file.add("2").unwrap_err().to_string();
        assert!(refused.contains("64 KiB"), "{refused}");
        assert!(fs::read_to_string(file.path()).unwrap() == text, "it stays");

        let mut keys = SealingKeys::generate("1").unwrap();
        for id in 2..1_300 {
            keys = keys.with_new_key(&format!("key-{id}")).unwrap();
        }
        let many = place.file("many");
        let refused = many.create(&keys).unwrap_err().to_string();
        assert!(refused.contains("64 KiB"), "{refused}");
        assert_eq!(place.names(), ["keys"]);
    }

    #[test]
    fn what_a_killed_change_left_behind_goes_with_the_next() {
        let (place, file) = Place::with_keys("keys");
        let left = place.0.path().join(".keys.abcdefghijklmnop.new");
        fs::write(&left, "naming:").unwrap();
        let others = [".keys.abc.new", ".keys2.abcdefghijklmnop.new", "keys.new"];
        for other in others {
            fs::write(place.0.path().join(other), "").unwrap();
        }
        file.add("2").unwrap();
        let mut names = vec!["keys"];
        names.extend(others);
        names.sort_unstable();
        assert_eq!(place.names(), names);
    }

    #[test]
    fn changes_at_once_lose_nothing() {
        let (place, file) = Place::with_keys("keys");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for round in 0..8 {
                        let id = format!("{thread}-{round}");
                        file.add(&id).unwrap();
                        file.promote(&id).unwrap();
                    }
                });
            }
        });
        assert_eq!(file.read().unwrap().ids().count(), 33);
        assert_eq!(place.names(), ["keys"]);
    }
}
