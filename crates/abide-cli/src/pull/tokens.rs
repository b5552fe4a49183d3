//! Several tokens for one API, each with its own budget: which one the next request goes with.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A wait that is not worth another token.
const SHORT: Duration = Duration::from_secs(2);
/// How long a token rests whose limit nobody knows the end of.
const REST: Duration = Duration::from_secs(10);

/// The tokens, and what is known of each.
pub(super) struct Tokens(Vec<Token>);

struct Token {
    text: Arc<str>,
    flying: usize,
    /// How often it was chosen.
    used: u64,
    /// Until when its budget is spent.
    spent_until: Option<SystemTime>,
}

/// The token of a request.
#[derive(Clone)]
pub(super) struct Chosen {
    index: usize,
    pub(super) text: Arc<str>,
    /// How long the request may wait for a limit, where another token may do instead.
    pub(super) max_wait: Option<Duration>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chosen({})", self.index)
    }
}

impl Tokens {
    pub(super) fn new(texts: Vec<String>) -> Self {
        let token = |text: String| Token { text: text.into(), flying: 0, used: 0, spent_until: None };
        Self(texts.into_iter().map(token).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one that is least in use of those that may go now; if all are spent, the one that may go first, with all patience.
    pub(super) fn choose(&mut self, now: SystemTime) -> Option<Chosen> {
        let is_spent = |token: &Token| token.spent_until.is_some_and(|until| until > now);
        let free = (0..self.0.len()).filter(|index| !is_spent(&self.0[*index]));
        let free: Option<usize> = free.min_by_key(|index| (self.0[*index].flying, self.0[*index].used));
        let index = free.or_else(|| (0..self.0.len()).min_by_key(|index| self.0[*index].spent_until))?;
        let others = self.0.iter().enumerate().any(|(other, token)| other != index && !is_spent(token));
        let token = &mut self.0[index];
        token.flying += 1;
        token.used += 1;
        let max_wait = (others && free.is_some()).then_some(SHORT);
        Some(Chosen { index, text: Arc::clone(&token.text), max_wait })
    }

    /// A request has come back.
    pub(super) fn on_landed(&mut self, chosen: &Chosen) {
        self.0[chosen.index].flying -= 1;
    }

    /// A limit of this token was in the way of a request. Whether another token is worth a try.
    pub(super) fn on_limited(&mut self, chosen: &Chosen, retry_at: Option<SystemTime>, now: SystemTime) -> bool {
        let until = retry_at.unwrap_or(now + REST);
        let token = &mut self.0[chosen.index];
        token.spent_until = token.spent_until.max(Some(until));
        chosen.max_wait.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
    }

    fn choose(tokens: &mut Tokens, secs: u64) -> (String, bool) {
        let chosen = tokens.choose(at(secs)).unwrap();
        (chosen.text.to_string(), chosen.max_wait.is_some())
    }

    #[test]
    fn tokens_are_used_alike_until_one_is_spent() {
        let mut tokens = Tokens::new(vec!["a".to_owned(), "b".to_owned()]);
        let (first, second) = (tokens.choose(at(0)).unwrap(), tokens.choose(at(0)).unwrap());
        assert_eq!((&*first.text, &*second.text), ("a", "b"));
        tokens.on_landed(&second);
        assert_eq!(choose(&mut tokens, 0), ("b".to_owned(), true));
        assert!(tokens.on_limited(&second, Some(at(100)), at(1)));
        assert_eq!(choose(&mut tokens, 1), ("a".to_owned(), false));
        assert_eq!(choose(&mut tokens, 100), ("b".to_owned(), true));
    }

    #[test]
    fn when_all_are_spent_the_one_that_opens_first_is_waited_for() {
        let mut tokens = Tokens::new(vec!["a".to_owned(), "b".to_owned()]);
        let (a, b) = (tokens.choose(at(0)).unwrap(), tokens.choose(at(0)).unwrap());
        tokens.on_limited(&a, Some(at(100)), at(0));
        tokens.on_limited(&b, Some(at(50)), at(0));
        let chosen = tokens.choose(at(1)).unwrap();
        assert_eq!((&*chosen.text, chosen.max_wait), ("b", None));
        assert!(!tokens.on_limited(&chosen, Some(at(60)), at(1)), "nothing else is left to try");
        assert!(Tokens::new(Vec::new()).choose(at(0)).is_none());
    }
}
