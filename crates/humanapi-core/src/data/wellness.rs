//! What the records of all wellness sources have in common.

/// Makes records of tables, each with the fields that every record of a wellness source has.
///
/// They stand where they are sent: a reader that expects fields in their order finds them sooner.
macro_rules! wellness {
    ($($(#[doc = $doc:literal])+ pub struct $record:ident { $($field:tt)* })+) => {
        $crate::data::record::records! {$(
            $(#[doc = $doc])+
            pub struct $record {
                /// The record's id, in practice 24 hex digits.
                id: Text = "id",
                /// Deprecated by the vendor in favour of `human_id`.
                user_id: Text = "userId",
                $($field)*
                /// Where it comes from.
                source: Text = "source",
                /// When the service stored it.
                created_at: Timestamp = "createdAt",
                /// When the service last changed it.
                updated_at: Timestamp = "updatedAt",
                /// Human API's id for the user.
                human_id: Text = "humanId",
            }
        )+}
    };
}
pub(super) use wellness;
