//! What clinics, laboratories and pharmacies wrote down.

mod care;
mod ccda;
mod chart;
mod codes;
mod conditions;
mod encounters;
mod immunizations;
mod medications;
mod panel;
mod pdf;
mod persons;
mod procedures;
mod report;
mod reports;
mod resources;
mod results;
mod sections;
mod timeline;
mod visits;
mod vitals;

pub(crate) use ccda::document;
pub(crate) use report::{Format, OrderedReport, ordered_report, report};
pub(super) use resources::{moments, write};
