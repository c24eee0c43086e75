use humanapi::prelude::*;

/// Both crypto providers of rustls are in this program, and none of them was made the process's: whoever asks rustls for
/// its default is turned away. Three stacks make their TLS all the same, and read over plain HTTP besides.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _both = (
        rustls::crypto::ring::default_provider(),
        rustls::crypto::aws_lc_rs::default_provider(),
    );
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    let own = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let client = Client::from_env()?.retry(humanapi::RetryPolicy::default().with_max_attempts(1));
    let clients = [
        client.clone(),
        client.clone().transport(humanapi::ReqwestTransport::new()),
        client.transport(humanapi::ReqwestTransport::from_client(own)),
    ];
    // Nobody listens there: the settings of TLS are made, and then there is no connection.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    for client in clients {
        let page = client.user("patient-17").data().activities().await?;
        let tls = client.base_url(&format!("https://{nobody}"))?;
        let error = tls
            .user("patient-17")
            .data()
            .activities()
            .await
            .expect_err("nobody listens");
        println!("{} {:?} {}", page.items.len(), error.kind(), error.report());
    }
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    Ok(())
}
