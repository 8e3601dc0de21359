//! Draws digits from the generator that ships with the project, and prints them.
//!
//! `cargo run --release -p imfl-aigc --example draw -- 3 14 15`: images number 0 of class 3, of class 1 and so on; without
//! numbers one of each class.

use imfl_aigc::{Generator, Request, SampleSource, Sampling};
use imfl_engine::device::Compute;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let digits: String = std::env::args().skip(1).collect();
    let digits = if digits.is_empty() { "0123456789".into() } else { digits };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/generators/mnist.safetensors");
    let generator = Generator::open(&path)?;
    // Fewer steps than the checkpoint asks for are quicker and look a little worse.
    let sampling = Sampling { steps: 8, ..generator.sampling().clone() };
    let generator = generator.with_sampling(sampling)?;

    // Images belong to (seed, class, index): the same ones come whatever else is drawn, on any machine.
    let requests = digits.chars().map(|digit| {
        let label = digit.to_digit(10).ok_or(format!("`{digit}` is no digit"))? as u16;
        Ok(Request { label, index: 0 })
    });
    let requests = requests.collect::<Result<Vec<_>, String>>()?;
    let images = generator.draw(&requests, 1, &Compute::cpu(), &mut |_, _| ControlFlow::Continue(()))?;

    let shape = images.shape;
    for index in 0..images.len() {
        println!("{}", images.class_names[images.label(index)]);
        let rows: Vec<&[u8]> = images.image(index).chunks(shape.width).collect();
        // A character is about twice as high as wide, so it stands for two rows.
        for pair in rows.chunks(2) {
            let shade = |column: usize| {
                let sum: usize = pair.iter().map(|row| usize::from(row[column])).sum();
                b" .:-=+*#%@"[sum * 10 / (256 * pair.len())] as char
            };
            println!("{}", (0..shape.width).map(shade).collect::<String>());
        }
    }
    let provenance = generator.provenance();
    println!("learnt from {} images of {}", provenance.fingerprints.len(), provenance.learnt_from);
    Ok(())
}
