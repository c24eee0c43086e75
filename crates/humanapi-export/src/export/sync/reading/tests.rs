//! What a pass keeps in memory of what it reads.

use humanapi_testing::{DemoApp, ForTests as _, RecordChange, Sandbox, Scenario};

use super::super::super::room::Room;
use super::super::bucket_files::BucketFiles;
use super::super::manifest::{EndedRuns, Mended};
use super::*;
use crate::export::folder::Folder;
use crate::export::key::Shard;

const USER: &str = "user-1";

/// A pass that leaves out what was told keeps no page for the few records that it tells of it; one that leaves nothing out
/// keeps the page, and no record twice.
#[tokio::test]
async fn what_a_pass_tells_keeps_nothing_in_memory_that_it_leaves_out() {
    let users = format!(
        r#"{{"users": [{{"client_user_id": "{USER}", "persona": "child", "sources": ["sandbox_clinic"]}}]}}"#
    );
    let sandbox = Sandbox::builder()
        .seed(7)
        .scenario(Scenario::from_json(users.as_bytes()).unwrap())
        .build_offline();
    let insert = || {
        let app = sandbox.app(DemoApp::Connect);
        for _ in 0..3 {
            let insert = RecordChange::insert("medical/vitals");
            let changed = sandbox
                .control()
                .change_records(&app.client_id, USER, insert);
            changed.unwrap();
        }
    };
    let route = ROUTES
        .iter()
        .find(|route| route.operation == Operation::List && route.name == "data.vitals");
    let route = route.unwrap();
    let root = tempfile::TempDir::new().unwrap();
    let folder = Folder::open(root.path(), Shard::ALL).unwrap();
    let reading = SyncReading {
        reading: Arc::new(Reading {
            is_deidentified: false,
            client: sandbox.client(),
            since: None,
            documents: None,
            ahead: 1,
            room: Room::new(1_000_000),
            folder: Some(folder.clone()),
        }),
        lag: Duration::from_secs(600),
        full_every: SignedDuration::ZERO,
        at_work: Arc::default(),
    };
    let user = ClientUserId::from(USER);
    let ended = Arc::new(EndedRuns::default());
    let files = BucketFiles::new(&folder, 0, 1, &ended, &Mended::default());
    let known = Known::new(&folder, String::new(), "vitals", &Arc::new(files));
    let list = List {
        user: &user,
        name: [0; 16],
        route,
        known: Arc::new(known),
        share: reading.reading.room.begin().await,
    };
    let pages = async |since, remembers| {
        insert();
        let pass = ChangeRecords::new(route, since).unwrap();
        let pass = pass.with_lag(reading.lag);
        let raised = reading.pages(&list, pass, remembers, &mut 0).await.unwrap();
        let raised = raised.unwrap_or_else(|trouble| panic!("{}", trouble.reason()));
        let empty = reading.reading.spool(&list.share);
        let settled = raised
            .gathered
            .settle(&How::Changes, empty, || Ok(Default::default()));
        let records = settled.unwrap().changes.records;
        let records = records.into_records(route.fields).unwrap();
        let records: Vec<Record> = records.map(Result::unwrap).collect();
        let texts = records.iter().map(|record| record.raw());
        let mut texts: Vec<(usize, usize)> = texts
            .map(|text| (text.as_ptr().addr(), text.len()))
            .collect();
        texts.sort_unstable();
        // Between two of a page stands a comma alone.
        let beside = texts
            .windows(2)
            .filter(|pair| pair[0].0 + pair[0].1 + 1 == pair[1].0);
        let end = raised.end.unwrap();
        (texts.len(), beside.count(), end.watermark)
    };
    let (all, beside, watermark) = pages(None, Some(Timestamp::MIN)).await;
    assert!(
        all >= 3 && beside == all - 1,
        "{beside} of {all} lie in one text"
    );
    let from = watermark.moment();
    for remembers in [None, from] {
        let since = Some(watermark.clone());
        let (new, beside, _) = pages(since, remembers).await;
        assert!(new >= 3, "{new} are new");
        assert_eq!(beside, 0, "of {new} that are new");
    }
}
