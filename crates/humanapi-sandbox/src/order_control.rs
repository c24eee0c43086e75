//! A user's orders, for whoever controls the sandbox: how they stand, and what makes them go on.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::app::DemoApp;
use crate::clock::{self, Millis};
use crate::control::{Control, ControlError};
use crate::orders::{Beginning, LedgerEntry, Order, OrderState, TaskKind};
use crate::state::{Full, State};
use crate::world::World;

/// One order as the sandbox sees it. It holds nothing of the person but the application's own id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderSnapshot {
    /// The order's id.
    pub order_id: String,
    /// The application that placed it.
    pub client_id: String,
    /// The application's own id for the user.
    pub client_user_id: String,
    /// The service's id for the user.
    pub human_id: String,
    /// The code of its type.
    pub order_type: String,
    /// Where it stands.
    pub state: OrderState,
    /// Since when.
    #[serde(serialize_with = "clock::as_instant")]
    pub since: SystemTime,
    /// When it was placed.
    #[serde(serialize_with = "clock::as_instant")]
    pub placed_at: SystemTime,
    /// Its tasks, the open ones and those that were done.
    pub tasks: Vec<TaskSnapshot>,
}

/// One task of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// What is to be done.
    pub kind: TaskKind,
    /// Whether nobody has done it.
    pub is_open: bool,
}

/// The orders of one user of a demo application.
///
/// ```
/// use humanapi_sandbox::{OrderState, Sandbox};
///
/// let sandbox = Sandbox::builder().build_offline();
/// let control = sandbox.control();
/// let order = control.order("policy-000417");
/// assert_eq!(order.placed(OrderState::Pended)?.state, OrderState::Pended);
/// order.do_tasks()?;
/// order.wait_for(OrderState::Completed)?;
/// assert_eq!(control.ledger().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct OrderControl {
    control: Control,
    app: DemoApp,
    client_user_id: String,
}

impl Control {
    /// The orders of a user of the [HIP application](DemoApp::Hip), or of another with [`app`](OrderControl::app).
    #[must_use = "it does nothing until it is told what to do"]
    pub fn order(&self, client_user_id: impl Into<String>) -> OrderControl {
        OrderControl {
            control: self.clone(),
            app: DemoApp::Hip,
            client_user_id: client_user_id.into(),
        }
    }

    /// All orders of an application, oldest first, but of users who were deleted.
    ///
    /// # Errors
    ///
    /// If the application is unknown.
    pub fn orders(&self, client_id: &str) -> Result<Vec<OrderSnapshot>, ControlError> {
        let (app, _) = self.app(client_id)?;
        let state = self.world.state();
        let all = state
            .orders
            .all()
            .filter_map(|order| told(&self.world, &state, order));
        Ok(all
            .filter(|(of, _)| *of == app)
            .map(|(_, order)| order)
            .collect())
    }

    /// What orders would have cost: an entry for each one that was placed, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.world.state().orders.ledger().to_vec()
    }

    pub(crate) fn order_of(
        &self,
        client_id: &str,
        client_user_id: String,
    ) -> Result<OrderControl, ControlError> {
        let (_, app) = self.app(client_id)?;
        Ok(self.order(client_user_id).app(app.app))
    }
}

/// An order, and whose application's.
pub(crate) fn told(world: &World, state: &State, order: &Order) -> Option<(usize, OrderSnapshot)> {
    let user = state.user(order.user?)?;
    let snapshot = OrderSnapshot {
        order_id: order.id.clone(),
        client_id: world.apps.get(user.app)?.client_id.clone(),
        client_user_id: user.client_user_id.to_string(),
        human_id: user.human_id.clone(),
        order_type: order.order_type.code.to_owned(),
        state: order.state,
        since: clock::to_system(order.since),
        placed_at: clock::to_system(order.placed),
        tasks: (order.tasks.iter())
            .map(|task| TaskSnapshot {
                kind: task.kind,
                is_open: task.is_open(),
            })
            .collect(),
    };
    Some((user.app, snapshot))
}

impl OrderControl {
    /// The user of this id of another application.
    #[must_use]
    pub fn app(mut self, app: DemoApp) -> Self {
        self.app = app;
        self
    }

    /// The user's orders, oldest first; none where nothing was ordered.
    #[must_use]
    pub fn snapshots(&self) -> Vec<OrderSnapshot> {
        let world = &self.control.world;
        let state = world.state();
        let Some(at) = self.user(&state) else {
            return Vec::new();
        };
        let told = |order| Some(told(world, &state, order)?.1);
        state.orders.of(at).filter_map(told).collect()
    }

    /// Places an order, of somebody made up, that is in this state by now, and returns it.
    ///
    /// It lacks nothing; one that is pended lacks an authorization. It has an entry in the ledger as any other.
    ///
    /// # Errors
    ///
    /// If the id is empty, or the sandbox keeps as much as it may.
    pub fn placed(&self, state: OrderState) -> Result<OrderSnapshot, ControlError> {
        if self.client_user_id.is_empty() {
            return Err(ControlError::EmptyUserId);
        }
        let world = &self.control.world;
        let app = DemoApp::ALL.iter().position(|app| *app == self.app);
        let order = Beginning::new(&self.client_user_id, state);
        world
            .begin_order(&mut world.state(), app.unwrap_or_default(), &order)
            .map_err(|Full| ControlError::TooManyUsers)?;
        world.changes.tell();
        self.latest()
    }

    /// Moves the sandbox's clock to where the user's latest order is in this state, and returns the order.
    ///
    /// An order that waits for a task goes on once that is [done](Self::do_tasks). Its time is over after 30 days, which this
    /// does not wait for.
    ///
    /// # Errors
    ///
    /// If nothing was ordered, or time alone does not bring the order there.
    pub fn wait_for(&self, state: OrderState) -> Result<OrderSnapshot, ControlError> {
        loop {
            let now = self.latest()?;
            if now.state == state {
                return Ok(now);
            }
            let next = self.next_due().ok_or(ControlError::OrderNotThere {
                state,
                stands: now.state,
            })?;
            let by = next - self.control.world.clock.now();
            let by = Duration::from_millis(u64::try_from(by).unwrap_or_default().max(1));
            self.control.advance_clock(by)?;
        }
    }

    /// Opens a task of the user's orders that are under way, so that they wait for it.
    ///
    /// # Errors
    ///
    /// If nothing was ordered, or no order is in progress.
    pub fn open_task(&self, kind: TaskKind) -> Result<OrderSnapshot, ControlError> {
        self.change(OrderState::InProgress, |state, at, now| {
            state.orders.open(at, kind, now)
        })
    }

    /// Does all open tasks of the user's orders, as somebody at the Task Manager would.
    ///
    /// # Errors
    ///
    /// If nothing was ordered, or no order waits for a task.
    pub fn do_tasks(&self) -> Result<OrderSnapshot, ControlError> {
        self.change(OrderState::Pended, |state, at, now| {
            let mut any = false;
            for kind in TaskKind::ALL {
                any |= state.orders.resolve(at, kind, now);
            }
            any
        })
    }

    fn change(
        &self,
        needed: OrderState,
        change: impl FnOnce(&mut State, u32, Millis) -> bool,
    ) -> Result<OrderSnapshot, ControlError> {
        let stands = self.latest()?.state;
        let world = &self.control.world;
        let mut state = world.state();
        let done = self
            .user(&state)
            .is_some_and(|at| change(&mut state, at, world.clock.now()));
        drop(state);
        if !done {
            return Err(ControlError::OrderNotThere {
                state: needed,
                stands,
            });
        }
        world.changes.tell();
        self.latest()
    }

    fn latest(&self) -> Result<OrderSnapshot, ControlError> {
        self.snapshots()
            .pop()
            .ok_or_else(|| ControlError::NothingOrdered {
                client_user_id: self.client_user_id.clone(),
            })
    }

    /// When time alone brings the latest order on. One that waits for a task is not waited for until its time is over.
    fn next_due(&self) -> Option<Millis> {
        let state = self.control.world.state();
        let at = self.user(&state)?;
        let order = state.orders.latest(at)?;
        order.due().filter(|_| order.state != OrderState::Pended)
    }

    fn user(&self, state: &State) -> Option<u32> {
        let app = DemoApp::ALL.iter().position(|app| *app == self.app)?;
        state.find(app, &self.client_user_id)
    }
}
