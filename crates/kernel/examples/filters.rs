//! Draws a disc and its edges: one convolution with two hand-made kernels and ReLU behind it.
//!
//! ```sh
//! cargo run --release --example filters -p imfl-kernel
//! ```

use imfl_kernel::conv::{Algorithm, Conv2d, ConvShape, Downstream, Finish};

const SIDE: usize = 24;

fn main() {
    let distance = |at: usize| (at as f32 - (SIDE - 1) as f32 / 2.0).powi(2);
    let disc: Vec<f32> = (0..SIDE * SIDE).map(|i| f32::from(distance(i / SIDE) + distance(i % SIDE) < 64.0)).collect();
    // Brighter to the right, and brighter below (Sobel).
    let kernels = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0, -1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];
    let shape =
        ConvShape { batch: 1, cin: 1, h: SIDE, w: SIDE, cout: 2, kh: 3, kw: 3, stride: [1, 1], padding: [1, 1] };
    let mut edges = vec![0.0; shape.output_len(Finish::Relu)];
    Conv2d { shape, x: &disc, weight: &kernels }.forward(&[0.0; 2], Downstream::Relu(&mut edges));

    println!("{:?}, {:?}", imfl_kernel::level(), Algorithm::of(&shape));
    let (right, below) = edges.split_at(SIDE * SIDE);
    let line = |plane: &[f32], y: usize| -> String {
        plane[y * SIDE..][..SIDE].iter().map(|&value| [' ', '.', ':', 'o', '#'][(value as usize).min(4)]).collect()
    };
    for y in 0..SIDE {
        println!("{}|{}|{}", line(&disc, y), line(right, y), line(below, y));
    }
}
