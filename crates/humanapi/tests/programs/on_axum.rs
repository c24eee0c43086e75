use humanapi::prelude::*;

async fn activities(client: Client) -> String {
    let mut activities = client.user("patient-17").data().activities().items();
    let mut page = String::new();
    while let Ok(Some(activity)) = activities.try_next().await {
        page += &format!("{:?} {:?}\n", activity.start_time(), activity.kind());
    }
    page
}

struct Sessions;

// Without a macro: none can be forgotten.
impl humanapi::axum::SignedIn for Sessions {
    async fn user(&self, _: &mut axum::http::request::Parts) -> Result<humanapi::axum::AppUser, axum::response::Response> {
        humanapi::axum::AppUser::new("patient-17").map_err(|_| axum::response::Response::default())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let connect = humanapi::axum::Connect::builder(client.clone(), Sessions, "https://app.example.test").build()?;
    let app = axum::Router::new().route("/", axum::routing::get(move || activities(client))).merge(connect.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
