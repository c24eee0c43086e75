//! A file of orders, CSV or JSON, read from its beginning as often as it takes.

use std::fmt;
use std::fs::File;
use std::hash::RandomState;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::Value;

use super::applicant::{self, Applicant, Wrong};
use super::source::{Source, unreadable, usage, whole};
use super::table::Table;
use crate::exit::Failure;

/// More lines than this are several files: each is remembered while the file is checked, for none may come twice.
pub(super) const MOST: u64 = 1_000_000;

/// A file of orders.
pub(super) struct Input {
    form: Form,
    /// The folder from which paths in it go on.
    folder: PathBuf,
    today: Date,
    /// What the marks of orders are made with.
    marks: RandomState,
}

enum Form {
    Csv(Box<Table>),
    Json { orders: Vec<Value>, next: usize },
}

/// Where an order stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this line of a CSV.
    Line(u64),
    /// As this one of an array, the first of which is 1.
    Order(u64),
}

impl Place {
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Order(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Order(order) => write!(f, "order {order}"),
        }
    }
}

/// An order as it was read, or what is wrong with it.
type OrderRead = Result<Applicant, Wrong>;

impl Input {
    /// Opens a file, or reads standard input to its end. Its form is told by how it begins: JSON by a bracket.
    pub(super) fn open(path: &Path, today: Date) -> Result<Self, Failure> {
        let mut source: Box<dyn Source> = if path == "-" {
            Box::new(Cursor::new(whole(io::stdin().lock())?))
        } else {
            let file = File::open(path).map_err(|error| unreadable(&error))?;
            if !file
                .metadata()
                .map_err(|error| unreadable(&error))?
                .is_file()
            {
                return Err(usage(
                    "what is named is no file",
                    "name a file, or `-` for standard input",
                ));
            }
            Box::new(file)
        };
        let form = match is_json(&mut source).map_err(|error| unreadable(&error))? {
            true => Form::Json {
                orders: array(&whole(source)?)?,
                next: 0,
            },
            false => Form::Csv(Box::new(Table::of(source)?)),
        };
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Ok(Self {
            form,
            folder: folder.to_owned(),
            today,
            marks: RandomState::new(),
        })
    }

    /// Goes back to the first order.
    pub(super) fn rewind(&mut self) -> Result<(), Failure> {
        let none = Form::Json {
            orders: Vec::new(),
            next: 0,
        };
        self.form = match std::mem::replace(&mut self.form, none) {
            Form::Json { orders, .. } => Form::Json { orders, next: 0 },
            Form::Csv(table) => Form::Csv(Box::new(table.again()?)),
        };
        Ok(())
    }

    /// The next order; nothing behind the last.
    pub(super) fn next(&mut self) -> Result<Option<(Place, OrderRead)>, Failure> {
        let (place, value, is_table) = match &mut self.form {
            Form::Json { orders, next } => {
                let Some(value) = orders.get(*next) else {
                    return Ok(None);
                };
                *next += 1;
                (Place::Order(*next as u64), Ok(value.clone()), false)
            }
            Form::Csv(table) => match table.next()? {
                None => return Ok(None),
                Some((line, order)) => (Place::Line(line), order, true),
            },
        };
        let read = |value| applicant::read(value, is_table, self.today, &self.folder, &self.marks);
        Ok(Some((place, value.and_then(read))))
    }
}

/// Whether the first letter that is none of white space begins JSON. Goes back to the beginning.
fn is_json(source: &mut Box<dyn Source>) -> io::Result<bool> {
    let mut first = None;
    let mut piece = [0; 4096];
    while first.is_none() {
        let count = source.read(&mut piece)?;
        if count == 0 {
            break;
        }
        let mut letters = piece[..count].iter();
        // A byte order mark may stand before it.
        let is_empty =
            |byte: &&u8| byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF);
        first = letters.find(|byte| !is_empty(byte)).copied();
    }
    source.rewind()?;
    Ok(matches!(first, Some(b'[' | b'{')))
}

fn array(text: &[u8]) -> Result<Vec<Value>, Failure> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    match serde_json::from_slice(text) {
        Ok(Value::Array(orders)) => Ok(orders),
        Ok(order) => Ok(vec![order]),
        Err(error) => Err(usage(
            // Its text may repeat what was read.
            format!(
                "the file of orders is no JSON from line {}, column {} on",
                error.line(),
                error.column()
            ),
            "correct it there",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn input(text: &[u8]) -> Result<Input, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        Input::open(file.path(), "2026-11-29".parse().unwrap())
    }

    /// The intents and the mistakes of a file, by their places.
    fn read(text: &[u8]) -> Vec<String> {
        let mut input = input(text).unwrap();
        let all = |input: &mut Input| {
            let mut all = Vec::new();
            while let Some((place, read)) = input.next().unwrap() {
                all.push(match read {
                    Ok(applicant) => format!("{place}: {}", applicant.intent.as_str()),
                    Err(wrong) => format!("{place}: {wrong}"),
                });
            }
            all
        };
        let first = all(&mut input);
        input.rewind().unwrap();
        assert_eq!(all(&mut input), first, "it is the same from its beginning");
        first
    }

    #[test]
    fn a_table_and_json_hold_the_same_orders() {
        let table = "\u{feff}clientUserId,orderType,address.zip,address.street1,address.city,address.state,providers.1.name,\
             providers.1.address.street1,providers.1.address.city,providers.1.address.state,providers.1.address.zip,\
             conditions.0,clientData.case.no,intent,ssn\r\n\
             policy-1,full,02134,1 Way,Testville,MA,\"Zero, Clinic\",2 Way,Testville,MA,02134,asthma,7,,900-12-3456\r\n\
             policy/2,,,,,,,,,,,,,,\r\n\r\n\
             policy-3,full,,,,,,,,,,,,case-3,\r\n";
        let intents = [
            "line 2: policy-1/full",
            "line 3: policy%2F2",
            "line 5: case-3",
        ];
        assert_eq!(read(table.as_bytes()), intents);
        let json = r#" [{"clientUserId":"policy-1","orderType":"full","address":{"street1":"1 Way","city":"Testville",
            "state":"MA","zip":"02134"},"providers":[{"name":"Zero, Clinic","address":{"street1":"2 Way","city":"Testville",
            "state":"MA","zip":"02134"}}],"conditions":["asthma"],"clientData":{"case.no":7,"rush":true},"ssn":"900-12-3456"},
            {"clientUserId":"policy/2","middleName":null},{"clientUserId":"policy-3","orderType":"full","intent":"case-3"}]"#;
        let intents = [
            "order 1: policy-1/full",
            "order 2: policy%2F2",
            "order 3: case-3",
        ];
        assert_eq!(read(json.as_bytes()), intents);
        assert_eq!(read(br#"{"clientUserId":"a"}"#), ["order 1: a"]);
    }

    #[test]
    fn the_type_is_part_of_the_key_and_no_two_pairs_have_one() {
        let pairs = [
            ("a", "b"),
            ("a/b", ""),
            ("a", "b/c"),
            ("a/b", "c"),
            ("a%2Fb", "c"),
            ("a", ""),
        ];
        let table: String = (pairs.iter())
            .map(|(id, kind)| format!("{id},{kind}\n"))
            .collect();
        let mut intents = read(format!("clientUserId,orderType\n{table}").as_bytes());
        for intent in &mut intents {
            *intent = intent.split_once(": ").unwrap().1.to_owned();
        }
        let mut distinct = intents.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), pairs.len(), "{intents:?}");
    }

    #[test]
    fn a_mistake_is_told_by_its_line_and_field_and_never_by_what_stood_there() {
        for (text, wrong) in [
            (
                "clientUserId,ssn\na,canary\n",
                "line 2: `ssn` must be nine digits",
            ),
            (
                "clientUserId,address.zip\na,02134\n",
                "line 2: `address.street1` is missing",
            ),
            (
                "clientUserId,dateOfBirth\na,canary\n",
                "line 2: `dateOfBirth` must be a day",
            ),
            (
                "clientUserId,firstName\na,canary\n",
                "line 2: `firstName` and `lastName` must both",
            ),
            (
                "clientUserId,gender\na,canary\n",
                "line 2: `gender` must be male",
            ),
            (
                "clientUserId,gender\n canary,male\n",
                "line 2: `clientUserId` must be a text without",
            ),
            (
                "clientUserId,gender\n,male\n",
                "line 2: `clientUserId` is missing",
            ),
            (
                "clientUserId,gender\ncanary\n",
                "line 2: 1 cells where there are 2 columns",
            ),
            (
                "clientUserId,autoInvite\na,canary\n",
                "line 2: `autoInvite` must be true or false",
            ),
            (
                "clientUserId,attachments.0.path\na,canary.pdf\n",
                "line 2: canary",
            ),
            (
                r#"[{"clientUserId":"a","address":{"zip":2134,"street1":"c","city":"c","state":"c"}}]"#,
                "order 1: `address.zip` must be a text in quotes",
            ),
            (
                r#"[{"clientUserId":"a","nickname":"canary"}]"#,
                "order 1: `nickname` is not known",
            ),
            (
                r#"[{"clientUserId":"a","canary 12":1}]"#,
                "order 1: there is a field that the service",
            ),
            (
                r#"[{"clientUserId":"a","ssn":900123456}]"#,
                "order 1: `ssn` must be a text in quotes",
            ),
            (
                r#"[{"clientUserId":"a","clientData":{"a":{"canary":1}}}]"#,
                "order 1: `clientData` must be",
            ),
            (
                r#"[{"clientUserId":"a","providers":[{"name":"canary"}]}]"#,
                "order 1: `providers.0.address` is missing",
            ),
            (
                r#"[{"clientUserId":"a","attachments":[{"path":"x","type":"canary"}]}]"#,
                "order 1: `attachments.0.type` must be",
            ),
            (r#"["canary"]"#, "order 1: an order is an object"),
        ] {
            let told = read(text.as_bytes());
            let is_path = wrong == "line 2: canary";
            assert!(
                told.len() == 1 && (is_path || told[0].starts_with(wrong)),
                "{told:?}"
            );
            assert!(is_path || !told[0].contains("canary"), "{told:?}");
        }
        let latin = read(b"clientUserId,firstName,lastName\na,Jos\xe9,X\nb,,\n");
        assert_eq!(latin, ["line 2: it is not text in UTF-8", "line 3: b"]);
    }

    #[test]
    fn a_first_line_of_other_names_is_refused_by_the_number_of_the_column() {
        for (text, cause) in [
            (
                "clientUserId,zip\n",
                "column 2, `zip`, is nothing that an order has",
            ),
            (
                "clientUserId,900-12-3456\n",
                "column 2 is nothing that an order has",
            ),
            (
                "clientUserId;ssn\n",
                "column 1 is nothing that an order has",
            ),
            (
                "clientUserId,providers.x.name\n",
                "column 2, `providers.x.name`, is nothing",
            ),
            ("clientUserId,providers.100.name\n", "column 2 is nothing"),
            ("ssn,clientUserId,ssn\n", "column 3 is there twice"),
            ("", "the file of orders is empty"),
            ("{\"a\": canary}", "no JSON from line 1, column 7 on"),
        ] {
            let Err(Failure::Told { cause: told, .. }) = input(text.as_bytes()).map(|_| ()) else {
                panic!("{text}")
            };
            assert!(told.contains(cause) && !told.contains("canary"), "{told}");
        }
    }
}
