//! Rows that are found by their key, and by whose they are.

use std::collections::HashMap;
use std::hash::Hash;

/// Rows `V` by key `K`, each somebody's or something's `O`. A row never changes hands.
#[derive(Debug)]
pub struct Filed<K, O, V> {
    rows: HashMap<K, V>,
    of: HashMap<O, Vec<K>>,
}

impl<K, O, V> Default for Filed<K, O, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), of: HashMap::new() }
    }
}

impl<K: Hash + Eq + Copy, O: Hash + Eq, V> Filed<K, O, V> {
    /// Files a row; answers the one that it was.
    pub fn file(&mut self, key: K, owner: O, row: V) -> Option<V> {
        let before = self.rows.insert(key, row);
        if before.is_none() {
            self.of.entry(owner).or_default().push(key);
        }
        before
    }

    /// The row of that key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.rows.get_mut(key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.rows.keys().copied()
    }

    /// What belongs to the owner, in the order in which it was filed.
    pub fn of(&self, owner: &O) -> impl Iterator<Item = &V> + use<'_, K, O, V> {
        let keys = self.of.get(owner).into_iter().flatten();
        keys.filter_map(|key| self.rows.get(key))
    }
}
