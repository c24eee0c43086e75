//! The directory in a SQLite file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use humanapi_axum::{Sighting, SqliteDirectory, UserDirectory as _, UserRecord};
use humanapi_client::core::{ClientUserId, HumanId, TokenKind, UserEvent, UserStatus};

fn user(id: &str) -> ClientUserId {
    ClientUserId::new(id).unwrap()
}

fn issued(kind: TokenKind, id: &str) -> Sighting {
    Sighting::new(UserEvent::TokenIssued(kind)).with_human_id(HumanId::new(id))
}

#[tokio::test]
async fn what_is_recorded_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let directory = SqliteDirectory::open(&path).await.unwrap();
    assert_eq!(
        directory.load(&user("ann")).await.unwrap(),
        UserRecord::default()
    );
    // Ids are bytes: two forms of one letter, quotes and NUL are all different users.
    let ids = [
        "ann",
        "Ann",
        "caf\u{e9}",
        "cafe\u{301}",
        "a\0b",
        "a",
        "x'; DROP TABLE humanapi_users; --",
    ];
    for (number, id) in ids.into_iter().enumerate() {
        let seen = issued(TokenKind::Session, &number.to_string());
        let change = directory.record(&user(id), &seen).await.unwrap();
        assert_eq!(change.before, UserRecord::default(), "{id}");
    }
    drop(directory);
    let directory = SqliteDirectory::open(&path).await.unwrap();
    for (number, id) in ids.into_iter().enumerate() {
        let record = directory.load(&user(id)).await.unwrap();
        assert_eq!(record.status, UserStatus::Started);
        assert_eq!(record.human_id, Some(HumanId::new(number.to_string())));
    }
    let change = directory
        .record(&user("ann"), &issued(TokenKind::Id, "7"))
        .await
        .unwrap();
    assert!(change.human_id_changed());
    let record = directory.load(&user("ann")).await.unwrap();
    assert_eq!(
        record,
        UserRecord::new(
            UserStatus::Connected,
            Some(HumanId::new("7")),
            Some(HumanId::new("0"))
        )
    );
    assert_eq!(format!("{directory:?}").matches("ann").count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    drop(SqliteDirectory::open(&path).await.unwrap());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = SqliteDirectory::open(folder.path().join("no/users.db"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be made"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_at_the_same_time_all_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let one = Arc::new(SqliteDirectory::open(&path).await.unwrap());
    let other = Arc::new(SqliteDirectory::open(&path).await.unwrap());
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let directory = Arc::clone(if number % 2 == 0 { &one } else { &other });
            tokio::spawn(async move {
                let seen = issued(TokenKind::Session, &number.to_string());
                directory.record(&user("ann"), &seen).await.unwrap()
            })
        })
        .collect();
    let mut changes = Vec::new();
    for task in tasks {
        changes.push(task.await.unwrap());
    }
    // Each id was seen to come, and each but the last to go: nobody wrote over what another had read.
    let gone = changes
        .iter()
        .filter_map(|change| change.before.human_id.clone());
    let gone: std::collections::BTreeSet<_> = gone.collect();
    assert_eq!(gone.len(), 19);
}
