//! The Connect page: a user's sitting under a session or id token, and what they do in it.

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use maud::html;

use super::Layout;
use super::directory::{Connect, Hosted, SCRIPT, STYLE, banner};
use super::message::{Event, Message, Status};
use crate::app::callback_allowed;
use crate::assumption::Assumption;
use crate::body::{Fields, content_type, query_value};
use crate::lock;
use crate::reply::{self, Reply};
use crate::request_log::Note;
use crate::service::{Incoming, Service, allow};
use crate::source::Source;
use crate::state::State;
use crate::token::{Claim, Standing, TokenKind};
use crate::user::{Location, RequestedProvider, UserStatus};

impl Service {
    /// The page as the widget opens it, in a frame or a web view.
    pub(super) fn connect_page(&self, query: Option<&str>, note: &mut Note) -> Reply {
        let token = query_value(query, "token");
        let preseeded = query_value(query, "preseed").is_some_and(|value| value != "false");
        let selects = query_value(query, "mode").as_deref() == Some("select") && !preseeded;
        if token.as_deref().unwrap_or_default().is_empty() && selects {
            return self.write_page(&Connect::looking(), &note.request_id);
        }
        self.sitting_page(token.as_deref(), None, note)
    }

    /// The page as an app on a phone opens it, in the system's browser.
    pub(super) fn hosted_link(&self, query: Option<&str>, note: &mut Note) -> Reply {
        let value = |name| query_value(query, name).filter(|text| !text.is_empty());
        match self.hosted(value("clientId"), value("callback")) {
            Ok(hosted) => {
                note.client_id = Some(hosted.client_id.clone());
                self.sitting_page(value("token").as_deref(), Some(hosted), note)
            }
            Err(problem) => self.plain_page(problem, &note.request_id),
        }
    }

    /// What the buttons of the page do; `None` if there is no such action.
    ///
    /// The token in the body is the only authority: no cookie is involved, so another site's page
    /// can do nothing here that it could not do with the token anywhere else.
    pub(super) fn page_action(
        &self,
        action: &str,
        incoming: &Incoming,
        body: &[u8],
        note: &mut Note,
    ) -> Option<Reply> {
        let source = action.strip_prefix("sources/");
        if source.is_none() && action != "requests" && action != "done" {
            return None;
        }
        let source = match source.map(Source::find) {
            Some(None) => return None,
            Some(found) => found,
            None => None,
        };
        if incoming.head.method != Method::POST {
            let mut reply = reply::text(StatusCode::METHOD_NOT_ALLOWED, "Actions are posted.\n");
            allow(&mut reply, "POST");
            return Some(reply);
        }
        let headers = &incoming.head.headers;
        let is_form = content_type(headers).as_deref() == Some("application/x-www-form-urlencoded");
        let form = match Fields::read(headers, body) {
            Ok(mut fields) => ActionForm::read(&mut fields).and_then(|form| {
                fields.finish()?;
                Ok(form)
            }),
            Err(problem) => Err(problem),
        };
        let form = match form {
            Ok(form) => form,
            Err(problem) => {
                return Some(problem.write(&self.assumptions, false, &note.request_id));
            }
        };
        let hosted = if form.client_id.is_some() || form.callback.is_some() {
            match self.hosted(form.client_id.clone(), form.callback.clone()) {
                Ok(hosted) => Some(hosted),
                Err(problem) => return Some(self.plain_page(problem, &note.request_id)),
            }
        } else {
            None
        };
        let outcome = self.act(action, source, &form, hosted.as_ref(), note);
        if !is_form {
            return Some(match outcome {
                Ok(message) => reply::json(StatusCode::OK, &message),
                Err(status) => reply::json(StatusCode::UNAUTHORIZED, &Message::nothing(status)),
            });
        }
        let token = form.token.as_deref().unwrap_or_default();
        let target = match (&hosted, action) {
            (Some(hosted), "done") => outcome
                .unwrap_or_else(Message::nothing)
                .on_callback(&hosted.callback),
            (Some(hosted), _) => page_address(
                "/connect",
                &[
                    ("clientId", &hosted.client_id),
                    ("token", token),
                    ("callback", &hosted.callback),
                ],
            ),
            (None, _) => page_address("/", &[("token", token)]),
        };
        Some(see_other(&target))
    }

    fn act(
        &self,
        action: &str,
        source: Option<&'static Source>,
        form: &ActionForm,
        hosted: Option<&Hosted>,
        note: &mut Note,
    ) -> Result<Message, Status> {
        let mut state = lock(&self.state);
        let app = hosted.map(|hosted| hosted.app);
        let claim = self.admit(&state, form.token.as_deref(), app, note)?;
        let now = self.clock.now();
        let gone = Status::SessionTokenInvalid;
        let (event, status) = match source {
            Some(source) if form.disconnects => {
                let user = state.user_mut(claim.holder).ok_or(gone)?;
                if user.disconnect(source) {
                    state.sitting_mut(claim, now).note_disconnected(source);
                }
                (Event::Disconnect, Status::DisconnectedSource)
            }
            Some(source) => {
                let user = state.user_mut(claim.holder).ok_or(gone)?;
                if user.connect(source) {
                    state.sitting_mut(claim, now).note_connected(source);
                }
                (Event::Connect, Status::ConnectedSource)
            }
            None if action == "requests" => {
                let user = state.user_mut(claim.holder).ok_or(gone)?;
                user.requested.push(form.provider.clone());
                let sitting = state.sitting_mut(claim, now);
                sitting.requested.push(form.provider.clone());
                (Event::Close, Status::Success)
            }
            None => (Event::Close, Status::Success),
        };
        let sitting = state.sitting(claim);
        let user = state.user(claim.holder).ok_or(gone)?;
        Ok(Message::new(event, status, user, sitting))
    }

    fn sitting_page(&self, token: Option<&str>, hosted: Option<Hosted>, note: &mut Note) -> Reply {
        let state = lock(&self.state);
        let app = hosted.as_ref().map(|hosted| hosted.app);
        let page = match self.admit(&state, token, app, note) {
            Ok(claim) => Connect {
                token: token.unwrap_or_default(),
                hosted,
                connected: state
                    .user(claim.holder)
                    .map(|user| user.connections.clone())
                    .unwrap_or_default(),
                requested: state
                    .user(claim.holder)
                    .map(|user| user.requested.len())
                    .unwrap_or_default(),
                refusal: None,
                looks_only: false,
            },
            Err(status) => Connect {
                token: token.unwrap_or_default(),
                hosted,
                refusal: Some(status),
                ..Connect::looking()
            },
        };
        drop(state);
        self.write_page(&page, &note.request_id)
    }

    /// Whether a token opens Connect, and for a hosted link, for that application.
    fn admit(
        &self,
        state: &State,
        token: Option<&str>,
        app: Option<usize>,
        note: &mut Note,
    ) -> Result<Claim, Status> {
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or(Status::MissingSessionToken)?;
        let (claim, expired) = match state.judge(token, self.clock.now()) {
            Standing::Valid { claim, .. } => (claim, false),
            Standing::Expired(claim) => (claim, true),
            Standing::Revoked(_) | Standing::Foreign => return Err(Status::SessionTokenInvalid),
        };
        note.token_kind = Some(claim.kind);
        if !matches!(claim.kind, TokenKind::Session | TokenKind::Id) {
            return Err(Status::SessionTokenInvalid);
        }
        let user = state
            .user(claim.holder)
            .ok_or(Status::SessionTokenInvalid)?;
        note.client_user_id = Some(user.client_user_id.to_string());
        note.client_id = self.apps.get(user.app).map(|app| app.client_id.clone());
        let ended = claim.kind == TokenKind::Session
            && self
                .assumptions
                .is(Assumption::SessionAfterConnect, "ended")
            && user.status(self.keeps_status()) == UserStatus::Connected;
        if ended || app.is_some_and(|app| app != user.app) {
            return Err(Status::SessionTokenInvalid);
        }
        if expired {
            return Err(Status::SessionTokenExpired);
        }
        Ok(claim)
    }

    fn hosted(
        &self,
        client_id: Option<String>,
        callback: Option<String>,
    ) -> Result<Hosted, &'static str> {
        let client_id = client_id.ok_or("This link lacks its clientId.")?;
        let callback = callback.ok_or("This link lacks its callback.")?;
        let (app, known) = self
            .app(&client_id)
            .ok_or("This link names an application that does not exist.")?;
        if !callback_allowed(&known.callbacks, &callback) {
            return Err("This link leads back to an address that its application has not listed.");
        }
        Ok(Hosted {
            app,
            client_id,
            callback,
        })
    }

    fn write_page(&self, page: &Connect<'_>, nonce: &str) -> Reply {
        let form_target = page
            .hosted
            .as_ref()
            .and_then(|hosted| form_source(&hosted.callback));
        let status = match page.refusal {
            None => StatusCode::OK,
            Some(_) => StatusCode::UNAUTHORIZED,
        };
        Layout {
            title: "Connect – Human API sandbox",
            nonce,
            style: STYLE,
            script: SCRIPT,
            form_target: form_target.as_deref(),
        }
        .reply(status, &page.markup())
    }

    fn plain_page(&self, problem: &str, nonce: &str) -> Reply {
        let layout = Layout {
            title: "Connect – Human API sandbox",
            nonce,
            style: STYLE,
            script: "",
            form_target: None,
        };
        let content = html! {
            main {
                (banner())
                h1 { "This link cannot be opened" }
                p { (problem) }
            }
        };
        layout.reply(StatusCode::BAD_REQUEST, &content)
    }
}

/// The body of an action.
struct ActionForm {
    token: Option<String>,
    client_id: Option<String>,
    callback: Option<String>,
    disconnects: bool,
    provider: RequestedProvider,
}

impl ActionForm {
    fn read(fields: &mut Fields) -> Result<Self, reply::Problem> {
        let disconnects = match fields.optional("action").as_deref() {
            None | Some("connect") => false,
            Some("disconnect") => true,
            Some(_) => {
                fields.reject("action", "must be connect or disconnect");
                false
            }
        };
        let mut text = |name| fields.optional(name).filter(|text| !text.trim().is_empty());
        Ok(Self {
            token: text("token"),
            client_id: text("clientId"),
            callback: text("callback"),
            disconnects,
            provider: RequestedProvider {
                address: text("address").unwrap_or_default(),
                health_system: text("healthSystem").unwrap_or_else(|| "N/A".to_owned()),
                location: Location {
                    latitude: 0.0,
                    longitude: 0.0,
                },
                physician: text("physician").unwrap_or_default(),
                website: text("website").unwrap_or_default(),
            },
        })
    }
}

fn page_address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    for (at, (name, value)) in parameters.iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(percent_encoding::utf8_percent_encode(
            value,
            percent_encoding::NON_ALPHANUMERIC,
        ));
    }
    text
}

fn see_other(target: &str) -> Reply {
    match HeaderValue::from_str(target) {
        Ok(location) => {
            let mut reply = reply::empty(StatusCode::SEE_OTHER);
            reply.headers_mut().insert(header::LOCATION, location);
            reply
        }
        Err(_) => reply::text(
            StatusCode::BAD_REQUEST,
            "The callback cannot be written into a header.\n",
        ),
    }
}

/// The callback's origin, or its scheme where it has none, as a source of a content policy.
///
/// The policy of a page covers the redirect that follows its form as well.
fn form_source(callback: &str) -> Option<String> {
    let (scheme, rest) = callback.split_once(':')?;
    let source = match (scheme, rest.strip_prefix("//")) {
        ("http" | "https", Some(rest)) => {
            let host = rest.split(['/', '?', '#']).next()?;
            format!("{scheme}://{host}")
        }
        _ => format!("{scheme}:"),
    };
    let plain = source
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.:/[]".contains(&byte));
    plain.then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_to_the_callback_and_nowhere_else() {
        for (callback, source) in [
            (
                "https://app.example.test/connected",
                Some("https://app.example.test"),
            ),
            (
                "http://127.0.0.1:3000/back?a=1",
                Some("http://127.0.0.1:3000"),
            ),
            ("exampleapp://connected", Some("exampleapp:")),
            ("https://a.test; script-src *", None),
            ("nothing", None),
        ] {
            assert_eq!(form_source(callback).as_deref(), source, "{callback}");
        }
    }
}
