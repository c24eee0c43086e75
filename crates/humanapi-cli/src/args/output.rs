//! How results are printed.

/// What a command prints its results as.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Print one line of JSON, as is done anyway when the output is no terminal
    #[arg(long, conflicts_with = "table", help_heading = "Output")]
    pub(crate) json: bool,
    /// Print a text for people, as is done anyway on a terminal
    #[arg(long, help_heading = "Output")]
    pub(crate) table: bool,
}
