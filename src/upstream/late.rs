//! A look-up that goes on while the addresses of the other family are tried (RFC 8305 §3).

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::error::ResolveFailure;

/// What a name server says about one family.
pub(super) type Answer = Result<Vec<IpAddr>, ResolveFailure>;
/// A look-up of one family; it ends in time by itself.
pub(super) type Lookup = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The family that was not answered when the other was, and the grace was over.
pub(super) struct Late {
    /// None when it has ended.
    lookup: Option<Lookup>,
    room: Arc<Semaphore>,
}

impl Late {
    /// `room` is for look-ups that nobody waits for any more.
    pub(super) fn new(lookup: Lookup, room: &Arc<Semaphore>) -> Self {
        Self { lookup: Some(lookup), room: Arc::clone(room) }
    }

    /// The addresses of the family, when they come; none when there are none. Cancel-safe.
    pub(super) async fn addresses(&mut self) -> Vec<IpAddr> {
        let Some(lookup) = &mut self.lookup else { return Vec::new() };
        let answer = lookup.await;
        self.lookup = None;
        answer.unwrap_or_default()
    }

    /// What is left to do when nobody waits any more: the resolver remembers an answer only when its
    /// look-up is seen through. Nothing when it has ended, or too many are at it.
    pub(super) fn rest(self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let lookup = self.lookup?;
        let place = self.room.try_acquire_owned().ok()?;
        Some(async move {
            drop(lookup.await);
            drop(place);
        })
    }
}
