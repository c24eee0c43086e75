//! Orders in the making, out of any text: whatever the setters take.

use humanapi_core::admin::{
    Address, Attachment, AttachmentKind, BirthDate, Gender, NewOrder, Provider,
};
use proptest::prelude::*;

/// What goes into an order, fit or not.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    texts: [String; 8],
    ssn: String,
    phones: [String; 3],
    zips: [String; 2],
    npi: String,
    birth_date: String,
    gender: Option<usize>,
    flag: Option<bool>,
    number: i64,
    paper: Option<Vec<u8>>,
    lists: [Vec<String>; 2],
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z]{1,8}@[a-z]{1,8}\\.test",
        "[A-Za-z' -]{0,12}",
    ]
}

/// Numbers, most of them nearly as they must be.
pub(crate) fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{9}",
        "[06]{3}-?[0-9]{2}-?[0-9]{4}",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}",
        "[0-9]{3}-?[0-1]{2}-?[0-1]{4}",
        "[0-9-]{0,12}",
        "([() .-]{0,2}[0-9]){9,11}[() .-]{0,3}",
        "([() .-]{0,3}[0-9]){10}",
        "[0-9]{5}(-[0-9]{4})?",
        "[ -~]{0,14}",
    ]
}

pub(crate) fn given() -> impl Strategy<Value = Given> {
    (
        [(); 8].map(|()| text()),
        digits(),
        [(); 3].map(|()| digits()),
        [(); 2].map(|()| digits()),
        "[0-9]{9,11}",
        prop_oneof![
            "[0-9]{4}-[01][0-9]-[0-3][0-9]",
            "[1-9]/[1-9]/(19)?[3-9][0-9]",
            text()
        ],
        (
            proptest::option::of(0..3usize),
            any::<Option<bool>>(),
            any::<i64>(),
        ),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        [(); 2].map(|()| proptest::collection::vec(text(), 0..3)),
    )
        .prop_map(
            |(texts, ssn, phones, zips, npi, birth_date, (gender, flag, number), paper, lists)| {
                Given {
                    texts,
                    ssn,
                    phones,
                    zips,
                    npi,
                    birth_date,
                    gender,
                    flag,
                    number,
                    paper,
                    lists,
                }
            },
        )
}

/// Takes what the setter makes of it, where it makes anything.
fn with<T: Clone, E>(all: T, set: impl FnOnce(T) -> Result<T, E>) -> T {
    set(all.clone()).unwrap_or(all)
}

impl Given {
    /// The order of all that its setters take.
    pub(crate) fn order(&self) -> NewOrder {
        let [id, email, first, middle, last, kind, street, city] = &self.texts;
        let today = "2026-11-29".parse().unwrap();
        let mut order = NewOrder::new(if id.is_empty() {
            "policy-417"
        } else {
            id.as_str()
        });
        order = with(order, |order| order.with_email(email));
        order = with(order, |order| order.with_name(first, last));
        order = with(order, |order| order.with_middle_name(middle));
        order = with(order, |order| order.with_ssn(&self.ssn));
        order = with(order, |order| order.with_phone(&self.phones[0]));
        order = with(order, |order| order.with_order_type(kind));
        order = with(order, |order| order.with_client_data(first, self.number));
        order = with(order, |order| order.with_client_data(last, middle.as_str()));
        if let Some(flag) = self.flag {
            order = order.with_auto_invite(flag);
            order = with(order, |order| order.with_client_data("flag", flag));
        }
        for source in &self.lists[0] {
            order = with(order, |order| order.with_suggested_source(source));
        }
        for condition in &self.lists[1] {
            order = with(order, |order| order.with_condition(condition));
        }
        if let Some(gender) = self.gender {
            order = order.with_gender([Gender::Male, Gender::Female, Gender::Other][gender]);
        }
        if let Ok(day) = BirthDate::parse(&self.birth_date, today) {
            order = order.with_birth_date(day);
        }
        if let Ok(address) = Address::new(street, city, first, &self.zips[0]) {
            order = order.with_address(with(address, |address| address.with_street2(middle)));
        }
        if let Ok(address) = Address::new(city, street, last, &self.zips[1])
            && let Ok(mut provider) = Provider::new(first, address)
        {
            provider = with(provider, |provider| provider.with_organization(last));
            provider = with(provider, |provider| provider.with_client_provider_id(kind));
            provider = with(provider, |provider| provider.with_phone(&self.phones[1]));
            provider = with(provider, |provider| provider.with_fax(&self.phones[2]));
            provider = with(provider, |provider| provider.with_mrn(middle));
            provider = with(provider, |provider| provider.with_npi(&self.npi));
            order = order.with_provider(provider);
        }
        if let Some(paper) = &self.paper {
            let paper = [b"%PDF-1.7\n", paper.as_slice()].concat();
            let paper = Attachment::new(AttachmentKind::HipaaAuthorization, paper).unwrap();
            order = order.with_attachment(paper);
        }
        order
    }
}
