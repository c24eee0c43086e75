//! What belongs to the odd persona's records besides them.

use humanapi_sandbox::Persona;

use crate::support::{Offline, body, header};

fn odd(s: &Offline, sources: &[&str]) -> String {
    let token = s.access("u", sources);
    s.persona("u", Persona::Odd);
    token
}

#[test]
fn an_odd_report_has_a_document_in_each_format() {
    let s = Offline::new();
    let token = odd(&s, &["sandbox_clinic"]);
    let reports = body(&s.read("/v1/human/medical/reports", &token));
    let id = reports[0]["id"].as_str().unwrap();
    for (format, content_type) in [
        ("json", "application/json"),
        ("html", "text/html"),
        ("pdf", "application/pdf"),
    ] {
        let path = format!("/v1/human/medical/reports/{id}/raw?format={format}");
        let document = s.read(&path, &token);
        assert_eq!(document.status(), 200, "{format}");
        let found = header(&document, "content-type").unwrap();
        assert!(found.starts_with(content_type), "{found}");
        assert!(!document.body().is_empty());
    }
    let nobodys = "/v1/human/medical/reports/5f0000000000000000000000/raw";
    assert_eq!(s.read(nobodys, &token).status(), 404);
}

#[test]
fn each_odd_source_has_an_id_of_its_own() {
    let s = Offline::new();
    let wellness = ["strider", "pulseband", "plateful"];
    let clinics = ["sandbox_clinic", "sample_valley_clinic"];
    let token = odd(&s, &[&wellness[..], &clinics[..]].concat());
    let sources = body(&s.read("/v1/human/sources", &token));
    let ids: Vec<_> = sources
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|source| source["id"].as_str())
        .collect();
    assert!(ids.len() >= 2, "{sources}");
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{sources}");
}
