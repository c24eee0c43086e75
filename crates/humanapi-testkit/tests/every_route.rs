//! Every row of the table of routes, called through the SDK at the sandbox, with both adapters and as each of its people.
//!
//! What was called is read from the sandbox's log, so a route without a row here is noticed.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

mod operations;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use humanapi_client::{Client, ErrorKind, Transport, User};
use humanapi_core::data::application::*;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use humanapi_core::http::Method;
use humanapi_core::{
    ClientId, ClientUserId, Credentials, Host, Hosts, HumanId, ListEnd, Provisioning, RawCall,
    RetryPolicy,
};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;
use humanapi_sandbox::{
    AppCredentials, Control, DemoApp, Fault, Persona, Sandbox, Source as Provider,
};
use humanapi_testkit::within;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::Offset};
use rows::{Documents, for_all_rows, route_of};
use serde_json::value::RawValue;

struct Scene {
    sandbox: Sandbox,
    app: AppCredentials,
    client: Client,
}

/// A user, and how much there is of each list that all users' records are read from too.
struct Person {
    persona: Persona,
    human_id: String,
    user: User,
    counts: BTreeMap<&'static str, usize>,
}

impl Scene {
    fn new(transport: impl Transport + 'static) -> Self {
        // 2026-01-15, at noon.
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_478_400);
        let sandbox = Sandbox::builder()
            .frozen_at(noon)
            .log_capacity(100_000)
            .start()
            .unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
        let client = Client::builder(credentials.unwrap(), Provisioning::Connect, transport)
            .hosts(Hosts::single(sandbox.url()).unwrap())
            .retry(at_once())
            .build();
        Self {
            sandbox,
            app,
            client,
        }
    }

    /// Somebody with everything connected.
    async fn person(&self, persona: Persona) -> Person {
        let user = self.client.user(persona.name());
        user.session_token().await.unwrap();
        let control = self.sandbox.control();
        for source in Provider::ALL {
            control
                .connect_source(&self.app.client_id, persona.name(), source.id)
                .unwrap();
        }
        control
            .set_persona(&self.app.client_id, persona.name(), persona)
            .unwrap();
        let profile = user.data().profile().await.unwrap();
        Person {
            persona,
            human_id: profile.human_id().unwrap().into_owned(),
            user,
            counts: BTreeMap::new(),
        }
    }

    fn key(&self) -> (ClientId, AppKey) {
        let client_id = ClientId::new(self.app.client_id.as_str()).unwrap();
        (client_id, AppKey::new(self.app.app_key.as_str()).unwrap())
    }

    /// The records of all users are those of each.
    async fn batch<R: Resource + BatchResource + 'static>(&self, people: &[Person]) {
        let (client_id, key) = self.key();
        let call = self.client.call(Batch::<R>::new(client_id, key));
        let pages: Vec<_> = call.limit(500).pages().try_collect().await.unwrap();
        // The odd one has records that do not say whose they are.
        let mut by_persona = people.iter();
        let odd = by_persona.find(|person| person.persona == Persona::Odd);
        let odd = odd.unwrap();
        let mut whose: BTreeMap<String, usize> = BTreeMap::new();
        for record in pages.iter().flat_map(|page| &page.items) {
            let human_id = text(record, "humanId").unwrap_or_else(|| odd.human_id.clone());
            *whose.entry(human_id).or_default() += 1;
        }
        let expected = people
            .iter()
            .map(|person| (person.human_id.clone(), person.counts[R::NAME]))
            .filter(|(_, count)| *count > 0);
        assert_eq!(whose, expected.collect(), "{}", R::NAME);
    }

    async fn users(&self, people: &[Person]) {
        let (client_id, key) = self.key();
        let id = |user: &AppUser| user.human_id().unwrap().into_owned();
        let all = || async {
            let call = self
                .client
                .call(ListUsers::new(client_id.clone(), key.clone()));
            let users: Vec<AppUser> = call.items().try_collect().await.unwrap();
            users.iter().map(id).collect::<BTreeSet<_>>()
        };
        let people: BTreeSet<_> = people
            .iter()
            .map(|person| person.human_id.clone())
            .collect();
        assert_eq!(all().await, people);

        let external = ClientUserId::new("somebody new").unwrap();
        let create = CreateUser::new(client_id.clone(), key.clone(), external);
        let created = self.client.call(create).await.unwrap();
        assert_eq!(created.external_id().as_deref(), Some("somebody new"));
        assert_eq!(all().await.len(), people.len() + 1);
        let human_id = HumanId::new(id(&created));
        let read = ReadUser::new(client_id.clone(), key.clone(), human_id.clone());
        let read = self.client.call(read).await.unwrap();
        assert_eq!(read.raw(), created.raw());
        let delete = DeleteUser::new(client_id.clone(), key.clone(), human_id);
        self.client.call(delete).await.unwrap();
        assert_eq!(all().await, people);
    }

    /// Garbage in the place of a document is asked for again, and is an error if it stays.
    async fn garbage<R: Documents + 'static>(&self, person: &Person) {
        let listed = person.user.data().list::<R>().limit(1).await.unwrap();
        let id = text(&listed.items[0], "id").unwrap();
        for (call, declared) in R::of(&id) {
            let open = || person.user.call(call.clone()).open();
            let whole = open().await.unwrap().bytes(1 << 24).await.unwrap();
            plan_garbage(self.sandbox.control(), format!("{}/{id}/raw", R::PATH));
            let failed = open().await.unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Intermediary, "{declared}");
            let mended = open().await.unwrap();
            assert_eq!(mended.bytes(1 << 24).await.unwrap(), whole);
            assert!(self.sandbox.control().faults().is_empty());
        }
    }

    /// Every route was called, and nothing else, and all was well.
    fn check_log(&self) {
        let mut called = BTreeSet::new();
        for request in self.sandbox.control().requests() {
            if request.path.ends_with("/token") {
                continue;
            }
            let path = request.path.split('?').next().unwrap();
            let route = route_of(&request.method, path).unwrap_or_else(|| panic!("{path}"));
            match request.status {
                Some(200..=204) => called.insert((route.name, route.operation)),
                // Where nothing is.
                Some(404) => false,
                status => panic!("{status:?}: {path}"),
            };
        }
        let rows: BTreeSet<_> = ROUTES
            .iter()
            .map(|route| (route.name, route.operation))
            .collect();
        assert_eq!(rows.len(), ROUTES.len());
        let missing: Vec<_> = rows.difference(&called).collect();
        assert!(missing.is_empty(), "no row reads {missing:?}");
    }
}

impl Person {
    fn is_empty(&self) -> bool {
        self.persona == Persona::Empty
    }

    /// The whole list, which has each record once.
    async fn list<R: Resource + 'static>(&mut self) -> Vec<R::Record> {
        let of = format!("{} {}", self.persona, R::NAME);
        let pages = self.user.data().list::<R>().limit(500).pages();
        let pages: Result<Vec<_>, _> = pages.read_ahead(2).try_collect().await;
        let pages = pages.unwrap_or_else(|error| panic!("{of}: {error}"));
        assert!(pages.last().unwrap().end.is_some(), "{of}");
        assert!(pages.last().unwrap().end != Some(ListEnd::FarBeyondTotal));
        let count = pages.iter().map(|page| page.items.len() + page.odd.len());
        let count: usize = count.sum();
        assert_eq!(count, self.count(R::PATH).await, "{of}");
        let records: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
        // What has no id can be just like another.
        let with_id = records.iter().filter(|record| record.field("id").is_some());
        let with_id: Vec<_> = with_id.map(|record| record.raw()).collect();
        let different: BTreeSet<_> = with_id.iter().collect();
        assert_eq!(different.len(), with_id.len(), "{of}: each once");
        // What is connected is nothing that anybody wrote about the person.
        if R::NAME != "data.sources" {
            assert!(!self.is_empty() || count == 0, "{of}");
        }
        self.counts.insert(R::NAME, records.len());
        records
    }

    /// How many there are by the sandbox's own total, or, where it gives all at once, in its answer.
    async fn count(&self, path: &str) -> usize {
        let first = RawCall::new(Method::GET, Host::Data, format!("{path}?limit=1"));
        let answer = self.user.call(first).await.unwrap();
        match answer.headers.get("x-total-count") {
            Some(total) => total.to_str().unwrap().parse().unwrap(),
            None => answer.json::<Vec<Box<RawValue>>>().unwrap().len(),
        }
    }

    /// A record by its id is what its list had.
    async fn by_id<R: HasId + 'static>(&self, listed: &[R::Record]) {
        for record in some(listed) {
            let Some(id) = text(record, "id") else {
                continue;
            };
            let read = self.user.data().by_id::<R>(id).await;
            let of = format!("{} {} {}", self.persona, R::NAME, record.index());
            let read = read.unwrap_or_else(|error| panic!("{of}: {error}"));
            assert_eq!(read.raw(), record.raw(), "{of}");
        }
    }

    /// A pass over everything tells each record of the list, and the next one nothing.
    async fn changes<R: HasChanges + 'static>(&self, listed: &[R::Record]) {
        let of = format!("{} {}", self.persona, R::NAME);
        let mut since = None;
        for expected in [listed, &[]] {
            let pages = self.user.data().list::<R>().sync(since);
            let pages: Vec<_> = pages.try_collect().await.unwrap();
            let told = pages.iter().flat_map(|page| &page.records);
            let told: Vec<_> = told.map(|record| record.raw()).collect();
            let expected: Vec<_> = expected.iter().map(|record| record.raw()).collect();
            assert_eq!(told, expected, "{of}");
            let end = pages.into_iter().next_back().and_then(|page| page.end);
            since = Some(end.unwrap().watermark);
        }
    }

    /// A day has what the list has of it.
    async fn on_day<R: DailyList + 'static>(&self, listed: &[R::Record]) {
        for day in self.days(listed) {
            let pages = self.user.data().on_day::<R>(day).limit(3).pages();
            let pages: Vec<_> = pages.try_collect().await.unwrap();
            let read: Vec<_> = pages.iter().flat_map(|page| &page.items).collect();
            let read: Vec<_> = read.iter().map(|record| record.raw()).collect();
            let of_day: Vec<_> = self.of_day(listed, day).collect();
            assert_eq!(read.len(), of_day.len(), "{} {}", self.persona, R::NAME);
            assert_eq!(read, of_day, "{} {}", self.persona, R::NAME);
        }
    }

    /// A day's summary is one of those that the list has of it.
    async fn summary<R: Daily + 'static>(&self, listed: &[R::Record]) {
        for day in self.days(listed) {
            let page = self.user.data().on_day::<R>(day).await.unwrap();
            assert!(page.next.is_none() && page.odd.is_empty());
            let of_day: Vec<_> = self.of_day(listed, day).collect();
            let count = usize::from(!of_day.is_empty());
            assert_eq!(page.items.len(), count, "{} {}", self.persona, R::NAME);
            for record in page.items {
                let of = format!("{} {} {day}", self.persona, R::NAME);
                assert!(of_day.contains(&record.raw()), "{of}");
            }
        }
    }

    /// The latest record is the list's first.
    async fn latest<R: HasLatest + 'static>(&self, listed: &[R::Record]) {
        let latest = self.user.data().latest::<R>().await.unwrap();
        let latest = latest.as_ref().map(|record| record.raw());
        let first = listed.first().map(|record| record.raw());
        assert_eq!(latest, first, "{} {}", self.persona, R::NAME);
    }

    /// A document comes with its type, and is the same as a whole and as it arrives.
    async fn documents<R: Documents + 'static>(&self, listed: &[R::Record]) {
        for record in some(listed) {
            let id = text(record, "id").unwrap();
            for (call, declared) in R::of(&id) {
                let whole = self.user.call(call.clone()).await.unwrap();
                assert!(whole.content_type().unwrap().starts_with(declared));
                let whole = whole.into_body().unwrap().into_bytes();
                assert!(!whole.is_empty());
                let arriving = self.user.call(call).open().await.unwrap();
                assert!(arriving.content_type().unwrap().starts_with(declared));
                assert_eq!(arriving.bytes(1 << 24).await.unwrap(), whole);
            }
        }
    }

    /// The days of some of the records, and one without any.
    fn days<T: Table>(&self, listed: &[T]) -> BTreeSet<Date> {
        let days = some(listed).filter_map(|record| self.day(record));
        days.chain([jiff::civil::date(1999, 12, 31)]).collect()
    }

    fn of_day<'a, T: Table>(
        &self,
        listed: &'a [T],
        wanted: Date,
    ) -> impl Iterator<Item = &'a [u8]> {
        let of_day = listed
            .iter()
            .filter(move |record| self.day(record) == Some(wanted));
        of_day.map(|record| record.raw())
    }

    fn day(&self, record: &Record) -> Option<Date> {
        match self.persona {
            // What they say of it may be odd. The sandbox has one on each day back from this one.
            Persona::Odd => {
                let back = (record.index() as i64).days();
                jiff::civil::date(2026, 1, 14).checked_sub(back).ok()
            }
            _ => day(record),
        }
    }

    async fn genotypes(&self) {
        let (known, unknown) = ("rs4988235", "rs0");
        let read = |locations: Vec<&'static str>| async {
            let page = self.user.data().genotypes(locations).await.unwrap();
            let places = page
                .items
                .iter()
                .filter_map(|record| text(record, "location"));
            places.collect::<Vec<_>>()
        };
        let found = read(vec![known, unknown]).await;
        let expected = match self.persona {
            // Its genotypes stand at places of their own.
            Persona::Empty | Persona::Odd => &[][..],
            _ => &[known],
        };
        assert_eq!(found, expected, "{}", self.persona);
        assert_eq!(read(vec![unknown]).await, Vec::<String>::new());
    }

    async fn singles(&self) {
        let data = self.user.data();
        let summary = data.summary().await.unwrap();
        let profile = data.profile().await.unwrap();
        assert_eq!(profile.human_id().as_deref(), Some(&*self.human_id));
        let medical = data.medical_profile().await.unwrap();
        assert_eq!(medical.is_none(), self.is_empty(), "{}", self.persona);
        for field in HealthSummary::FIELDS.iter().filter(|_| self.is_empty()) {
            if matches!(field.kind, FieldKind::Object(_)) {
                let sent = summary.field(field.name).map(Json::raw);
                assert!(
                    matches!(sent, None | Some(b"null" | b"{}")),
                    "{}",
                    field.name
                );
            }
        }
    }
}

/// Repeats without a wait.
fn at_once() -> RetryPolicy {
    RetryPolicy::default().with_base(Duration::ZERO)
}

/// Has garbage sent in place of a document: for one call as often as it asks, and for the next one once.
fn plan_garbage(control: &Control, path: String) {
    let times = at_once().max_attempts() + 1;
    let fault = Fault::garbage_body().on_path(path).times(times);
    control.plan_fault(fault).unwrap();
}

/// One text of a record, by its name on the wire.
fn text(record: &Record, name: &str) -> Option<String> {
    record.field(name)?.read().ok()
}

/// All of a few, such as the odd one has; of many the first, the last, and one in between.
fn some<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let places: BTreeSet<_> = match all.len() {
        few @ ..=12 => (0..few).collect(),
        many => [0, many / 2, many - 1].into(),
    };
    places.into_iter().filter_map(|place| all.get(place))
}

/// The day of a record: the one that it names, or the one on which it was by the clock of whose it is.
fn day(record: &Record) -> Option<Date> {
    if let Some(date) = text(record, "date").or_else(|| text(record, "day")) {
        return date.get(..10)?.parse().ok();
    }
    let moment = text(record, "startTime").or_else(|| text(record, "timestamp"))?;
    let moment: Timestamp = moment.parse().ok()?;
    let offset = text(record, "tzOffset").unwrap_or_else(|| "+00:00".to_owned());
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset = Offset::from_seconds(sign * seconds).ok()?;
    Some(offset.to_datetime(moment).date())
}

async fn every_route_works(transport: impl Transport + 'static) {
    let scene = Scene::new(transport);
    let mut people = Vec::new();
    for persona in Persona::ALL {
        people.push(scene.person(*persona).await);
    }
    macro_rules! read_rows {
        ($($record:ident [$($read:ident)*] [$($batch:ident)?])+) => {$(
            for person in &mut people {
                let _listed = person.list::<$record>().await;
                $(person.$read::<$record>(&_listed).await;)*
            }
            let name = <$record as Resource>::NAME;
            assert!(people.iter().any(|person| person.counts[name] > 0), "nobody has {name}");
            $(scene.$batch::<$record>(&people).await;)?
        )+};
    }
    for_all_rows!(read_rows);
    for person in &people {
        person.singles().await;
        person.genotypes().await;
    }
    scene.users(&people).await;
    scene.check_log();
}

async fn garbage_is_no_document(transport: impl Transport + 'static) {
    let scene = Scene::new(transport);
    let person = scene.person(Persona::Child).await;
    scene.garbage::<Ccd>(&person).await;
    scene.garbage::<Report>(&person).await;
}

#[tokio::test]
async fn garbage_is_no_document_over_hyper() {
    within(garbage_is_no_document(HyperTransport::new())).await;
}

#[tokio::test]
async fn garbage_is_no_document_over_reqwest() {
    within(garbage_is_no_document(ReqwestTransport::new())).await;
}

#[tokio::test]
async fn every_operation_works_over_hyper() {
    within(operations::every_operation_works(HyperTransport::new())).await;
}

#[tokio::test]
async fn every_operation_works_over_reqwest() {
    within(operations::every_operation_works(ReqwestTransport::new())).await;
}

#[tokio::test]
async fn every_route_works_over_hyper() {
    within(every_route_works(HyperTransport::new())).await;
}

#[tokio::test]
async fn every_route_works_over_reqwest() {
    within(every_route_works(ReqwestTransport::new())).await;
}
