//! All allocations near a relaxation's minimiser, one after the other.

use crate::market::Market;
use crate::mode::Mode;
use crate::personal::exact::Allocation;
use crate::personal::incumbent::Incumbent;

/// What one client could do instead.
struct Deviation {
    client: usize,
    /// The other modes with their regrets, smallest first.
    others: [(f64, Mode); 2],
}

/// All allocations that deviate from the relaxation's minimiser by less than the gap.
///
/// A bound plus the regrets of an allocation's modes is a lower bound on that very allocation, so one whose regrets sum to more than
/// the gap cannot win. Clients are sorted by their smallest regret, which ends each loop early.
pub(super) struct Enumeration<'a> {
    allocation: Allocation<'a>,
    /// By their smallest regret.
    deviations: Vec<Deviation>,
    bound: f64,
    nodes: u64,
    limit: u64,
}

impl<'a> Enumeration<'a> {
    pub fn new(market: &'a Market, regrets: &[[f64; 3]], bound: f64, limit: u64) -> Self {
        let mut modes = Vec::with_capacity(regrets.len());
        let mut deviations = Vec::new();
        for (index, regrets) in regrets.iter().enumerate() {
            let mut order = [0, 1, 2];
            order.sort_by(|&a, &b| regrets[a].total_cmp(&regrets[b]));
            modes.push(Mode::ALL[order[0]]);
            let other = |at: usize| (regrets[order[at]], Mode::ALL[order[at]]);
            deviations.push(Deviation { client: index, others: [other(1), other(2)] });
        }
        deviations.sort_by(|a, b| a.others[0].0.total_cmp(&b.others[0].0).then(a.client.cmp(&b.client)));
        Enumeration { allocation: Allocation::new(market, modes), deviations, bound, nodes: 0, limit }
    }

    /// Whether all were tried, and how many.
    pub fn run(mut self, best: &mut Incumbent) -> (bool, u64) {
        let objective = self.allocation.objective();
        best.offer(objective, &self.allocation.modes);
        let done = self.descend(0, 0.0, best);
        (done, self.nodes + self.deviations.len() as u64)
    }

    fn descend(&mut self, from: usize, regret: f64, best: &mut Incumbent) -> bool {
        for at in from..self.deviations.len() {
            let Deviation { client: index, others } = self.deviations[at];
            if !best.beaten_by(self.bound + regret + others[0].0) {
                return true;
            }
            let usual = self.allocation.modes[index];
            for (own, mode) in others {
                if !own.is_finite() || !best.beaten_by(self.bound + regret + own) {
                    continue;
                }
                self.nodes += 1;
                if self.nodes > self.limit {
                    return false;
                }
                self.allocation.set(index, mode);
                let objective = self.allocation.objective();
                best.offer(objective, &self.allocation.modes);
                let done = self.descend(at + 1, regret + own, best);
                self.allocation.set(index, usual);
                if !done {
                    return false;
                }
            }
        }
        true
    }
}
