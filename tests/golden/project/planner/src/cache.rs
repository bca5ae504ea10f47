use std::collections::{HashMap, VecDeque};

/// Keeps the most recently used routes and forgets the others.
pub struct LruCache<V> {
    capacity: usize,
    values: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> LruCache<V> {
    pub fn with_capacity(capacity: usize) -> Self {
        LruCache { capacity, values: HashMap::new(), order: VecDeque::new() }
    }

    pub fn get(&mut self, key: &str) -> Option<&V> {
        if self.values.contains_key(key) {
            self.order.retain(|other| other != key);
            self.order.push_back(key.to_string());
        }
        self.values.get(key)
    }

    pub fn insert(&mut self, key: String, value: V) {
        if self.values.len() >= self.capacity {
            self.evict_oldest();
        }
        self.order.push_back(key.clone());
        self.values.insert(key, value);
    }

    fn evict_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_evicted() {
        let mut cache = LruCache::with_capacity(1);
        cache.insert("a".into(), 1);
        cache.insert("b".into(), 2);
        assert!(cache.get("a").is_none());
    }
}
