//! Everything of the folder in one archive, with its checksum beside it.

use anyhow::Context as _;
use cargo_metadata::camino::Utf8Path;
use sha2::{Digest as _, Sha256};

use super::host::host;
use crate::step::{Outcome, Session};

/// What goes along from the root of the repository.
const PAPERS: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "SECURITY.md"];
/// What the command's own folder adds.
const ABOUT: [&str; 2] = ["README.md", "CHANGELOG.md"];

pub(super) fn run(session: &mut Session, dist: &Utf8Path) -> anyhow::Result<()> {
    let package = session.workspace()?.member("humanapi-cli")?;
    let name = format!("humanapi-{}-{}", package.version, host(session)?);
    let own = package
        .manifest_path
        .parent()
        .context("a manifest lies in a folder")?
        .to_owned();
    session.step("archive and checksum", |session| {
        // One folder of that name is what comes out of the archive.
        let folder = dist.join(&name);
        std::fs::create_dir(&folder)?;
        let mut taken = 0;
        for entry in dist.read_dir_utf8()? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
                taken += 1;
            }
        }
        for (from, names) in [
            (
                Utf8Path::from_path(session.root()).context("the root is UTF-8")?,
                &PAPERS[..],
            ),
            (&own, &ABOUT[..]),
        ] {
            for file in names {
                std::fs::copy(from.join(file), folder.join(file))
                    .with_context(|| format!("cannot take {file} from {from}"))?;
            }
        }
        let archive = format!("{name}.tar.gz");
        session.read(
            session
                .program("tar")
                .args(["-czf", dist.join(&archive).as_str(), "-C", dist.as_str()])
                .arg(&name),
        )?;
        std::fs::remove_dir_all(&folder)?;
        let bytes = std::fs::read(dist.join(&archive))?;
        let line = checksum_line(&bytes, &archive);
        std::fs::write(dist.join(format!("{archive}.sha256")), line)?;
        Ok(Outcome::Told(format!(
            "{taken} files and the licences, {} bytes",
            bytes.len()
        )))
    });
    Ok(())
}

/// As `sha256sum --check` reads it.
fn checksum_line(bytes: &[u8], name: &str) -> String {
    let digest: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{digest}  {name}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_as_its_checker_reads_it() {
        // SHA-256 of "abc", from FIPS 180-2.
        assert_eq!(
            checksum_line(b"abc", "a.tar.gz"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tar.gz\n"
        );
    }
}
