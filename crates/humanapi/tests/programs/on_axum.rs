use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let list = Client::from_env()?.user("patient-17").data().activities();
    let lines = move || list.items().map_ok(|one| format!("{:?}\n", one.kind()));
    let page = axum::routing::get(move || async move { axum::body::Body::from_stream(lines()) });
    let app = axum::Router::new().route("/", page);
    let listener = tokio::net::TcpListener::bind(std::env::var("LISTEN")?).await?;
    Ok(axum::serve(listener, app).await?)
}
