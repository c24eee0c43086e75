//! `GET /v1/human/genetic`: traits and genotypes.

use std::fmt;

use crate::data::page::Page;
use crate::data::pages::all_at_once;
use crate::data::read_ahead::one_by_one;
use crate::data::record::records;
use crate::data::{get, list};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::retry::Replay;
use crate::rules::Authorization;

records! {
    /// One genetic trait. These have neither id nor source nor dates.
    pub struct GeneticTrait {
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// What the trait is.
        description: Text = "description",
        /// The most likely outcome.
        outcome: Text = "trait",
        /// All possible outcomes.
        possible_traits: List<Text> = "possibleTraits",
    }

    /// One genotype. How an answer looks is documented nowhere: these fields are assumed.
    pub struct Genotype {
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// Which place of the genome, such as `rs1`.
        location: Text = "location",
        /// What stands there, such as `AA`.
        genotype: Text = "genotype",
    }
}

/// Reads what stands at some places of the user's genome.
///
/// How the answer looks is documented nowhere, so it may be a list or one object; each record has its
/// bytes as they came.
///
/// ```
/// use humanapi_core::data::ListGenotypes;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = ListGenotypes::new(["rs1", "rs2"]).request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/human/genetic/genotypes?locations=rs1%20rs2",
/// );
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ListGenotypes {
    locations: Vec<String>,
}

impl ListGenotypes {
    pub(super) const NAME: &'static str = "data.genotypes";
    pub(super) const PATH: &'static str = "/v1/human/genetic/genotypes";

    /// The genotypes at these places: at least one, each the id of a single-nucleotide polymorphism in
    /// letters and digits, such as `rs1`.
    #[must_use]
    pub fn new(locations: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            locations: locations.into_iter().map(Into::into).collect(),
        }
    }

    fn page(&self, response: Response) -> Result<Page<Genotype, Self>, ResponseError> {
        all_at_once(list(response)?)
    }
}

impl Endpoint for ListGenotypes {
    type Output = Page<Genotype, Self>;

    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let is_id =
            |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.locations.is_empty() || !self.locations.iter().all(is_id) {
            return Err(BuildError::OutOfRange {
                name: "locations",
                rule: "one id or more, each of ASCII letters and digits, such as rs1",
            });
        }
        let mut line = QueryString::after(Self::PATH.to_owned());
        line.push_text("locations", &self.locations.join(" "));
        get(hosts, &line.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.page(response)
    }
}

one_by_one!([] ListGenotypes, Genotype);

impl fmt::Debug for ListGenotypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The places are left out: they can tell which illness somebody is feared to have.
        f.debug_struct("ListGenotypes").finish_non_exhaustive()
    }
}
