//! The macro that makes a record of a table.

/// Makes records of tables.
///
/// A line is one field: its meaning, its accessor, what it holds, its name on the wire, and where
/// they are always the same, its `unit` or `code_system`, or the text that says it is `absent`. What it holds is a kind of [`FieldKind`](super::FieldKind),
/// the name of another record, a `List<…>` or a `Map<…>` of either.
macro_rules! records {
    ($(
        $(#[doc = $doc:literal])+
        $vis:vis struct $record:ident {$(
            $(#[doc = $field_doc:literal])+
            $accessor:ident: $kind:ident $(<$of:ident>)? = $name:literal
                $([$(unit $unit:literal)? $(code_system $code_system:literal)? $(absent $absent:literal)?])?
        ),+ $(,)?}
    )+) => {$(
        $(#[doc = $doc])+
        ///
        /// What was sent for it stays reachable: see [`Record`]($crate::data::Record), which this type
        /// derefs to.
        #[derive(Clone)]
        $vis struct $record($crate::data::Record);

        impl $record {
            /// Its documented fields.
            $vis const FIELDS: &'static [$crate::data::Field] = &[$($crate::data::Field {
                name: $name,
                accessor: stringify!($accessor),
                kind: $crate::data::record::kind!($kind $(<$of>)?),
                unit: $crate::data::record::optional!($($($unit)?)?),
                code_system: $crate::data::record::optional!($($($code_system)?)?),
                absent: $crate::data::record::optional!($($($absent)?)?),
                doc: concat!($($field_doc),+).trim_ascii(),
            }),+];

            $(
                $(#[doc = $field_doc])+
                ///
                #[doc = concat!("On the wire: `", $name, "`.", $($(" Unit: `", $unit, "`.",)? $(" Codes: ", $code_system, ".",)?)?)]
                #[must_use]
                $vis fn $accessor(&self) -> Option<$crate::data::record::value!($kind $(<$of>)?)> {
                    let place = const { $crate::data::record::place_of($record::FIELDS, $name) };
                    $crate::data::record::read!(self.0, place, $kind $(<$of>)?)
                        $($(.filter(|text| text != $absent))?)?
                }
            )+

            /// Reads one such record from its JSON, such as a line that was saved.
            ///
            /// # Errors
            ///
            /// When it is not one JSON object.
            $vis fn from_json(json: impl Into<$crate::Body>) -> Result<Self, $crate::DecodeError> {
                $crate::data::Table::from_json(json)
            }
        }

        const _: () = assert!($crate::data::record::names_differ($record::FIELDS));

        impl $crate::data::record::Sealed for $record {
            fn view(record: $crate::data::Record) -> Self {
                Self(record)
            }

            fn record(&self) -> &$crate::data::Record {
                &self.0
            }
        }

        impl $crate::data::Table for $record {
            const FIELDS: &'static [$crate::data::Field] = Self::FIELDS;
        }

        impl std::ops::Deref for $record {
            type Target = $crate::data::Record;

            fn deref(&self) -> &$crate::data::Record {
                &self.0
            }
        }

        impl std::fmt::Debug for $record {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($record), "({} bytes)"), self.0.raw().len())
            }
        }
    )+};
}
pub(crate) use records;

/// The kind that a line of a table names.
macro_rules! kind {
    (List<$of:ident>) => {
        $crate::data::FieldKind::List(&$crate::data::record::kind!($of))
    };
    (TextOr<$of:ident>) => {
        $crate::data::FieldKind::TextOr($of::FIELDS)
    };
    (Map<$of:ident>) => {
        $crate::data::FieldKind::Map(&$crate::data::record::kind!($of))
    };
    (Text) => {
        $crate::data::FieldKind::Text
    };
    (Number) => {
        $crate::data::FieldKind::Number
    };
    (Integer) => {
        $crate::data::FieldKind::Integer
    };
    (Bool) => {
        $crate::data::FieldKind::Bool
    };
    (Timestamp) => {
        $crate::data::FieldKind::Timestamp
    };
    (Date) => {
        $crate::data::FieldKind::Date
    };
    (Offset) => {
        $crate::data::FieldKind::Offset
    };
    (Quantity) => {
        $crate::data::FieldKind::Quantity
    };
    (Json) => {
        $crate::data::FieldKind::Json
    };
    ($record:ident) => {
        $crate::data::FieldKind::Object($record::FIELDS)
    };
}
pub(crate) use kind;

/// The type that a line of a table reads as.
macro_rules! value {
    (List<$of:ident>) => { Vec<$crate::data::record::value!($of)> };
    (TextOr<$of:ident>) => { $crate::data::TextOr<'_, $of> };
    (Map<$of:ident>) => { Vec<(std::borrow::Cow<'_, str>, $crate::data::record::value!($of))> };
    (Text) => { std::borrow::Cow<'_, str> };
    (Number) => { $crate::data::Number<'_> };
    (Integer) => { i64 };
    (Bool) => { bool };
    (Timestamp) => { jiff::Timestamp };
    (Date) => { $crate::data::Date<'_> };
    (Offset) => { jiff::tz::Offset };
    (Quantity) => { $crate::data::Quantity<'_> };
    (Json) => { $crate::data::Json<'_> };
    ($record:ident) => { $record };
}
pub(crate) use value;

/// How it is read.
macro_rules! read {
    ($from:expr, $place:expr, List<$of:ident>) => {
        $from.list($place)
    };
    ($from:expr, $place:expr, Map<$of:ident>) => {
        $from.map($place)
    };
    ($from:expr, $place:expr, $kind:ident $(<$of:ident>)?) => {
        $from.get($place)
    };
}
pub(crate) use read;

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}
pub(crate) use optional;
