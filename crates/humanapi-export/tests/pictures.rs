//! The book's pictures of measured values: drawn anew from the sandbox, and compared with those that it shows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::TryStreamExt as _;
use humanapi_export::{Canvas, Export, Picture, Plot, Theme};
use humanapi_testing::core::data::ListRecords;
use humanapi_testing::{ForTests as _, OfflineSandbox, Sandbox, Scenario};

/// People whose clock stands at 2026-01-15T09:00:00Z.
fn people() -> OfflineSandbox {
    let scenario = Scenario::from_json(
        br#"{"users": [
            {"client_user_id": "ill", "persona": "chronic", "sources": ["sandbox_clinic", "pulseband"]},
            {"client_user_id": "fit", "persona": "athlete", "sources": ["strider", "pulseband"]}
        ]}"#,
    );
    Sandbox::builder()
        .seed(20_260_115)
        .scenario(scenario.unwrap())
        .frozen_at(UNIX_EPOCH + Duration::from_secs(1_768_467_600))
        .build_offline()
}

async fn drawn(
    sandbox: &OfflineSandbox,
    user: &str,
    resource: &str,
    measures: &[&str],
    canvas: Canvas,
) -> Picture {
    let mut lists = Export::all_resources();
    let route = lists.find(|route| route.name == format!("data.{resource}"));
    let list = ListRecords::new(route.unwrap()).unwrap().with_limit(500);
    let client = sandbox.client();
    let mut pages = client.user(user).call(list).pages();
    let mut plot = Plot::new(resource);
    while let Some(page) = pages.try_next().await.unwrap() {
        for record in &page.items {
            plot.note(record);
        }
    }
    plot.picture(measures, canvas).unwrap()
}

/// `HUMANAPI_PICTURES=1` draws them anew; look at each before you keep it.
#[tokio::test]
async fn the_book_shows_what_is_drawn() {
    let sandbox = people();
    let (wide, narrow) = (Canvas::wide(), Canvas::narrow());
    let a1c = "Hemoglobin A1c/Hemoglobin.total in Blood";
    let pressures = ["Systolic blood pressure", "Diastolic blood pressure"];
    let pictures = [
        (
            "plot-a1c",
            drawn(&sandbox, "ill", "test_results", &[a1c], wide).await,
        ),
        (
            "plot-pressure-narrow",
            drawn(&sandbox, "ill", "vitals", &pressures, narrow).await,
        ),
        (
            "plot-heart-rate-dark",
            drawn(
                &sandbox,
                "fit",
                "heart_rate",
                &[],
                narrow.with_theme(Theme::Dark),
            )
            .await,
        ),
    ];
    for (name, picture) in pictures {
        let fresh = picture.svg() + "\n";
        for user in ["ill", "fit"] {
            assert!(
                !fresh.contains(&format!(">{user}<")),
                "{name} tells whose it is"
            );
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/images")
            .join(format!("{name}.svg"));
        if std::env::var_os("HUMANAPI_PICTURES").is_some_and(|value| value == "1") {
            std::fs::write(&file, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept.replace("\r\n", "\n") == fresh,
            "docs/images/{name}.svg is stale; HUMANAPI_PICTURES=1 draws it anew"
        );
    }
}
