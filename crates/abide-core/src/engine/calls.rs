//! The calls by their names. Each is kept where it is once it is there, for moving it about costs more than any decision on it.

use std::collections::BTreeMap;

use super::CallState;
use crate::call::CallId;

#[derive(Clone, Debug, Default)]
pub(super) struct Calls(BTreeMap<CallId, Box<CallState>>);

impl Calls {
    pub(super) fn insert(&mut self, id: CallId, state: CallState) {
        self.0.insert(id, Box::new(state));
    }

    pub(super) fn get(&self, id: &CallId) -> Option<&CallState> {
        self.0.get(id).map(|state| &**state)
    }

    pub(super) fn get_mut(&mut self, id: &CallId) -> Option<&mut CallState> {
        self.0.get_mut(id).map(|state| &mut **state)
    }

    pub(super) fn remove(&mut self, id: &CallId) -> Option<Box<CallState>> {
        self.0.remove(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&CallId, &CallState)> {
        self.0.iter().map(|(id, state)| (id, &**state))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(debug_assertions)]
    pub(super) fn values(&self) -> impl Iterator<Item = &CallState> {
        self.0.values().map(|state| &**state)
    }
}
