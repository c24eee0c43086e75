//! `GET /v1/human/sources`: what the user has connected.

use crate::data::medical::OrganizationRef;
use crate::data::record::records;

records! {
    /// One connected source.
    pub struct Source {
        /// The id of the account there. It is not unique.
        id: Text = "id",
        /// A wellness source's name, or a medical source's id.
        source: Text = "source",
        /// Its name for people.
        source_name: Text = "sourceName",
        /// Deprecated by the vendor; may be empty.
        supported_data_types: List<Text> = "supportedDataTypes",
        /// Deprecated by the vendor; may be empty.
        devices: List<Text> = "devices",
        /// When the user connected it.
        connected_since: Timestamp = "connectedSince",
        /// How far reading its past has come.
        history_sync: HistorySync = "historySync",
        /// How reading its news goes.
        sync_status: SyncStatus = "syncStatus",
        /// Whether it can be read again and again.
        resync: Resync = "resync",
        /// The medical organization behind it.
        organization: OrganizationRef = "organization",
        /// How long it should take until its data is there.
        expected_sync_duration: Number = "expectedSyncDuration" [unit "min"],
    }

    /// How far reading the past of a source has come.
    pub struct HistorySync {
        /// Such as `completed`; an open set.
        status: Text = "status",
        /// How far back was tried, which may be the epoch.
        oldest_date: Timestamp = "oldestDate",
    }

    /// How reading the news of a source goes.
    pub struct SyncStatus {
        /// Such as `ok`; an open set.
        status: Text = "status",
        /// More about it; an open set.
        details: Text = "details",
        /// When it was last read.
        synched_at: Timestamp = "synchedAt",
        /// Deprecated by the vendor.
        newest_date: Timestamp = "newestDate",
        /// When a notification last went out for it.
        last_notification_date: Timestamp = "lastNotificationDate",
    }

    /// Whether a source can be read again and again.
    pub struct Resync {
        /// True where the provider supports it in general.
        active: Bool = "active",
    }
}
