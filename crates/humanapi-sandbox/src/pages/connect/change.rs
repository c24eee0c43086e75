//! What an action changes: the user's sources, and how far their sitting is.

use super::form::{ActionForm, NO_SYSTEM};
use super::outcome::{Action, CODES, Mistake, Outcome};
use crate::clock::Millis;
use crate::pages::message::{Event, Message, Status};
use crate::source::Source;
use crate::state::{AwaitingCode, Full, State};
use crate::token::Claim;

/// Does what was asked for, for a user whose token was found good.
pub(super) fn change(
    state: &mut State,
    claim: Claim,
    action: Action,
    form: &ActionForm,
    now: Millis,
) -> Result<Outcome, Status> {
    let gone = Status::SessionTokenInvalid;
    let told = match action {
        Action::SignIn(source) => {
            let right =
                form.username == Source::DEMO_USERNAME && form.password == Source::DEMO_PASSWORD;
            if !right {
                return Ok(Outcome::Mistake(Mistake::WrongSignIn));
            }
            if source.one_time_code {
                state.sitting_mut(claim, now).awaiting_code = Some(AwaitingCode {
                    source,
                    wrong_codes: 0,
                });
                return Ok(Outcome::NeedsCode);
            }
            connect(state, claim, source, now)?
        }
        Action::Code(source) => {
            let user = state.user(claim.holder).ok_or(gone)?;
            // Pressed twice, or in another tab: what was asked for has been done.
            if user.connections.contains(&source) {
                return Ok(Outcome::Told(message(state, claim, CONNECTED)?));
            }
            let sitting = state.sitting_mut(claim, now);
            let Some(awaiting) = &mut sitting.awaiting_code else {
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            };
            if awaiting.source != source {
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            }
            if form.code != Source::DEMO_CODE {
                awaiting.wrong_codes += 1;
                if awaiting.wrong_codes < CODES {
                    return Ok(Outcome::Mistake(Mistake::WrongCode));
                }
                sitting.awaiting_code = None;
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            }
            connect(state, claim, source, now)?
        }
        Action::Connect(source) => connect(state, claim, source, now)?,
        Action::Disconnect(source) => {
            let user = state.user_mut(claim.holder).ok_or(gone)?;
            if user.disconnect(source) {
                state.sitting_mut(claim, now).note_disconnected(source);
            }
            (Event::Disconnect, Status::DisconnectedSource)
        }
        Action::Request => {
            let wish = &form.provider;
            if wish.physician.is_empty() && wish.health_system == NO_SYSTEM {
                return Ok(Outcome::Mistake(Mistake::NothingRequested));
            }
            if state.request(claim, wish, now) == Err(Full) {
                return Ok(Outcome::Mistake(Mistake::Full));
            }
            (Event::Close, Status::Success)
        }
        Action::Done => (Event::Close, Status::Success),
    };
    Ok(Outcome::Told(message(state, claim, told)?))
}

const CONNECTED: (Event, Status) = (Event::Connect, Status::ConnectedSource);

fn connect(
    state: &mut State,
    claim: Claim,
    source: &'static Source,
    now: Millis,
) -> Result<(Event, Status), Status> {
    let user = state
        .user_mut(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    let is_new = user.connect(source, now);
    let sitting = state.sitting_mut(claim, now);
    if is_new {
        sitting.note_connected(source);
    }
    sitting.awaiting_code = sitting
        .awaiting_code
        .filter(|awaiting| awaiting.source != source);
    Ok(CONNECTED)
}

fn message(
    state: &State,
    claim: Claim,
    (event, status): (Event, Status),
) -> Result<Message, Status> {
    let user = state
        .user(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    Ok(Message::new(event, status, user, state.sitting(claim)))
}
