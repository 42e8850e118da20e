//! Waiting for events, with a bound that no healthy run reaches.

use std::time::Duration;

/// Far above what anything here takes; only a defect gets so far.
pub const BOUND: Duration = Duration::from_secs(60);

/// What `event` gives.
///
/// # Panics
/// When it does not come.
pub async fn bounded<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain: {what}"),
    }
}
