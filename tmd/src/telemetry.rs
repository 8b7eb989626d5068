//! What the daemon tells its operators: the log on stderr, and metrics in memory until somebody asks for them.

pub mod delay;
pub mod queue;

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogConfig, LogFormat};

/// Upper bounds of the buckets of every histogram of seconds: from a cached answer to the longest time-out.
const SECONDS_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often samples of histograms are folded into their buckets when nobody asks for them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why nothing can be logged or measured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is no filter.
    #[error("failed to read log.filter")]
    Filter(#[from] ParseError),
    /// The process has another log already.
    #[error("failed to install the log: {0}")]
    Log(String),
    /// The process has another recorder of metrics already.
    #[error("failed to install the metrics")]
    Metrics(#[from] BuildError),
}

/// Sends the log to stderr, pretty or as one JSON object a line, and panics into the log.
///
/// # Errors
/// [`TelemetryError`] for a malformed filter, or when the process logs elsewhere already.
pub fn install_log(log: &LogConfig) -> Result<(), TelemetryError> {
    let on_terminal = std::io::stderr().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(on_terminal);
    let installed = match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Auto if !on_terminal => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Pretty | LogFormat::Auto => subscriber.try_init(),
    };
    installed.map_err(|fault| TelemetryError::Log(fault.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let message = panic_message(panic.payload());
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panic: {message}");
    }));
    Ok(())
}

/// What a panic said.
#[must_use]
pub fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

/// The metrics of the process.
#[derive(Clone, Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Collects the metrics of the whole process from now on. A second call answers the same collection.
    ///
    /// # Errors
    /// [`TelemetryError::Metrics`] when something else collects them already.
    pub fn install() -> Result<Self, TelemetryError> {
        static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &*installed {
            return Ok(metrics.clone());
        }
        let builder = PrometheusBuilder::new();
        let builder =
            builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)?;
        let metrics = Self { handle: builder.install_recorder()? };
        *installed = Some(metrics.clone());
        Ok(metrics)
    }

    /// All metrics in the text format of Prometheus.
    ///
    /// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Keeps samples from piling up when nobody asks for them, until told to stop.
    pub async fn keep_up(self, stop: CancellationToken) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            self.handle.run_upkeep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_with_buckets_and_installed_once() {
        drop(Metrics::install().unwrap());
        metrics::histogram!("telemetry_test_seconds").record(0.003);
        let text = Metrics::install().unwrap().render();
        assert!(text.contains("telemetry_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("telemetry_test_seconds_bucket{le=\"0.0025\"} 0"), "{text}");
    }

    #[test]
    fn panics_are_quoted() {
        let caught = |what: fn()| std::panic::catch_unwind(what).unwrap_err();
        assert_eq!(panic_message(&*caught(|| panic!("plain"))), "plain");
        assert_eq!(panic_message(&*caught(|| panic!("number {}", 7))), "number 7");
        assert_eq!(panic_message(&*caught(|| std::panic::panic_any(7))), "(no message)");
    }
}
