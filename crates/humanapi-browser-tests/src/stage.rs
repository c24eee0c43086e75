//! All that a case needs, and what holds for every case.

use humanapi_client::connect::PAGE_HEADERS;
use humanapi_sandbox::Sandbox;
use humanapi_testkit::skip;

use crate::browser::{Browser, Programs, Remains};
use crate::clinic::Clinic;
use crate::site::Site;

/// A sandbox, an application on another site, somebody else's site, and a browser.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stage {
    /// The service.
    pub sandbox: Sandbox,
    /// The application.
    pub clinic: Clinic,
    /// Whoever has no business here.
    pub stranger: Site,
    /// The user's browser.
    pub browser: Browser,
    programs: Programs,
}

impl Stage {
    /// Starts everything; none where a program is missing, after saying so. The application and
    /// Connect are on different sites.
    pub async fn set(test: &str) -> Option<Self> {
        Self::set_on(test, "localhost", || {
            Sandbox::start().expect("a free port on loopback")
        })
        .await
    }

    /// Starts everything, with the application and Connect on two ports of the same name: of
    /// different origins still, but in one process of the browser, which tells more of it.
    pub async fn set_on_one_site(test: &str) -> Option<Self> {
        Self::set_on(test, "127.0.0.1", || {
            Sandbox::start().expect("a free port on loopback")
        })
        .await
    }

    /// Starts everything, for an application that brings its own pages: hosted Connect may lead back to
    /// this address.
    pub async fn set_with_callback(test: &str, callback: &str) -> Option<Self> {
        Self::set_on(test, "localhost", || {
            let sandbox = Sandbox::builder().callback(callback);
            sandbox.start().expect("a free port on loopback")
        })
        .await
    }

    async fn set_on(test: &str, name: &str, sandbox: impl FnOnce() -> Sandbox) -> Option<Self> {
        let programs = match Programs::find() {
            Ok(programs) => programs,
            Err(missing) => {
                skip(test, missing);
                return None;
            }
        };
        let sandbox = sandbox();
        let clinic = Clinic::open(&sandbox, name).await;
        let stranger = Site::start("localhost").await;
        stranger.page(
            "/",
            &PAGE_HEADERS,
            "<!doctype html><title>Elsewhere</title>",
        );
        Some(Self {
            browser: Browser::start(&programs).await,
            sandbox,
            clinic,
            stranger,
            programs,
        })
    }

    /// Closes the browser as if its machine had lost power, and takes another one.
    pub async fn another_browser(&mut self) {
        self.browser = Browser::start(&self.programs).await;
    }

    /// Checks what holds at the end of every case: no page has thrown, nothing was forbidden by a
    /// content policy, the console has no complaint but those expected, and nothing left the machine.
    pub async fn end(self) -> Remains {
        self.end_but_for(&[]).await
    }

    /// As [`end`](Self::end), with parts of the complaints that are expected.
    pub async fn end_but_for(self, expected: &[&str]) -> Remains {
        let browser = self.browser;
        let mut complaints = browser.console().await;
        complaints
            .retain(|line| line.starts_with("\"SEVERE\"") || line.contains("Content Security"));
        complaints.retain(|line| !expected.iter().any(|part| line.contains(part)));
        assert!(complaints.is_empty(), "in the console: {complaints:#?}");
        let errors = browser.eval("return window.seen?.errors ?? []").await;
        assert_eq!(errors, serde_json::json!([]), "thrown in the page");
        let remains = browser.quit().await;
        let violations = remains.traffic.violations();
        assert!(
            violations.is_empty(),
            "forbidden by a policy: {violations:#?}"
        );
        remains
    }
}
