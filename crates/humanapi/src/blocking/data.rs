//! One user's health data, list by list and record by record.

use futures_util::{Stream, StreamExt as _};
use humanapi_client as client;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::call::ApiCall;

/// One user's health data, as [the other client's](client::UserData) has it: a method for each resource, and
/// [`list`](Self::list), [`by_id`](Self::by_id), [`on_day`](Self::on_day) and [`latest`](Self::latest) for the type of any.
#[derive(Clone, Debug)]
pub struct UserData {
    data: client::UserData,
}

impl UserData {
    pub(super) const fn new(data: client::UserData) -> Self {
        Self { data }
    }

    /// The latest value of everything.
    pub fn summary(&self) -> ApiCall<ReadHealthSummary> {
        ApiCall::new(self.data.summary())
    }

    /// Who the user is.
    pub fn profile(&self) -> ApiCall<ReadProfile> {
        ApiCall::new(self.data.profile())
    }

    /// Who the user is to providers, and whether the user drinks or smokes; none where nobody wrote it down.
    pub fn medical_profile(&self) -> ApiCall<ReadMedicalProfile> {
        ApiCall::new(self.data.medical_profile())
    }

    /// A list of any resource.
    pub fn list<R: Resource>(&self) -> ApiCall<List<R>> {
        ApiCall::new(self.data.list())
    }

    /// The record of this id.
    pub fn by_id<R: HasId>(&self, id: impl Into<String>) -> ApiCall<ById<R>> {
        ApiCall::new(self.data.by_id(id))
    }

    /// The records of one day, or its summary.
    pub fn on_day<R: Daily>(&self, day: Date) -> ApiCall<OnDay<R>> {
        ApiCall::new(self.data.on_day(day))
    }

    /// The latest record of a measurement, or none.
    pub fn latest<R: HasLatest>(&self) -> ApiCall<Latest<R>> {
        ApiCall::new(self.data.latest())
    }

    /// What stands at these places of the user's genome, such as `rs1`.
    pub fn genotypes(
        &self,
        locations: impl IntoIterator<Item = impl Into<String>>,
    ) -> ApiCall<ListGenotypes> {
        ApiCall::new(self.data.genotypes(locations))
    }

    /// The text of one of the [`ccds`](Self::ccds), in XML. [`open`](ApiCall::open) hands it over as it arrives.
    ///
    /// ```no_run
    /// # fn read(user: humanapi::blocking::User) -> Result<(), Box<dyn std::error::Error>> {
    /// let ccd = user.data().ccd("5f0000000000000000002101").open()?;
    /// let bytes = ccd.write_to(&mut std::fs::File::create("ccd.xml")?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ccd(&self, id: impl Into<String>) -> ApiCall<Raw<Ccd>> {
        ApiCall::new(self.data.ccd(id))
    }

    /// The text of one of the [`reports`](Self::reports), in this form. [`open`](ApiCall::open) hands it over as it
    /// arrives.
    pub fn report(&self, id: impl Into<String>, format: ReportFormat) -> ApiCall<Raw<Report>> {
        ApiCall::new(self.data.report(id, format))
    }
}

macro_rules! lists {
    ($($(#[$doc:meta])+ $method:ident: $resource:ident,)+) => {
        impl UserData {
            $(
                $(#[$doc])+
                pub fn $method(&self) -> ApiCall<List<$resource>> {
                    ApiCall::new(self.data.$method())
                }
            )+
        }
    };
}

humanapi_client::each_list!(lists);

/// What the service knows for every list.
impl<R: Resource> ApiCall<List<R>> {
    /// Sets the size of a page, from 1 to 500.
    pub fn limit(self, limit: u32) -> Self {
        self.map(|call| call.limit(limit))
    }

    /// Begins at the record of this index.
    pub fn offset(self, offset: u64) -> Self {
        self.map(|call| call.offset(offset))
    }

    /// Sets whether each page begins with the last record of the page before, by which a record that is deleted meanwhile is
    /// noticed: see [`List::with_overlap`].
    pub fn overlap(self, overlap: bool) -> Self {
        self.map(|call| call.overlap(overlap))
    }

    /// Only records that were stored after this moment. Sent in whole seconds.
    pub fn created_since(self, moment: Timestamp) -> Self {
        self.map(|call| call.created_since(moment))
    }

    /// Only records that were stored before this moment. Sent in whole seconds.
    pub fn created_before(self, moment: Timestamp) -> Self {
        self.map(|call| call.created_before(moment))
    }

    /// Only records that were changed after this moment: the one to keep in step by. Sent in whole seconds.
    pub fn updated_since(self, moment: Timestamp) -> Self {
        self.map(|call| call.updated_since(moment))
    }

    /// Only records that were changed before this moment. Sent in whole seconds.
    pub fn updated_before(self, moment: Timestamp) -> Self {
        self.map(|call| call.updated_before(moment))
    }

    /// Only records of this source: a wellness source's name or a medical source's id.
    pub fn source(self, source: impl Into<String>) -> Self {
        self.map(|call| call.source(source))
    }
}

impl<R: HasChanges + 'static> ApiCall<List<R>> {
    /// What changed since a watermark, or everything where there is none: each change at least once, and none lost.
    pub fn sync(self, since: Option<Watermark>) -> ChangesPages<R> {
        Each(self.into_inner().sync(since))
    }
}

impl<R: HasDays> ApiCall<List<R>> {
    /// Only records of these days, both included.
    pub fn days(self, start: Date, end: Date) -> Self {
        self.map(|call| call.days(start, end))
    }
}

impl<R: HasTimeSeries> ApiCall<List<R>> {
    /// Asks for the recorded series as well.
    pub fn time_series(self) -> Self {
        self.map(client::ApiCall::<List<R>>::time_series)
    }
}

impl<R: HasId + HasTimeSeries> ApiCall<ById<R>> {
    /// Asks for the recorded series as well.
    pub fn time_series(self) -> Self {
        self.map(client::ApiCall::<ById<R>>::time_series)
    }
}

impl<R: Daily> ApiCall<OnDay<R>> {
    /// Only records of this source: a wellness source's name or a medical source's id.
    pub fn source(self, source: impl Into<String>) -> Self {
        self.map(|call| call.source(source))
    }
}

impl<R: DailyList> ApiCall<OnDay<R>> {
    /// Sets the size of a page, from 1 to 500.
    pub fn limit(self, limit: u32) -> Self {
        self.map(|call| call.limit(limit))
    }

    /// Begins at the record of this index.
    pub fn offset(self, offset: u64) -> Self {
        self.map(|call| call.offset(offset))
    }
}

impl<E: Paged + Send + 'static> ApiCall<E>
where
    E::Unchecked: Send,
{
    /// All records from this page on, one after another.
    pub fn items(self) -> Items<E> {
        Each(self.into_inner().items().read_ahead(0))
    }

    /// All pages from this one on, one after another.
    pub fn pages(self) -> Pages<E> {
        Each(self.into_inner().pages().read_ahead(0))
    }
}

/// The records of a list, one after another, over all its pages: see [`client::Items`] for what ends it.
pub type Items<E> = Each<client::Items<E>>;
/// The pages of a list, one after another: see [`client::Pages`] for what ends it.
pub type Pages<E> = Each<client::Pages<E>>;
/// The pages of what changed, one after another: see [`client::ChangesPages`] for what ends it.
pub type ChangesPages<R> = Each<client::ChangesPages<R>>;

/// What comes one after another: each is waited for when it is asked for.
///
/// An error that may pass does not end it: what failed is asked for again when more is asked for.
#[derive(Debug)]
#[must_use = "nothing is sent before it is iterated over"]
pub struct Each<S>(S);

impl<S: Stream + Unpin> Iterator for Each<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        pollster::block_on(self.0.next())
    }
}
