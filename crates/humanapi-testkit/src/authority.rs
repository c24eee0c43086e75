//! A certificate authority that lives as long as the tests do.

use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server's certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Signed by our authority for the names that tests use.
    Right,
    /// Signed by our authority for another name.
    WrongName,
    /// Signed by an authority that nobody was told of.
    Stranger,
}

/// The host name that only a proxy can resolve.
pub(crate) const HOST: &str = "api.example.test";

/// Our authority's root certificate, in DER.
pub(crate) fn root() -> Vec<u8> {
    TRUSTED.root.clone()
}

/// The settings of a server with this certificate and these protocols.
pub(crate) fn server(identity: Identity, protocol: &str) -> Arc<ServerConfig> {
    let (authority, names): (&Authority, &[&str]) = match identity {
        Identity::Right => (&TRUSTED, &["127.0.0.1", HOST]),
        Identity::WrongName => (&TRUSTED, &["other.example.test"]),
        Identity::Stranger => (&STRANGER, &["127.0.0.1", HOST]),
    };
    let (chain, key) = authority.issue(names);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key fits its certificate");
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

static TRUSTED: LazyLock<Authority> = LazyLock::new(Authority::new);
static STRANGER: LazyLock<Authority> = LazyLock::new(Authority::new);

struct Authority {
    root: Vec<u8>,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a root can be signed");
        Self {
            root: issuer.as_ref().der().to_vec(),
            issuer,
        }
    }

    fn issue(&self, names: &[&str]) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names are valid");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a made key is readable");
        (vec![certificate.der().clone()], key)
    }
}
