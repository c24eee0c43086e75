//! `GET /v1/human/genetic`: traits and genotypes.

use crate::data::record::records;

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
