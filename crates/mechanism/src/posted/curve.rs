//! Server cost against price, for a plot.

use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::market::{Market, loss_credits};
use crate::mode::PerMode;
use crate::money::{Credits, Price};
use crate::posted::complete::{spending, sweep};
use crate::posted::units::ATTOS_PER_PICO;

/// What a price leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurvePoint {
    /// Price per effective sample.
    pub price: Price,
    /// kappa Phi.
    pub accuracy_loss: Credits,
    /// r sum of v, rounded up.
    pub payments: Credits,
    /// Their sum.
    pub server_cost: Credits,
    /// Clients in local mode.
    pub local: u64,
    /// Clients in augmented mode.
    pub augmented: u64,
}

/// The curve at price 0 and at the switch points, thinned to about `points`: of neighbouring switch points the one with the
/// smallest server cost is kept, so the minimum is on the curve.
///
/// # Errors
/// [`crate::Error::Overflow`].
pub fn curve(market: &Market, points: usize) -> Result<Vec<CurvePoint>> {
    let mut steps = 0usize;
    sweep(market, |_, _| {
        steps += 1;
        ControlFlow::Continue(())
    });
    let stride = steps.div_ceil(points.max(1)).max(1);
    let mut curve = Vec::with_capacity(steps / stride + 1);
    let mut kept: Option<(i128, Result<CurvePoint>)> = None;
    let mut at = 0;
    sweep(market, |price, tally| {
        let payments = spending(price, tally);
        let loss = market.loss_of(tally);
        let cost = loss * ATTOS_PER_PICO + payments;
        if kept.as_ref().is_none_or(|(best, _)| cost < *best) {
            let point = loss_credits(loss).and_then(|accuracy_loss| {
                // payments are not negative, so this rounds up
                let payments = Credits::narrow((payments + 999_999_999_999) / 1_000_000_000_000, "the payments")?;
                let server_cost = accuracy_loss.checked_add(payments).ok_or(Error::Overflow("the server cost"))?;
                let PerMode { local, augmented } = tally.players;
                Ok(CurvePoint { price, accuracy_loss, payments, server_cost, local, augmented })
            });
            kept = Some((cost, point));
        }
        at += 1;
        if at % stride == 0 || at == steps {
            curve.extend(kept.take().map(|(_, point)| point));
        }
        ControlFlow::Continue(())
    });
    // Prices far beyond any use may overflow a payment; the curve ends there.
    let complete: Vec<CurvePoint> = curve.into_iter().map_while(Result::ok).collect();
    Ok(complete)
}
