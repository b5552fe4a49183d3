//! Limits for anything that is not HTTP: a rate, a burst, windows, weights, places inside; async and blocking, in the order of arrival.

#[cfg(feature = "tokio")]
mod driver;
mod shared;
mod waiting;

use std::fmt;
use std::sync::Arc;

use abide_core::policy::LimitSpecs;
pub use abide_core::turnstile::TooHeavy;

use crate::stopwatch::Timepiece;
use shared::Shared;
#[cfg(feature = "tokio")]
use waiting::Waiting;

/// Lets so many through in a time, and so many at once, whatever they do afterwards.
///
/// Limits are written as everywhere in abide ([`LimitSpec`](crate::LimitSpec)): `50/5s`, `20/s burst 10`, `even 20/s`,
/// `5000/h + 10/s`, `concurrency 5`. Several are taken together or not at all. Clones share one budget. Who comes first passes first,
/// async and blocking in one line; a heavy one is not overtaken by light ones. A future that is dropped while it waits leaves no
/// trace: it spends nothing, and the others move up.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use abide::Throttle;
///
/// let throttle = Throttle::new("20/s burst 10 + concurrency 5".parse()?);
/// for job in 0..100 {
///     let permit = throttle.acquire().await;
///     tokio::spawn(async move {
///         println!("job {job}");
///         drop(permit); // and with it one of the five places
///     });
/// }
/// # Ok(())
/// # }
/// ```
///
/// Time is the machine's, or, in a Tokio runtime whose clock is paused, that clock; a test can bring its own with the feature
/// `testing`. Its timers count whole milliseconds: a rate above
/// 1000/s needs a burst or a window to be reached.
#[derive(Clone)]
pub struct Throttle {
    shared: Arc<Shared>,
}

impl Throttle {
    /// A throttle with these limits. An amount of zero, which can't be written as text, is one.
    pub fn new(limits: LimitSpecs) -> Self {
        Self { shared: Arc::new(Shared::new(limits, &Timepiece::default())) }
    }

    /// A throttle on a virtual clock, for tests: a wait is over as soon as nothing else can be done, and that of a thread at once.
    ///
    /// ```
    /// use abide::Throttle;
    /// use abide::testing::VirtualClock;
    ///
    /// let clock = VirtualClock::new();
    /// let throttle = Throttle::on_clock("2/h".parse()?, &clock);
    /// for _ in 0..5 {
    ///     let _permit = throttle.acquire_blocking();
    /// }
    /// assert_eq!(clock.elapsed().as_secs(), 2 * 3_600);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "testing")]
    pub fn on_clock(limits: LimitSpecs, clock: &crate::testing::VirtualClock) -> Self {
        Self { shared: Arc::new(Shared::new(limits, &clock.into())) }
    }

    /// Passes at once, or not at all: if others wait, or there is no room.
    pub fn try_acquire(&self) -> Option<Permit> {
        self.shared.pass(1).then(|| self.permit())
    }

    /// As [`try_acquire`](Throttle::try_acquire), for a weight.
    ///
    /// # Errors
    ///
    /// If a limit is smaller than the weight.
    pub fn try_acquire_n(&self, weight: u32) -> Result<Option<Permit>, TooHeavy> {
        self.shared.check(weight)?;
        Ok(self.shared.pass(weight).then(|| self.permit()))
    }

    /// Waits for its turn and for room.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a Tokio runtime with time enabled.
    #[cfg(feature = "tokio")]
    pub async fn acquire(&self) -> Permit {
        self.acquire_n(1).await.expect("every limit lets one through, for none is smaller")
    }

    /// Waits for its turn and for room for this weight: so much is taken of each limit that is written `by cost`, and, if none is, of
    /// every limit; but always one of `concurrency`.
    ///
    /// # Errors
    ///
    /// If a limit is smaller than the weight, so that the turn would never come.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a Tokio runtime with time enabled.
    ///
    /// ```
    /// # #[cfg(feature = "tokio")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use abide::Throttle;
    ///
    /// let throttle = Throttle::new("100/s by cost + 3/s".parse()?);
    /// let _permit = throttle.acquire_n(40).await?; // one of 3, and 40 of 100
    /// assert!(throttle.acquire_n(101).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    pub async fn acquire_n(&self, weight: u32) -> Result<Permit, TooHeavy> {
        if !self.shared.pass(weight) {
            Waiting::join(&self.shared, weight)?.await;
        }
        Ok(self.permit())
    }

    /// As [`acquire`](Throttle::acquire), and blocks the thread. Needs no runtime; is not to be called in one.
    ///
    /// ```
    /// let throttle = abide::Throttle::new("10/s + concurrency 5".parse()?);
    /// let permit = throttle.acquire_blocking();
    /// // ... the work ...
    /// drop(permit);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_blocking(&self) -> Permit {
        self.acquire_n_blocking(1).expect("every limit lets one through, for none is smaller")
    }

    /// As [`acquire_n`](Throttle::acquire_n), and blocks the thread.
    ///
    /// # Errors
    ///
    /// If a limit is smaller than the weight, so that the turn would never come.
    pub fn acquire_n_blocking(&self, weight: u32) -> Result<Permit, TooHeavy> {
        if !self.shared.pass(weight) {
            waiting::block(&self.shared, weight)?;
        }
        Ok(self.permit())
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    fn permit(&self) -> Permit {
        Permit { place: self.shared.has_places.then(|| Arc::clone(&self.shared)) }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Throttle({}; {} waiting)", self.shared.limits, self.waiting())
    }
}

/// Leave to go on. Where `concurrency` is limited it holds one of the places until it is dropped.
#[derive(Debug)]
#[must_use = "the place is free again when the permit is dropped: bind it, as `let _permit`"]
pub struct Permit {
    place: Option<Arc<Shared>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(shared) = &self.place {
            shared.go_out();
        }
    }
}

#[cfg(test)]
mod tests;
