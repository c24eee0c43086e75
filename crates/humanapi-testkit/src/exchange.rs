//! Cases of an exchange that goes well.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Method, Version, header};
use humanapi_client::Transport;
use humanapi_core::http;
use tokio::sync::oneshot;

use crate::golden;
use crate::script::{Reply, Step};
use crate::server::{Server, Wire};
use crate::settings::TransportSettings;
use crate::support::{
    AMPLE, SECRET_BODY, SECRET_PATH, Subject, get, post, request, send, trusting,
};

/// Over HTTP/1.1 every byte that leaves is written down beforehand.
pub async fn bytes_are_golden<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let target = golden::GET
        .split(' ')
        .nth(1)
        .expect("a request line has a target");
    for (expected, method, path, body) in [
        (golden::POST, Method::POST, "/v1/connect/token", SECRET_BODY),
        (golden::GET, Method::GET, target, ""),
        (golden::DELETE, Method::DELETE, "/v1/human?x", ""),
    ] {
        let server = Server::start(Wire::Http1, |_| Reply::ok("{}")).await;
        let transport = make(&trusting());
        send(&transport, request(method, &server.url(path), body)).await;
        let expected = expected.replace("HOST", &server.address().to_string());
        assert_eq!(String::from_utf8_lossy(&server.bytes()), expected);
    }
}

/// Method, target, headers and body arrive as they were handed over, with nothing besides.
pub async fn requests_arrive_unaltered<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |_| Reply::ok("{}")).await;
    let transport = make(&trusting());
    send(&transport, post(&server.url(SECRET_PATH))).await;
    send(&transport, get(&server.url("/"))).await;
    let received = server.received();

    let names = |headers: &HeaderMap| {
        let mut names: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                format!("{name}: {value}")
            })
            .collect();
        names.sort();
        names
    };
    let host = format!("host: {}", server.address());
    let mut expected = vec![
        "accept: application/json",
        "authorization: Bearer canary-token",
    ];
    let mut post = vec!["content-length: 33", "content-type: application/json"];
    if wire != Wire::Http2Tls {
        expected.push(&host);
    }
    expected.push("user-agent: humanapi-testkit/1");
    post.extend(&expected);
    post.sort_unstable();

    assert_eq!(names(&received[0].headers), post);
    assert_eq!(received[0].method, Method::POST);
    assert_eq!(
        received[0].uri.path_and_query().expect("there is a target"),
        SECRET_PATH
    );
    assert_eq!(received[0].body, SECRET_BODY);
    assert_eq!(names(&received[1].headers), expected);
    assert_eq!(received[1].method, Method::GET);
    assert_eq!(received[1].uri.path(), "/");
    let version = match wire {
        Wire::Http1 | Wire::Http1Tls => Version::HTTP_11,
        Wire::Http2Tls => Version::HTTP_2,
    };
    assert!(received.iter().all(|received| received.version == version));
    if wire == Wire::Http2Tls {
        let authority = received[0].uri.authority().expect("there is an authority");
        assert_eq!(*authority, *server.address().to_string());
    }
}

/// A status is the application's business, whatever it is.
pub async fn any_status_comes_back_unaltered<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        let status = received.uri.path()[1..]
            .parse()
            .expect("the path is a status");
        let answer = Reply::status(status)
            .header("x-status", received.uri.path())
            .header("x-twice", "one")
            .header("x-twice", "two");
        match status {
            204 | 205 | 304 => answer.into(),
            _ => answer.bytes(format!("body of {status}")).into(),
        }
    })
    .await;
    let transport = make(&trusting());
    for status in 200..600_u16 {
        let answer = send(&transport, get(&server.url(&format!("/{status}")))).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["x-status"], format!("/{status}"));
        let twice: Vec<_> = answer.headers().get_all("x-twice").iter().collect();
        assert_eq!(twice, ["one", "two"]);
        match status {
            204 | 205 | 304 => assert!(answer.body().is_empty()),
            _ => assert_eq!(
                answer.body().as_bytes(),
                format!("body of {status}").as_bytes()
            ),
        }
    }
    assert_eq!(server.received().len(), 400);
}

/// One call, one request, also where the answer is an error that others might repeat.
pub async fn one_call_is_one_request<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    for status in [200, 408, 425, 429, 500, 502, 503, 504] {
        let server = Server::start(wire, move |_| {
            Reply::status(status).header("retry-after", "0").into()
        })
        .await;
        let transport = make(&trusting());
        assert_eq!(
            send(&transport, get(&server.url("/"))).await.status(),
            status
        );
        assert_eq!(server.received().len(), 1);
        assert_eq!(server.connections(), 1);
    }
}

/// A redirect is an answer. Following it would carry a token elsewhere.
pub async fn redirects_are_not_followed<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let elsewhere = Server::start(wire, |_| Reply::ok("followed")).await;
    let other = elsewhere.url("/");
    let server = Server::start(wire, move |received| {
        let mut path = received.uri.path()[1..].split('/');
        let status = path.next().and_then(|status| status.parse().ok());
        let Some(status) = status else {
            return Reply::ok("followed");
        };
        let to = if path.next() == Some("here") {
            "/landing"
        } else {
            other.as_str()
        };
        Reply::status(status)
            .header("location", to)
            .bytes("moved")
            .into()
    })
    .await;
    let transport = make(&trusting());
    let mut sent = 0;
    for status in [300, 301, 302, 303, 307, 308] {
        for place in ["here", "there"] {
            let url = server.url(&format!("/{status}/{place}"));
            for request in [get(&url), post(&url)] {
                let answer = send(&transport, request).await;
                assert_eq!(answer.status(), status);
                assert!(answer.headers().contains_key(header::LOCATION));
                assert_eq!(answer.body().as_bytes(), b"moved");
                sent += 1;
            }
        }
    }
    assert_eq!(server.received().len(), sent);
    assert_eq!(elsewhere.connections(), 0);
}

/// From nothing to eight megabytes, in one piece and in many, in both directions.
pub async fn bodies_of_any_size_survive<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        let body = received.body.clone();
        if received.uri.path() == "/measured" {
            return Reply::ok(body);
        }
        let pieces: Vec<_> = body
            .chunks(60_000)
            .flat_map(|piece| [Step::chunk(Bytes::copy_from_slice(piece)), Step::flush()])
            .collect();
        Reply::status(200).steps(pieces).into()
    })
    .await;
    let transport = make(&trusting());
    for size in [
        0,
        1,
        2,
        1023,
        8192,
        65_535,
        65_536,
        1_000_003,
        8 * 1024 * 1024,
    ] {
        let body: Bytes = (0..size)
            .map(|at: usize| (at * 7 + at / 251) as u8)
            .collect();
        for path in ["/measured", "/unmeasured"] {
            let request = request(Method::POST, &server.url(path), body.clone());
            let answer = send(&transport, request).await;
            assert!(answer.body().as_bytes() == body, "{size} bytes, {path}");
        }
    }
    let received = server.received();
    assert!(received.iter().all(|received| received.connection == 0));
}

/// `HEAD`, 204, 304 and an empty 200 end where their heads do, whatever length the head tells.
pub async fn answers_without_a_body_are_whole<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| match received.uri.path() {
        "/204" => Reply::status(204).into(),
        "/304" => Reply::status(304).header("etag", "\"v1\"").into(),
        "/empty" => Reply::status(200).into(),
        "/chunked" => Reply::status(200).steps([Step::flush()]).into(),
        _ => Reply::status(200)
            .header("content-length", "1000000")
            .into(),
    })
    .await;
    let settings = TransportSettings {
        max_body: Some(1000),
        ..trusting()
    };
    let transport = make(&settings);
    for round in 0..3 {
        for (method, path, status) in [
            (Method::HEAD, "/large", 200),
            (Method::GET, "/204", 204),
            (Method::GET, "/304", 304),
            (Method::GET, "/empty", 200),
            (Method::GET, "/chunked", 200),
            (Method::DELETE, "/204", 204),
            (Method::POST, "/empty", 200),
        ] {
            let request = request(method.clone(), &server.url(path), "");
            let answer = send(&transport, request).await;
            assert_eq!(answer.status(), status, "{round} {method} {path}");
            assert!(answer.body().is_empty());
            if method == Method::HEAD {
                assert_eq!(answer.headers()[header::CONTENT_LENGTH], "1000000");
            }
        }
    }
    assert_eq!(server.connections(), 1);
}

/// Header values are bytes and need not be text.
pub async fn header_bytes_survive<T: Subject>(make: impl Fn(&TransportSettings) -> T, wire: Wire) {
    const ODD: &[u8] = b"caf\xe9 \xff\x80 \"q\"";
    let server = Server::start(wire, |received| {
        assert_eq!(received.headers["x-odd"].as_bytes(), ODD);
        Reply::status(200).header("x-odd", ODD).into()
    })
    .await;
    let transport = make(&trusting());
    let mut request = get(&server.url("/"));
    let odd = http::HeaderValue::from_bytes(ODD).expect("obs-text is allowed");
    request.headers_mut().insert("x-odd", odd);
    let answer = send(&transport, request).await;
    assert_eq!(answer.headers()["x-odd"].as_bytes(), ODD);
}

/// A connection is used again.
pub async fn sequential_requests_share_a_connection<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |_| Reply::ok("{}")).await;
    let transport = make(&trusting());
    for _ in 0..20 {
        send(&transport, post(&server.url("/"))).await;
    }
    assert_eq!(server.received().len(), 20);
    assert_eq!(server.connections(), 1);
}

/// Answers are not mixed up.
pub async fn a_hundred_at_once_get_their_own_answers<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        let body = format!("{} {}", received.uri.path(), received.body.len());
        Reply::status(200)
            .header("x-path", received.uri.path())
            .bytes(body)
            .into()
    })
    .await;
    let transport = make(&trusting());
    let calls = (0..100).map(|number| {
        let path = format!("/{number}");
        let request = request(Method::POST, &server.url(&path), vec![b'x'; number]);
        let transport = &transport;
        async move {
            let answer = send(transport, request).await;
            assert_eq!(answer.headers()["x-path"], path);
            assert_eq!(
                answer.body().as_bytes(),
                format!("{path} {number}").as_bytes()
            );
        }
    });
    join_all(calls).await;
    assert_eq!(server.received().len(), 100);
}

/// An application chooses its transport when it runs, and shares it between tasks.
pub async fn it_works_behind_a_pointer<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |_| Reply::ok("{}")).await;
    let transport: Arc<dyn Transport> = Arc::new(make(&trusting()));
    let tasks = (0..4).map(|_| {
        let (transport, url) = (Arc::clone(&transport), server.url("/"));
        tokio::spawn(async move { transport.send(post(&url), AMPLE).await })
    });
    for task in join_all(tasks).await {
        let answer = task.expect("the task ends").expect("an answer comes back");
        assert_eq!(answer.status(), 200);
    }
}

/// Whoever loses interest drops the call; the next one is served as if nothing had been.
pub async fn a_cancelled_call_leaves_the_transport_usable<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| match received.uri.path() {
        "/hang" => Reply::Hang,
        "/half" => Reply::status(200)
            .steps([Step::chunk("half"), Step::flush(), Step::Hang])
            .into(),
        _ => Reply::ok("{}"),
    })
    .await;
    let transport = make(&trusting());
    let mut arrived = 0;
    for path in ["/hang", "/half", "/hang"] {
        let call = transport.send(post(&server.url(path)), AMPLE);
        tokio::select! {
            _ = call => panic!("there is no end to {path}"),
            () = server.arrived(arrived + 1) => {}
        }
        for _ in 0..3 {
            send(&transport, post(&server.url("/"))).await;
        }
        arrived += 4;
    }
    // Never polled, never sent.
    drop(transport.send(post(&server.url("/unpolled")), AMPLE));
    let last = server.connections();
    send(&transport, get(&server.url("/"))).await;
    send(&transport, get(&server.url("/"))).await;
    assert_eq!(server.connections(), last, "connections are used again");
    assert_eq!(server.received().len(), arrived + 2);
}

/// What is marked sensitive is never put into the table that later headers are read from.
pub async fn secrets_stay_out_of_the_header_table<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let server = Server::start(Wire::Http2Tls, |_| Reply::ok("{}")).await;
    let transport = make(&trusting());
    for _ in 0..3 {
        send(&transport, post(&server.url("/"))).await;
    }
    // A literal that is never indexed, named by entry 23 of the static table: `authorization`. Had it been put into the
    // table, the later requests would hold no more than its index.
    let bytes = server.bytes();
    let start = bytes.windows(2).position(|pair| pair == [0x1f, 0x08]);
    let start = start.expect("the header is marked as never indexed");
    let literal = &bytes[start..start + 12];
    let copies = bytes
        .windows(literal.len())
        .filter(|window| *window == literal);
    assert_eq!(copies.count(), 3);
}

/// Requests under way at once need one connection of HTTP/2.
pub async fn parallel_requests_share_one_connection<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    const CALLS: usize = 30;
    let gates: Mutex<Vec<oneshot::Sender<()>>> = Mutex::default();
    let server = Server::start(Wire::Http2Tls, move |received| {
        if received.uri.path() == "/first" {
            return Reply::ok("{}");
        }
        // Nobody is answered before everybody is here.
        let (gate, open) = Step::gate();
        let mut gates = gates.lock().expect("no holder panics");
        gates.push(open);
        if gates.len() == CALLS {
            for open in gates.drain(..) {
                // The receiver of this very request is still to be put into its answer.
                let _ = open.send(());
            }
        }
        Reply::status(200).steps([gate, Step::chunk("{}")]).into()
    })
    .await;
    let transport = make(&trusting());
    send(&transport, get(&server.url("/first"))).await;
    let calls = (0..CALLS).map(|_| send(&transport, get(&server.url("/"))));
    join_all(calls).await;
    assert_eq!(server.received().len(), CALLS + 1);
    assert_eq!(server.connections(), 1);
}
