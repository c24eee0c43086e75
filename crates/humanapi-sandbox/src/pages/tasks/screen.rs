//! What the Task Manager shows: what is to be done, or why there is nothing.

use maud::{Markup, html};

use super::answers::{AGREES, BIRTH_DATE, Field, GENDER, GENDERS, LONGEST, SSN, Wrong, fields};
use super::report::Ending;
use crate::orders::{Particular, Task, TaskKind};
use crate::pages::callback::with;
use crate::pages::screen::banner;
use crate::state::State;

/// The link that a page was opened by, repeated in each of its forms.
pub(super) struct Link {
    pub(super) app: usize,
    pub(super) client_id: String,
    pub(super) rq: String,
    pub(super) callback: Option<String>,
}

impl Link {
    /// Where the page is loaded from, with what was done.
    pub(super) fn address(&self, told: Option<TaskKind>) -> String {
        let mut pairs = vec![
            ("clientId", self.client_id.clone()),
            ("rq", self.rq.clone()),
        ];
        pairs.extend(self.callback.clone().map(|callback| ("callback", callback)));
        pairs.extend(told.map(|kind| ("told", kind.name().to_owned())));
        with("/tasks", &pairs)
    }
}

/// What there is to do for an order, and what was done.
pub(super) struct Things {
    open: Vec<TaskKind>,
    pub(super) done: Vec<TaskKind>,
    unknown: Vec<Particular>,
    is_over: bool,
}

impl Things {
    pub(super) fn of(state: &State, user: u32) -> Self {
        let order = state.orders.latest(user);
        let is_over = order.is_none_or(|order| order.state.is_terminal());
        let tasks = order.map_or(&[][..], |order| &order.tasks);
        let (open, done): (Vec<_>, Vec<_>) = tasks.iter().partition(|task| task.is_open());
        let kinds = |tasks: Vec<&Task>| tasks.iter().map(|task| task.kind).collect();
        let mut open: Vec<TaskKind> = kinds(open);
        if is_over {
            open.clear();
        }
        let unknown = state.orders.applicant(user).map(|one| one.unknown());
        Self {
            open,
            done: kinds(done),
            unknown: unknown.unwrap_or_default(),
            is_over,
        }
    }
}

/// One screen of the page.
pub(super) enum Screen {
    Things {
        things: Things,
        /// What was done just before.
        told: Option<TaskKind>,
        wrong: Option<Wrong>,
    },
    Ended(Ending),
    /// Nothing leads back to where the user came from.
    Left,
}

const fn name(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Particulars => "Tell who you are",
        TaskKind::Authorization => "Allow your records to be handed out",
        TaskKind::Provider => "Say where your records are",
        TaskKind::Question => "Answer a question",
    }
}

const fn about(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Particulars => "Those who keep your records need this to find them.",
        TaskKind::Authorization => {
            "Doctors and hospitals may hand out your records only if you allow it."
        }
        TaskKind::Provider => "Name a doctor or a practice that you have been to.",
        TaskKind::Question => "When were you last there, and what for?",
    }
}

impl Screen {
    pub(super) fn title(&self) -> String {
        let what = match self {
            Self::Things { wrong: Some(_), .. } => "Something is missing",
            // A page that has just come is read out by its title first.
            Self::Things {
                told: Some(kind), ..
            } => return format!("Done: {} – Human API sandbox", name(*kind)),
            _ => self.heading(),
        };
        format!("{what} – Human API sandbox")
    }

    fn heading(&self) -> &'static str {
        match self {
            Self::Things { things, .. } if !things.open.is_empty() => "Your tasks",
            Self::Things { .. } => "All is done",
            Self::Ended(Ending::Forbidden) => "This link has ended",
            Self::Ended(Ending::TaskListError) => "Your tasks cannot be shown",
            Self::Ended(Ending::NoTasks) => "There is nothing to do",
            Self::Ended(Ending::NotYet) => "Your order is being looked at",
            Self::Left => "You are done here",
        }
    }

    fn intro(&self) -> &'static str {
        match self {
            Self::Things { things, .. } if things.is_over => {
                "Nobody waits for anything any more. Choose Done to go back."
            }
            Self::Things { things, .. } if things.open.is_empty() => {
                "Your records are being collected. Choose Done to go back."
            }
            Self::Things { .. } => "Your records can be collected once these are done.",
            Self::Ended(Ending::Forbidden) => {
                "For your safety, a link lasts for eight hours. Go back, and ask for a new one there."
            }
            Self::Ended(Ending::TaskListError) => {
                "Nothing was ordered for you. Go back, and tell those who sent you here."
            }
            Self::Ended(Ending::NoTasks) => "Nothing is missing. You can go back.",
            Self::Ended(Ending::NotYet) => {
                "Something is missing. In a few minutes this page says what it is."
            }
            Self::Left => "You can close this page now.",
        }
    }

    pub(super) fn markup(&self, link: &Link) -> Markup {
        html! {
            main {
                (banner(None))
                h1 tabindex="-1" { (self.heading()) }
                p .intro { (self.intro()) }
                @match self {
                    Self::Things { things, wrong, .. } => {
                        @for kind in &things.open {
                            (task(*kind, &things.unknown, wrong.as_ref().filter(|wrong| wrong.kind == *kind), link))
                        }
                        @if !things.done.is_empty() {
                            section aria-labelledby="done" {
                                h2 #done { "Done" }
                                ul .cards aria-labelledby="done" {
                                    @for kind in &things.done {
                                        li { div { span .name { (name(*kind)) } span .state.on { "Done" } } }
                                    }
                                }
                            }
                        }
                    }
                    Self::Ended(Ending::NotYet) => p { a href=(link.address(None)) { "Look again" } },
                    Self::Ended(ending) => p .code { code { (ending.name()) } },
                    Self::Left => {},
                }
            }
            @if !matches!(self, Self::Left) { (bar(self, link)) }
        }
    }
}

fn bar(screen: &Screen, link: &Link) -> Markup {
    let told = match screen {
        Screen::Things { told, .. } => *told,
        _ => None,
    };
    html! {
        footer .bar {
            p #news role="status" { @if let Some(kind) = told { "Done: " (name(kind)) "." } }
            form #leave method="post" action="/tasks/done" {
                (hidden(link))
                button .primary type="submit" {
                    @if matches!(screen, Screen::Ended(_)) { "Go back" } @else { "Done" }
                }
            }
        }
    }
}

fn task(kind: TaskKind, unknown: &[Particular], wrong: Option<&Wrong>, link: &Link) -> Markup {
    let id = kind.name();
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (name(kind)) }
            p .intro { (about(kind)) }
            form .step method="post" action=(format!("/tasks/{id}")) novalidate {
                (hidden(link))
                p .problem role="alert" {
                    @if wrong.is_some() { "Please look at what is marked." }
                }
                @for field in fields(kind, unknown) {
                    (entry(kind, field, wrong))
                }
                button .primary type="submit" { (button(kind)) }
            }
        }
    }
}

const fn button(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Particulars => "Send",
        TaskKind::Authorization => "Sign",
        TaskKind::Provider => "Send provider",
        TaskKind::Question => "Send answer",
    }
}

fn entry(kind: TaskKind, field: Field, wrong: Option<&Wrong>) -> Markup {
    // Two forms may have a field of one name.
    let id = format!("{}-{}", kind.name(), field.name);
    let problem = wrong.and_then(|wrong| wrong.problems.get(field.name));
    let first = wrong.and_then(|wrong| {
        let known = fields(kind, &Particular::ALL).into_iter();
        known
            .map(|field| field.name)
            .find(|name| wrong.problems.contains_key(name))
    });
    let typed = wrong.and_then(|wrong| wrong.typed.get(field.name));
    let typed = typed.map_or("", String::as_str);
    let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
    let mut described = Vec::new();
    described.extend((!field.hint.is_empty()).then_some(&*hint_id));
    described.extend(problem.map(|_| &*problem_id));
    let described = (!described.is_empty()).then(|| described.join(" "));
    let invalid = problem.map(|_| "true");
    let focus = first == Some(field.name);
    let kind = match field {
        BIRTH_DATE => "date",
        AGREES => "checkbox",
        _ => "text",
    };
    let keys = (field == SSN).then_some("numeric");
    let label = html! { label for=(id) { (field.label) } };
    html! {
        div .entry.check[field == AGREES] {
            @if field != AGREES { (label) }
            @if !field.hint.is_empty() { p .note id=(hint_id) { (field.hint) } }
            @if field == GENDER {
                select id=(id) name=(field.name) required autofocus[focus] autocomplete=(field.complete)
                    aria-describedby=[described] aria-invalid=[invalid]
                {
                    option value="" { "Choose" }
                    @for gender in GENDERS { option value=(gender) selected[typed == gender] { (gender) } }
                }
            } @else if field == AGREES {
                input id=(id) name=(field.name) type=(kind) value="yes" required autofocus[focus]
                    checked[!typed.is_empty()] aria-describedby=[described] aria-invalid=[invalid];
                (label)
            } @else {
                input id=(id) name=(field.name) type=(kind) value=(typed) required autofocus[focus]
                    autocomplete=(field.complete) maxlength=(LONGEST) inputmode=[keys]
                    aria-describedby=[described] aria-invalid=[invalid];
            }
            @if let Some(problem) = problem { p .problem id=(problem_id) { (problem) } }
        }
    }
}

fn hidden(link: &Link) -> Markup {
    html! {
        input type="hidden" name="clientId" value=(link.client_id);
        input type="hidden" name="rq" value=(link.rq);
        @if let Some(callback) = &link.callback { input type="hidden" name="callback" value=(callback); }
    }
}
