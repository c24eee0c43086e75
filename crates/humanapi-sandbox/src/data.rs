//! The data API: whose data a token opens, and the answers to `/v1/human` and what lies below it.

mod documents;
mod list;
mod paging;
mod written;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::assumption::{Assumption, Assumptions};
use crate::authorization::bearer;
use crate::body::query_value;
use crate::call::Call;
use crate::clock;
use crate::incoming::Incoming;
use crate::people;
use crate::reply::{Problem, Reply, empty, json};
use crate::request_log::LogDetails;
use crate::seed::{Numbers, keyed};
use crate::source::{DEMO_SOURCES, Source};
use crate::subject::{self, Subject};
use crate::token::{TokenKind, TokenState};
use crate::world::World;

pub(crate) use list::{batch, read};

/// Everything at a glance.
pub(crate) fn summary_of_all(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let ask = call.world.ask(subject);
    let latest = |resource| {
        let records = call.world.records(resource, &ask);
        (records.len() > 0).then(|| records.at(0))
    };
    Ok(json(StatusCode::OK, &people::summary(&ask, latest)))
}

/// What is connected.
pub(crate) fn sources(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let mut sources = people::sources(&call.world.ask(subject));
    for source in &mut sources {
        written::apply_sync_status(source, &call.world.assumptions);
    }
    Ok(json(StatusCode::OK, &sources))
}

/// Whose data it is.
pub(crate) fn profile(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let profile = people::profile(&call.world.ask(subject));
    Ok(json(StatusCode::OK, &profile))
}

/// Whose data the request's token opens.
pub(crate) fn subject(
    world: &World,
    incoming: &Incoming,
    details: &mut LogDetails,
) -> Result<Subject, Problem> {
    let unauthorized = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "the access token is missing or not valid",
        )
    };
    let token = bearer(&incoming.head.headers)
        .or_else(|| query_value(incoming.head.uri.query(), "access_token"))
        .ok_or_else(unauthorized)?;
    if token == "demo" && world.assumptions.is(Assumption::DemoToken, "accepted") {
        details.token_kind = Some(TokenKind::Access);
        return Ok(demo_subject(world));
    }
    let state = world.state();
    let token_state = state.judge(&token, world.clock.now());
    let claim = match token_state {
        TokenState::Valid { claim, .. }
        | TokenState::Expired(claim)
        | TokenState::Revoked(claim) => claim,
        TokenState::Foreign => return Err(unauthorized()),
    };
    details.token_kind = Some(claim.kind);
    let user = state.user(claim.holder).ok_or_else(unauthorized)?;
    if claim.kind != TokenKind::Client {
        details.client_user_id = Some(user.client_user_id.to_string());
        details.client_id = world.apps.get(user.app).map(|app| app.client_id.clone());
    }
    let valid = matches!(token_state, TokenState::Valid { .. });
    if !valid || claim.kind != TokenKind::Access {
        return Err(unauthorized());
    }
    Ok(Subject::of(user))
}

fn demo_subject(world: &World) -> Subject {
    let human_id = Numbers::new(keyed(world.seed, &[b"demo user"])).hex(32);
    Subject {
        user_id: subject::user_id(&human_id),
        human_id,
        email: Some("demo@example.test".to_owned()),
        created: people::EPOCH - 400 * clock::DAY,
        sources: Source::ALL
            .iter()
            .filter(|source| DEMO_SOURCES.contains(&source.word))
            .collect(),
        since: Vec::new(),
        is_demo: true,
        persona: None,
    }
}

/// How long an answer has to be for a tag where only large ones have one.
const LARGE: usize = 1024;

/// Puts a strong tag on a good answer, and empties it when the caller has it already.
pub(crate) fn tag(mut reply: Reply, headers: &HeaderMap, assumptions: &Assumptions) -> Reply {
    match assumptions.value(Assumption::Etag) {
        "none" => return reply,
        "large" if reply.body().len() <= LARGE => return reply,
        _ => {}
    }
    let etag = format!("\"{:016x}\"", keyed(0, &[reply.body()]));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag);
    let value = HeaderValue::from_str(&etag);
    if known {
        reply = empty(StatusCode::NOT_MODIFIED);
    }
    if let Ok(value) = value {
        reply.headers_mut().insert(header::ETAG, value);
    }
    reply
}

/// Compresses an answer where that is assumed.
pub(crate) fn compress(mut reply: Reply, headers: &HeaderMap, assumptions: &Assumptions) -> Reply {
    let takes_gzip = || {
        headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|coding| coding.trim().eq_ignore_ascii_case("gzip"))
    };
    let wanted = match assumptions.value(Assumption::Gzip) {
        "always" => true,
        "when-asked" => takes_gzip(),
        _ => false,
    };
    if !wanted || reply.body().is_empty() {
        return reply;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder
        .write_all(reply.body())
        .and_then(|()| encoder.finish());
    // Writing into a Vec cannot fail.
    if let Ok(body) = written {
        *reply.body_mut() = body.into();
        let gzip = HeaderValue::from_static("gzip");
        reply.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_weak() {
        let assumptions = Assumptions::new(&[]);
        let plain = tag(json(StatusCode::OK, &[1]), &HeaderMap::new(), &assumptions);
        let etag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (sent, status) in [
            (etag.clone(), 304),
            (format!("\"other\", W/{etag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            let reply = tag(json(StatusCode::OK, &[1]), &headers, &assumptions);
            assert_eq!(reply.status(), status, "{sent}");
            assert_eq!(reply.body().is_empty(), status == 304);
        }
    }
}
