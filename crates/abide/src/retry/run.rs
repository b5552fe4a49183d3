//! The loops: make an attempt and settle its outcome until there is no more to do.

use std::fmt::Display;
use std::ops::ControlFlow;

use super::course::Course;
use super::error::RetryError;
use super::hooks::Attempt;
use super::settings::{Retry, Told};
use super::when::Condition;

impl<C, W> Retry<C, W> {
    /// Runs the operation until it succeeds or is given up. Waits on Tokio's clock.
    ///
    /// Dropping the future ends it, in an attempt or in a wait. An operation that has to change what it captures runs in a
    /// [`Course`].
    ///
    /// # Errors
    ///
    /// What the last attempt came to, with its history, if the outcome is not one that is tried again or a bound was reached.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a Tokio runtime with time enabled.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn fetch(url: &str) -> std::io::Result<String> { Ok(url.to_owned()) }
    /// use abide::Retry;
    ///
    /// let url = String::from("https://api.example.com/items");
    /// let body = Retry::new().attempts(5).run(|| fetch(&url)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    pub async fn run<T, E, F>(&self, mut operation: impl FnMut() -> F) -> Result<T, RetryError<T, E>>
    where
        F: Future<Output = Result<T, E>>,
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        self.run_with(|_| operation()).await
    }

    /// As [`run`](Retry::run), and tells the operation which attempt it is.
    ///
    /// # Errors
    ///
    /// As [`run`](Retry::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Retry::run).
    #[cfg(feature = "tokio")]
    pub async fn run_with<T, E, F>(&self, mut operation: impl FnMut(Attempt) -> F) -> Result<T, RetryError<T, E>>
    where
        F: Future<Output = Result<T, E>>,
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        let mut course = self.course();
        loop {
            let outcome = operation(course.attempt()).await;
            if let ControlFlow::Break(result) = course.settle(outcome).await {
                return result;
            }
        }
    }

    /// Runs the operation until it succeeds or is given up, and blocks the thread while it waits. Needs no runtime.
    ///
    /// # Errors
    ///
    /// What the last attempt came to, with its history, if the outcome is not one that is tried again or a bound was reached.
    ///
    /// ```
    /// use abide::Retry;
    ///
    /// let mut calls = 0;
    /// let retry = Retry::new().backoff(abide::retry::fixed(std::time::Duration::ZERO));
    /// let value = retry.run_blocking(|| {
    ///     calls += 1;
    ///     if calls < 3 { Err("not yet") } else { Ok(calls) }
    /// });
    /// assert_eq!(value.ok(), Some(3));
    /// ```
    pub fn run_blocking<T, E>(&self, mut operation: impl FnMut() -> Result<T, E>) -> Result<T, RetryError<T, E>>
    where
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        self.run_blocking_with(|_| operation())
    }

    /// As [`run_blocking`](Retry::run_blocking), and tells the operation which attempt it is.
    ///
    /// # Errors
    ///
    /// As [`run_blocking`](Retry::run_blocking).
    pub fn run_blocking_with<T, E>(
        &self,
        mut operation: impl FnMut(Attempt) -> Result<T, E>,
    ) -> Result<T, RetryError<T, E>>
    where
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        let mut course = self.course();
        loop {
            let outcome = operation(course.attempt());
            if let ControlFlow::Break(result) = course.settle_blocking(outcome) {
                return result;
            }
        }
    }

    /// Begins the attempts at one operation, for a loop of one's own.
    pub fn course(&self) -> Course<'_, C, W> {
        Course::new(self)
    }
}
