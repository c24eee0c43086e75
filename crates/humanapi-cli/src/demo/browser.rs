//! A page for a person with a browser: leads to hosted Connect, and hears from it.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use http_body_util::Full;
use humanapi_core::connect::{ConnectReport, LaunchUrl};
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

    /// Serves until the reports are no longer wanted.
    pub(crate) fn serve(self, connect: &LaunchUrl) -> Result<Reports, Failure> {
        let mut target = HeaderValue::from_str(connect.expose_secret())
            .map_err(|error| Failure::here("the link to Connect cannot be sent", &error))?;
        target.set_sensitive(true);
        let (tell, reports) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                let (target, authority, tell) =
                    (target.clone(), self.authority.clone(), tell.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&request, &authority, &target, &tell);
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(reports)
    }
}

fn answer(
    request: &Request<Incoming>,
    authority: &str,
    connect: &HeaderValue,
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
        "/" => {
            let mut response = page(StatusCode::SEE_OTHER, "Connect is elsewhere.");
            response.headers_mut().insert(LOCATION, connect.clone());
            response
        }
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
