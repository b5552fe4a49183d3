//! Draws which of the accepted requests go wrong, and how.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;

/// How an accepted request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Answered 503.
    Fail,
    /// The connection is reset.
    Reset,
    /// No byte comes for a long time, then the connection closes.
    Stall,
}

/// How large a share of the accepted requests goes wrong in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    fail: Share,
    reset: Share,
    stall: Share,
}

impl Faults {
    /// These shares, unless they add up to more than all requests.
    pub(crate) fn new(fail: Share, reset: Share, stall: Share) -> Result<Self, String> {
        if fail.0 + reset.0 + stall.0 <= Share::ALL.0 {
            return Ok(Self { fail, reset, stall });
        }
        Err(format!(
            "--fail {fail}, --reset {reset} and --stall {stall} are more than 100% together: lower one of them"
        ))
    }

    /// What becomes of the next request. Each call draws once, so a seed gives the same faults in the same order.
    pub(super) fn draw(self, rng: &mut Rng) -> Option<Fault> {
        let drawn = rng.u32(..Share::ALL.0);
        let cuts = [(self.fail, Fault::Fail), (self.reset, Fault::Reset), (self.stall, Fault::Stall)];
        let mut sum = 0;
        cuts.into_iter().find_map(|(share, fault)| {
            sum += share.0;
            (drawn < sum).then_some(fault)
        })
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered 503, {} reset, {} stalled", self.fail, self.reset, self.stall)
    }
}

/// A share of all requests, in thousandths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share(u32);

impl Share {
    const PERCENT: u32 = 1_000;
    const ALL: Self = Self(100 * Self::PERCENT);
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
        match percent {
            // Within the range the product is a small whole number.
            Some(percent @ 0.0..=100.0) => Ok(Self((percent * f64::from(Self::PERCENT)).round() as u32)),
            _ => Err("not a share: write a percentage from 0% to 100%, such as 10% or 0.5%".to_owned()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / f64::from(Self::PERCENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(fail: &str, reset: &str, stall: &str) -> Result<Faults, String> {
        Faults::new(fail.parse()?, reset.parse()?, stall.parse()?)
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!("10%".parse(), Ok(Share(10_000)));
        assert_eq!("0.5%".parse::<Share>().map(|share| share.to_string()), Ok("0.5%".to_owned()));
        for wrong in ["10", "0.1", "101%", "-1%", "NaN%", "%", ""] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn more_than_everything_cannot_go_wrong() {
        assert!(faults("50%", "30%", "20%").is_ok());
        assert!(faults("50%", "30%", "20.001%").is_err());
    }

    #[test]
    fn drawn_faults_come_in_their_shares() {
        let faults = faults("10%", "2%", "1%").unwrap();
        let mut rng = Rng::with_seed(1);
        let drawn: Vec<_> = (0..100_000).map(|_| faults.draw(&mut rng)).collect();
        let share = |fault| drawn.iter().filter(|one| **one == Some(fault)).count() as f64 / 100_000.0;
        assert!((share(Fault::Fail) - 0.10).abs() < 0.005);
        assert!((share(Fault::Reset) - 0.02).abs() < 0.005);
        assert!((share(Fault::Stall) - 0.01).abs() < 0.005);
    }

    #[test]
    fn a_seed_gives_the_same_faults_again() {
        let faults = faults("30%", "30%", "30%").unwrap();
        let draw = || {
            let mut rng = Rng::with_seed(7);
            (0..100).map(|_| faults.draw(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!((0..100).all(|_| Faults::default().draw(&mut Rng::with_seed(3)).is_none()));
    }
}
