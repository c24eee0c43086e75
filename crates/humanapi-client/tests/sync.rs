//! Keeping in step over a transport: errors that pass, restarts of the reader, and errors that do not pass.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use futures_util::{StreamExt as _, TryStreamExt as _};
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{ChangesPages, Client, ErrorKind, User};
use humanapi_core::data::{Activity, Changes, Sleep, Watermark};
use humanapi_core::http::header::DATE;
use humanapi_core::http::{HeaderValue, Response};
use humanapi_core::{Body, Credentials, Provisioning, RetryPolicy};
use static_assertions::assert_impl_all;

assert_impl_all!(ChangesPages<Activity>: Send, Unpin);

const TOKEN: &str = r#"{"access_token":"at-1","expires_in":86400}"#;

fn user(transport: &ScriptedTransport) -> User {
    let credentials = Credentials::new("my-app", "hush").unwrap();
    Client::builder(credentials, Provisioning::Connect, transport.clone())
        .retry(RetryPolicy::none())
        .build_on(VirtualRuntime::new())
        .user("patient-17")
}

/// Records of these ids on one page, of so many in all.
fn page(ids: &[&str], total: &'static str) -> Reply {
    let records: Vec<_> = ids
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","updatedAt":"2026-01-15T08:59:00.000Z"}}"#))
        .collect();
    let mut response = Response::new(Body::from(format!("[{}]", records.join(",")).into_bytes()));
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from_static(total));
    headers.insert(
        DATE,
        HeaderValue::from_static("Thu, 15 Jan 2026 09:00:00 GMT"),
    );
    Reply::response(response)
}

fn queries(transport: &ScriptedTransport) -> Vec<String> {
    let requests = transport.requests();
    let of_data = requests
        .iter()
        .filter(|request| request.uri().path().ends_with("activities"));
    of_data
        .map(|request| request.uri().query().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn a_page_that_failed_is_asked_for_again_and_the_next_pass_tells_only_what_is_new() {
    let transport = ScriptedTransport::new([
        Reply::json(200, TOKEN),
        page(&["a", "b"], "3"),
        Reply::json(503, "{}"),
        page(&["b", "c"], "3"),
        page(&["a", "b", "d"], "3"),
    ]);
    let user = user(&transport);
    let mut pages = user.data().activities().limit(2).sync(None);
    let first = pages.try_next().await.unwrap().unwrap();
    assert_eq!(first.records.len(), 2);
    let error = pages.try_next().await.unwrap_err();
    assert!(error.is_transient());
    let last = pages.try_next().await.unwrap().unwrap();
    assert_eq!(last.records[0].id().as_deref(), Some("c"));
    assert!(pages.next().await.is_none());
    assert_eq!(
        queries(&transport),
        ["limit=2", "limit=2&offset=1", "limit=2&offset=1"]
    );

    let watermark: Watermark = last.end.unwrap().watermark;
    let pages: Vec<_> = user
        .data()
        .activities()
        .sync(Some(watermark))
        .try_collect()
        .await
        .unwrap();
    let ids: Vec<_> = pages[0]
        .records
        .iter()
        .map(|record| record.id().unwrap())
        .collect();
    assert_eq!((pages.len(), ids), (1, vec!["d".into()]));
    assert_eq!(
        queries(&transport),
        ["limit=500&updated_since=20260115T084959Z"]
    );
}

#[tokio::test]
async fn another_reader_goes_on_where_the_last_one_was_killed() {
    let transport = ScriptedTransport::new([
        Reply::json(200, TOKEN),
        page(&["a", "b"], "3"),
        page(&["b", "c"], "3"),
    ]);
    let user = user(&transport);
    let mut pages = user.data().activities().limit(2).sync(None);
    let first = pages.try_next().await.unwrap().unwrap();
    let saved = serde_json::to_string(&first.next.unwrap()).unwrap();
    drop(pages);

    let changes: Changes<Activity> = serde_json::from_str(&saved).unwrap();
    let pages: Vec<_> = user.call(changes).stream().try_collect().await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].records[0].id().as_deref(), Some("c"));
    assert!(pages[0].end.as_ref().unwrap().is_settled);
    assert_eq!(queries(&transport), ["limit=2", "limit=2&offset=1"]);
    // What was saved for one list reads no other.
    assert!(serde_json::from_str::<Changes<Sleep>>(&saved).is_err());
}

#[tokio::test]
async fn an_error_that_does_not_pass_ends_the_pass() {
    let transport =
        ScriptedTransport::new([Reply::json(200, TOKEN), Reply::json(200, r#"{"id":"a"}"#)]);
    let mut pages = user(&transport).data().activities().sync(None);
    assert!(pages.next().await.unwrap().is_err());
    assert!(pages.next().await.is_none());

    let transport = ScriptedTransport::new([]);
    let mut pages = user(&transport).data().activities().limit(501).sync(None);
    let error = pages.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(pages.next().await.is_none() && transport.requests().is_empty());
}
