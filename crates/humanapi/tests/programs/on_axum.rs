use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let connect = Connect::builder(
        Client::from_env()?,
        signed_in_by(|_| Ok(AppUser::from("patient-17"))),
        "https://app.example.test",
    )
    .build()?;
    let list = connect.client().user("patient-17").data().activities();
    let page = move || async move {
        axum::body::Body::from_stream(
            list.items()
                .map_ok(|one| format!("{:?} {:?}\n", one.start_time(), one.kind())),
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(
        listener,
        connect.router().route("/", axum::routing::get(page)),
    )
    .await?)
}
