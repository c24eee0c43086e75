//! What was changed of users' records, over what their lives tell, and what is still to be changed.

mod edited;
mod filled;
mod layer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::assumption::{Assumption, Assumptions};
use crate::lock;
use crate::record_change::{At, Checked, Kind};
use crate::records::{Ask, Records};
use crate::resource::Resource;
use crate::state::Full;
use edited::Edited;
use layer::Layer;

/// All users' changes.
#[derive(Debug, Default)]
pub(crate) struct Edits(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    count: usize,
    done: HashMap<(Arc<str>, Resource), Arc<Layer>>,
    planned: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    human_id: Arc<str>,
    pages: u32,
    change: Checked,
}

impl Edits {
    /// How many changes are kept and planned, until a reset makes room.
    pub(crate) const MOST: usize = 10_000;

    pub(crate) fn reset(&self) {
        *lock(&self.0) = Kept::default();
    }

    /// Forgets a user.
    pub(crate) fn forget(&self, human_id: &str) {
        let mut kept = lock(&self.0);
        kept.done.retain(|(owner, _), _| **owner != *human_id);
        kept.planned
            .retain(|planned| *planned.human_id != *human_id);
    }

    /// Plans a change, and says whether it is for now.
    pub(crate) fn plan(&self, human_id: &str, change: Checked) -> Result<bool, Full> {
        let mut kept = lock(&self.0);
        if kept.count >= Self::MOST {
            return Err(Full);
        }
        kept.count += 1;
        let pages = change.pages;
        kept.planned.push(Planned {
            human_id: human_id.into(),
            pages,
            change,
        });
        Ok(pages == 0)
    }

    /// A user's records of a resource with all changes.
    pub(crate) fn over(
        &self,
        assumptions: &Assumptions,
        resource: Resource,
        ask: &Ask<'_>,
        told: Box<dyn Records>,
    ) -> Box<dyn Records> {
        let key = (ask.subject.human_id.as_str().into(), resource);
        let Some(layer) = lock(&self.0).done.get(&key).cloned() else {
            return told;
        };
        let keeps_deleted = assumptions.is(Assumption::DeletedRecords, "tombstone");
        Box::new(Edited::new(layer, keeps_deleted, resource, ask, told))
    }

    /// Counts a page of a user, and gives what is to be done then, in the order of planning.
    pub(crate) fn due(&self, human_id: &str, page_of: Option<Resource>) -> Vec<Checked> {
        let mut kept = lock(&self.0);
        let mut due = Vec::new();
        kept.planned.retain_mut(|planned| {
            if *planned.human_id != *human_id {
                return true;
            }
            if page_of == Some(planned.change.pages_of) {
                planned.pages = planned.pages.saturating_sub(1);
            }
            if planned.pages == 0 {
                due.push(planned.change.clone());
            }
            planned.pages > 0
        });
        due
    }

    /// Does a change; `now_told` are the records with the changes so far.
    ///
    /// Where there is no such record, there is nothing to change.
    pub(crate) fn apply(&self, change: &Checked, ask: &Ask<'_>, now_told: &dyn Records) {
        let mut kept = lock(&self.0);
        let key = (ask.subject.human_id.as_str().into(), change.resource);
        let layer = Arc::make_mut(kept.done.entry(key).or_default());
        let id = match &change.at {
            At::Index(index) if *index < now_told.len() => Some(now_told.at(*index).id),
            At::Index(_) => None,
            At::Id(id) => now_told.find(id).map(|_| id.clone()),
        };
        // Some odd records have no id, by which a change could be kept.
        let id = id.filter(|id| !id.is_empty());
        match (change.kind, id) {
            (Kind::Fill(count), _) => {
                *layer = Layer::filled(count);
            }
            (Kind::Insert, before) => layer.insert(before, change, ask, now_told),
            (Kind::Update, Some(id)) => layer.update(&id, change, ask.now),
            (Kind::Delete, Some(id)) => layer.delete(id, ask.now),
            (Kind::Update | Kind::Delete, None) => {}
        }
    }
}
