//! What records become on their way into files: rows of a format, with their values brought to units where that is asked for,
//! and without what tells whose they are.

#[cfg(feature = "deidentify")]
use std::collections::BTreeMap;
use std::io::Write;

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use jiff::Timestamp;

use super::error::ExportError;
use super::key::BucketKey;
use super::manifest::FieldsLine;
use super::reading::name;
use super::settings::{DeidentifiedBy, Settings, ValuesBy};
use super::spool::Spool;
use crate::columns::Columns;
#[cfg(feature = "deidentify")]
use crate::deidentify::{Deidentifier, DeidentifyKey, FieldCounts, Policy};
use crate::format::Format;
use crate::row::{Row, User};
use crate::sink::Sink;
#[cfg(feature = "ucum")]
use crate::values::Units;

/// Another version may read units and carry out a policy otherwise, and files of both are not of one kind.
#[cfg(any(feature = "ucum", feature = "deidentify"))]
const MADE_BY: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// What an export makes of records.
pub(super) struct Output {
    pub(super) format: Format,
    /// Reads the values that have a unit, for columns of their own.
    #[cfg(feature = "ucum")]
    pub(super) units: Option<Units>,
    #[cfg(feature = "deidentify")]
    deidentification: Option<Deidentification>,
}

/// By what records lose what tells whose they are.
#[cfg(feature = "deidentify")]
struct Deidentification {
    policy: Policy,
    key: DeidentifyKey,
    /// One for each kind of record, which nothing was taken by yet.
    begun: BTreeMap<&'static str, Deidentifier>,
}

/// What became of the fields of the records of one file.
#[cfg(feature = "deidentify")]
pub(super) type Taken = Option<FieldCounts>;
/// Nothing is taken without the feature.
#[cfg(not(feature = "deidentify"))]
pub(super) type Taken = Option<std::convert::Infallible>;

/// The line of a manifest that tells of it.
pub(super) fn fields_line(taken: &Taken) -> Option<FieldsLine> {
    #[cfg(feature = "deidentify")]
    return taken.as_ref().map(|taken| FieldsLine {
        kept: taken.kept(),
        dropped: taken.dropped(),
    });
    #[cfg(not(feature = "deidentify"))]
    taken.as_ref().map(|taken| match *taken {})
}

impl Output {
    /// Files of this format with what was sent.
    pub(super) const fn new(format: Format) -> Self {
        Self {
            format,
            #[cfg(feature = "ucum")]
            units: None,
            #[cfg(feature = "deidentify")]
            deidentification: None,
        }
    }

    #[cfg(feature = "deidentify")]
    pub(super) fn deidentify(&mut self, policy: Policy, key: DeidentifyKey) {
        self.deidentification = Some(Deidentification {
            policy,
            key,
            begun: BTreeMap::new(),
        });
    }

    /// Whether nothing of what is written may tell whose it is.
    pub(super) const fn is_deidentified(&self) -> bool {
        #[cfg(feature = "deidentify")]
        return self.deidentification.is_some();
        #[cfg(not(feature = "deidentify"))]
        false
    }

    /// Sees that all of it can be made of these kinds of records, before the first of them.
    #[cfg_attr(
        not(feature = "deidentify"),
        expect(
            clippy::needless_pass_by_ref_mut,
            reason = "de-identification needs it"
        )
    )]
    pub(super) fn check(&mut self, routes: &[&'static Route]) -> Result<(), ExportError> {
        #[cfg(feature = "ucum")]
        if self.units.is_some() && !self.format.has_columns() {
            return Err(ExportError::NoColumns(self.format.name()));
        }
        #[cfg(feature = "deidentify")]
        if let Some(Deidentification { policy, key, begun }) = &mut self.deidentification {
            for route in routes {
                let deidentifier = Deidentifier::new(policy, route.fields, key)?;
                begun.insert(route.name, deidentifier);
            }
        }
        let _ = routes;
        Ok(())
    }

    /// The columns of a kind of record.
    pub(super) fn columns(&self, route: &Route) -> Columns {
        let columns = Columns::of(route.fields);
        #[cfg(feature = "ucum")]
        let columns = match &self.units {
            Some(units) => columns.with_values(units),
            None => columns,
        };
        columns.with_record(!self.is_deidentified())
    }

    /// What it adds to the settings of an export.
    pub(super) fn tell(&self, settings: &mut Settings) {
        settings.values = self.values_by();
        settings.deidentified = self.deidentified_by();
    }

    #[cfg(feature = "ucum")]
    fn values_by(&self) -> Option<ValuesBy> {
        self.units.as_ref().map(|_| ValuesBy {
            made_by: MADE_BY.to_owned(),
        })
    }

    #[cfg(not(feature = "ucum"))]
    const fn values_by(&self) -> Option<ValuesBy> {
        None
    }

    #[cfg(feature = "deidentify")]
    fn deidentified_by(&self) -> Option<DeidentifiedBy> {
        let Deidentification { policy, key, .. } = self.deidentification.as_ref()?;
        Some(DeidentifiedBy {
            policy: policy.name().to_owned(),
            sha256: policy.sha256().to_owned(),
            dates: policy.dates().name().to_owned(),
            ids: policy.ids().name().to_owned(),
            made_by: MADE_BY.to_owned(),
            key_check: key.code("check", ""),
        })
    }

    #[cfg(not(feature = "deidentify"))]
    const fn deidentified_by(&self) -> Option<DeidentifiedBy> {
        None
    }

    /// The key of the buckets that follows from that of the codes, so that a folder holds nothing by which somebody who is
    /// known could be looked for in it.
    pub(super) fn bucket_key(&self) -> Option<BucketKey> {
        #[cfg(feature = "deidentify")]
        return Some(BucketKey::new(
            self.deidentification.as_ref()?.key.buckets(),
        ));
        #[cfg(not(feature = "deidentify"))]
        None
    }

    /// By which name a user stands in what is written; nothing where no id stays.
    pub(super) fn user(&self, user: &ClientUserId) -> String {
        #[cfg(feature = "deidentify")]
        if let Some(Deidentification { policy, key, .. }) = &self.deidentification {
            return key.user(policy.ids(), user.as_str());
        }
        user.as_str().to_owned()
    }

    /// Puts users into the order in which they are written: that of their ids tells of an id between which others it lies.
    pub(super) fn sort(&self, users: &mut [ClientUserId]) {
        #[cfg(feature = "deidentify")]
        if let Some(Deidentification { key, .. }) = &self.deidentification {
            users.sort_by_cached_key(|user| key.code("user", user.as_str()));
        }
        let _ = users;
    }

    /// Begins a file of one kind of record.
    pub(super) fn begin(
        &self,
        route: &'static Route,
        writer: impl Write + Send + 'static,
    ) -> Result<Table, ExportError> {
        let columns = self.columns(route);
        let sink = self.format.begin_in_background(&columns, writer)?;
        #[cfg(feature = "deidentify")]
        let deidentifier = match &self.deidentification {
            None => None,
            Some(Deidentification { begun, .. }) => {
                let begun = begun.get(route.name);
                // A kind that the policy was not read for is never written as it was sent.
                let begun = begun.ok_or(ExportError::NotExported(route.name))?;
                Some(begun.anew())
            }
        };
        Ok(Table {
            route,
            sink,
            #[cfg(feature = "deidentify")]
            deidentifier,
        })
    }
}

/// A file of one kind of record.
pub(super) struct Table {
    route: &'static Route,
    sink: Box<dyn Sink>,
    #[cfg(feature = "deidentify")]
    deidentifier: Option<Deidentifier>,
}

impl Table {
    /// Writes all records of one list, and says how many there are.
    pub(super) fn write(
        &mut self,
        user: &ClientUserId,
        read_at: Timestamp,
        records: Spool,
    ) -> Result<u64, ExportError> {
        let count = records.count();
        let user = User::new(user.as_str());
        let records = records
            .into_records(self.route.fields)
            .map_err(ExportError::Folder)?;
        for record in records {
            let record = record.map_err(ExportError::Folder)?;
            let row = Row::new(&user, read_at, &record);
            #[cfg(feature = "deidentify")]
            if let Some(deidentifier) = &mut self.deidentifier {
                let safe = deidentifier.take(&row);
                self.sink
                    .write(&safe.row().with_resource(name(self.route)))?;
                continue;
            }
            self.sink.write(&row.with_resource(name(self.route)))?;
        }
        Ok(count)
    }

    /// Ends the file, and says what became of its records' fields.
    pub(super) fn finish(self) -> Result<Taken, ExportError> {
        self.sink.finish()?;
        #[cfg(feature = "deidentify")]
        return Ok(self.deidentifier.as_ref().map(Deidentifier::counted));
        #[cfg(not(feature = "deidentify"))]
        Ok(None)
    }
}
