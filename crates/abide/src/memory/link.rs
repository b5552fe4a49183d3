//! The files that one client uses, one a key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use abide_core::Key;
use abide_core::budget;
use abide_core::policy::LimitSpec;
use abide_core::time::Now;

use super::folder::Folder;
use super::{BudgetFile, KeyFile, Memory, News};

/// A folder, and the files of those keys that a client has met.
#[derive(Debug)]
pub(crate) struct Link {
    folder: Folder,
    /// Tells this client from others that use the folder.
    who: u64,
    files: Mutex<BTreeMap<Key, Arc<Mutex<KeyFile>>>>,
    /// The budgets of the keys whose limits were told.
    budgets: Mutex<BTreeMap<Key, Arc<Mutex<BudgetFile>>>>,
}

impl Link {
    /// `None` if the folder can't be used; then nothing is remembered, and that is no error.
    pub(crate) fn new(memory: &Memory) -> Option<Self> {
        match memory.open() {
            Ok(folder) => {
                Some(Self { folder, who: fastrand::u64(..), files: Mutex::default(), budgets: Mutex::default() })
            }
            Err(e) => {
                tracing::debug!("nothing is remembered: {} can't be used: {e}", memory.path().display());
                None
            }
        }
    }

    pub(crate) fn who(&self) -> u64 {
        self.who
    }

    /// A key's file, and what stands in it if this is the first time.
    pub(crate) fn file(&self, key: &Key, now: Now) -> (Arc<Mutex<KeyFile>>, Option<News>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(key) {
            return (Arc::clone(file), None);
        }
        let (file, news) = KeyFile::open(self.folder.file(key), key, self.who, now);
        let file = Arc::new(Mutex::new(file));
        files.insert(key.clone(), Arc::clone(&file));
        (file, Some(news))
    }

    /// The budget of a key. Its limits are the same each time.
    pub(crate) fn budget(&self, key: &Key, limits: &Arc<[LimitSpec]>) -> Arc<Mutex<BudgetFile>> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let path = self.folder.budget(key, budget::id(limits));
            Arc::new(Mutex::new(BudgetFile::new(path, Arc::clone(limits), self.who)))
        };
        Arc::clone(budgets.entry(key.clone()).or_insert_with(open))
    }

    /// The keys that were met.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}
