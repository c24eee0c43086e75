//! What tells who somebody is, in every answer of every route, as it should be and as it should not.

use std::fmt::Debug;

use futures_util::TryStreamExt as _;
use humanapi_client::{ApiCall, Client, User};
use humanapi_core::data::application::*;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;
use humanapi_core::{ClientId, ClientUserId, Endpoint, HumanId};
use serde_json::{Map, Value, json};

use crate::rows::{Documents, for_all_rows, route_of};
use crate::{Watch, serve};

/// One of each of the 18 kinds of identifiers that HIPAA's Safe Harbor method takes out, all made up.
pub(crate) const IDENTIFIERS: [&str; 18] = [
    // A name, a place, a day.
    "Quillon Vexworthy",
    "417 Marrowstone Lane",
    "1931-11-27T23:41:07.613Z",
    // Telephone, fax, mail.
    "+1-202-555-0143",
    "+1-202-555-0188",
    "q.vexworthy@example.test",
    // Numbers of social security, of a record, of a health plan, of an account, of a licence.
    "987-65-4329",
    "MRN-90417733",
    "HPB-55120-QV",
    "ACCT-3318-4471",
    "LIC-77Q2X9-WDL",
    // A vehicle, a device, a page, an address of the internet.
    "VIN-1QV00X0V000017",
    "DEV-Q7741-00329",
    "https://vexworthy.example.test/quillon",
    "203.0.113.217",
    // A finger, a face, and any other mark.
    "finger-b3c9d1f07e",
    "face-of-quillon.jpg",
    "UID-6f21c0d9e8",
];

/// A number that nobody else has either.
pub(crate) const NUMBER: &str = "5150.61803";

/// How an answer of the planted service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// As documented.
    Good,
    /// Nothing has the type that it is documented to have.
    Odd,
    /// JSON that breaks off.
    Broken,
    /// An error of this status, in the service's form.
    Refusal(u16),
    /// A page of something in between, with this status.
    Page(u16),
}

impl Reply {
    pub(crate) const ALL: [Self; 9] = [
        Self::Good,
        Self::Odd,
        Self::Broken,
        Self::Refusal(400),
        Self::Refusal(403),
        Self::Refusal(404),
        Self::Refusal(500),
        Self::Page(200),
        Self::Page(502),
    ];
}

fn all() -> String {
    IDENTIFIERS.join("; ")
}

/// A service that identifies somebody in whatever it says.
pub(crate) fn planted(answer: Reply) -> String {
    serve(move |request| {
        let mut line = request.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        let path = target.split('?').next().unwrap();
        if path.ends_with("/token") {
            let token = json!({"access_token": "canary-of-planted", "expires_in": 86400});
            return whole(200, "application/json", token.to_string());
        }
        let route = route_of(method, path).unwrap_or_else(|| panic!("{method} {path}"));
        match answer {
            Reply::Good => match route.operation {
                Operation::DeleteUser => whole(204, "", String::new()),
                Operation::Raw => {
                    // It begins as what was asked for does.
                    let begins = [("application/json", "{"), ("application/pdf", "%PDF-")]
                        .into_iter()
                        .find(|(form, _)| request.contains(form))
                        .map_or("<", |(_, begins)| begins);
                    whole(200, "text/plain", format!("{begins}{}", all()))
                }
                _ => {
                    let record = record(route.fields).to_string();
                    whole(200, "application/json", listed(route, &record))
                }
            },
            Reply::Odd => {
                let record = odd_record(route.fields);
                whole(200, "application/json", listed(route, &record))
            }
            Reply::Broken => {
                let record = record(route.fields).to_string();
                let broken = format!("{}{}", &record[..record.len() / 2], "\u{1}");
                whole(200, "application/json", listed(route, &broken))
            }
            Reply::Refusal(status) => {
                let refusal = json!({
                    "statusCode": status, "error": all(), "message": all(), "errorCode": all(),
                    "x-humanapi-request-id": IDENTIFIERS[17],
                    "validation": {"source": all(), "keys": [all()]},
                });
                whole(status, "application/json", refusal.to_string())
            }
            Reply::Page(status) => {
                let page = format!("<html><title>{0}</title>{0}</html>", all());
                whole(status, "text/html", page)
            }
        }
    })
}

/// An answer that has everything in its head, too.
fn whole(status: u16, declared: &str, body: String) -> String {
    let all = all();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {declared}\r\ncontent-length: {}\r\n\
         content-disposition: attachment; filename=\"{all}.xml\"\r\netag: \"{all}\"\r\n\
         x-patient: {all}\r\nlocation: /{}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
        IDENTIFIERS[17],
    )
}

fn listed(route: &Route, record: &str) -> String {
    match route.operation {
        Operation::List | Operation::Batch | Operation::Genotypes => format!("[{record},{record}]"),
        Operation::OnDay if route.path.contains("/daily/") => format!("[{record},{record}]"),
        _ => record.to_owned(),
    }
}

/// A record that has every field of its table, and one more.
fn record(fields: &[Field]) -> Value {
    let known = fields
        .iter()
        .map(|field| (field.name.to_owned(), value(&field.kind)));
    let more = (all(), Value::from(all()));
    Value::Object(known.chain([more]).collect())
}

fn value(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Number => serde_json::from_str(NUMBER).unwrap(),
        FieldKind::Integer => 41_733_861.into(),
        FieldKind::Bool => true.into(),
        FieldKind::Timestamp | FieldKind::Date => IDENTIFIERS[2].into(),
        FieldKind::Offset => "+05:45".into(),
        FieldKind::Quantity => format!("<{NUMBER} QVX").into(),
        FieldKind::Json => json!({all(): [all()]}),
        FieldKind::Object(fields) | FieldKind::TextOr(fields) => record(fields),
        FieldKind::List(of) => vec![value(of), value(of)].into(),
        FieldKind::Map(of) => Value::Object(Map::from_iter([(all(), value(of))])),
        // Text, and whatever kinds there will be.
        _ => all().into(),
    }
}

/// A record whose fields each stand there twice, and have other types than theirs.
fn odd_record(fields: &[Field]) -> String {
    let all = Value::from(all());
    let mut text = "{".to_owned();
    for field in fields {
        let other = match field.kind {
            FieldKind::Text | FieldKind::Json => json!({"odd": [all]}),
            _ => json!(all),
        };
        let name = Value::from(field.name);
        text.push_str(&format!("{name}:[{other}],{name}:{other},"));
    }
    format!("{text}{all}:{all}}}")
}

/// Reads everything, and shows all that can be shown of what came.
pub(crate) struct Reader<'a> {
    pub(crate) watch: &'a Watch,
    pub(crate) client: Client,
    pub(crate) user: User,
    /// How many calls gave an answer, and how many an error.
    pub(crate) outcomes: (usize, usize),
}

impl Reader<'_> {
    async fn show<E>(&mut self, call: ApiCall<E>) -> Option<E::Output>
    where
        E: Endpoint + Debug + Send + 'static,
        E::Output: Debug + Send,
    {
        self.watch.show(format!("{call:?} {call:#?}"));
        match call.await {
            Ok(output) => {
                self.outcomes.0 += 1;
                self.watch.show(format!("{output:?} {output:#?}"));
                Some(output)
            }
            Err(error) => {
                self.outcomes.1 += 1;
                self.watch.show_error(&error);
                None
            }
        }
    }

    fn show_record(&self, record: &Record) {
        self.watch.show(format!("{record:?}"));
        for odd in record.odd() {
            self.watch.show(format!("{odd} {odd:?}"));
        }
        for (_, json) in record.fields() {
            self.watch.show(format!("{json:?}"));
            // A type that no value has.
            if let Err(error) = json.read::<std::net::Ipv6Addr>() {
                self.watch.show(format!("{error} {error:?}"));
            }
        }
    }

    async fn list<R: Resource + Debug + 'static>(&mut self) {
        let call = self.user.data().list::<R>().source(IDENTIFIERS[0]);
        if let Some(page) = self.show(call.clone()).await {
            page.items
                .iter()
                .for_each(|record| self.show_record(record));
            page.odd.iter().for_each(|record| self.show_record(record));
        }
        let mut pages = call.clone().limit(2).pages().read_ahead(2);
        // Each page is the same, which ends the list.
        while let Ok(Some(page)) = pages.try_next().await {
            self.watch.show(format!("{page:?} {pages:?}"));
        }
        self.watch.show(format!("{pages:?} {:?}", call.items()));
    }

    async fn changes<R: HasChanges + Debug + 'static>(&self) {
        let call = self.user.data().list::<R>().source(IDENTIFIERS[0]);
        let mut changes = call.sync(None);
        for _ in 0..3 {
            let page = changes.try_next().await;
            self.watch.show(format!("{changes:?}"));
            match page {
                Ok(Some(page)) => self.watch.show(format!("{page:?} {page:#?}")),
                Ok(None) => break,
                Err(error) => self.watch.show_error(&error),
            }
        }
    }

    async fn by_id<R: HasId + 'static>(&mut self) {
        let call = self.user.data().by_id::<R>(IDENTIFIERS[17]);
        self.show(call).await;
    }

    async fn on_day<R: Daily + 'static>(&mut self) {
        let day = jiff::civil::date(1931, 11, 27);
        self.show(self.user.data().on_day::<R>(day)).await;
    }

    async fn summary<R: Daily + 'static>(&mut self) {
        self.on_day::<R>().await;
    }

    async fn latest<R: HasLatest + 'static>(&mut self) {
        self.show(self.user.data().latest::<R>()).await;
    }

    async fn documents<R: Documents + 'static>(&mut self) {
        for (call, _) in R::of(IDENTIFIERS[17]) {
            self.show(self.user.call(call.clone())).await;
            match self.user.call(call).open().await {
                Ok(download) => {
                    self.watch.show(format!("{download:?} {download:#?}"));
                    let read = download.json::<std::net::Ipv6Addr>(1 << 20).await;
                    self.watch.show_error(&read.unwrap_err());
                }
                Err(error) => self.watch.show_error(&error),
            }
        }
    }

    async fn batch<R: BatchResource + 'static>(&mut self) {
        let (client_id, key) = self.app();
        let call = self.client.call(Batch::<R>::new(client_id, key));
        if let Some(page) = self.show(call).await {
            page.items
                .iter()
                .for_each(|record| self.show_record(record));
        }
    }

    /// The same by its row, as who learns only at run time what is to be read.
    async fn by_route(&mut self, route: &'static Route) {
        if let Some(list) = ListRecords::new(route) {
            let call = self.user.call(list.with_source(IDENTIFIERS[0]));
            if let Some(page) = self.show(call).await {
                let records = page.items.iter().chain(&page.odd);
                records.for_each(|record| self.show_record(record));
            }
        }
        if let Some(pass) = ChangeRecords::new(route, None)
            && let Some(page) = self.show(self.user.call(pass)).await
        {
            let records = page.records.iter().chain(&page.odd);
            records.for_each(|record| self.show_record(record));
        }
    }

    fn app(&self) -> (ClientId, AppKey) {
        let key = AppKey::new("canary-of-the-app").unwrap();
        (ClientId::new("my-app").unwrap(), key)
    }

    pub(crate) async fn read_everything(&mut self) {
        macro_rules! read_rows {
            ($($record:ident [$($read:ident)*] [$($batch:ident)?])+) => {$(
                self.list::<$record>().await;
                $(self.$read::<$record>().await;)*
                $(self.$batch::<$record>().await;)?
            )+};
        }
        for_all_rows!(read_rows);
        for route in ROUTES {
            self.by_route(route).await;
        }
        let data = self.user.data();
        if let Some(summary) = self.show(data.summary()).await {
            self.show_record(&summary);
        }
        if let Some(profile) = self.show(data.profile()).await {
            self.show_record(&profile);
        }
        if let Some(Some(profile)) = self.show(data.medical_profile()).await {
            self.show_record(&profile);
        }
        self.show(data.genotypes(["rs1"])).await;
        self.batch::<AppUser>().await;
        let (app, key) = self.app();
        let user = ClientUserId::new(IDENTIFIERS[5]).unwrap();
        let id = HumanId::new(IDENTIFIERS[17]);
        let (create, read, delete) = (
            CreateUser::new(app.clone(), key.clone(), user),
            ReadUser::new(app.clone(), key.clone(), id.clone()),
            DeleteUser::new(app, key, id),
        );
        self.show(self.client.call(create)).await;
        self.show(self.client.call(read)).await;
        self.show(self.client.call(delete)).await;
    }
}
