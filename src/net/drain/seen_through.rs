//! Work that is done where it is waited for, and is seen through when who waited has gone.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::{Class, Drain};

/// A future that is polled by whoever waits for it; dropped before its end, it goes on as a task that the
/// drain owns, and what it comes to is dropped. As long as somebody waits there is no task, and nobody has
/// to be woken by one.
#[must_use = "futures do nothing unless polled"]
pub struct SeenThrough<F: Future<Output: Send> + Send + 'static> {
    drain: Drain,
    name: &'static str,
    class: Class,
    /// None once it has ended.
    future: Option<Pin<Box<F>>>,
}

impl Drain {
    /// Waits for `future`, which does not end with the wait. In a box: it may have to move to a task.
    pub fn see_through<F: Future<Output: Send> + Send + 'static>(
        &self,
        name: &'static str,
        class: Class,
        future: Pin<Box<F>>,
    ) -> SeenThrough<F> {
        SeenThrough { drain: self.clone(), name, class, future: Some(future) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for SeenThrough<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Whoever asks again after the end waits for ever, as with any future.
        let Some(future) = &mut self.future else { return Poll::Pending };
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for SeenThrough<F> {
    fn drop(&mut self) {
        // What has panicked cannot go on, and outside of a runtime nothing can.
        if std::thread::panicking() || Handle::try_current().is_err() {
            return;
        }
        if let Some(future) = self.future.take() {
            self.drain.spawn(self.name, self.class, async move { drop(future.await) });
        }
    }
}
