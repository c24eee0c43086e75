//! What somebody can do who holds the place and has no key: nothing that is taken for an intent that is new, and nothing
//! to read.

use std::sync::Arc;

use humanapi_client::{OrderJournal, StoreErrorKind};
use humanapi_core::admin::order::{IntentKey, Op};
use memchr::memmem;

use super::{LONG, RawOrder, SealedPlace, begin, intent, load, placed, sent, settle, subject};

/// Every operation on the intent fails in this way, and none says that it is new.
async fn refused(journal: &dyn OrderJournal, intent: &IntentKey, kind: StoreErrorKind) {
    let loaded = journal.load(intent).await.map(drop);
    let (ttl, subject) = (LONG, subject("one"));
    let begun = journal.apply(intent, Op::Begin { ttl, subject }).await;
    for outcome in [loaded, begun.map(drop)] {
        let error = outcome.expect_err("what cannot be read is an error");
        assert_eq!(error.kind(), kind, "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// A journal with one intent that was sent, and its row.
async fn one(place: &impl SealedPlace) -> (Arc<dyn OrderJournal>, IntentKey, RawOrder) {
    let journal = place.open().await;
    let intent = intent("only");
    sent(&*journal, &intent, LONG).await;
    let mut rows = place.rows().await;
    assert_eq!(rows.len(), 1);
    (journal, intent, rows.remove(0))
}

/// Two rows whose contents were exchanged.
pub async fn an_order_opens_in_its_own_row_alone(place: impl SealedPlace) {
    let journal = place.open().await;
    let (one, other) = (intent("one"), intent("other"));
    sent(&*journal, &one, LONG).await;
    sent(&*journal, &other, LONG).await;
    let rows = place.rows().await;
    let [a, b] = &rows[..] else {
        panic!("there are two rows, but: {rows:?}");
    };
    for (to, from) in [(a, b), (b, a)] {
        let row = to.row.clone();
        place
            .put(&RawOrder {
                row,
                ..from.clone()
            })
            .await;
    }
    // What is open cannot be listed either: an intent that is left out would be forgotten.
    let listed = place.open().await.open(None, 10).await;
    assert_eq!(
        listed.expect_err("they cannot be read").kind(),
        StoreErrorKind::Tampered
    );
    for intent in [&one, &other] {
        refused(&*place.open().await, intent, StoreErrorKind::Tampered).await;
    }
    place.put(a).await;
    place.put(b).await;
    assert!(load(&*journal, &one).await.is_some());
}

/// What a row said before, put back.
pub async fn an_older_order_does_not_pass_for_a_newer_one(place: impl SealedPlace) {
    let journal = place.open().await;
    let intent = intent("older");
    begin(&*journal, &intent, LONG).await;
    let before = place.rows().await.remove(0);
    let version = load(&*journal, &intent).await.expect("it is there").version;
    journal
        .apply(&intent, Op::HandBack { version })
        .await
        .expect("the journal answers");
    let after = place.rows().await.remove(0);
    assert!(after.version > before.version);
    let version = after.version;
    place
        .put(&RawOrder {
            version,
            ..before.clone()
        })
        .await;
    refused(&*journal, &intent, StoreErrorKind::Tampered).await;
    // The whole row as it was: genuine, and told by whoever has seen the newer one.
    place.put(&before).await;
    refused(&*journal, &intent, StoreErrorKind::RolledBack).await;
    place.put(&after).await;
    assert!(load(&*journal, &intent).await.is_some());
}

/// A row that is gone, for whoever has seen it.
pub async fn a_row_that_went_is_no_new_intent(place: impl SealedPlace) {
    let (journal, intent, row) = one(&place).await;
    place.drop_row(&row.row).await;
    refused(&*journal, &intent, StoreErrorKind::RolledBack).await;
}

/// A flipped bit here and there, a shorter row, another form, another version, and an open order that is told as closed.
pub async fn a_bent_order_is_an_error_and_not_absent(place: impl SealedPlace) {
    let (_, intent, row) = one(&place).await;
    let mut bent = Vec::new();
    let last = row.sealed.len() - 1;
    for index in [0, 1, 24, 25, last / 2, last - 16, last] {
        let mut flipped = row.clone();
        flipped.sealed[index] ^= 1 << (index % 8);
        let mut shorter = row.clone();
        shorter.sealed.truncate(index);
        bent.extend([flipped, shorter]);
    }
    let (is_open, version) = (!row.is_open, row.version + 1);
    bent.push(RawOrder {
        is_open,
        ..row.clone()
    });
    bent.push(RawOrder {
        version,
        ..row.clone()
    });
    let key_id = place.other_key().to_owned();
    bent.push(RawOrder { key_id, ..row });
    for row in bent {
        place.put(&row).await;
        refused(&*place.open().await, &intent, StoreErrorKind::Tampered).await;
    }
}

/// The id of a key that the process does not have.
pub async fn an_unknown_key_is_an_error_and_not_absent(place: impl SealedPlace) {
    let (_, intent, row) = one(&place).await;
    let key_id = "canary-key".to_owned();
    place.put(&RawOrder { key_id, ..row }).await;
    refused(
        &*place.open().await,
        &intent,
        StoreErrorKind::UnknownSealingKey,
    )
    .await;
}

/// No name, id or key of an intent lies there to be read.
pub async fn a_dump_says_nothing_of_orders(place: impl SealedPlace) {
    let journal = place.open().await;
    let intent = intent("dumped");
    let claim = sent(&*journal, &intent, LONG).await;
    settle(&*journal, &intent, claim, placed()).await;
    let dump = place.dump().await;
    assert!(!dump.is_empty());
    for secret in ["canary", "Testina", "Canary", "1980-04-09", intent.as_str()] {
        assert!(memmem::find(&dump, secret.as_bytes()).is_none(), "{secret}");
    }
}
