//! Times token exchanges: each request, each answer, both together, and the usual way beside them.

mod exchange;
mod usual;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use exchange::{Application, response};
use humanapi_benchkit::exchange::{ACCESS, CLIENT, ID, SESSION, usual_answer, usual_request};
use humanapi_core::Endpoint;
use usual::usual_exchange;

fn one<E: Endpoint>(
    c: &mut Criterion,
    application: &Application,
    kind: &str,
    endpoint: &E,
    answer: &str,
) {
    let mut group = c.benchmark_group(kind);
    group.bench_function("request", |bencher| {
        bencher.iter(|| endpoint.request(black_box(&application.hosts)));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter_batched(
            || response(answer),
            |response| endpoint.parse(response, application.now).is_ok(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    let application = Application::new().expect("the application is a valid one");
    let session = application.session().expect("the user is a valid one");
    one(c, &application, "session", &session, SESSION);
    let id = application.id().expect("the user is a valid one");
    one(c, &application, "id", &id, ID);
    let access = application.access().expect("the user is a valid one");
    one(c, &application, "access", &access, ACCESS);
    one(c, &application, "client", &application.client(), CLIENT);

    let mut group = c.benchmark_group("usual");
    group.bench_function("request", |bencher| {
        let url = "https://auth.humanapi.co/v1/connect/token";
        bencher.iter(|| usual_request(black_box(url)));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| usual_answer(black_box(ACCESS.as_bytes())));
    });
    group.finish();

    let mut group = c.benchmark_group("exchange");
    group.bench_function("core", |bencher| {
        bencher.iter(|| application.exchange(&access, response(ACCESS)));
    });
    group.bench_function("core, by a flow", |bencher| {
        bencher.iter(|| application.call(access.clone(), response(ACCESS)));
    });
    group.bench_function("usual", |bencher| bencher.iter(usual_exchange));
    group.finish();
}

criterion_group!(token_calls, benches);
criterion_main!(token_calls);
