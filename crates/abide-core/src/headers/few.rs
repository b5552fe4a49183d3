//! A short list on the stack, so that reading a response head allocates nothing but the signal.

use std::ops::{Deref, DerefMut};

/// At most `N` items; what comes after that is left out.
#[derive(Clone, Debug)]
pub(super) struct Few<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self { items: std::array::from_fn(|_| T::default()), len: 0 }
    }
}

impl<T, const N: usize> Few<T, N> {
    /// Adds `item` and says whether there was room.
    pub(super) fn push(&mut self, item: T) -> bool {
        let Some(place) = self.items.get_mut(self.len) else { return false };
        *place = item;
        self.len += 1;
        true
    }

    /// Takes the item at `at` out, which must be there; those after it move up.
    pub(super) fn remove(&mut self, at: usize) -> T
    where
        T: Default,
    {
        self[at..].rotate_left(1);
        self.len -= 1;
        std::mem::take(&mut self.items[self.len])
    }

    /// Takes everything away from the item at `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..self.len]
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut few = Few::<u8, 2>::default();
        assert!(few.push(1) && few.push(2) && !few.push(3));
        assert_eq!(*few, [1, 2]);
        few.truncate(1);
        assert_eq!(*few, [1]);
    }

    #[test]
    fn what_is_removed_leaves_no_gap() {
        let mut few = Few::<u8, 4>::default();
        assert!([1, 2, 3].into_iter().all(|item| few.push(item)));
        assert_eq!(few.remove(0), 1);
        assert_eq!(*few, [2, 3]);
    }
}
