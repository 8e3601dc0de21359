//! How a client answers a posted price, and at which prices its answer changes.

use crate::mode::{Mode, PerMode};
use crate::money::Price;
use crate::objective::Part;

/// Micro-credits in 1e-18 credits.
const ATTOS_PER_MICRO: u128 = 1_000_000_000_000;

/// A cost in 1e-18 credits; costs are below 2^63 micro-credits.
fn attos(picos: u128) -> u128 {
    picos * 1_000_000
}

/// What a price pays for `part`, rounded up to a micro-credit, in micro-credits.
#[inline]
pub(crate) fn payment(price: Price, part: &Part) -> i128 {
    let due = u128::from(price.picos()) * u128::from(part.effective);
    due.div_ceil(ATTOS_PER_MICRO) as i128
}

/// The mode with the largest utility r v - cost; ties: augmented, then local, then out. By the exact price times the exact
/// effective samples, before the payment is rounded up.
pub(crate) fn best_mode(price: Price, parts: &PerMode<Part>, costs: &PerMode<u128>) -> Mode {
    let utility = |part: &Part, cost: u128| {
        part.is_useful().then(|| {
            // at most 2^64 x 1e18 < 2^127, less at most 2^63 x 1e12
            (u128::from(price.picos()) * u128::from(part.effective)) as i128 - attos(cost) as i128
        })
    };
    let (local, augmented) = (utility(&parts.local, costs.local), utility(&parts.augmented, costs.augmented));
    let best = local.max(augmented).max(Some(0));
    if augmented == best {
        Mode::Augmented
    } else if local == best {
        Mode::Local
    } else {
        Mode::Out
    }
}

/// A change of a client's answer as the price rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Switch {
    /// The smallest price with the new answer.
    pub price: u64,
    /// The answer below.
    pub from: Mode,
    /// The answer from here on.
    pub to: Mode,
}

/// The at most two switch points of a client, cheapest first. Points beyond [`Price::MAX`] do not count.
#[inline]
pub(crate) fn switches(parts: &PerMode<Part>, costs: &PerMode<u128>) -> [Option<Switch>; 2] {
    let PerMode { local, augmented } = parts;
    let joins = |part: &Part, cost: u128| part.is_useful().then(|| ratio_up(attos(cost), part.effective)).flatten();
    let joins_local = joins(local, costs.local);
    let joins_augmented = joins(augmented, costs.augmented);
    let switch = |price: Option<u64>, from, to| price.map(|price| Switch { price, from, to });
    let only_local = [switch(joins_local, Mode::Out, Mode::Local), None];
    let only_augmented = [switch(joins_augmented, Mode::Out, Mode::Augmented), None];
    if !local.is_useful() {
        return only_augmented;
    }
    if !augmented.is_useful() {
        return only_local;
    }
    if augmented.effective > local.effective {
        // augmented is the steeper line: it wins from this price on
        let extra = attos(costs.augmented).saturating_sub(attos(costs.local));
        let upgrade = ratio_up(extra, augmented.effective - local.effective);
        match (joins_local, upgrade) {
            (Some(joins), Some(upgrade)) if upgrade <= joins => only_augmented,
            (Some(_), _) => [only_local[0], switch(upgrade, Mode::Local, Mode::Augmented)],
            (None, _) => only_augmented,
        }
    } else if costs.augmented > costs.local {
        only_local
    } else if augmented.effective == local.effective {
        only_augmented
    } else {
        // theta > 1 and augmented no dearer: it wins up to this price, if it is worth joining there
        let saved = attos(costs.local) - attos(costs.augmented);
        let last = saved / u128::from(local.effective - augmented.effective);
        match joins_augmented {
            Some(joins) if u128::from(joins) <= last => {
                [only_augmented[0], switch(u64::try_from(last + 1).ok(), Mode::Augmented, Mode::Local)]
            }
            _ => only_local,
        }
    }
}

/// ceil(amount / effective), if it is a price. Both below 2^103; the quotient of floats is within a few units where it is
/// small, so one correction step replaces a 128-bit division.
#[inline]
fn ratio_up(amount: u128, effective: u64) -> Option<u64> {
    let effective = u128::from(effective);
    let estimate = amount as f64 / effective as f64;
    if estimate < 1e14 {
        let guess = estimate as u128;
        let mut quotient = guess.saturating_sub(1);
        while quotient * effective < amount {
            quotient += 1;
        }
        return Some(quotient as u64);
    }
    u64::try_from(amount.div_ceil(effective)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fine;
    use crate::money::Credits;
    use proptest::prelude::*;

    fn part(effective: u64) -> Part {
        Part { effective, weight: effective, ..Part::default() }
    }

    proptest! {
        #[test]
        fn switch_points_are_where_the_best_mode_changes(
            local in 0u64..40, augmented in 0u64..40, cost in 0i64..60, more in -20i64..60, probe in 0u64..80,
        ) {
            // scaled so that interesting prices are multiples of 1e12 pico-credits divided by small numbers
            let parts = PerMode { local: part(local), augmented: part(augmented) };
            let costs = fine(PerMode { local: cost, augmented: (cost + more).max(0) }.map(Credits::from_micros));
            let points = switches(&parts, &costs);
            let answer = |price: u64| {
                points.iter().flatten().rev().find(|switch| switch.price <= price).map_or(Mode::Out, |switch| switch.to)
            };
            let mut prices = vec![0, 1, probe * 1_000_000_000_000, u64::MAX];
            for switch in points.iter().flatten() {
                prices.extend([switch.price, switch.price + 1, switch.price.saturating_sub(1)]);
            }
            for price in prices {
                prop_assert_eq!(answer(price), best_mode(Price::from_picos(price), &parts, &costs), "at {}", price);
            }
            if let [Some(first), Some(second)] = points {
                prop_assert!(first.price < second.price && first.to == second.from && first.from == Mode::Out);
            }
        }

        #[test]
        fn ratios_round_up(amount in 0u128..1 << 100, effective in 1u64..1 << 60) {
            prop_assert_eq!(ratio_up(amount, effective), u64::try_from(amount.div_ceil(u128::from(effective))).ok());
        }
    }
}
