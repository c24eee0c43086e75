//! The conformance suites that every transport, every token store and every order journal of the Human API SDK has to pass.
//!
//! For stores see [`store`], for journals [`journal`]. For transports [`conformance!`] makes one test of each case. A case starts servers of its own on loopback, hands the transport
//! requests for them, and looks at what arrived and what came back. Nothing here sleeps to let something happen; a case
//! waits for the event itself, and one that hangs fails after two minutes.

pub mod attack;
mod authority;
mod canary;
pub mod exchange;
pub mod failures;
mod golden;
mod histories;
pub mod journal;
pub mod marks;
mod node;
mod npm;
pub mod process;
mod proxy;
pub mod proxying;
mod raw;
pub mod reports;
mod script;
mod server;
#[cfg(unix)]
pub mod servers;
mod settings;
mod skip;
pub mod store;
pub mod streaming;
mod support;
mod switch;
pub mod vendor;

pub use canary::shown_forms;
pub use node::node_test;
pub use npm::npm_file;
pub use server::Wire;
pub use settings::{ProxySetting, TransportSettings};
pub use skip::skip;
pub use support::{Subject, within};
pub use switch::Switch;

/// Makes a test of every case, for the transport that a function makes of [`TransportSettings`].
///
/// Takes the function's name. The crate needs tokio with its macros.
#[macro_export]
macro_rules! conformance {
    ($make:ident) => {
        $crate::conformance!(@wire http1 Http1 $make);
        $crate::conformance!(@wire http1_tls Http1Tls $make);
        $crate::conformance!(@wire http2_tls Http2Tls $make);

        /// HTTP/1.1 in the clear and nothing else.
        mod plain {
            $crate::conformance!(@cases exchange (super::$make)
                bytes_are_golden
            );
        }

        /// HTTP/2 and nothing else.
        mod http2 {
            $crate::conformance!(@cases exchange (super::$make)
                secrets_stay_out_of_the_header_table
                parallel_requests_share_one_connection
            );
            $crate::conformance!(@cases failures (super::$make)
                a_request_turned_away_is_not_processed_twice
                a_refused_stream_is_not_processed_twice
                a_request_taken_before_the_end_completes
                a_request_taken_and_dropped_is_lost
            );
        }

        /// The way to a connection.
        mod connecting {
            $crate::conformance!(@cases failures (super::$make)
                a_refused_connection_is_not_sent
                an_unknown_host_is_not_sent
                an_unknown_authority_is_not_sent
                a_wrong_name_is_not_sent
                an_unreadable_root_is_not_sent
                time_runs_out_before_the_connection
                a_body_without_an_end_over_tls_is_cut_short
            );
            $crate::conformance!(@cases proxying (super::$make)
                https_goes_through_a_tunnel
                http2_goes_through_a_tunnel
                plain_http_is_never_proxied
                loopback_is_never_proxied
                listed_hosts_are_reached_directly
                a_refusing_proxy_is_not_sent
                a_proxy_that_wants_a_login_is_told_as_such
                an_unreachable_proxy_is_not_sent
                an_unreadable_proxy_is_not_gone_around
            );
        }

        /// What needs an environment of its own.
        mod process {
            $crate::conformance!(@child (super::$make)
                the_environment_names_the_proxy
                plain_http_needs_no_certificate
            );
        }
    };
    (@wire $module:ident $wire:ident $make:ident) => {
        mod $module {
            $crate::conformance!(@cases exchange (super::$make, $crate::Wire::$wire)
                requests_arrive_unaltered
                any_status_comes_back_unaltered
                one_call_is_one_request
                redirects_are_not_followed
                bodies_of_any_size_survive
                answers_without_a_body_are_whole
                header_bytes_survive
                sequential_requests_share_a_connection
                a_hundred_at_once_get_their_own_answers
                it_works_behind_a_pointer
                a_cancelled_call_leaves_the_transport_usable
            );
            $crate::conformance!(@cases failures (super::$make, $crate::Wire::$wire)
                a_connection_closed_before_the_answer_is_lost
                a_measured_body_that_breaks_is_cut_short
                an_unmeasured_body_that_breaks_is_cut_short
                time_runs_out_before_the_head
                time_runs_out_within_the_body
                an_announced_size_over_the_limit_is_too_large
                an_unannounced_size_over_the_limit_is_too_large
                an_idle_connection_that_closed_costs_nothing
                a_connection_that_closes_under_a_request_costs_nothing
            );
            $crate::conformance!(@cases streaming (super::$make, $crate::Wire::$wire)
                chunks_arrive_before_the_end
                a_stream_may_exceed_the_limit
                a_stream_may_take_longer_than_one_wait
                a_silent_stream_times_out
                a_stream_without_a_head_times_out
                a_stream_that_breaks_is_an_error
                a_stream_cut_anywhere_is_an_error
                a_dropped_stream_ends_its_exchange
                a_huge_stream_keeps_little_in_memory
                a_compressed_stream_is_refused
                an_error_in_place_of_a_stream_is_judged
            );
        }
    };
    (@cases $module:ident $arguments:tt $($case:ident)*) => {
        $(
            #[::tokio::test]
            async fn $case() {
                $crate::within($crate::$module::$case $arguments).await;
            }
        )*
    };
    (@child ($make:expr) $($case:ident)*) => {
        $(
            #[::tokio::test]
            async fn $case() {
                let test = ::core::concat!(::core::module_path!(), "::", ::core::stringify!($case));
                $crate::within($crate::process::$case($make, test)).await;
            }
        )*
    };
}

/// Makes a test of each case that a client of the application's own has to pass too: over plain HTTP/1.1, with no other
/// setting than the largest body.
///
/// Takes the name of the function that makes the transport. The crate needs tokio with its macros.
#[macro_export]
macro_rules! own_client {
    ($make:ident) => {
        $crate::conformance!(@cases exchange ($make, $crate::Wire::Http1)
            requests_arrive_unaltered
            any_status_comes_back_unaltered
        );
        $crate::conformance!(@cases streaming ($make, $crate::Wire::Http1)
            chunks_arrive_before_the_end
            a_stream_that_breaks_is_an_error
            a_compressed_stream_is_refused
        );
        $crate::conformance!(@cases failures ($make, $crate::Wire::Http1)
            time_runs_out_before_the_head
            time_runs_out_within_the_body
            an_announced_size_over_the_limit_is_too_large
        );
        $crate::conformance!(@cases failures ($make)
            an_address_without_a_host_is_not_sent
        );
    };
}

/// The example on the repository's front page is compiled with the tests. It stands here because a
/// published crate cannot hold a file from outside its folder.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod front_page {}

/// So are the book's pages that hold Rust; `cargo xtask docs` tells which are missing here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/start-here.md")]
mod start_here {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/tokens-and-connect.md")]
mod tokens_and_connect {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/troubleshooting.md")]
mod troubleshooting {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/tokens-in-production.md")]
mod tokens_in_production {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/reading-health-data.md")]
mod reading_health_data {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/keeping-in-step.md")]
mod keeping_in_step {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/errors-and-logs.md")]
mod errors_and_logs {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/units.md")]
mod units {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/de-identification.md")]
mod de_identification {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/notifications.md")]
mod notifications {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing-your-application.md")]
mod testing_your_application {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/ordering-records.md")]
mod ordering_records {}
