//! Those who stand in line: futures, which may be dropped at any time, and threads.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

use abide_core::turnstile::TooHeavy;

use super::shared::Shared;

#[cfg(feature = "tokio")]
pub(super) use task::Waiting;

#[cfg(feature = "tokio")]
mod task {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use abide_core::turnstile::{Place, TooHeavy};
    use tokio::runtime::Handle;

    use super::super::driver;
    use super::super::shared::{Shared, settle};

    /// Is ready when it has passed. Dropped before, it has never come.
    pub(in super::super) struct Waiting<'a> {
        shared: &'a Arc<Shared>,
        place: Option<Place>,
    }

    impl<'a> Waiting<'a> {
        pub(in super::super) fn join(shared: &'a Arc<Shared>, weight: u32) -> Result<Self, TooHeavy> {
            Ok(Self { place: Some(shared.join(weight)?), shared })
        }
    }

    impl Future for Waiting<'_> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let Some(place) = self.place else { return Poll::Ready(()) };
            let (mut state, now) = self.shared.lock();
            if state.show_up(place, cx.waker(), now) {
                settle(state, now);
                self.place = None;
                return Poll::Ready(());
            }
            let runtime = Handle::current();
            let missing = state.drivers.missing(runtime.id());
            settle(state, now);
            if let Some(moved) = missing {
                driver::start(&runtime, self.shared, moved);
            }
            Poll::Pending
        }
    }

    impl Drop for Waiting<'_> {
        fn drop(&mut self) {
            if let Some(place) = self.place {
                self.shared.leave(place);
            }
        }
    }
}

/// Blocks until it has passed.
pub(super) fn block(shared: &Shared, weight: u32) -> Result<(), TooHeavy> {
    let place = shared.join(weight)?;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match shared.show_up_thread(place, &waker) {
            Ok(()) => return Ok(()),
            Err(Some(sleep)) if shared.clock.skip(sleep) => {}
            Err(Some(sleep)) => thread::park_timeout(sleep),
            Err(None) => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
