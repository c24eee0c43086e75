//! The users of each bucket, set apart in files so that no more than one bucket of them is in memory.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};

use futures_core::Stream;
use futures_util::StreamExt as _;
use humanapi_core::ClientUserId;
use tempfile::TempDir;
use tokio::task::coop;

use super::error::ExportError;
use super::key::{BucketKey, Shard};
use super::part::{private, private_folder};
use super::stop::unless_stopped_meanwhile;

/// So many bytes of ids wait for their bucket's file.
const WAITING: usize = 4 * 1024;

/// The users of each bucket that this process takes.
pub(super) struct Buckets {
    /// Removed with it.
    folder: TempDir,
    buckets: Vec<u32>,
    users: u64,
}

impl Buckets {
    /// Reads all ids, and sets them apart; nothing where `stop` ends before the list does.
    pub(super) async fn of<S>(
        users: S,
        key: &BucketKey,
        count: u32,
        shard: Shard,
        work: Option<&Path>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<Self>, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        let (folder, failed): (_, fn(io::Error) -> ExportError) = match work {
            Some(work) => (private_folder().tempdir_in(work), ExportError::Folder),
            None => (private_folder().tempdir(), ExportError::Temporary),
        };
        let folder = folder.map_err(failed)?;
        let mut waiting: Vec<Vec<u8>> = vec![Vec::new(); count as usize];
        let mut users = pin!(users);
        let mut place = 0;
        loop {
            // A list that is there at once leaves room for who listens, too.
            coop::consume_budget().await;
            let Some(next) = unless_stopped_meanwhile(stop.as_mut(), users.next()).await else {
                return Ok(None);
            };
            let Some(user) = next else { break };
            place += 1;
            let user = user.map_err(ExportError::Users)?;
            let id = user.checked().map_err(|_| ExportError::EmptyUser(place))?;
            let bucket = key.bucket(&user, count);
            if !shard.takes(bucket) {
                continue;
            }
            let lines = &mut waiting[bucket as usize];
            // As JSON, an id has no line end.
            serde_json::to_writer(&mut *lines, id)
                .map_err(|error| ExportError::Folder(error.into()))?;
            lines.push(b'\n');
            if lines.len() >= WAITING {
                append(folder.path(), bucket, lines).map_err(failed)?;
            }
        }
        for (lines, bucket) in waiting.iter_mut().zip(0..) {
            append(folder.path(), bucket, lines).map_err(failed)?;
        }
        let mut all = Self {
            folder,
            buckets: (0..count).filter(|bucket| shard.takes(*bucket)).collect(),
            users: 0,
        };
        for bucket in all.buckets.clone() {
            all.users += all.read(bucket)?.len() as u64;
        }
        Ok(Some(all))
    }

    /// Those of this process.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.buckets
    }

    /// How many users are in all of them, each counted once.
    pub(super) const fn users(&self) -> u64 {
        self.users
    }

    /// One user each of so many buckets, which lie apart.
    pub(super) fn some(&self, count: usize) -> Result<Vec<ClientUserId>, ExportError> {
        let mut found = Vec::new();
        let step = self.buckets.len().div_ceil(count.max(1)).max(1);
        // Where there are few users, many buckets are empty.
        for from in 0..step {
            for bucket in self.buckets.iter().skip(from).step_by(step) {
                if found.len() >= count {
                    return Ok(found);
                }
                let mut users = self.read(*bucket)?;
                if !users.is_empty() {
                    found.push(users.swap_remove(users.len() / 2));
                }
            }
        }
        Ok(found)
    }

    /// The users of one, each once, in the order of their ids.
    pub(super) fn read(&self, bucket: u32) -> Result<Vec<ClientUserId>, ExportError> {
        let lines = match fs::read(path(self.folder.path(), bucket)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            lines => lines.map_err(ExportError::Folder)?,
        };
        let ids = serde_json::Deserializer::from_slice(&lines).into_iter::<String>();
        let ids: Result<BTreeSet<String>, _> = ids.collect();
        let ids = ids.map_err(|error| ExportError::Folder(error.into()))?;
        Ok(ids.into_iter().map(ClientUserId::from).collect())
    }
}

fn path(folder: &Path, bucket: u32) -> PathBuf {
    folder.join(bucket.to_string())
}

/// Opened each time: a thousand open files are more than some systems allow.
fn append(folder: &Path, bucket: u32, lines: &mut Vec<u8>) -> io::Result<()> {
    if !lines.is_empty() {
        let mut options = OpenOptions::new();
        private(options.append(true).create(true));
        let mut file = options.open(path(folder, bucket))?;
        file.write_all(lines)?;
        lines.clear();
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::future::pending;
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn ids_that_wait_outside_of_the_folder_are_their_owners_alone() {
        let users = ["p17", "p18", "p19"].map(|id| Ok(ClientUserId::from(id)));
        let key = BucketKey::new([7; 32]);
        let users = stream::iter(users);
        let never = pin!(pending());
        let set_apart = Buckets::of(users, &key, 2, Shard::ALL, None, never);
        let buckets = set_apart.await.unwrap().expect("nobody is to stop");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(buckets.folder.path()), 0o700);
        let files: Vec<_> = fs::read_dir(buckets.folder.path()).unwrap().collect();
        assert!(!files.is_empty());
        for file in files {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
    }
}
