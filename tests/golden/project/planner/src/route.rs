use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

pub type Stop = usize;

/// A road network: which stops are beside each other, and how far.
pub struct RoadMap {
    roads: HashMap<Stop, Vec<(Stop, u32)>>,
}

#[derive(Copy, Clone, Eq, PartialEq)]
struct Visit {
    cost: u32,
    stop: Stop,
}

impl Ord for Visit {
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.cmp(&self.cost).then_with(|| self.stop.cmp(&other.stop))
    }
}

impl PartialOrd for Visit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl RoadMap {
    pub fn new() -> Self {
        RoadMap { roads: HashMap::new() }
    }

    pub fn add_road(&mut self, from: Stop, to: Stop, metres: u32) {
        self.roads.entry(from).or_default().push((to, metres));
        self.roads.entry(to).or_default().push((from, metres));
    }

    /// Finds the shortest way between two stops with Dijkstra's algorithm.
    pub fn shortest_path(&self, start: Stop, goal: Stop) -> Option<u32> {
        let mut best: HashMap<Stop, u32> = HashMap::from([(start, 0)]);
        let mut queue = BinaryHeap::from([Visit { cost: 0, stop: start }]);
        while let Some(Visit { cost, stop }) = queue.pop() {
            if stop == goal {
                return Some(cost);
            }
            for &(next, metres) in self.roads.get(&stop).into_iter().flatten() {
                let total = cost + metres;
                if best.get(&next).map_or(true, |&known| total < known) {
                    best.insert(next, total);
                    queue.push(Visit { cost: total, stop: next });
                }
            }
        }
        None
    }
}
