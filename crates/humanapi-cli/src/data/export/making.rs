//! What the files are to hold, by the options: value columns, and records without what tells whose they are.

#[cfg(feature = "deidentify")]
use std::fs::File;
#[cfg(feature = "deidentify")]
use std::io;
#[cfg(feature = "deidentify")]
use std::path::Path;

use humanapi_core::data::Route;
#[cfg(feature = "values")]
use humanapi_export::Units;
#[cfg(feature = "deidentify")]
use humanapi_export::{Deidentifier, DeidentifyKey, Policy, PolicyError};
use humanapi_export::{Export, ExportError};

use super::given::refused;
use crate::args::export::ExportArgs;
#[cfg(feature = "deidentify")]
use crate::bounded::read_all;
#[cfg(feature = "deidentify")]
use crate::exit::Code;
use crate::exit::Failure;

/// What was asked for, read and found to be right.
pub(super) struct Making {
    /// Reads the values that have a unit, and counts how that went.
    #[cfg(feature = "values")]
    pub(super) units: Option<Units>,
    #[cfg(feature = "deidentify")]
    deidentification: Option<(Policy, DeidentifyKey)>,
}

impl Making {
    /// # Errors
    ///
    /// When it cannot be made of these kinds of records, as an export would say as well.
    pub(super) fn of(args: &ExportArgs, resources: &[&'static Route]) -> Result<Self, Failure> {
        #[cfg(not(feature = "values"))]
        if args.values {
            return Err(lacking("--values", "values"));
        }
        #[cfg(not(feature = "deidentify"))]
        if args.deidentify.is_some() {
            return Err(lacking("--deidentify", "deidentify"));
        }
        if args.values && !args.format.has_columns() {
            return Err(refused(&ExportError::NoColumns(args.format.name())));
        }
        let _ = resources;
        Ok(Self {
            #[cfg(feature = "values")]
            units: args.values.then(Units::new),
            #[cfg(feature = "deidentify")]
            deidentification: deidentification(args, resources)?,
        })
    }

    /// An export that makes it.
    pub(super) fn put_into(&self, export: Export) -> Export {
        #[cfg(feature = "values")]
        let export = match &self.units {
            Some(units) => export.with_values(units),
            None => export,
        };
        #[cfg(feature = "deidentify")]
        let export = match &self.deidentification {
            Some((policy, key)) => export.with_deidentification(policy.clone(), key.clone()),
            None => export,
        };
        export
    }

    /// What is told of it where nothing is done.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        #[cfg(feature = "values")]
        if self.units.is_some() {
            told.push("with values in the unit of their kind".to_owned());
        }
        #[cfg(feature = "deidentify")]
        if let Some((policy, _)) = &self.deidentification {
            told.push(format!(
                "de-identified by {}, with SHA-256 {}; dates = {}, ids = {}",
                crate::output::plain(policy.name()),
                policy.sha256(),
                policy.dates().name(),
                policy.ids().name(),
            ));
        }
        told
    }
}

/// Of an option that needs a feature.
#[cfg(not(all(feature = "cloud", feature = "deidentify", feature = "values")))]
pub(crate) fn lacking(option: &str, feature: &str) -> Failure {
    Failure::new(
        crate::exit::Code::Usage,
        format!("this build has no {option}"),
        format!("install one that has: cargo install humanapi-cli --features {feature}"),
    )
}

#[cfg(feature = "deidentify")]
fn deidentification(
    args: &ExportArgs,
    resources: &[&'static Route],
) -> Result<Option<(Policy, DeidentifyKey)>, Failure> {
    let (Some(named), Some(key)) = (&args.deidentify, &args.buckets.key_file) else {
        return Ok(None);
    };
    let refused = |error: PolicyError| refused(&ExportError::Policy(error));
    let policy = match named.to_str() {
        Some("safe-harbor") => Policy::safe_harbor(),
        _ => {
            let text = policy_of(named).map_err(|error| {
                let cause = format!("the policy cannot be read: {}", error.kind());
                let remedy = "take `safe-harbor`, or give a file that begins as a copy of it";
                Failure::new(Code::Usage, cause, remedy)
            })?;
            let policy = Policy::read(&text).map_err(refused)?;
            let name = named.file_stem().unwrap_or_default();
            policy.with_name(name.to_string_lossy())
        }
    };
    let key = super::given::key(key)?;
    for route in resources {
        Deidentifier::new(&policy, route.fields, &key).map_err(refused)?;
    }
    Ok(Some((policy, key)))
}

/// The text of a policy's file.
#[cfg(feature = "deidentify")]
fn policy_of(path: &Path) -> io::Result<String> {
    /// More than this is no policy.
    const LONGEST: usize = 1024 * 1024;

    let mut bytes = Vec::new();
    if !read_all(File::open(path)?, LONGEST, &mut bytes)? {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}
