//! The SDK's spans and metrics in OpenTelemetry: a token is exchanged and a list is read, under a span of the application.
//!
//! It prints what it would send. An application takes an exporter of `opentelemetry-otlp` in place of those of
//! `opentelemetry-stdout`, and keeps the rest.

use std::error::Error;

use humanapi::prelude::*;
use humanapi::testing::{DemoApp, Sandbox};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

const SERVICE: &str = "telemetry";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Resource::builder().with_service_name(SERVICE).build();
    let tracers = send_spans(service.clone());
    let meters = send_metrics(service)?;

    let read = read_activities()
        .instrument(tracing::info_span!("page"))
        .await;

    // What is still at hand goes out before the process ends, whether reading went well or not.
    tracers.shutdown()?;
    meters.shutdown()?;
    read
}

/// Spans and log lines: each span becomes one of OpenTelemetry, each line in it an event of that span.
fn send_spans(service: Resource) -> SdkTracerProvider {
    let tracers = SdkTracerProvider::builder()
        .with_resource(service)
        .with_batch_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    // The spans of calls and of exchanges have the level debug, so less would leave them out.
    let wanted = Targets::new()
        .with_target("humanapi", LevelFilter::DEBUG)
        .with_default(LevelFilter::INFO);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    tracing_subscriber::registry()
        .with(layer.with_filter(wanted))
        .init();
    tracers
}

/// Counters and histograms: with its feature `metrics` the SDK counts by the facade of the crate `metrics`, and this
/// recorder hands that on.
fn send_metrics(service: Resource) -> Result<SdkMeterProvider, Box<dyn Error>> {
    let exporter = opentelemetry_stdout::MetricExporter::default();
    let (meters, _) = metrics_exporter_opentelemetry::Recorder::builder(SERVICE)
        .with_meter_provider(|meters| {
            meters
                .with_resource(service)
                .with_periodic_exporter(exporter)
        })
        .install()?;
    Ok(meters)
}

/// What the application does: here, before a sandbox of its own, over real HTTP.
async fn read_activities() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start()?;
    sandbox
        .control()
        .user("patient-17")
        .connected_with("strider")?;
    let app = sandbox.app(DemoApp::Connect);
    let client = Client::new(app.client_id, app.client_secret)?.base_url(sandbox.url())?;

    let mut activities = client.user("patient-17").data().activities().items();
    let mut count = 0;
    while activities.try_next().await?.is_some() {
        count += 1;
    }
    tracing::info!(count, "read");
    Ok(())
}
