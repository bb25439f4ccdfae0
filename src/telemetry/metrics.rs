//! Every metric there is: its field, its name, its labels, its help. The field is the name without prefix and suffix.

use std::sync::Arc;

use metrics::{Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::family::{Counters, Family, Gauges};
use super::histogram::{Histograms, ShortHistograms};
use super::roster::Roster;

/// Handles of every metric; one for each running proxy, cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

impl std::ops::Deref for Metrics {
    type Target = Families;

    fn deref(&self) -> &Families {
        &self.0
    }
}

macro_rules! catalogue {
    ($($field:ident: $family:ident<$n:literal> = $name:literal [$($label:literal),*] $describe:ident $unit:expr, $help:literal;)+) => {
        /// Every family of metrics, by its field.
        pub struct Families {
            handle: PrometheusHandle,
            $(#[doc = $help] pub $field: $family<$n>,)+
        }

        /// Name and help of every metric, in the order of the page's source.
        pub const CATALOGUE: &[(&str, &str)] = &[$(($name, $help),)+];

        impl Metrics {
            /// A registry of its own, with nothing in it yet.
            #[must_use]
            pub fn new() -> Self {
                let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
                $(recorder.$describe($name.into(), $unit, SharedString::const_str($help));)+
                Metrics(Arc::new(Families {
                    handle: recorder.handle(),
                    $($field: Family::new(&recorder, $name, [$($label),*]),)+
                }))
            }

            /// Appends the families that the exporter does not know.
            fn render_own(&self, page: &mut String) {
                $(Family::render(&self.$field, $help, page);)+
            }

            /// Every family there is.
            #[cfg(test)]
            fn families(&self) -> Vec<&dyn super::family::Touch> {
                vec![$(&self.$field,)+]
            }
        }
    };
}

catalogue! {
    build_info: Gauges<1> = "umbrage_build_info" ["version"] describe_gauge None, "Always 1; the version is the label.";
    config_info: Roster<1> = "umbrage_config_info" ["hash"] describe_gauge None, "1 for the configuration in force; the label is a hash of it.";
    config_reloads: Counters<1> = "umbrage_config_reloads_total" ["result"] describe_counter None, "Reloads tried, by result (applied, unchanged, refused).";
    config_last_reload_successful: Gauges<0> = "umbrage_config_last_reload_successful" [] describe_gauge None, "1 if the last reload was accepted, 0 if it was refused.";
    config_last_reload_success_timestamp: Gauges<0> = "umbrage_config_last_reload_success_timestamp_seconds" [] describe_gauge Some(Unit::Seconds), "When a configuration was last accepted, in seconds since the Unix epoch.";
    requests: Counters<3> = "umbrage_requests_total" ["route", "method", "code"] describe_counter None, "Client requests answered or given up, by the status code that the client got.";
    request_duration: Histograms<2> = "umbrage_request_duration_seconds" ["route", "code_class"] describe_histogram Some(Unit::Seconds), "From a request's head to the end of its answer, as clients have it.";
    request_overhead: ShortHistograms<1> = "umbrage_request_overhead_seconds" ["route"] describe_histogram Some(Unit::Seconds), "Time from a request's head until it was handed to stable's connection, making one left out.";
    requests_in_flight: Gauges<1> = "umbrage_requests_in_flight" ["route"] describe_gauge None, "Client requests being served.";
    client_connections: Gauges<1> = "umbrage_client_connections" ["protocol"] describe_gauge None, "Open client connections.";
    client_connections_total: Counters<1> = "umbrage_client_connections_total" ["protocol"] describe_counter None, "Client connections accepted.";
    client_connection_errors: Counters<1> = "umbrage_client_connection_errors_total" ["reason"] describe_counter None, "Client connections that ended in an error, by reason.";
    leg_requests: Counters<3> = "umbrage_leg_requests_total" ["leg", "route", "code"] describe_counter None, "Responses that a leg gave, by status code.";
    leg_duration: Histograms<2> = "umbrage_leg_duration_seconds" ["leg", "route"] describe_histogram Some(Unit::Seconds), "From handing a request to a leg's connection to the end of its response.";
    leg_first_byte: Histograms<2> = "umbrage_leg_first_byte_seconds" ["leg", "route"] describe_histogram Some(Unit::Seconds), "From handing a request to a leg's connection to the head of its response.";
    leg_errors: Counters<2> = "umbrage_leg_errors_total" ["leg", "reason"] describe_counter None, "Exchanges with a leg that gave no usable answer, by reason; `ejected` counts addresses that were left out for a while.";
    leg_connections: Gauges<2> = "umbrage_leg_connections" ["leg", "state"] describe_gauge None, "Connections to a leg, by state (active, idle).";
    leg_connects: Counters<2> = "umbrage_leg_connects_total" ["leg", "result"] describe_counter None, "Connections made to a leg, by result (ok, error, timeout).";
    leg_up: Gauges<1> = "umbrage_leg_up" ["leg"] describe_gauge None, "1 if the leg was last reached (with health probes: if an address of it is well), 0 if not.";
    mirror_decisions: Counters<2> = "umbrage_mirror_decisions_total" ["route", "decision"] describe_counter None, "What was decided about each client request: mirrored, or why not.";
    mirror_outcomes: Counters<3> = "umbrage_mirror_outcomes_total" ["leg", "route", "outcome"] describe_counter None, "How mirrored requests ended on shadow and control.";
    mirror_in_flight: Gauges<0> = "umbrage_mirror_in_flight" [] describe_gauge None, "Mirrored requests under way.";
    mirror_in_flight_limit: Gauges<0> = "umbrage_mirror_in_flight_limit" [] describe_gauge None, "Bound on mirrored requests under way.";
    mirror_buffered_bytes: Gauges<0> = "umbrage_mirror_buffered_bytes" [] describe_gauge Some(Unit::Bytes), "Bytes held by request copies, captures and queued pairs.";
    mirror_buffered_bytes_limit: Gauges<0> = "umbrage_mirror_buffered_bytes_limit" [] describe_gauge Some(Unit::Bytes), "Bound on the bytes held for mirroring.";
    mirror_percent: Roster<1> = "umbrage_mirror_percent" ["route"] describe_gauge None, "Share of requests to be mirrored, in percent.";
    mirror_paused: Roster<1> = "umbrage_mirror_paused" ["route"] describe_gauge None, "1 while mirroring is paused.";
    mirror_breaker_open: Roster<1> = "umbrage_mirror_breaker_open" ["route"] describe_gauge None, "1 while the shadow fails and at most one request at a time is sent to it.";
    guard_tripped: Roster<1> = "umbrage_guard_tripped" ["guard"] describe_gauge None, "1 while this guard stops the mirroring; guards that are switched off are not listed.";
    guard_reading: Roster<1> = "umbrage_guard_reading" ["guard"] describe_gauge None, "What a guard read last: seconds of delays and latencies, shares from 0 to 1 of everything else.";
    comparisons: Counters<3> = "umbrage_comparisons_total" ["leg", "route", "verdict"] describe_counter None, "Pairs compared with stable's answer, by verdict (match, mismatch, incomparable).";
    incomparable: Counters<2> = "umbrage_incomparable_total" ["route", "reason"] describe_counter None, "Pairs of stable and shadow without a verdict, by reason.";
    differences: Counters<3> = "umbrage_differences_total" ["leg", "route", "part"] describe_counter None, "Differences found, by the part of the answer that they lie in.";
    comparison_duration: ShortHistograms<1> = "umbrage_comparison_duration_seconds" ["route"] describe_histogram Some(Unit::Seconds), "Time that one comparison took.";
    latency_delta: Histograms<2> = "umbrage_latency_delta_seconds" ["route", "sign"] describe_histogram Some(Unit::Seconds), "How much slower or faster the shadow was than its reference (control where it was asked, else stable), whole exchange.";
    shadow_plane_panics: Counters<0> = "umbrage_shadow_plane_panics_total" [] describe_counter None, "Panics caught in the shadow plane.";
    records: Counters<2> = "umbrage_records_total" ["sink", "result"] describe_counter None, "Records offered to a sink, by result (written, dropped, failed).";
    record_queue_length: Gauges<1> = "umbrage_record_queue_length" ["sink"] describe_gauge None, "Records waiting to be written.";
    tls_certificate_expiry: Gauges<1> = "umbrage_tls_certificate_expiry_timestamp_seconds" ["listener"] describe_gauge Some(Unit::Seconds), "When the first certificate of a listener ends, in seconds since the Unix epoch.";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The page in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = self.handle.render();
        self.render_own(&mut page);
        page
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
