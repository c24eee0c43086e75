//! The token rules, in full, against tables written out by hand.
//!
//! Nothing here is taken from the code's own tables: what the documents say stands here a second
//! time, in words, and each combination has its line.

use humanapi_core::rules::{Decision, Prediction, Purpose, after_refusal, decide, predict};
use humanapi_core::{KnownStatus, Refusal, TokenKind, TokenRefusal, UserEvent, UserStatus};

fn status(word: &str) -> UserStatus {
    match word {
        "unknown" => UserStatus::Unknown,
        "new" => UserStatus::New,
        "started" => UserStatus::Started,
        "connected" => UserStatus::Connected,
        "deleted" => UserStatus::Deleted,
        other => panic!("no status {other}"),
    }
}

fn kind(word: &str) -> TokenKind {
    match word {
        "session" => TokenKind::Session,
        "id" => TokenKind::Id,
        "access" => TokenKind::Access,
        "client" => TokenKind::Client,
        other => panic!("no kind {other}"),
    }
}

fn refusal(word: &str) -> TokenRefusal {
    match word {
        "already connected" => TokenRefusal::AlreadyConnected,
        "unknown user" => TokenRefusal::UnknownUser,
        "nothing connected" => TokenRefusal::NothingConnected,
        other => panic!("no refusal {other}"),
    }
}

fn purpose(word: &str) -> Purpose {
    match word {
        "open Connect" => Purpose::OpenConnect,
        "read data" => Purpose::ReadData,
        "administer" => Purpose::Administer,
        other => panic!("no purpose {other}"),
    }
}

fn decision(words: &str) -> Decision {
    match words {
        "refuse: never started" => Decision::Refuse(Refusal::NotStarted),
        "refuse: nothing connected" => Decision::Refuse(Refusal::NothingConnected),
        "refuse: deleted" => Decision::Refuse(Refusal::Deleted),
        word => Decision::Ask(kind(word)),
    }
}

fn prediction(word: &str) -> Prediction {
    match word {
        "issued" => Prediction::Issued,
        "refused" => Prediction::Refused,
        "open" => Prediction::Open,
        other => panic!("no prediction {other}"),
    }
}

fn event(words: &str) -> UserEvent {
    match words.split_once(' ') {
        Some(("issued", word)) => UserEvent::TokenIssued(kind(word)),
        Some(("refused:", words)) => UserEvent::TokenRefused(refusal(words)),
        _ => match words {
            "source connected" => UserEvent::SourceConnected,
            "source disconnected" => UserEvent::SourceDisconnected,
            "deleted" => UserEvent::Deleted,
            other => panic!("no event {other}"),
        },
    }
}

/// Checks every line of a table, and that it has as many as there are combinations.
#[track_caller]
fn check<const N: usize>(
    table: [(&str, &str, &str); N],
    combinations: usize,
    holds: impl Fn(&str, &str, &str) -> Result<(), String>,
) {
    let mut seen: Vec<(&str, &str)> = table.iter().map(|line| (line.0, line.1)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen.len(),
        combinations,
        "each combination stands there once"
    );
    assert_eq!(N, combinations);
    for (row, column, expected) in table {
        if let Err(got) = holds(row, column, expected) {
            panic!("{row} × {column}: expected {expected}, got {got}");
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{got:?}"))
}

#[test]
fn each_purpose_and_status_have_their_token_or_their_refusal() {
    check(
        [
            ("open Connect", "unknown", "session"),
            ("open Connect", "new", "session"),
            ("open Connect", "started", "session"),
            ("open Connect", "connected", "id"),
            ("open Connect", "deleted", "session"),
            ("read data", "unknown", "access"),
            ("read data", "new", "refuse: never started"),
            ("read data", "started", "refuse: nothing connected"),
            ("read data", "connected", "access"),
            ("read data", "deleted", "refuse: deleted"),
            ("administer", "unknown", "client"),
            ("administer", "new", "client"),
            ("administer", "started", "client"),
            ("administer", "connected", "client"),
            ("administer", "deleted", "client"),
        ],
        Purpose::ALL.len() * UserStatus::ALL.len(),
        |row, column, expected| same(decide(purpose(row), status(column)), decision(expected)),
    );
}

#[test]
fn one_other_token_follows_a_refusal_at_most() {
    check(
        [
            ("session", "already connected", "id"),
            ("session", "unknown user", "-"),
            ("session", "nothing connected", "-"),
            ("id", "already connected", "-"),
            ("id", "unknown user", "session"),
            ("id", "nothing connected", "session"),
            ("access", "already connected", "-"),
            ("access", "unknown user", "-"),
            ("access", "nothing connected", "-"),
            ("client", "already connected", "-"),
            ("client", "unknown user", "-"),
            ("client", "nothing connected", "-"),
        ],
        TokenKind::ALL.len() * 3,
        |row, column, expected| {
            let then = (expected != "-").then(|| kind(expected));
            same(after_refusal(kind(row), refusal(column)), then)
        },
    );
}

#[test]
fn the_services_answer_is_foretold_from_the_true_status() {
    check(
        [
            ("session", "unknown", "open"),
            ("session", "new", "issued"),
            ("session", "started", "issued"),
            ("session", "connected", "refused"),
            ("session", "deleted", "issued"),
            ("id", "unknown", "open"),
            ("id", "new", "refused"),
            ("id", "started", "refused"),
            ("id", "connected", "issued"),
            ("id", "deleted", "refused"),
            ("access", "unknown", "open"),
            ("access", "new", "refused"),
            ("access", "started", "refused"),
            ("access", "connected", "issued"),
            ("access", "deleted", "refused"),
            ("client", "unknown", "issued"),
            ("client", "new", "issued"),
            ("client", "started", "issued"),
            ("client", "connected", "issued"),
            ("client", "deleted", "issued"),
        ],
        TokenKind::ALL.len() * UserStatus::ALL.len(),
        |row, column, expected| same(predict(kind(row), status(column)), prediction(expected)),
    );
}

#[test]
fn each_event_leaves_a_known_status_behind() {
    check(
        [
            ("issued session", "unknown", "started"),
            ("issued session", "new", "started"),
            ("issued session", "started", "started"),
            ("issued session", "connected", "started"),
            ("issued session", "deleted", "started"),
            ("issued id", "unknown", "connected"),
            ("issued id", "new", "connected"),
            ("issued id", "started", "connected"),
            ("issued id", "connected", "connected"),
            ("issued id", "deleted", "connected"),
            ("issued access", "unknown", "connected"),
            ("issued access", "new", "connected"),
            ("issued access", "started", "connected"),
            ("issued access", "connected", "connected"),
            ("issued access", "deleted", "connected"),
            ("issued client", "unknown", "unknown"),
            ("issued client", "new", "new"),
            ("issued client", "started", "started"),
            ("issued client", "connected", "connected"),
            ("issued client", "deleted", "deleted"),
            ("refused: already connected", "unknown", "unknown"),
            ("refused: already connected", "new", "new"),
            ("refused: already connected", "started", "started"),
            ("refused: already connected", "connected", "connected"),
            ("refused: already connected", "deleted", "deleted"),
            ("refused: unknown user", "unknown", "unknown"),
            ("refused: unknown user", "new", "new"),
            ("refused: unknown user", "started", "started"),
            ("refused: unknown user", "connected", "unknown"),
            ("refused: unknown user", "deleted", "deleted"),
            ("refused: nothing connected", "unknown", "unknown"),
            ("refused: nothing connected", "new", "new"),
            ("refused: nothing connected", "started", "started"),
            ("refused: nothing connected", "connected", "unknown"),
            ("refused: nothing connected", "deleted", "deleted"),
            ("source connected", "unknown", "connected"),
            ("source connected", "new", "connected"),
            ("source connected", "started", "connected"),
            ("source connected", "connected", "connected"),
            ("source connected", "deleted", "deleted"),
            ("source disconnected", "unknown", "connected"),
            ("source disconnected", "new", "connected"),
            ("source disconnected", "started", "connected"),
            ("source disconnected", "connected", "connected"),
            ("source disconnected", "deleted", "deleted"),
            ("deleted", "unknown", "deleted"),
            ("deleted", "new", "deleted"),
            ("deleted", "started", "deleted"),
            ("deleted", "connected", "deleted"),
            ("deleted", "deleted", "deleted"),
        ],
        10 * UserStatus::ALL.len(),
        |row, column, expected| same(status(column).after(event(row)), status(expected)),
    );
}

#[test]
fn each_refusal_says_what_to_do() {
    let remedies = [
        (Refusal::NotStarted, "start a session"),
        (Refusal::NothingConnected, "connect a source"),
        (Refusal::Deleted, "start a session"),
    ];
    for (refusal, remedy) in remedies {
        assert!(refusal.remedy().contains(remedy), "{refusal:?}");
        assert!(!refusal.to_string().contains(refusal.remedy()));
    }
}

#[test]
fn only_what_the_application_asserts_is_certain() {
    for status in UserStatus::ALL {
        let asserted = KnownStatus::asserted(status);
        let remembered = KnownStatus::remembered(status);
        assert_eq!((asserted.status(), asserted.is_certain()), (status, true));
        assert_eq!(
            (remembered.status(), remembered.is_certain()),
            (status, false)
        );
    }
    assert_eq!(
        KnownStatus::default(),
        KnownStatus::remembered(UserStatus::Unknown)
    );
}
