//! Which outcomes are tried again, as values that combine by `|`, `&` and `!`.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

/// Says of an operation's outcome whether it is to be tried again.
///
/// Every `Fn(&E) -> bool` is one that looks at errors alone; [`value`], [`error`], [`error_is`] and [`any_error`] make those that
/// combine.
pub trait Condition<T, E> {
    /// Whether the operation is to be tried again after this outcome.
    fn holds(&self, outcome: &Result<T, E>) -> bool;
}

impl<T, E, F: Fn(&E) -> bool> Condition<T, E> for F {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        outcome.as_ref().is_err_and(self)
    }
}

/// A condition that combines with others: `a | b`, `a & b`, `!a`.
///
/// ```
/// use std::convert::Infallible;
/// use abide::retry::{error, value, Retry};
///
/// #[derive(Debug, PartialEq)]
/// enum Job { Pending, Done }
///
/// let mut answers = [Job::Pending, Job::Pending, Job::Done].into_iter();
/// let job = Retry::new()
///     .backoff(abide::retry::fixed(std::time::Duration::ZERO))
///     .when(value(|job: &Job| *job == Job::Pending) | error(|_: &Infallible| true))
///     .run_blocking(|| Ok(answers.next().unwrap_or(Job::Done)));
/// assert_eq!(job.ok(), Some(Job::Done));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct When<C>(C);

/// After errors that the predicate is true of.
pub fn error<F>(predicate: F) -> When<F> {
    When(predicate)
}

/// After *results* that the predicate is true of: what came was no error, but not what is waited for ("the body says pending").
pub fn value<F>(predicate: F) -> When<OnValue<F>> {
    When(OnValue(predicate))
}

/// After every error.
pub fn any_error() -> When<AnyError> {
    When(AnyError)
}

/// After errors that are an `X`, or whose [`source`](Error::source) is one, however deep.
///
/// ```
/// use std::io;
/// use abide::retry::{error_is, Retry};
///
/// let mut calls = 0;
/// let result = Retry::new().attempts(3).when(error_is::<io::Error>()).run_blocking(|| {
///     calls += 1;
///     "five".parse::<u8>()
/// });
/// assert!(result.is_err());
/// assert_eq!(calls, 1);
/// ```
pub fn error_is<X>() -> When<OfType<X>> {
    When(OfType(PhantomData))
}

impl<T, E, C: Condition<T, E>> Condition<T, E> for When<C> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        self.0.holds(outcome)
    }
}

/// The default: see [`any_error`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyError;

impl<T, E> Condition<T, E> for AnyError {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        outcome.is_err()
    }
}

/// See [`value`].
#[derive(Clone, Copy, Debug)]
pub struct OnValue<F>(F);

impl<T, E, F: Fn(&T) -> bool> Condition<T, E> for OnValue<F> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        outcome.as_ref().is_ok_and(&self.0)
    }
}

/// See [`error_is`].
pub struct OfType<X>(PhantomData<fn() -> X>);

impl<X> Clone for OfType<X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X> Copy for OfType<X> {}

impl<X> fmt::Debug for OfType<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfType")
    }
}

impl<T, E: Error + 'static, X: Error + 'static> Condition<T, E> for OfType<X> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        let mut cause = outcome.as_ref().err().map(|error| error as &(dyn Error + 'static));
        while let Some(error) = cause {
            if error.is::<X>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// See [`When`].
#[derive(Clone, Copy, Debug)]
pub struct Either<A, B>(A, B);

impl<T, E, A: Condition<T, E>, B: Condition<T, E>> Condition<T, E> for Either<A, B> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        self.0.holds(outcome) || self.1.holds(outcome)
    }
}

/// See [`When`].
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(A, B);

impl<T, E, A: Condition<T, E>, B: Condition<T, E>> Condition<T, E> for Both<A, B> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        self.0.holds(outcome) && self.1.holds(outcome)
    }
}

/// See [`When`].
#[derive(Clone, Copy, Debug)]
pub struct Opposite<A>(A);

impl<T, E, A: Condition<T, E>> Condition<T, E> for Opposite<A> {
    fn holds(&self, outcome: &Result<T, E>) -> bool {
        !self.0.holds(outcome)
    }
}

impl<A, B> BitOr<When<B>> for When<A> {
    type Output = When<Either<A, B>>;

    fn bitor(self, other: When<B>) -> Self::Output {
        When(Either(self.0, other.0))
    }
}

impl<A, B> BitAnd<When<B>> for When<A> {
    type Output = When<Both<A, B>>;

    fn bitand(self, other: When<B>) -> Self::Output {
        When(Both(self.0, other.0))
    }
}

/// The other outcomes. The opposite of a condition on errors holds for every result, so it is usually joined by `&` to another.
impl<A> Not for When<A> {
    type Output = When<Opposite<A>>;

    fn not(self) -> Self::Output {
        When(Opposite(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn holds<T, E>(condition: &impl Condition<T, E>, outcome: Result<T, E>) -> bool {
        condition.holds(&outcome)
    }

    #[test]
    fn conditions_combine() {
        let small = || value(|n: &u8| *n < 10);
        let reset = || error(|e: &&str| *e == "reset");
        let either = small() | reset();
        assert!(holds(&either, Ok(9)) && holds(&either, Err("reset")));
        assert!(!holds(&either, Ok(10)) && !holds(&either, Err("refused")));
        let others = any_error() & !reset();
        assert!(holds(&others, Err::<u8, _>("refused")));
        assert!(!holds(&others, Err::<u8, _>("reset")) && !holds(&others, Ok(9)));
        assert!(holds(&(small() & !value(|n: &u8| *n == 5)), Ok::<_, &str>(4)));
    }

    #[test]
    fn a_plain_predicate_looks_at_errors_alone() {
        let always = |_: &&str| true;
        assert!(holds(&always, Err::<u8, _>("no")));
        assert!(!holds(&always, Ok::<u8, &str>(1)));
    }

    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_is_known_by_its_type_however_deep() {
        let wrapped = || Err::<(), _>(Wrapped(io::Error::other("x")));
        assert!(holds(&error_is::<Wrapped>(), wrapped()));
        assert!(holds(&error_is::<io::Error>(), wrapped()));
        assert!(!holds(&error_is::<fmt::Error>(), wrapped()));
        assert!(!holds(&error_is::<Wrapped>(), Ok::<_, Wrapped>(())));
    }
}
