//! Where the records of a resource come from.

use super::records::{Ask, Records};
use super::resource::Resource;
use crate::people;
use crate::world::World;

/// A user's records of a resource, with all that was changed of them.
pub(super) fn records(world: &World, resource: Resource, ask: &Ask<'_>) -> Box<dyn Records> {
    let told = people::records(resource, ask);
    world.edits.over(&world.assumptions, resource, ask, told)
}

/// Does what is to be done to a user's records, now or after a page of `page_of`.
pub(crate) fn do_changes(world: &World, ask: &Ask<'_>, page_of: Option<Resource>) {
    for change in world.edits.due(&ask.subject.human_id, page_of) {
        let now_told = records(world, change.resource, ask);
        world.edits.apply(&change, ask, &*now_told);
    }
}

/// How many records a user has of a resource.
pub(crate) fn count(world: &World, resource: Resource, ask: &Ask<'_>) -> usize {
    records(world, resource, ask).len()
}
