//! The data API: whose data a token opens, and the answers to `/v1/human` and what lies below it.

mod activities;
mod paging;
mod summary;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::assumption::Assumption;
use crate::body::{query_value, single};
use crate::clock::{self, Millis};
use crate::lock;
use crate::reply::{Problem, Reply, empty, json};
use crate::request_log::Note;
use crate::seed::{Numbers, keyed};
use crate::service::{Incoming, Service, allow};
use crate::source::{PULSEBAND, STRIDER, Source};
use crate::token::{Standing, TokenKind};

use activities::Activity;
use paging::ListQuery;

/// Whose data is read.
#[derive(Debug)]
struct Subject {
    human_id: String,
    user_id: String,
    email: Option<String>,
    created: Millis,
    sources: Vec<&'static Source>,
    is_demo: bool,
}

const METHODS: &str = "OPTIONS, GET, HEAD";
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

impl Service {
    pub(crate) fn data_api(&self, incoming: &Incoming, note: &mut Note) -> Reply {
        let mut reply = self.try_data_api(incoming, note).unwrap_or_else(|problem| {
            let mut reply = problem.write(&self.world.assumptions, true, &note.request_id);
            match problem.status {
                StatusCode::UNAUTHORIZED => {
                    reply
                        .headers_mut()
                        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                }
                StatusCode::METHOD_NOT_ALLOWED => allow(&mut reply, METHODS),
                _ => {}
            }
            reply
        });
        let headers = reply.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS,GET,HEAD"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "Content-Type, Authorization, Accept",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        reply
    }

    fn try_data_api(&self, incoming: &Incoming, note: &mut Note) -> Result<Reply, Problem> {
        let head = &incoming.head;
        if head.method == Method::OPTIONS {
            let mut reply = empty(StatusCode::NO_CONTENT);
            allow(&mut reply, METHODS);
            return Ok(reply);
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "health data can only be read",
            ));
        }
        let subject = self.subject(incoming, note)?;
        let path = head.uri.path();
        let place = path.strip_suffix('/').unwrap_or(path);
        let reply = match place.strip_prefix("/v1/human").unwrap_or(place) {
            "" => json(StatusCode::OK, &summary::summary(self.world.seed, &subject)),
            "/profile" => json(StatusCode::OK, &summary::profile(&subject)),
            "/activities" => self.list_activities(incoming, &subject)?,
            below => match below.strip_prefix("/activities/") {
                Some(id) => self.one_activity(incoming, &subject, id)?,
                None => return Err(not_found()),
            },
        };
        Ok(tag(reply, &head.headers))
    }

    /// Whose data the request's token opens.
    fn subject(&self, incoming: &Incoming, note: &mut Note) -> Result<Subject, Problem> {
        let unauthorized = || {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "the access token is missing or not valid",
            )
        };
        let token = bearer(&incoming.head.headers)
            .or_else(|| query_value(incoming.head.uri.query(), "access_token"))
            .ok_or_else(unauthorized)?;
        if token == "demo" && self.world.assumptions.is(Assumption::DemoToken, "accepted") {
            note.token_kind = Some(TokenKind::Access);
            return Ok(self.demo_subject());
        }
        let state = lock(&self.world.state);
        let standing = state.judge(&token, self.world.clock.now());
        let claim = match standing {
            Standing::Valid { claim, .. } | Standing::Expired(claim) | Standing::Revoked(claim) => {
                claim
            }
            Standing::Foreign => return Err(unauthorized()),
        };
        note.token_kind = Some(claim.kind);
        let user = state.user(claim.holder).ok_or_else(unauthorized)?;
        if claim.kind != TokenKind::Client {
            note.client_user_id = Some(user.client_user_id.to_string());
            note.client_id = self
                .world
                .apps
                .get(user.app)
                .map(|app| app.client_id.clone());
        }
        let valid = matches!(standing, Standing::Valid { .. });
        if !valid || claim.kind != TokenKind::Access {
            return Err(unauthorized());
        }
        Ok(Subject {
            user_id: user_id(&user.human_id),
            human_id: user.human_id.clone(),
            email: user.email.clone(),
            created: user.created,
            sources: user.connections.clone(),
            is_demo: false,
        })
    }

    fn demo_subject(&self) -> Subject {
        let human_id = Numbers::new(keyed(self.world.seed, &[b"demo user"])).hex(32);
        Subject {
            user_id: user_id(&human_id),
            human_id,
            email: Some("demo@example.test".to_owned()),
            created: activities::EPOCH - 400 * clock::DAY,
            sources: Source::ALL
                .iter()
                .filter(|source| [STRIDER, PULSEBAND].contains(&source.word))
                .collect(),
            is_demo: true,
        }
    }

    fn list_activities(&self, incoming: &Incoming, subject: &Subject) -> Result<Reply, Problem> {
        let query = incoming.head.uri.query();
        let list = ListQuery::read(query)?;
        let strict = self
            .world
            .assumptions
            .is(Assumption::FilterBounds, "strict");
        let mut found = activities::of(self.world.seed, subject);
        found.retain(|activity| list.takes(activity, strict));
        let total = found.len() as u64;
        let page: Vec<_> = found
            .iter()
            .skip(usize::try_from(list.offset).unwrap_or(usize::MAX))
            .take(list.limit)
            .map(|activity| activity.write(subject, list.time_series))
            .collect();
        let mut reply = json(StatusCode::OK, &page);
        if self.world.assumptions.is(Assumption::TotalCount, "present") {
            reply
                .headers_mut()
                .insert(X_TOTAL_COUNT, HeaderValue::from(total));
        }
        let links = paging::Links {
            host: incoming.host.as_deref().unwrap_or_default(),
            path: incoming.head.uri.path(),
            query: query.unwrap_or_default(),
            exact_last: self.world.assumptions.is(Assumption::LastLink, "exact"),
            on_single_page: self
                .world
                .assumptions
                .is(Assumption::SinglePageLinks, "present"),
        };
        if let Some(link) = links.header(&list, total) {
            reply.headers_mut().insert(header::LINK, link);
        }
        Ok(reply)
    }

    fn one_activity(
        &self,
        incoming: &Incoming,
        subject: &Subject,
        id: &str,
    ) -> Result<Reply, Problem> {
        let list = ListQuery::read(incoming.head.uri.query())?;
        activities::of(self.world.seed, subject)
            .iter()
            .find(|activity: &&Activity| activity.id() == id)
            .map(|activity| json(StatusCode::OK, &activity.write(subject, list.time_series)))
            .ok_or_else(not_found)
    }
}

fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path")
}

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = single(headers, header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// The deprecated second id of a user, which depends on the first alone.
fn user_id(human_id: &str) -> String {
    Numbers::new(keyed(0, &[b"user id", human_id.as_bytes()])).hex(24)
}

/// Puts a strong tag on a good answer, and empties it when the caller has it already.
fn tag(mut reply: Reply, headers: &HeaderMap) -> Reply {
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

/// A number that is written as an integer or as a fraction, as the service mixes them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    /// Tenths; a fraction only where there is one.
    fn tenths(tenths: i64) -> Self {
        if tenths % 10 == 0 {
            Self::Whole(tenths / 10)
        } else {
            Self::Fraction(tenths as f64 / 10.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_weak() {
        let plain = tag(json(StatusCode::OK, &[1]), &HeaderMap::new());
        let etag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (sent, status) in [
            (etag.clone(), 304),
            (format!("\"other\", W/{etag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            let reply = tag(json(StatusCode::OK, &[1]), &headers);
            assert_eq!(reply.status(), status, "{sent}");
            assert_eq!(reply.body().is_empty(), status == 304);
        }
    }
}
