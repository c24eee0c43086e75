use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let who = signed_in_by(|_| Ok(AppUser::from("patient-17")));
    let connect = Connect::builder(Client::from_env()?, who, "https://app.example.test").build()?;
    let list = connect.client().user("patient-17").data().activities();
    let lines = move || list.items().map_ok(|one| format!("{:?}\n", one.kind()));
    let page = move || async move { axum::body::Body::from_stream(lines()) };
    let app = connect.router().route("/", axum::routing::get(page));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
