//! A folder in an object store: S3 and what speaks as it does, Google Cloud Storage, Azure.

mod error;
mod place;

use std::fmt;
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use url::Url;

pub use error::CloudError;
pub(super) use place::{Cloud, THREADS};

/// A folder in an object store, which [`Export::run_in_cloud`](super::Export::run_in_cloud) writes to.
///
/// ```no_run
/// # use humanapi_client::Client;
/// use std::future::pending;
///
/// use futures_util::stream;
/// use humanapi_export::{CloudFolder, Export, Format};
///
/// # async fn export(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let users = stream::iter(["patient-17", "patient-18"].map(|id| Ok(id.into())));
/// let folder = CloudFolder::from_env("s3://example-bucket/exports/2026-11")?;
/// let export = Export::new(client, Format::Ndjson);
/// let summary = export.run_in_cloud(users, folder, pending()).await?;
/// println!("{} records, whole: {}", summary.records, summary.whole);
/// # Ok(())
/// # }
/// ```
///
/// `Debug` shows no credentials.
#[derive(Clone)]
pub struct CloudFolder {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl CloudFolder {
    /// The folder of that name in a store of your own, such as one with credentials that you fetch; the empty name is all of
    /// it.
    ///
    /// # Errors
    ///
    /// When the store can have no folder of that name.
    pub fn new(store: Arc<dyn ObjectStore>, folder: &str) -> Result<Self, CloudError> {
        let prefix = Path::parse(folder).map_err(|_| CloudError::Address)?;
        Ok(Self { store, prefix })
    }

    /// The folder at an address, such as `s3://bucket/folder`, `gs://bucket/folder` or `az://container/folder`. Credentials and
    /// all other settings are read from the environment: what begins with `AWS_`, `GOOGLE_` or `AZURE_`, as the crate
    /// `object_store` tells of its builders. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the address is of no object store, or the settings are not enough.
    pub fn from_env(address: &str) -> Result<Self, CloudError> {
        let url: Url = address.parse().map_err(|_| CloudError::Address)?;
        // What else an address can hold is not read by any store, and may be a credential.
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(CloudError::Address);
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| CloudError::Address)?;
        let built = match scheme {
            ObjectStoreScheme::AmazonS3 => AmazonS3Builder::from_env()
                .with_url(address)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            ObjectStoreScheme::GoogleCloudStorage => GoogleCloudStorageBuilder::from_env()
                .with_url(address)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            ObjectStoreScheme::MicrosoftAzure => MicrosoftAzureBuilder::from_env()
                .with_url(address)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            _ => return Err(CloudError::Address),
        };
        // The reason may hold a setting, and so a credential.
        let store = built.map_err(|_| CloudError::Settings)?;
        Ok(Self { store, prefix })
    }
}

impl fmt::Debug for CloudFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudFolder")
            .field("folder", &self.prefix.as_ref())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_of_no_object_store_or_holds_a_secret_is_refused() {
        for address in [
            "",
            "exported",
            "/exported",
            "s3:",
            "s3:///folder",
            "file:///exported",
            "memory:///exported",
            "ftp://example.test/exported",
            "https://example.test/exported",
            "s3://key:secret@bucket/exported",
            "az://container/exported?sig=secret",
            "gs://bucket/exported#secret",
        ] {
            let refused = CloudFolder::from_env(address);
            assert!(matches!(refused, Err(CloudError::Address)), "{address}");
        }
    }

    #[test]
    fn debug_shows_the_folder_and_nothing_of_the_credentials() {
        let store = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_access_key_id("canary-key")
            .with_secret_access_key("canary-secret")
            .with_token("canary-token")
            .build()
            .unwrap();
        let folder = CloudFolder::new(Arc::new(store), "exported/2026").unwrap();
        let shown = format!("{folder:?}");
        assert_eq!(shown, r#"CloudFolder { folder: "exported/2026", .. }"#);
        assert!(matches!(
            CloudFolder::new(Arc::clone(&folder.store), "a//b"),
            Err(CloudError::Address)
        ));
    }
}
