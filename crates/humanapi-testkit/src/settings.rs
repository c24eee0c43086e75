//! What a case asks of the transport under test.

use humanapi_client::adapter::{Builder, FromSettings};

/// What a case asks of the transport under test.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TransportSettings {
    /// Root certificates to trust besides the platform's, in DER.
    pub extra_roots: Vec<Vec<u8>>,
    /// The largest body to accept, where it is not the transport's own limit.
    pub max_body: Option<usize>,
    /// The way to https hosts.
    pub proxy: ProxySetting,
}

impl TransportSettings {
    /// Makes a transport of them.
    #[must_use]
    pub fn build<T: FromSettings>(&self) -> T {
        let mut builder = Builder::default();
        for root in &self.extra_roots {
            builder = builder.extra_root_der(root.clone());
        }
        if let Some(bytes) = self.max_body {
            builder = builder.max_body(bytes);
        }
        builder = match &self.proxy {
            ProxySetting::None => builder.no_proxy(),
            ProxySetting::Environment => builder,
            ProxySetting::Through { address, direct } => builder.proxy(address, direct),
        };
        builder.build()
    }
}

/// The way to https hosts.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an adapter's factory has to handle every one"
)]
pub enum ProxySetting {
    /// Direct, whatever the environment says.
    #[default]
    None,
    /// What the environment says.
    Environment,
    /// This proxy.
    Through {
        /// As `HTTPS_PROXY` would hold it.
        address: String,
        /// As `NO_PROXY` would hold it.
        direct: String,
    },
}
