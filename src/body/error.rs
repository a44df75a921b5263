//! What breaks a body off.

use std::error::Error as StdError;
use std::sync::Arc;

use thiserror::Error;

use crate::store::Damaged;

/// Why a body ended before its end. The server ends the client's connection for it, so that the client
/// sees that something is missing (RFC 9112 §8). Cheap to clone: every reader of a spool gets it.
#[derive(Clone, Debug, Error)]
pub enum BodyError {
    /// The origin's body could not be read to its end.
    #[error("the origin's response broke off: {0}")]
    Upstream(#[source] Arc<dyn StdError + Send + Sync>),
    /// Whoever fetched the body stopped before its end.
    #[error("the response broke off before its end")]
    Truncated,
    /// It comes from the store, and the rest cannot be read.
    #[error(transparent)]
    Stored(#[from] Damaged),
    /// The client read so slowly that it held others up for too long.
    #[error("the client read too slowly and held up other clients of the same response")]
    CutOff,
    /// What was stored of the body cannot be read, or is not what was stored.
    #[error("what is stored of the response is damaged")]
    Damaged,
}

impl BodyError {
    /// An error of the origin's connection.
    pub fn upstream(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Upstream(Arc::new(error))
    }
}
