//! Documents as files: the very bytes that the service sent, or no file and a line that says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use humanapi_export::{Event, Export, Format};
use humanapi_testing::client::{BodyStream, StreamedResponse, Transport};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::core::{Request, Response, SendFailure, SendFailureKind};
use humanapi_testing::{Fault, ForTests as _, SandboxTransport};
use sha2::Digest as _;
use tempfile::TempDir;

use crate::sandbox::{self, Documents, Troubled, connect, people};
use crate::{KEY, content, export, files, run};

/// What a folder has of documents.
#[derive(Debug, Default)]
pub(crate) struct FoundDocuments {
    /// Those that are there, by what the lines beside them tell.
    pub(crate) whole: Documents,
    /// Those that are not, with the reason.
    missing: BTreeMap<(String, String, String), String>,
}

/// Reads them, and sees that no other file is beside them.
pub(crate) fn there(folder: &Path) -> FoundDocuments {
    let mut there = FoundDocuments::default();
    let (mut told, mut found) = (BTreeSet::new(), BTreeSet::new());
    for path in files(folder) {
        if !path.to_str().unwrap().contains("documents=") {
            continue;
        }
        if path.file_name().unwrap() != "_documents.ndjson" {
            found.insert(path);
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let of = (text("resource"), text("user"), text("id"));
            if line["missing"].is_string() {
                assert!(line["file"].is_null(), "{line}");
                assert_eq!(there.missing.insert(of, text("missing")), None);
                continue;
            }
            let file = path.with_file_name(text("file"));
            let bytes = Bytes::from(fs::read(&file).unwrap());
            let hash = sha2::Sha256::digest(&bytes);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(line["sha256"], hash);
            assert_eq!(line["bytes"], bytes.len());
            told.insert(file);
            assert!(there.whole.insert(of, bytes).is_none());
        }
    }
    assert_eq!(found, told);
    there
}

/// Who compares asks the sandbox itself, without the SDK.
#[tokio::test]
async fn documents_are_files_of_the_bytes_that_were_sent_with_their_hashes() {
    let (sandbox, users) = people(4);
    let folder = TempDir::new().unwrap();
    let export = export(&sandbox, Format::Ndjson).with_documents(ReportFormat::Json);
    let summary = run(export, &users, folder.path()).await.unwrap();
    let expected = sandbox::documents(&sandbox, &users);
    assert!(expected.len() > 5, "{}", expected.len());
    let there = there(folder.path());
    assert!(summary.whole && there.whole == expected && there.missing.is_empty());
    assert_eq!(summary.documents, expected.len() as u64);
}

/// With a fault at every tenth request, garbage in place of a document among them. Of fewer users than lists are, as the
/// sandbox writes each document anew whenever it is asked for one.
#[tokio::test]
async fn documents_are_complete_whatever_happens_to_every_tenth_request() {
    let (sandbox, users) = people(22);
    // Without the one whose documents are many and long.
    let users = &users[2..];
    let expected = sandbox::documents(&sandbox, users);
    assert!(expected.len() > 300, "{}", expected.len());
    let of_care = expected.keys().filter(|of| of.0 == "ccds").count();
    assert!(of_care > 100 && of_care < expected.len() - 100, "{of_care}");
    let client = connect(&sandbox, Troubled::every(10, &sandbox));
    let folder = TempDir::new().unwrap();
    let export = Export::new(client, Format::Ndjson)
        .with_key(KEY)
        .with_resources(Export::resources_with_documents())
        .with_documents(ReportFormat::Json);
    let summary = run(export, users, folder.path()).await.unwrap();
    let there = there(folder.path());
    assert!(there.missing.is_empty(), "{summary:?}");
    assert!(there.whole.keys().eq(expected.keys()), "{summary:?}");
    let same = there.whole.values().zip(expected.values());
    let differ = same.filter(|(one, other)| one != other).count();
    assert_eq!(differ, 0, "{summary:?}");
    assert!(summary.whole && summary.documents == expected.len() as u64);
    let requests = sandbox.control().requests();
    let is_struck = |fault: &str| {
        let mut struck = requests
            .iter()
            .filter(|request| request.fault == Some(fault));
        struck.any(|request| request.path.contains("/raw"))
    };
    assert!(is_struck("garbage-body") && is_struck("truncated-body"));
}

/// A service whose documents of care are these, in pieces.
struct Clinic {
    inner: SandboxTransport,
    /// By their paths, and whether they break off.
    documents: BTreeMap<String, (Bytes, bool)>,
}

#[async_trait]
impl Transport for Clinic {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        self.inner.send(request, timeout).await
    }

    fn keeps_time(&self) -> bool {
        self.inner.keeps_time()
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let own = self.documents.get(request.uri().path()).cloned();
        let mut answer = self.inner.open(request, timeout).await?;
        let Some((document, is_cut)) = own else {
            return Ok(answer);
        };
        let length = document.len();
        let announced = if is_cut { 2 * length } else { length };
        answer
            .headers_mut()
            .insert(http::header::CONTENT_LENGTH, announced.into());
        // As they come from a network, and in no step with letters.
        let pieces = (0..length).step_by(65_521);
        let pieces = pieces.map(move |at| Ok(document.slice(at..length.min(at + 65_521))));
        let end = is_cut.then(|| Err(SendFailure::new(SendFailureKind::CutShort)));
        Ok(answer.map(|_| BodyStream::new(stream::iter(pieces.chain(end)))))
    }
}

/// Documents as clinics send them: long and in another encoding than they say, with a byte order mark, in UTF-16, and with
/// a PDF within, as it is and as text.
fn documents_of_clinics() -> [Vec<u8>; 4] {
    const LONG: usize = 40 * 1024 * 1024;
    let mut long = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<ClinicalDocument>".to_vec();
    // Letters of Latin-1, which are no UTF-8.
    for number in 0_u32.. {
        if long.len() >= LONG {
            break;
        }
        long.extend_from_slice(b"<text>Caf\xe9 \xb5g/mL \0 ");
        long.extend_from_slice(number.wrapping_mul(2_654_435_761).to_string().as_bytes());
        long.extend_from_slice(b"</text>\r\n");
    }
    long.extend_from_slice(b"</ClinicalDocument>");
    let marked = "\u{feff}<?xml version=\"1.0\"?>\n<ClinicalDocument/>\n".into();
    let wide = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-16\"?><ClinicalDocument>\u{1f9ea}</ClinicalDocument>";
    let wide = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut with_pdf = b"<ClinicalDocument><nonXMLBody mediaType=\"application/pdf\">".to_vec();
    with_pdf.extend_from_slice(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\r\n\0\x1a]]>%%EOF");
    with_pdf.extend_from_slice(b"JVBERi0xLjcKJeLjz9MK</nonXMLBody></ClinicalDocument>");
    [long, marked, wide, with_pdf]
}

#[tokio::test]
async fn a_document_is_the_bytes_that_were_sent_or_no_file_whatever_a_clinic_sends() {
    let (sandbox, users) = people(4);
    let mut expected = sandbox::documents(&sandbox, &users);
    let of_care: Vec<_> = expected
        .keys()
        .filter(|of| of.0 == "ccds")
        .cloned()
        .collect();
    let path = |id: &str| format!("/v1/human/medical/ccds/{id}/raw");
    let mut documents = BTreeMap::new();
    for (of, document) in of_care.iter().zip(documents_of_clinics()) {
        let document = Bytes::from(document);
        expected.insert(of.clone(), document.clone());
        documents.insert(path(&of.2), (document, false));
    }
    assert_eq!(documents.len(), 4, "there are as many, by ids of their own");
    // The last one of all breaks off each time.
    let cut = of_care.last().unwrap();
    let whole = expected[cut].clone();
    let half = whole.slice(..whole.len() / 2);
    assert!(documents.insert(path(&cut.2), (half, true)).is_none());
    let client = |documents| {
        let inner = sandbox.transport();
        connect(&sandbox, Clinic { inner, documents })
    };
    let export = |documents| {
        Export::new(client(documents), Format::Ndjson)
            .with_key(KEY)
            .with_buckets(2)
            .with_documents(ReportFormat::Json)
    };
    let folder = TempDir::new().unwrap();
    let summary = run(export(documents.clone()), &users, folder.path());
    let summary = summary.await.unwrap();
    assert!(!summary.whole, "{summary:?}");
    assert_eq!(summary.failed.values().sum::<u64>(), 1, "{summary:?}");
    let found = there(folder.path());
    assert_eq!(found.missing.keys().collect::<Vec<_>>(), [cut]);
    expected.remove(cut);
    assert!(found.whole == expected);
    assert!(!folder.path().join("_work").exists());

    // The same export again has it once it comes, and is what one run comes to.
    documents.insert(path(&cut.2), (whole.clone(), false));
    expected.insert(cut.clone(), whole);
    let again = run(export(documents.clone()), &users, folder.path());
    let again = again.await.unwrap();
    assert!(again.whole && again.skipped == 1, "{again:?}");
    assert!(there(folder.path()).whole == expected);
    let at_once = TempDir::new().unwrap();
    let one_run = run(export(documents), &users, at_once.path()).await;
    assert!(one_run.unwrap().whole);
    assert!(content(folder.path()) == content(at_once.path()));
}

/// Who counts lists by what is told of them comes to as many as were planned, whatever becomes of documents.
#[tokio::test]
async fn a_document_that_is_missing_is_told_beside_its_list() {
    let (sandbox, users) = people(3);
    let fault = Fault::status(503).on_path("/v1/human/medical/ccds/");
    sandbox.control().plan_fault(fault.times(100_000)).unwrap();
    let folder = TempDir::new().unwrap();
    let told = Arc::new(Mutex::new((0, 0, 0)));
    let tell = Arc::clone(&told);
    let export = export(&sandbox, Format::Ndjson)
        .with_documents(ReportFormat::Json)
        .with_listener(move |event| {
            let mut told = tell.lock().unwrap();
            match event {
                Event::Planned { lists, .. } => told.0 = lists,
                Event::Read { .. } => told.1 += 1,
                Event::Refused { is_document, .. } | Event::Failed { is_document, .. } => {
                    told.1 += u64::from(!is_document);
                    told.2 += u64::from(is_document);
                }
                _ => {}
            }
        });
    let summary = run(export, &users, folder.path()).await.unwrap();
    let (planned, lists, documents) = *told.lock().unwrap();
    assert!(planned > 0 && documents > 0, "{summary:?}");
    assert_eq!((lists, documents), (planned, summary.failed.values().sum()));
}
