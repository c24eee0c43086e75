//! Orders whose states are followed, so that a page can tell them as they change.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use humanapi::admin::{OrderState, OrderedUser};
use humanapi::client::Client;
use humanapi::prelude::*;
use humanapi::{HumanId, Now};
use jiff::Timestamp;
use lru::LruCache;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::application::Policy;
use crate::case::Seen;

/// So many cases are remembered at once; beyond that, the one that nobody has looked at for longest is left.
const MOST: NonZeroUsize = NonZeroUsize::new(1000).expect("it is more than none");

/// What was seen of an order.
#[derive(Default)]
struct History {
    states: Vec<Seen>,
    /// When that was asked for which was taken last.
    asked: Option<Duration>,
}

type Told = watch::Sender<History>;

/// What the service said of an order, and when it was asked, by the client's clock.
struct Reading {
    asked: Duration,
    state: OrderState,
}

impl Reading {
    /// How a user's last order was at that time; nothing where there is none, or nothing is said of it.
    fn of(user: &OrderedUser, asked_at: Now) -> Option<Self> {
        let state = user.orders.last()?.state.clone()?;
        let asked = asked_at.monotonic();
        Some(Self { asked, state })
    }
}

/// The cases that somebody has looked at.
pub(crate) struct Following(Mutex<LruCache<Policy, Followed>>);

impl Default for Following {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

struct Followed {
    history: Arc<Told>,
    /// None where the order is over: what was seen of it stays.
    task: Option<JoinHandle<()>>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Following {
    /// All that was seen of an order, how it is now included, and what to do where the service does not say that. It is
    /// followed from here on.
    pub(crate) async fn look(
        &self,
        policy: &Policy,
        client: &Client,
        human_id: &HumanId,
    ) -> (Vec<Seen>, Option<&'static str>) {
        let (reading, problem) = match read(client, human_id).await {
            Ok(reading) => (reading, None),
            Err(error) => (None, Some(error.remedy())),
        };
        let follow = |history| tokio::spawn(follow(client.clone(), human_id.clone(), history));
        (self.note(policy, reading, follow), problem)
    }

    /// Takes note of a reading, has the order followed unless it is over or somebody does, and gives all that was seen.
    fn note(
        &self,
        policy: &Policy,
        reading: Option<Reading>,
        follow: impl FnOnce(Arc<Told>) -> JoinHandle<()>,
    ) -> Vec<Seen> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.get_or_insert_mut(policy.clone(), || Followed {
            history: Arc::default(),
            task: None,
        });
        if let Some(reading) = reading {
            add(&one.history, reading);
        }
        let seen = one.history.borrow().states.clone();
        let is_over = seen.last().is_some_and(|seen| seen.state.is_terminal());
        let is_followed = one.task.as_ref().is_some_and(|task| !task.is_finished());
        if !is_followed && !is_over {
            one.task = Some(follow(Arc::clone(&one.history)));
        }
        seen
    }

    /// Waits until not just so many states were seen. Of a case that nobody has looked at there is nothing to wait for.
    pub(crate) async fn more(&self, policy: &Policy, seen: usize) {
        let history = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(policy).map(|one| one.history.subscribe())
        };
        if let Some(mut history) = history {
            // It errs where the case is not remembered any more: then there is nothing to wait for, either.
            let _ = history
                .wait_for(|history| history.states.len() != seen)
                .await;
        }
    }
}

/// Asks how an order is now.
async fn read(client: &Client, human_id: &HumanId) -> Result<Option<Reading>, Error> {
    let asked_at = client.now();
    let user = client.orders().status(human_id.clone()).await?;
    Ok(user.and_then(|user| Reading::of(&user, asked_at)))
}

/// Adds each state that the order comes to, until it is over. A failure that may pass is waited out by the stream itself.
async fn follow(client: Client, human_id: HumanId, history: Arc<Told>) {
    let mut changes = client.orders().watch(human_id.clone());
    while let Some(change) = changes.next().await {
        if let Ok(change) = change
            && let Some(reading) = Reading::of(&change.user, change.asked_at)
            && !add(&history, reading)
            // A page asked meanwhile, and either may have been answered from the newer state: this asks after both. What
            // cannot be read is read by the next page.
            && let Ok(Some(reading)) = read(&client, &human_id).await
        {
            add(&history, reading);
        }
    }
}

/// Adds a state, unless it is the one that was seen last, or may be older: a page and whoever follows the order ask at the
/// same time, and the first answer may come last. Says whether it is not older.
fn add(history: &Told, reading: Reading) -> bool {
    let mut is_late = false;
    history.send_if_modified(|history| {
        is_late = history.asked.is_some_and(|last| reading.asked < last);
        if is_late {
            return false;
        }
        history.asked = Some(reading.asked);
        let state = reading.state;
        let is_new = history.states.last().is_none_or(|last| last.state != state);
        if is_new {
            let at = Timestamp::now();
            history.states.push(Seen { state, at });
        }
        is_new
    });
    !is_late
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use humanapi::client::testing::{Reply, ScriptedTransport, VirtualRuntime};
    use humanapi::client::{Spawn, Task, Timer};
    use humanapi::{Credentials, Provisioning};

    use super::*;

    /// A state that was asked for after those before it.
    fn reading(state: OrderState) -> Reading {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let asked = Duration::from_secs(NEXT.fetch_add(1, Ordering::Relaxed));
        Reading { asked, state }
    }

    fn states(history: &Told) -> Vec<OrderState> {
        let history = history.borrow();
        history
            .states
            .iter()
            .map(|seen| seen.state.clone())
            .collect()
    }

    #[test]
    fn an_answer_that_comes_after_a_newer_one_tells_no_news() {
        let history = Told::default();
        let slow = reading(OrderState::Created);
        assert!(add(&history, reading(OrderState::Created)));
        assert!(add(&history, reading(OrderState::InProgress)));
        assert!(!add(&history, slow), "it is asked again");
        let known = [OrderState::Created, OrderState::InProgress];
        assert_eq!(states(&history), known);
        // An order that waited and goes on is news.
        add(&history, reading(OrderState::Pended));
        add(&history, reading(OrderState::InProgress));
        assert_eq!(states(&history).len(), 4);
    }

    /// A clock on which each reading is a millisecond later.
    struct Ticking(VirtualRuntime);

    const TICK: Duration = Duration::from_millis(1);

    impl Timer for Ticking {
        fn now(&self) -> Now {
            self.0.advance(TICK);
            self.0.now()
        }

        fn sleep(&self, duration: Duration) -> Task<'static> {
            self.0.sleep(duration)
        }
    }

    impl Spawn for Ticking {
        fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
            self.0.spawn(task)
        }
    }

    /// Of a service at which the order is in each of these states, one answer each, and then cannot be read.
    fn client(states: &[&str]) -> Client {
        let token = Reply::json(200, r#"{"client_token":"token","expires_in":86400}"#);
        let answers = states.iter().map(|state| {
            let order = format!(r#"{{"orderId":"o-1","orderStatus":"{state}"}}"#);
            let user = format!(r#"{{"humanId":"5c2e","orders":[{order}]}}"#);
            Reply::json(200, &user)
        });
        let refused = || Reply::json(403, r#"{"code":403,"error":"Forbidden","message":"no"}"#);
        let answers = std::iter::once(token).chain(answers);
        let answers = answers.chain([refused(), refused()]);
        let credentials = Credentials::new("app-1", "secret").unwrap();
        let transport = ScriptedTransport::new(answers);
        Client::builder(credentials, Provisioning::Hip, transport)
            .build_on(Ticking(VirtualRuntime::new()))
    }

    #[tokio::test]
    async fn each_state_that_is_told_is_seen() {
        let history = Arc::<Told>::default();
        let told = ["Created", "Pended", "In Progress", "Completed"];
        follow(client(&told), HumanId::new("5c2e"), history.clone()).await;
        let told = [
            OrderState::Created,
            OrderState::Pended,
            OrderState::InProgress,
            OrderState::Completed,
        ];
        assert_eq!(states(&history), told);
    }

    #[tokio::test]
    async fn what_may_be_older_than_what_a_page_read_is_asked_for_again() {
        let history = Arc::<Told>::default();
        // The stream asks once, because the order is over then, and no other answer is that of who asks again.
        let client = client(&["Completed", "Cancelled"]);
        // A page asked just after it, and before anybody else.
        let asked = client.now().monotonic() + TICK.mul_f32(1.5);
        let state = OrderState::InProgress;
        add(&history, Reading { asked, state });
        follow(client, HumanId::new("5c2e"), history.clone()).await;
        let known = [OrderState::InProgress, OrderState::Cancelled];
        assert_eq!(states(&history), known);
    }

    #[test]
    fn an_order_that_is_over_stays_as_it_was_seen() {
        let following = Following::default();
        let policy = Policy::parse("LIFE-1").unwrap();
        let look = || {
            let reading = reading(OrderState::Completed);
            following.note(&policy, Some(reading), |_| unreachable!("it is over"))
        };
        let first = look();
        assert_eq!(first.len(), 1);
        assert_eq!(look(), first, "it is shown as new");
        let unread = following.note(&policy, None, |_| unreachable!("it is over"));
        assert_eq!(unread, first);
    }

    #[tokio::test]
    async fn a_page_that_has_seen_another_history_waits_for_nothing() {
        let following = Following::default();
        let policy = Policy::parse("LIFE-1").unwrap();
        let reading = Some(reading(OrderState::Cancelled));
        following.note(&policy, reading, |_| unreachable!("it is over"));
        // As after the desk was started again: it has seen less than the page.
        for seen in [0, 3] {
            following.more(&policy, seen).await;
        }
        let forever = following.more(&policy, 1);
        assert!(futures_now(forever).is_none(), "there is no news");
    }

    /// What a future gives that is asked once.
    fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
