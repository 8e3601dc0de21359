use super::pass::Pass;
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::{Int, Tensor};

/// A table of vectors, one for each symbol and client.
#[derive(Clone, Debug)]
pub struct Embedding {
    table: ParameterId,
}

impl Embedding {
    /// Declares `table [symbols, width]` under `name`.
    pub fn new(layout: &mut Layout, name: &str, symbols: usize, width: usize) -> Self {
        Self::started(layout, name, symbols, width, 1.0)
    }

    /// The same, starting normal with another deviation than 1.
    pub fn started(layout: &mut Layout, name: &str, symbols: usize, width: usize, deviation: f32) -> Self {
        Self { table: layout.declare(format!("{name}.table"), &[symbols, width], Initialiser::Normal { deviation }) }
    }

    /// Symbols `[clients, batch]` to vectors `[clients, batch, width]`. A symbol outside the table is the caller's error.
    pub fn forward(&self, pass: &Pass, symbols: Tensor<2, Int>) -> Tensor<3> {
        pass.rows(self.table, symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::distinct_clients;
    use burn::tensor::Device;

    #[test]
    fn looks_up_the_clients_own_rows() {
        let mut layout = Layout::new();
        let layer = Embedding::new(&mut layout, "class", 3, 2);
        let (weights, stacked) = distinct_clients(layout, 2);
        let symbols = Tensor::<2, Int>::from_data([[2, 0], [1, 1]], &Device::flex());
        let rows = layer.forward(&Pass::evaluate(&stacked), symbols).into_data();
        let rows = rows.as_slice::<f32>().unwrap();
        assert_eq!(rows[..2], weights[0].values()[4..6]);
        assert_eq!(rows[2..4], weights[0].values()[..2]);
        assert_eq!(rows[4..6], weights[1].values()[2..4]);
        assert_eq!(rows[6..8], weights[1].values()[2..4]);
    }
}
