//! The pictures in the book: taken here, and held to what the pages look like now.
//!
//! A picture is stale where its page says other words in its headings and buttons, or looks otherwise from afar. The
//! data that a page shows, and how letters are drawn, differ from day to day and from machine to machine, and count for
//! nothing. `HUMANAPI_PICTURES=1` takes all of them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use humanapi_browser_tests::Browser;
use serde_json::{Value, json};

/// Each picture, and what it is of: a screen in a window so wide, light or dark.
const PICTURES: [(&str, &str, u32, &str); 12] = [
    ("connect", "connect-new", 1280, "light"),
    ("connect-narrow", "connect-new", 390, "dark"),
    ("dashboard", "dashboard", 1280, "light"),
    ("dashboard-narrow", "dashboard", 390, "dark"),
    ("data-quality", "data-quality", 1280, "light"),
    ("data-quality-narrow", "data-quality-worse", 390, "dark"),
    ("patient-page", "patient-page-connected", 1280, "light"),
    ("patient-page-narrow", "patient-page-connected", 390, "dark"),
    (
        "patient-page-connect",
        "patient-page-with-connect",
        1280,
        "dark",
    ),
    ("underwriting", "underwriting-complete", 1280, "light"),
    (
        "underwriting-unknown",
        "underwriting-unknown",
        1280,
        "light",
    ),
    ("underwriting-narrow", "underwriting-waits", 390, "dark"),
];

/// The words of all pictures.
const WORDS: &str = "words.json";

/// A page may be so high in a picture.
pub(crate) const HIGHEST: u32 = 1180;

/// What a page says of itself within the picture, whatever data it shows: `0` stands for any number.
const SAID: &str = r#"
return [...document.querySelectorAll('h1, h2, h3, button, thead th')]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)
  .map((one) => one.innerText.trim().replace(/\s+/g, ' ').replace(/[0-9]+/g, '0'))
  .filter((text, at, all) => text !== '' && all.indexOf(text) === at)
"#;

/// How far two pictures are from each other, seen from afar: 0 where they are alike, 1 where one is black and the other
/// white, and as much where one is much higher.
const DISTANCE: &str = r#"
const [kept, taken, done] = arguments;
const load = (bytes) => new Promise((loaded, failed) => {
  const image = new Image();
  image.onload = () => loaded(image);
  image.onerror = failed;
  image.src = 'data:image/png;base64,' + bytes;
});
Promise.all([load(kept), load(taken)]).then(([a, b]) => {
  if (a.width !== b.width || Math.abs(a.height - b.height) > a.height / 8) {
    return done(1);
  }
  const width = 32, height = Math.max(1, Math.round(32 * a.height / a.width));
  const seen = (image) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, 0, 0, image.width, a.height, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };
  const [left, right] = [seen(a), seen(b)];
  let sum = 0;
  for (let at = 0; at < left.length; at += 1) {
    sum += Math.abs(left[at] - right[at]);
  }
  done(sum / (width * height * 3 * 255));
}, () => done(1));
"#;

/// More than this is another page.
const MOST: f64 = 0.04;

/// What was taken of one picture.
pub(crate) struct Taken {
    picture: Vec<u8>,
    said: Value,
}

/// The pictures of one walk through all screens.
#[derive(Default)]
pub(crate) struct Pictures(BTreeMap<&'static str, Taken>);

impl Pictures {
    /// Takes a picture of what the browser shows, where the book has one of it.
    pub(crate) async fn take(&mut self, browser: &Browser, screen: &str, width: u32, scheme: &str) {
        let mut all = PICTURES.iter();
        let Some((name, ..)) = all
            .find(|(_, own, at, in_scheme)| *own == screen && *at == width && *in_scheme == scheme)
        else {
            return;
        };
        // Where a narrow page is cut off hangs on the letters of the machine; the wide one has the same words.
        let said = match width {
            0..1000 => Value::Null,
            _ => browser.eval(SAID).await,
        };
        let picture = browser.picture().await;
        self.0.insert(name, Taken { picture, said });
    }

    /// Keeps them where that is asked for, and else tells which of those in the book are stale.
    pub(crate) async fn settle(&self, browser: &Browser) {
        assert_eq!(self.0.len(), PICTURES.len(), "a screen was not shown");
        if std::env::var_os("HUMANAPI_PICTURES").is_some_and(|value| value == "1") {
            self.keep();
            return;
        }
        let words = fs::read(images().join(WORDS)).unwrap_or_default();
        let words: Value = serde_json::from_slice(&words).unwrap_or_default();
        browser.goto("about:blank").await;
        let mut stale = Vec::new();
        for (name, taken) in &self.0 {
            if words[name] != taken.said {
                stale.push(format!(
                    "{name} has other words: {} and not {}",
                    taken.said, words[name]
                ));
                continue;
            }
            let kept = fs::read(images().join(format!("{name}.png"))).unwrap_or_default();
            let both = [&kept, &taken.picture].map(|picture| json!(STANDARD.encode(picture)));
            let distance = browser
                .driver()
                .execute_async(DISTANCE, both.to_vec())
                .await;
            let distance = distance
                .expect("it can be compared")
                .as_f64()
                .expect("a number");
            if distance > MOST {
                stale.push(format!("{name} looks otherwise, by {distance:.3}"));
            }
        }
        assert!(
            stale.is_empty(),
            "stale pictures in docs/images; HUMANAPI_PICTURES=1 takes them anew:\n{}",
            stale.join("\n")
        );
    }

    fn keep(&self) {
        let words: BTreeMap<&str, &Value> = self
            .0
            .iter()
            .map(|(name, taken)| (*name, &taken.said))
            .collect();
        let words = serde_json::to_string_pretty(&words).expect("it is JSON");
        fs::write(images().join(WORDS), words + "\n").expect("the folder takes files");
        for (name, taken) in &self.0 {
            let file = images().join(format!("{name}.png"));
            fs::write(file, &taken.picture).expect("the folder takes pictures");
        }
    }
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images")
}
