//! What somebody can do who holds the store and has no key: nothing that goes unnoticed, and nothing to read.

use humanapi_client::{StoreErrorKind, TokenStore};
use humanapi_core::broker::KeptToken;
use humanapi_core::{Generation, HumanId, RefreshToken, TokenKey};
use memchr::memmem;

use super::{LONG, Place, RawToken, invalidate, keep, key, living, text, win};

/// Two rows whose sealed tokens were exchanged.
pub async fn a_token_opens_in_its_own_row_alone(place: impl Place) {
    let store = place.open().await;
    let (one, other) = (key(), key());
    keep(&*store, &one, None, &living(&place, "one").await).await;
    keep(&*store, &other, None, &living(&place, "other").await).await;
    let tokens = place.tokens().await;
    let [a, b] = &tokens[..] else {
        panic!("there are two tokens, but: {tokens:?}");
    };
    // With all that stands beside it, or the sealed bytes alone.
    for whole in [true, false] {
        for (to, from) in [(a, b), (b, a)] {
            let sealed = from.sealed.clone();
            let moved = if whole {
                RawToken {
                    row: to.row.clone(),
                    ..from.clone()
                }
            } else {
                RawToken {
                    sealed,
                    ..to.clone()
                }
            };
            place.put(&moved).await;
        }
        for key in [&one, &other] {
            refused(&*store, key, StoreErrorKind::Tampered).await;
        }
        place.put(a).await;
        place.put(b).await;
        assert_eq!(text(&*store, &one).await.as_deref(), Some("one"));
    }
}

/// The sealed bytes of an older token, put back into the row.
pub async fn an_older_token_does_not_pass_for_a_newer_one(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let token = living(&place, "older").await;
    let older = keep(&*store, &key, None, &token).await;
    let before = only(&place).await;
    let newer = keep(&*store, &key, Some(older), &living(&place, "newer").await).await;
    let after = only(&place).await;
    assert_eq!(after.generation, newer.number());
    place
        .put(&RawToken {
            generation: after.generation,
            ..before.clone()
        })
        .await;
    refused(&*store, &key, StoreErrorKind::Tampered).await;

    // The whole row as it was: genuine, and told by whoever has seen the newer one.
    place.put(&before).await;
    refused(&*store, &key, StoreErrorKind::RolledBack).await;
    place.put(&after).await;
    assert_eq!(text(&*store, &key).await.as_deref(), Some("newer"));
}

/// An end that was put off.
pub async fn a_token_does_not_outlive_its_end(place: impl Place) {
    let (store, key, token) = one(&place).await;
    place
        .put(&RawToken {
            expires_at: token.expires_at + 1,
            ..token
        })
        .await;
    refused(&*store, &key, StoreErrorKind::Tampered).await;
}

/// A flipped bit here and there, and a shorter token.
pub async fn a_bent_token_does_not_open(place: impl Place) {
    let (store, key, token) = one(&place).await;
    let last = token.sealed.len() - 1;
    // The form, the nonce, the text and what proves it.
    for index in [0, 1, 24, 25, last / 2, last - 16, last] {
        let mut bent = token.clone();
        if index % 2 == 0 {
            bent.sealed[index] ^= 1 << (index % 8);
        } else {
            bent.sealed.truncate(index);
        }
        place.put(&bent).await;
        refused(&*store, &key, StoreErrorKind::Tampered).await;
    }
}

/// The id of another key that the process has.
pub async fn a_key_that_did_not_seal_does_not_open(place: impl Place) {
    let (store, key, token) = one(&place).await;
    let key_id = place.other_key().to_owned();
    assert_ne!(key_id, token.key_id);
    place.put(&RawToken { key_id, ..token }).await;
    refused(&*store, &key, StoreErrorKind::Tampered).await;
}

/// The id of a key that the process does not have.
pub async fn an_unknown_key_is_told_apart(place: impl Place) {
    let (store, key, token) = one(&place).await;
    let key_id = "canary-key".to_owned();
    place.put(&RawToken { key_id, ..token }).await;
    refused(&*store, &key, StoreErrorKind::UnknownSealingKey).await;
}

/// A token that cannot be opened can be dropped, and then the next one is got as ever.
pub async fn a_changed_token_can_be_replaced(place: impl Place) {
    let (store, key, mut token) = one(&place).await;
    token.sealed[0] ^= 1;
    place.put(&token).await;
    refused(&*store, &key, StoreErrorKind::Tampered).await;
    invalidate(&*store, &key, Generation::new(u64::MAX)).await;
    assert_eq!(text(&*store, &key).await, None);
    keep(&*store, &key, None, &living(&place, "next").await).await;
    assert_eq!(text(&*store, &key).await.as_deref(), Some("next"));
}

/// Whoever has all the store's bytes reads neither tokens nor ids, in any spelling that is at hand.
pub async fn a_dump_says_nothing(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let first = canaries(&place).await;
    let known = keep(&*store, &key, None, &first).await;
    keep(&*store, &key, Some(known), &canaries(&place).await).await;
    win(&*store, &super::key(), LONG, None).await;
    let tokens = place.tokens().await;
    let dump = place.dump().await;
    for token in &tokens {
        // The dump is of this place, or the search below proves nothing.
        let id = token.key_id.as_bytes();
        assert!(memmem::find(&dump, id).is_some(), "{} bytes", dump.len());
    }
    for secret in [
        "canary-token",
        "canary-human",
        "canary-refresh",
        "canary-user",
        "canary-app",
    ] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let spellings = [secret.to_owned(), hex.clone(), hex.to_uppercase()];
        for spelling in spellings {
            let found = memmem::find(&dump, spelling.as_bytes());
            assert_eq!(found, None, "{spelling} in {} bytes", dump.len());
        }
    }
}

/// A token full of words that must never be seen.
async fn canaries(place: &impl Place) -> KeptToken {
    living(place, "canary-token")
        .await
        .with_human_id(Some(HumanId::new("canary-human")))
        .with_refresh_token(Some(RefreshToken::new("canary-refresh")))
}

/// A place with one token, and how that lies there.
async fn one(place: &impl Place) -> (std::sync::Arc<dyn TokenStore>, TokenKey, RawToken) {
    let store = place.open().await;
    let key = key();
    keep(&*store, &key, None, &canaries(place).await).await;
    let token = only(place).await;
    (store, key, token)
}

async fn only(place: &impl Place) -> RawToken {
    let mut tokens = place.tokens().await;
    assert_eq!(tokens.len(), 1);
    tokens.remove(0)
}

/// Neither reading nor asking for the lease gives the token out, and the error says no more than it may.
async fn refused(store: &dyn TokenStore, key: &TokenKey, kind: StoreErrorKind) {
    let loaded = store.load(key).await.expect_err("it does not open");
    let acquired = store.acquire(key, LONG, None).await;
    let acquired = acquired.expect_err("it does not open");
    for error in [loaded, acquired] {
        assert_eq!(error.kind(), kind, "{error}");
        let texts = format!("{error} {error:?} {error:#?}");
        assert!(!texts.contains("canary"), "{texts}");
        assert!(std::error::Error::source(&error).is_none(), "{texts}");
    }
}
