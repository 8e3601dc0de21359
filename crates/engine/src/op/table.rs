//! A table of vectors that takes its step of gradient descent row by row.
//!
//! A batch of texts looks up some hundred of many thousand rows. The gradient of the whole table is as large as the table and nearly
//! all zeros: it has to be allocated, cleared, scaled and subtracted in each step. For plain SGD none of this is needed: the rows that were looked up are
//! leaves of the graph, and `-rate` times their gradients are added where they came from.

use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A table `[clients, symbols, width]` whose rows move by `-rate` times their gradient in every step.
///
/// A clone is another handle on the same table.
#[derive(Clone, Debug)]
pub struct DescendingTable {
    state: Arc<Mutex<State>>,
    /// `[clients, symbols, width]`.
    shape: [usize; 3],
    rate: f32,
}

#[derive(Debug)]
struct State {
    /// `[clients * symbols, width]`; empty while its rows move.
    table: Tensor<2>,
    /// Rows that were looked up since the last step: which, and their values as leaves of the graph.
    looked: Vec<(Tensor<1, Int>, Tensor<2>)>,
}

impl DescendingTable {
    /// A table `[clients, symbols, width]` that records no gradients itself.
    ///
    /// # Panics
    /// If the table is on an autodiff device.
    pub fn new(table: Tensor<3>, rate: f32) -> Self {
        assert!(!table.device().is_autodiff(), "descending tables move by themselves: pass `table.inner()`");
        let shape @ [clients, symbols, width] = table.dims();
        let state = State { table: table.reshape([clients * symbols, width]), looked: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), shape, rate }
    }

    /// The rows of symbols `[clients, batch]`, `[clients, batch, width]`, which record gradients. A symbol outside the table is the caller's error.
    pub fn rows(&self, symbols: Tensor<2, Int>) -> Tensor<3> {
        let [clients, batch] = symbols.dims();
        let [_, count, width] = self.shape;
        let symbols = symbols.inner();
        let places = if clients == 1 {
            symbols
        } else {
            let device = symbols.device();
            let first = Tensor::<1, Int>::arange(0..clients as i64, &device).mul_scalar(count as i64);
            symbols + first.unsqueeze_dim::<2>(1)
        };
        let places = places.reshape([clients * batch]);
        let mut state = self.lock();
        let rows = state.table.clone().select(0, places.clone()).autodiff().require_grad();
        state.looked.push((places, rows.clone()));
        rows.reshape([clients, batch, width])
    }

    /// Moves the rows that were looked up against their gradients.
    pub fn step(&self, gradients: &mut Gradients) {
        let mut state = self.lock();
        for (places, rows) in std::mem::take(&mut state.looked) {
            let Some(gradient) = rows.grad_remove(gradients) else { continue };
            // Taken out, so that nobody else holds the table and its rows move in place.
            let empty = Tensor::empty([0, self.shape[2]], &state.table.device());
            let table = std::mem::replace(&mut state.table, empty);
            state.table = table.select_assign(0, places, gradient * -self.rate, IndexingUpdateOp::Add);
        }
    }

    /// The table as it is now, leaving this handle and its clones empty.
    pub fn into_table(self) -> Tensor<3> {
        let mut state = self.lock();
        let empty = Tensor::empty([0, self.shape[2]], &state.table.device());
        std::mem::replace(&mut state.table, empty).reshape(self.shape)
    }

    /// The lock cannot be wrong: what a panic leaves half done is not looked at again.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Two clients; one row is looked up twice, one not at all.
    #[test]
    fn rows_move_as_the_whole_table_would() {
        let device = Device::flex();
        let values: Vec<f32> = (0..12).map(|at| at as f32 * 0.25 - 1.0).collect();
        let table = Tensor::<1>::from_floats(&values[..], &device).reshape([2, 3, 2]);
        let symbols = || Tensor::<2, Int>::from_data([[2, 0, 2], [1, 1, 0]], &device.clone().autodiff());
        let loss = |rows: Tensor<3>| (rows.clone() * rows.clone() * rows).sum();
        let whole = table.clone().autodiff().require_grad();
        let index = symbols().unsqueeze_dim::<3>(2).expand([2, 3, 2]);
        let mut gradients = loss(whole.clone().gather(1, index)).backward();
        let expected = table.clone() - whole.grad_remove(&mut gradients).unwrap() * 0.5;
        let descending = DescendingTable::new(table.clone(), 0.5);
        let mut gradients = loss(descending.rows(symbols())).backward();
        descending.step(&mut gradients);
        let found = descending.into_table();
        let [found, expected] = [found, expected].map(Tensor::into_data);
        let [found, expected] = [&found, &expected].map(|data| data.as_slice::<f32>().unwrap());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(found[2..4], values[2..4], "what nobody looked up stays");
        assert_ne!(found[4..6], values[4..6]);
    }
}
