//! One order of a file: its fields by the service's names, and what is made of them.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use humanapi_core::admin::order::IntentKey;
use humanapi_core::admin::{
    Address, BirthDate, ClientDataValue, FieldError, Gender, NewOrder, Provider,
};
use jiff::civil::Date;
use serde_json::{Map, Value};

/// The names that stand for one text each.
const TEXTS: [&str; 12] = [
    "intent",
    "clientUserId",
    "clientUserEmail",
    "firstName",
    "middleName",
    "lastName",
    "gender",
    "dateOfBirth",
    "ssn",
    "phone",
    "autoInvite",
    "orderType",
];
const ADDRESS: [&str; 5] = ["street1", "street2", "city", "state", "zip"];
const PROVIDER: [&str; 7] = [
    "name",
    "organizationName",
    "clientProviderId",
    "phone",
    "fax",
    "mrn",
    "npi",
];
const PAPER: [&str; 2] = ["path", "type"];

/// Whether an order has a text at this place.
pub(super) fn is_known(place: &[&str]) -> bool {
    let is_number = |text: &str| text.len() <= 2 && text.parse::<u8>().is_ok();
    match *place {
        [name] => TEXTS.contains(&name),
        ["clientData", name] => !name.is_empty(),
        ["address", name] => ADDRESS.contains(&name),
        ["suggestedSources" | "conditions", at] => is_number(at),
        ["attachments", at, name] => is_number(at) && PAPER.contains(&name),
        ["providers", at, name] => is_number(at) && PROVIDER.contains(&name),
        ["providers", at, "address", name] => is_number(at) && ADDRESS.contains(&name),
        _ => false,
    }
}

/// What is wrong with an order. Names the field, and never what stood there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong(String);

impl Wrong {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn field(place: &str, rule: &str) -> Self {
        Self(format!("`{place}` must be {rule}"))
    }

    fn below(place: &str, error: FieldError) -> Self {
        Self::field(&format!("{place}{}", error.field()), error.rule())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<FieldError> for Wrong {
    fn from(error: FieldError) -> Self {
        Self(error.to_string())
    }
}

/// One order of a file. Its papers are not read yet.
pub(super) struct Applicant {
    /// Differs where anything differs that was read of the order.
    pub(super) mark: u64,
    pub(super) intent: IntentKey,
    pub(super) order: NewOrder,
    pub(super) papers: Vec<PathBuf>,
    /// Whether somebody who reads what the service has can tell this order from another.
    pub(super) can_be_told: bool,
}

/// Fields that are taken out one after another, with the place where they stand.
struct Fields<'a> {
    at: String,
    left: Map<String, Value>,
    /// A text that is empty is none, as a cell is.
    empty_is_none: bool,
    today: Date,
    folder: &'a Path,
}

pub(super) type Read<T> = Result<T, Wrong>;

impl<'a> Fields<'a> {
    fn below(&self, at: String, value: Value) -> Read<Self> {
        match value {
            Value::Object(left) => Ok(Self { at, left, ..*self }),
            _ => Err(Wrong::field(&at, "an object")),
        }
    }

    fn place(&self, name: &str) -> String {
        match self.at.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.at),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.left.remove(name)?;
        let is_none = value.is_null() || (self.empty_is_none && value == "");
        (!is_none).then_some(value)
    }

    fn text(&mut self, name: &str) -> Read<Option<String>> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        plain_text(&self.place(name), value).map(Some)
    }

    fn needed(&mut self, name: &str) -> Read<String> {
        let text = self.text(name)?;
        text.ok_or_else(|| Wrong::new(format!("`{}` is missing", self.place(name))))
    }

    fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        Ok(Some(match self.take(name) {
            None => return Ok(None),
            Some(Value::Bool(flag)) => flag,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err(Wrong::field(&self.place(name), "true or false")),
        }))
    }

    fn list(&mut self, name: &str) -> Read<Vec<(String, Value)>> {
        let place = self.place(name);
        let values = match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(Wrong::field(&place, "a list")),
        };
        let values = values.into_iter().enumerate();
        // A number whose cells are all empty stands for nothing.
        let there = values.filter(|(_, value)| !value.is_null());
        Ok(there
            .map(|(at, value)| (format!("{place}.{at}"), value))
            .collect())
    }

    fn object(&mut self, name: &str) -> Read<Option<Self>> {
        let place = self.place(name);
        let value = self.take(name);
        value.map(|value| self.below(place, value)).transpose()
    }

    /// What is left is nothing that the service knows.
    fn end(self) -> Read<()> {
        match self.left.keys().next() {
            // What stands there may be a value in the wrong place.
            Some(name) if is_word(name) => Err(Wrong::new(format!(
                "`{}` is not known to the service",
                self.place(name)
            ))),
            Some(_) => Err(Wrong::new(
                "there is a field that the service does not know",
            )),
            None => Ok(()),
        }
    }
}

/// Whether a name can be shown: it is one of a field, and no value.
pub(super) fn is_word(name: &str) -> bool {
    name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn plain_text(place: &str, value: Value) -> Read<String> {
    let Value::String(text) = value else {
        let rule = "a text in quotes, as numbers lose their zeros";
        return Err(Wrong::field(place, rule));
    };
    if text.trim() != text || text.is_empty() {
        let rule = "a text without white space around it; leave it out where there is none";
        return Err(Wrong::field(place, rule));
    }
    Ok(text)
}

/// Reads an order by the names that the service has.
///
/// `empty_is_none` says that nothing stands where a text is empty, as in cells of a table.
pub(super) fn read(
    value: Value,
    empty_is_none: bool,
    today: Date,
    folder: &Path,
    marks: &RandomState,
) -> Read<Applicant> {
    let mark = marks.hash_one(&value);
    let Value::Object(left) = value else {
        return Err(Wrong::new("an order is an object of fields"));
    };
    let mut fields = Fields {
        at: String::new(),
        left,
        empty_is_none,
        today,
        folder,
    };
    let id = fields.needed("clientUserId")?;
    let kind = fields.text("orderType")?;
    let intent = match fields.text("intent")? {
        Some(key) => IntentKey::new(key),
        None => IntentKey::new(intent_of(&id, kind.as_deref())),
    };
    let intent = intent.map_err(|_| {
        Wrong::field(
            "intent",
            "1 to 255 bytes without control characters; give one of its own where clientUserId is long",
        )
    })?;
    let mut order = NewOrder::new(id);
    if let Some(kind) = kind {
        order = order.with_order_type(&kind)?;
    }
    if let Some(email) = fields.text("clientUserEmail")? {
        order = order.with_email(&email)?;
    }
    let has_name = match (fields.text("firstName")?, fields.text("lastName")?) {
        (Some(first), Some(last)) => {
            order = order.with_name(&first, &last)?;
            true
        }
        (None, None) => false,
        _ => {
            return Err(Wrong::new(
                "`firstName` and `lastName` must both be there, or neither",
            ));
        }
    };
    if let Some(name) = fields.text("middleName")? {
        order = order.with_middle_name(&name)?;
    }
    if let Some(gender) = fields.text("gender")? {
        order = order.with_gender(gender_of(&gender)?);
    }
    let birth_date = fields.text("dateOfBirth")?;
    let has_birth_date = birth_date.is_some();
    if let Some(day) = birth_date {
        order = order.with_birth_date(BirthDate::parse(&day, fields.today)?);
    }
    if let Some(ssn) = fields.text("ssn")? {
        order = order.with_ssn(&ssn)?;
    }
    if let Some(phone) = fields.text("phone")? {
        order = order.with_phone(&phone)?;
    }
    if let Some(flag) = fields.flag("autoInvite")? {
        order = order.with_auto_invite(flag);
    }
    if let Some(address) = fields.object("address")? {
        order = order.with_address(address_of(address)?);
    }
    for (place, value) in fields.list("suggestedSources")? {
        let source = plain_text(&place, value)?;
        order = order.with_suggested_source(&source)?;
    }
    for (place, value) in fields.list("conditions")? {
        let condition = plain_text(&place, value)?;
        order = order.with_condition(&condition)?;
    }
    if let Some(data) = fields.object("clientData")? {
        for (name, value) in data.left {
            if let Some(value) = client_data(value, empty_is_none)? {
                order = order.with_client_data(&name, value)?;
            }
        }
    }
    for (place, value) in fields.list("providers")? {
        let provider = fields.below(place, value)?;
        order = order.with_provider(provider_of(provider)?);
    }
    let mut papers = Vec::new();
    for (place, value) in fields.list("attachments")? {
        papers.push(paper_of(fields.below(place, value)?)?);
    }
    fields.end()?;
    Ok(Applicant {
        mark,
        intent,
        order,
        papers,
        can_be_told: has_name && has_birth_date,
    })
}

/// The key of an order that has none of its own: the user's id, and the type where one is asked for.
///
/// Neither holds a slash, so two orders have one key where both are the same and nowhere else. No number of a line is in it,
/// which is another one once the file was sorted, and nothing that is corrected later.
fn intent_of(id: &str, kind: Option<&str>) -> String {
    let plain = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    match kind {
        Some(kind) => format!("{}/{}", plain(id), plain(kind)),
        None => plain(id),
    }
}

fn gender_of(text: &str) -> Read<Gender> {
    Ok(match text {
        "male" => Gender::Male,
        "female" => Gender::Female,
        "other" => Gender::Other,
        _ => return Err(Wrong::field("gender", "male, female or other")),
    })
}

fn address_of(mut fields: Fields<'_>) -> Read<Address> {
    let (street1, city) = (fields.needed("street1")?, fields.needed("city")?);
    let (state, zip) = (fields.needed("state")?, fields.needed("zip")?);
    let below = |at: &str| format!("{at}.");
    let place = below(&fields.at);
    let mut address =
        Address::new(&street1, &city, &state, &zip).map_err(|error| Wrong::below(&place, error))?;
    if let Some(street2) = fields.text("street2")? {
        address = address
            .with_street2(&street2)
            .map_err(|error| Wrong::below(&place, error))?;
    }
    fields.end()?;
    Ok(address)
}

fn provider_of(mut fields: Fields<'_>) -> Read<Provider> {
    let place = format!("{}.", fields.at);
    let wrong = |error| Wrong::below(&place, error);
    let name = fields.needed("name")?;
    let address = fields.object("address")?;
    let address = address.ok_or_else(|| Wrong::new(format!("`{place}address` is missing")))?;
    let mut provider = Provider::new(&name, address_of(address)?).map_err(wrong)?;
    type Set = fn(Provider, &str) -> Result<Provider, FieldError>;
    let setters: [(&str, Set); 6] = [
        ("organizationName", Provider::with_organization),
        ("clientProviderId", Provider::with_client_provider_id),
        ("phone", Provider::with_phone),
        ("fax", Provider::with_fax),
        ("mrn", Provider::with_mrn),
        ("npi", Provider::with_npi),
    ];
    for (name, set) in setters {
        if let Some(text) = fields.text(name)? {
            provider = set(provider, &text).map_err(wrong)?;
        }
    }
    fields.end()?;
    Ok(provider)
}

fn client_data(value: Value, empty_is_none: bool) -> Read<Option<ClientDataValue>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() && empty_is_none => return Ok(None),
        Value::String(text) => text.into(),
        Value::Number(number) => number.into(),
        Value::Bool(flag) => flag.into(),
        Value::Array(_) | Value::Object(_) => {
            return Err(Wrong::field(
                "clientData",
                "of texts, numbers, true and false",
            ));
        }
    }))
}

/// Where a paper is, from the file's folder on.
fn paper_of(mut fields: Fields<'_>) -> Read<PathBuf> {
    let path = fields.needed("path")?;
    if let Some(kind) = fields.text("type")?
        && kind != "hipaaAuthorization"
    {
        return Err(Wrong::field(&fields.place("type"), "hipaaAuthorization"));
    }
    let path = fields.folder.join(path);
    fields.end()?;
    Ok(path)
}
