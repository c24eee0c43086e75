//! What is typed into the form, and the order that becomes of it.

use std::collections::BTreeMap;
use std::fmt;

use humanapi::ClientUserId;
use humanapi::admin::order::IntentKey;
use humanapi::admin::{Address, BirthDate, FieldError, Gender, NewOrder};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// A policy's number, by which the desk knows a case.
///
/// It is the order's intent as well: whoever fills in the form for the same policy once more, loads a page again or
/// clicks twice means the same order. So it is one, however it is spelt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Policy(String);

/// The longest number that is taken.
const LONGEST: usize = 40;

impl Policy {
    /// A number of letters, digits and hyphens, whatever their case and the blanks around it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let is_one = !text.is_empty()
            && text.len() <= LONGEST
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_one.then_some(Self(text))
    }

    /// Of an intent of this desk's.
    pub(crate) fn of(intent: &IntentKey) -> Option<Self> {
        Self::parse(intent.as_str().strip_prefix(INTENTS)?)
    }

    pub(crate) fn intent(&self) -> IntentKey {
        IntentKey::new(format!("{INTENTS}{self}")).expect("letters, digits and hyphens are a key")
    }

    pub(crate) fn user(&self) -> ClientUserId {
        ClientUserId::new(&*self.0).expect("it is not empty")
    }

    pub(crate) fn path(&self) -> String {
        format!("/cases/{self}")
    }
}

/// Other intents in the same journal are not this desk's.
const INTENTS: &str = "underwriting/";

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a field, by the field's name.
pub(crate) type Problems = BTreeMap<String, String>;

/// What came with the form, by the names that orders have on the wire. It has no `Debug`: it names a person.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Application {
    policy: String,
    order_type: String,
    first_name: String,
    last_name: String,
    date_of_birth: String,
    client_user_email: String,
    gender: String,
    ssn: String,
    street1: String,
    city: String,
    state: String,
    zip: String,
}

impl Application {
    /// A form that has no more than the policy's number.
    pub(crate) fn of_policy(policy: String) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// What is shown again of a field where something was wrong: neither a date of birth nor a social security number is.
    pub(crate) fn shown(&self, field: &str) -> &str {
        match field {
            "policy" => &self.policy,
            "orderType" => &self.order_type,
            "firstName" => &self.first_name,
            "lastName" => &self.last_name,
            "clientUserEmail" => &self.client_user_email,
            "gender" => &self.gender,
            "street1" => &self.street1,
            "city" => &self.city,
            "state" => &self.state,
            "zip" => &self.zip,
            _ => "",
        }
    }

    /// The policy and the order, or what is wrong with each field.
    pub(crate) fn read(&self) -> Result<(Policy, NewOrder), Problems> {
        let Some(policy) = Policy::parse(&self.policy) else {
            let rule = format!("Give a number of letters, digits and hyphens, {LONGEST} at most.");
            return Err(Problems::from([("policy".to_owned(), rule)]));
        };
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut draft = Draft {
            order: NewOrder::new(policy.user()),
            problems: Problems::new(),
        };
        // Without name and date of birth nobody could tell later whether an order of unknown outcome is there.
        draft.take(|order| order.with_name(self.first_name.trim(), self.last_name.trim()));
        draft.take(|order| {
            let born = BirthDate::parse(self.date_of_birth.trim(), today)?;
            Ok(order.with_birth_date(born))
        });
        draft.take_if(&self.client_user_email, NewOrder::with_email);
        draft.take_if(&self.ssn, NewOrder::with_ssn);
        draft.take_if(&self.order_type, NewOrder::with_order_type);
        draft.take_if(&self.gender, |order, gender| {
            Ok(match gender {
                "female" => order.with_gender(Gender::Female),
                "male" => order.with_gender(Gender::Male),
                _ => order.with_gender(Gender::Other),
            })
        });
        let address = [&self.street1, &self.city, &self.state, &self.zip].map(|part| part.trim());
        if address.iter().any(|part| !part.is_empty()) {
            let [street, city, state, zip] = address;
            draft.take(|order| Ok(order.with_address(Address::new(street, city, state, zip)?)));
        }
        if draft.problems.is_empty() {
            Ok((policy, draft.order))
        } else {
            Err(draft.problems)
        }
    }
}

/// An order in the making, and what is wrong with it so far.
struct Draft {
    order: NewOrder,
    problems: Problems,
}

impl Draft {
    fn take(&mut self, with: impl FnOnce(NewOrder) -> Result<NewOrder, FieldError>) {
        match with(self.order.clone()) {
            Ok(order) => self.order = order,
            Err(error) => {
                let rule = format!("This must be {}.", error.rule());
                self.problems.insert(error.field().to_owned(), rule);
            }
        }
    }

    /// Of a field that may be left empty.
    fn take_if(
        &mut self,
        text: &str,
        with: impl FnOnce(NewOrder, &str) -> Result<NewOrder, FieldError>,
    ) {
        let text = text.trim();
        if !text.is_empty() {
            self.take(|order| with(order, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_one_however_it_is_spelt() {
        let policy = Policy::parse("LIFE-0417").unwrap();
        for spelling in [" life-0417", "Life-0417\t", "LIFE-0417"] {
            assert_eq!(Policy::parse(spelling), Some(policy.clone()), "{spelling}");
        }
        assert_eq!(Policy::of(&policy.intent()), Some(policy));
        for none in ["", " ", "life 0417", "../x", "ä", "1/2", &"7".repeat(41)] {
            assert_eq!(Policy::parse(none), None, "{none}");
        }
        let of_others = IntentKey::new("LIFE-0417").unwrap();
        assert_eq!(Policy::of(&of_others), None);
    }

    #[test]
    fn a_form_names_each_field_that_is_wrong_and_shows_no_secret_again() {
        let form = Application {
            date_of_birth: "1880-01-01".into(),
            ssn: "000-12-3456".into(),
            zip: "97000".into(),
            client_user_email: "nobody".into(),
            ..Application::of_policy("LIFE-1".into())
        };
        let problems = form.read().err().unwrap();
        let fields: Vec<_> = problems.keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            [
                "clientUserEmail",
                "dateOfBirth",
                "firstName",
                "ssn",
                "street1"
            ]
        );
        let shown: String = fields.iter().map(|field| form.shown(field)).collect();
        assert!(
            !shown.contains("1880") && !shown.contains("3456"),
            "{shown}"
        );
    }
}
