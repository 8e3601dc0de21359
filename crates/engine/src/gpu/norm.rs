//! Norms of clients' updates ([`crate::clipping`]) where they were trained, by the additions of the CPU in its order: the same bits.

use super::double::{self, Wide};
use super::{grid, memory};
use crate::clipping::BLOCK;
use burn::tensor::{Device, Int, Tensor};
use cubecl::prelude::*;

/// No squares yet: the sum of each block of each client's values, two words each, the high one first.
pub fn zeros(clients: usize, values: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::zeros([2 * clients * values.div_ceil(BLOCK)], device)
}

/// Adds the squares of `model - base` of one parameter's values, which begin at value `first`; models `[clients, size]`. Parameters come in
/// layout order, so that a block that two of them share is added up in it.
pub fn add(models: &Tensor<2>, base: &Tensor<1>, first: usize, blocks: &Tensor<1, Int>) {
    let [clients, size] = models.dims();
    if size == 0 {
        return;
    }
    let touched = (first + size - 1) / BLOCK + 1 - first / BLOCK;
    let models = memory(models.clone());
    let (count, dim) = grid(&models, clients * touched);
    add_kernel::launch(
        &models.client.clone(),
        count,
        dim,
        models.into_buffer_arg(),
        memory(base.clone()).into_buffer_arg(),
        memory(blocks.clone()).into_buffer_arg(),
        first as u32,
        size as u32,
        clients as u32,
        touched as u32,
    );
}

/// One thread adds what a parameter has in one block of one client.
#[cube(launch)]
fn add_kernel(models: &[f32], base: &[f32], blocks: &mut [u32], first: u32, size: u32, clients: u32, touched: u32) {
    let (clients, touched) = (clients as usize, touched as usize);
    if ABSOLUTE_POS < clients * touched {
        let (first, size) = (first as usize, size as usize);
        let client = ABSOLUTE_POS / touched;
        let block = first / comptime!(BLOCK) + ABSOLUTE_POS % touched;
        let from = max(block * comptime!(BLOCK), first) - first;
        let to = min((block + 1) * comptime!(BLOCK), first + size) - first;
        let at = client * (blocks.len() / 2 / clients) + block;
        let mut sum = double::wide(blocks[2 * at], blocks[2 * at + 1]);
        for place in from..to {
            let change = changed(models[client * size + place], base[first + place]);
            sum = double::add(sum, double::multiply(change, change));
        }
        blocks[2 * at] = sum.high;
        blocks[2 * at + 1] = sum.low;
    }
}

/// What a value changed by, as a number of 32 bits that became one of 64.
#[cube]
pub fn changed(model: f32, base: f32) -> Wide {
    double::from_single(double::to_single(double::subtract(double::from_single(model), double::from_single(base))))
}

/// The sum of each client's blocks, two words each, the high one first.
pub fn squares(blocks: &Tensor<1, Int>, clients: usize) -> Tensor<1, Int> {
    let squares = Tensor::<1, Int>::zeros([2 * clients], &blocks.device());
    let output = memory(squares.clone());
    let (count, dim) = grid(&output, clients);
    squares_kernel::launch(
        &output.client.clone(),
        count,
        dim,
        memory(blocks.clone()).into_buffer_arg(),
        output.into_buffer_arg(),
    );
    squares
}

#[cube(launch)]
fn squares_kernel(blocks: &[u32], squares: &mut [u32]) {
    let clients = squares.len() / 2;
    if ABSOLUTE_POS < clients {
        let count = blocks.len() / 2 / clients;
        let mut sum = double::wide(0u32, 0u32);
        for block in 0..count {
            let at = ABSOLUTE_POS * count + block;
            sum = double::add(sum, double::wide(blocks[2 * at], blocks[2 * at + 1]));
        }
        squares[2 * ABSOLUTE_POS] = sum.high;
        squares[2 * ABSOLUTE_POS + 1] = sum.low;
    }
}
