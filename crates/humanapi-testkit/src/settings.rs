//! What a case asks of the transport under test.

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
