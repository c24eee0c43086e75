//! The body of an order, judged field by field as the service's documents say.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::caller::not_found;
use crate::assumption::Assumption;
use crate::body::TOO_LONG;
use crate::clock::Millis;
use crate::orders::{
    BirthDate, NamedProvider, OrderType, Particular, Particulars, is_phone, is_ssn,
};
use crate::reply::Problem;
use crate::seed::{Numbers, keyed};
use crate::world::World;

/// An order that passed.
pub(super) struct NewOrder {
    pub(super) client_user_id: String,
    pub(super) told: Particulars,
    pub(super) order_type: &'static OrderType,
}

/// The longest `clientData`, in characters of JSON.
const CLIENT_DATA: usize = 2048;

const REQUIRED: &str = "is required";
const TEXT: &str = "must be a string";
const EMPTY: &str = "is not allowed to be empty";
const PATTERN: &str = "fails to match the required pattern";

impl NewOrder {
    /// # Errors
    ///
    /// A refusal that names every wrong field, and repeats none of what stood there unless that was asked for.
    pub(super) fn read(
        fields: Map<String, Value>,
        world: &World,
        now: Millis,
    ) -> Result<Self, Problem> {
        let mut form = Form::new(world, "", fields);
        let client_user_id = form.required_text("clientUserId").unwrap_or_default();
        if world
            .longest_user_id()
            .is_some_and(|longest| client_user_id.len() > longest)
        {
            form.reject("clientUserId", TOO_LONG);
        }
        let email = match world.assumptions.value(Assumption::OrderEmail) {
            "required" => form.required_text("clientUserEmail"),
            _ => form.text("clientUserEmail"),
        };
        let checked = world.assumptions.is(Assumption::EmailFormat, "checked");
        if checked && email.as_ref().is_some_and(|email| !email.contains('@')) {
            form.reject("clientUserEmail", "must be a valid email");
        }
        let mut told = Particulars {
            email,
            first_name: form.text("firstName"),
            last_name: form.text("lastName"),
            ..Particulars::default()
        };
        form.text("middleName");
        let genders = match world.assumptions.value(Assumption::Genders) {
            "two" => &["male", "female"][..],
            _ => &["male", "female", "other"],
        };
        let gender = form.one_of("gender", genders);
        told.birth_date = form.read("dateOfBirth", "must be a valid date", |text| {
            BirthDate::read(text, now)
        });
        let ssn = form.read("ssn", PATTERN, |text| is_ssn(text).then_some(()));
        form.read("phone", PATTERN, |text| is_phone(text).then_some(()));
        told.invites = form.flag("autoInvite").unwrap_or_default();
        let order_type = form.text("orderType");
        form.client_data();
        told.suggested_sources = form.texts("suggestedSources");
        form.texts("conditions");
        let address = form.object("address", |address| address.address(false));
        told.providers = form.providers(world);
        told.is_authorized = form.attachments();
        told.given = given(&told, gender.is_some(), address.is_some(), ssn.is_some());
        let unknown_type = order_type.as_deref().map(OrderType::find) == Some(None);
        let missing = world.assumptions.is(Assumption::UnknownOrderType, "404");
        if unknown_type && !missing {
            form.reject("orderType", "must be a known order type");
        }
        form.finish()?;
        let order_type = match order_type.as_deref() {
            Some(code) => OrderType::find(code).ok_or_else(not_found)?,
            None => OrderType::usual(),
        };
        Ok(Self {
            client_user_id,
            told,
            order_type,
        })
    }
}

/// What is known of the person by now.
fn given(told: &Particulars, gender: bool, address: bool, ssn: bool) -> BTreeSet<Particular> {
    let is_given = |one: &Particular| match one {
        Particular::FirstName => told.first_name.is_some(),
        Particular::LastName => told.last_name.is_some(),
        Particular::BirthDate => told.birth_date.is_some(),
        Particular::Gender => gender,
        Particular::Address => address,
        Particular::Ssn => ssn,
    };
    Particular::ALL.into_iter().filter(is_given).collect()
}

/// One object of a body. Fields are taken out; what is left is none that there is.
struct Form<'a> {
    world: &'a World,
    /// Where it stands: nothing, or `address.`.
    place: String,
    fields: Map<String, Value>,
    wrong: Vec<(String, String)>,
    echoes: bool,
}

impl<'a> Form<'a> {
    fn new(world: &'a World, place: impl Into<String>, fields: Map<String, Value>) -> Self {
        Self {
            world,
            place: place.into(),
            fields,
            wrong: Vec::new(),
            echoes: world
                .assumptions
                .is(Assumption::ValidationMessage, "echoes-value"),
        }
    }

    fn reject(&mut self, name: &str, complaint: &str) {
        let key = format!("{}{name}", self.place);
        self.wrong.push((key, complaint.to_owned()));
    }

    /// The same of a value, which the service may be found to repeat.
    fn reject_value(&mut self, name: &str, value: &str, complaint: &str) {
        if self.echoes {
            self.reject(name, &format!("with value \"{value}\" {complaint}"));
        } else {
            self.reject(name, complaint);
        }
    }

    /// A text that may be left out, and is not empty.
    fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.remove(name)? {
            Value::String(text) if text.is_empty() => self.reject(name, EMPTY),
            Value::String(text) => return Some(text),
            _ => self.reject(name, TEXT),
        }
        None
    }

    fn required_text(&mut self, name: &str) -> Option<String> {
        if !self.fields.contains_key(name) {
            self.reject(name, REQUIRED);
        }
        self.text(name)
    }

    /// A text that `read` makes something of.
    fn read<T>(
        &mut self,
        name: &str,
        complaint: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = read(&text);
        if value.is_none() {
            self.reject_value(name, &text, complaint);
        }
        value
    }

    fn one_of(&mut self, name: &str, choices: &[&str]) -> Option<String> {
        let complaint = format!("must be one of [{}]", choices.join(", "));
        self.read(name, &complaint, |text| {
            choices.contains(&text).then(|| text.to_owned())
        })
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.fields.remove(name)?;
        if value.as_bool().is_none() {
            self.reject(name, "must be a boolean");
        }
        value.as_bool()
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.fields.remove(name) else {
            return Vec::new();
        };
        let Value::Array(items) = value else {
            self.reject(name, "must be an array");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => self.reject(&format!("{name}.{at}"), TEXT),
            }
        }
        texts
    }

    /// An object that `read` takes the fields out of.
    fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Form<'_>) -> T) -> Option<T> {
        let value = self.fields.remove(name)?;
        self.inner(name, value, read)
    }

    fn inner<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(&mut Form<'_>) -> T,
    ) -> Option<T> {
        let Value::Object(fields) = value else {
            self.reject(name, "must be of type object");
            return None;
        };
        let mut form = Form::new(self.world, format!("{}{name}.", self.place), fields);
        let read = read(&mut form);
        form.refuse_the_rest();
        self.wrong.append(&mut form.wrong);
        Some(read)
    }

    fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Form<'_>) -> T) -> Vec<T> {
        match self.fields.remove(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => (items.into_iter().enumerate())
                .filter_map(|(at, item)| self.inner(&format!("{name}.{at}"), item, &mut read))
                .collect(),
            Some(_) => {
                self.reject(name, "must be an array");
                Vec::new()
            }
        }
    }

    fn client_data(&mut self) {
        let name = "clientData";
        let Some(value) = self.fields.remove(name) else {
            return;
        };
        if value.to_string().chars().count() > CLIENT_DATA {
            self.reject(name, TOO_LONG);
        }
        let Value::Object(fields) = value else {
            return self.reject(name, "must be of type object");
        };
        for (key, value) in &fields {
            if !(value.is_string() || value.is_number() || value.is_boolean()) {
                let complaint = "must be one of [string, number, boolean]";
                self.reject(&format!("{name}.{key}"), complaint);
            }
        }
    }

    /// Some of an address is enough where it `may_lack` the rest.
    fn address(&mut self, may_lack: bool) {
        for name in ["street1", "city", "state"] {
            if may_lack {
                self.text(name);
            } else {
                self.required_text(name);
            }
        }
        self.text("street2");
        let complaint = match (
            self.world.assumptions.value(Assumption::ZipType),
            self.fields.remove("zip"),
        ) {
            (_, None) if may_lack => return,
            (_, None) => REQUIRED,
            ("any" | "string", Some(Value::String(_))) => return,
            ("any" | "integer", Some(Value::Number(number))) if number.is_u64() => return,
            ("integer", _) => "must be a number",
            (_, _) => TEXT,
        };
        self.reject("zip", complaint);
    }

    fn providers(&mut self, world: &World) -> Vec<NamedProvider> {
        let strict = world
            .assumptions
            .is(Assumption::ProviderFields, "as-schema");
        let read = |form: &mut Form<'_>| {
            let organization = form.text("organizationName");
            let name = if strict {
                form.required_text("name")
            } else {
                form.text("name")
            };
            if !strict && name.is_none() && organization.is_none() {
                form.reject("name", REQUIRED);
            }
            let client_id = form.text("clientProviderId");
            if strict && !form.fields.contains_key("address") {
                form.reject("address", REQUIRED);
            }
            form.object("address", |address| address.address(!strict));
            for number in ["phone", "fax"] {
                form.read(number, PATTERN, |text| is_phone(text).then_some(()));
            }
            form.text("mrn");
            match form.fields.remove("npi") {
                None | Some(Value::String(_) | Value::Number(_)) => {}
                Some(_) => form.reject("npi", "must be one of [string, number]"),
            }
            let name = name.or(organization).unwrap_or_default();
            let start = keyed(world.seed, &[b"provider", name.as_bytes()]);
            NamedProvider {
                id: Numbers::new(start).hex(24),
                name,
                client_id,
            }
        };
        self.list("providers", read)
    }

    /// Whether one of the papers is the person's authorization.
    fn attachments(&mut self) -> bool {
        let read = |form: &mut Form<'_>| {
            let kind = form.required_text("type");
            form.required_text("contentType");
            form.required_text("encoding");
            match form.fields.remove("content") {
                // The vendor's own example is empty.
                Some(Value::String(text)) => {
                    if STANDARD.decode(text).is_err() {
                        form.reject("content", "must be a valid base64 string");
                    }
                }
                Some(_) => form.reject("content", TEXT),
                None => form.reject("content", REQUIRED),
            }
            kind.as_deref() == Some("hipaaAuthorization")
        };
        self.list("attachments", read).contains(&true)
    }

    fn refuse_the_rest(&mut self) {
        let rest: Vec<_> = self.fields.keys().cloned().collect();
        for name in rest {
            self.reject(&name, "is not allowed");
        }
    }

    /// The refusal that names every wrong field, if there is one.
    fn finish(mut self) -> Result<(), Problem> {
        self.refuse_the_rest();
        let Some((key, complaint)) = self.wrong.first() else {
            return Ok(());
        };
        let message = format!("\"{key}\" {complaint}");
        let keys = self.wrong.into_iter().map(|(key, _)| Cow::Owned(key));
        Err(Problem::invalid("payload", keys.collect(), message))
    }
}
