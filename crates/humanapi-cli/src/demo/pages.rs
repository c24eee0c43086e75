//! A page for a person with a browser: leads to hosted Connect, and hears from it.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::Full;
use humanapi_core::connect::{ConnectReport, LaunchError, LaunchUrl};
use humanapi_core::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, LOCATION, REFERRER_POLICY,
};
use humanapi_core::http::{Request, Response, StatusCode};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::exit::Failure;

/// The app's own pages, on this machine alone.
pub(crate) struct Pages {
    listener: TcpListener,
    authority: String,
}

/// What the person's browser brought back.
pub(crate) type Reports = mpsc::Receiver<ConnectReport>;

impl Pages {
    pub(crate) async fn bind() -> Result<Self, Failure> {
        let fail = |error| Failure::here("cannot listen on 127.0.0.1", &error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(fail)?;
        let authority = listener.local_addr().map_err(fail)?.to_string();
        Ok(Self {
            listener,
            authority,
        })
    }

    /// The page to open. It holds no token.
    pub(crate) fn start(&self) -> String {
        format!("http://{}/", self.authority)
    }

    /// Where hosted Connect leads back to.
    pub(crate) fn callback(&self) -> String {
        format!("http://{}/connected", self.authority)
    }

    /// Serves until the reports are no longer wanted. `launch` gives the link to Connect each time that the person
    /// opens the page: a token may have come to its end meanwhile.
    pub(crate) fn serve(
        self,
        launch: impl Fn() -> Result<LaunchUrl, LaunchError> + Send + Sync + 'static,
    ) -> Reports {
        let launch = Arc::new(launch);
        let (tell, reports) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                let (launch, authority, tell) =
                    (launch.clone(), self.authority.clone(), tell.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&request, &authority, &*launch, &tell);
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        reports
    }
}

fn answer<B>(
    request: &Request<B>,
    authority: &str,
    launch: &impl Fn() -> Result<LaunchUrl, LaunchError>,
    tell: &mpsc::Sender<ConnectReport>,
) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST);
    // Another site's name can be made to lead here; it gives itself away.
    if host.is_none_or(|host| host.as_bytes() != authority.as_bytes()) {
        return page(
            StatusCode::MISDIRECTED_REQUEST,
            "This is not the host you asked for.",
        );
    }
    match request.uri().path() {
        "/" => match launch() {
            Ok(link) => to_connect(&link),
            Err(error) => page(
                StatusCode::SERVICE_UNAVAILABLE,
                &format!("Connect cannot be opened: {error}. Start the demo again."),
            ),
        },
        "/connected" => {
            let query = request.uri().query().unwrap_or_default();
            match ConnectReport::from_callback(query) {
                Ok(report) => {
                    // One report is enough; a page that is loaded again tells nothing new.
                    let _ = tell.try_send(report);
                    page(
                        StatusCode::OK,
                        "Thank you. The story goes on in the terminal.",
                    )
                }
                Err(_) => page(StatusCode::BAD_REQUEST, "This is no report of Connect."),
            }
        }
        _ => page(StatusCode::NOT_FOUND, "There is nothing here."),
    }
}

fn to_connect(link: &LaunchUrl) -> Response<Full<Bytes>> {
    let Ok(mut target) = HeaderValue::from_str(link.expose_secret()) else {
        let text = "The link to Connect cannot be sent. Start the demo again.";
        return page(StatusCode::INTERNAL_SERVER_ERROR, text);
    };
    target.set_sensitive(true);
    let mut response = page(StatusCode::SEE_OTHER, "Connect is elsewhere.");
    response.headers_mut().insert(LOCATION, target);
    response
}

/// Addresses around these pages hold tokens and names of sources: they stay out of caches and of other
/// sites' logs.
fn page(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>humanapi demo</title>\
         <style>body{{font:1.1rem system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem}}\
         :root{{color-scheme:light dark}}</style><p>{text}</p></html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use humanapi_core::TokenKind;

    use super::*;

    #[test]
    fn who_comes_too_late_is_told_and_goes_nowhere() {
        let (tell, _reports) = mpsc::channel(1);
        let request = Request::get("/").header(HOST, "127.0.0.1:9").body(());
        let ended = || {
            Err(LaunchError::EndsTooSoon {
                kind: TokenKind::Session,
                left: Duration::from_secs(59),
            })
        };
        let answer = answer(&request.expect("a request"), "127.0.0.1:9", &ended, &tell);
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.headers().contains_key(LOCATION));
        let text = format!("{:?}", answer.body());
        assert!(
            text.contains("lives 59 s more") && text.contains("Start the demo again"),
            "{text}"
        );
    }
}
