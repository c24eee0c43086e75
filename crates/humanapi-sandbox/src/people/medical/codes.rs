//! Code systems, and codes as records carry them.

use serde_json::{Value, json};

/// A code system by its OID and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    pub(super) oid: &'static str,
    pub(super) name: &'static str,
}

const fn system(oid: &'static str, name: &'static str) -> System {
    System { oid, name }
}

pub(super) const LOINC: System = system("2.16.840.1.113883.6.1", "LOINC");
pub(super) const SNOMED: System = system("2.16.840.1.113883.6.96", "SNOMED CT");
pub(super) const ICD10: System = system("2.16.840.1.113883.6.90", "ICD-10-CM");
pub(super) const CPT: System = system("2.16.840.1.113883.6.12", "CPT-4");
pub(super) const RXNORM: System = system("2.16.840.1.113883.6.88", "RxNorm");
pub(super) const NDC: System = system("2.16.840.1.113883.6.69", "NDC");
pub(super) const CVX: System = system("2.16.840.1.113883.12.292", "CVX");
pub(super) const UNII: System = system(
    "2.16.840.1.113883.4.9",
    "FDA Unique Ingredient Identifier (UNII)",
);

/// What the class of an encounter is coded in, which is sent without a name.
pub(super) const ACT_CODE: &str = "2.16.840.1.113883.5.4";

/// A code that the source sent.
pub(super) fn coded(system: System, code: &str, name: &str) -> Value {
    json!({
        "name": name,
        "code": code,
        "codeSystem": system.oid,
        "codeSystemName": system.name,
        "inferred": false,
    })
}

/// A code that the service added.
pub(super) fn inferred(system: System, code: &str, name: &str) -> Value {
    let mut value = coded(system, code, name);
    value["inferred"] = true.into();
    value["inferredFrom"] = "sample-terminology-service".into();
    value
}
