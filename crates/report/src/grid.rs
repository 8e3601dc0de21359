//! Many small images in one.

use crate::figure::unexpected;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use imfl_engine::data::Dataset;
use imfl_run::failure::Outcome;

/// Images in a row; each row holds one class.
pub const COLUMNS: usize = 10;
/// Every pixel becomes a square of so many.
const ZOOM: usize = 2;
/// White pixels between images.
const GAP: usize = 2;

/// A PNG with one row for each class that has images, in the order of classes.
pub fn png(data: &Dataset) -> Outcome<Vec<u8>> {
    let rows: Vec<Vec<u32>> = data.by_class().into_iter().filter(|class| !class.is_empty()).collect();
    sheet(data, &rows, COLUMNS)
}

/// A PNG with all images in rows of so many, in their order.
pub fn rows(data: &Dataset, columns: usize) -> Outcome<Vec<u8>> {
    let order: Vec<u32> = (0..data.len() as u32).collect();
    let rows: Vec<Vec<u32>> = order.chunks(columns.max(1)).map(<[u32]>::to_vec).collect();
    sheet(data, &rows, columns)
}

/// A PNG of one image, pixel for pixel.
pub fn single(data: &Dataset, index: usize) -> Outcome<Vec<u8>> {
    let (image, plane) = (data.image(index), data.shape.height * data.shape.width);
    let channel = |pixel: usize, channel: usize| image[pixel + plane * channel.min(data.shape.channels - 1)];
    let pixels: Vec<u8> = (0..plane).flat_map(|pixel| [0, 1, 2].map(|place| channel(pixel, place))).collect();
    encode(&pixels, data.shape.width, data.shape.height)
}

fn sheet(data: &Dataset, rows: &[Vec<u32>], columns: usize) -> Outcome<Vec<u8>> {
    // No wider than what is drawn.
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).min(columns);
    let (height, width) = (data.shape.height * ZOOM + GAP, data.shape.width * ZOOM + GAP);
    let (wide, high) = (columns * width + GAP, rows.len() * height + GAP);
    let mut pixels = vec![255u8; wide * high * 3];
    let plane = data.shape.height * data.shape.width;
    for (row, class) in rows.iter().enumerate() {
        for (column, &index) in class.iter().take(columns).enumerate() {
            let image = data.image(index as usize);
            for y in 0..data.shape.height * ZOOM {
                for x in 0..data.shape.width * ZOOM {
                    let from = (y / ZOOM) * data.shape.width + x / ZOOM;
                    let to = ((row * height + GAP + y) * wide + column * width + GAP + x) * 3;
                    for channel in 0..3 {
                        pixels[to + channel] = image[from + plane * channel.min(data.shape.channels - 1)];
                    }
                }
            }
        }
    }
    encode(&pixels, wide, high)
}

fn encode(pixels: &[u8], width: usize, height: usize) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out)
        .write_image(pixels, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(unexpected)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;

    #[test]
    fn images_stand_in_their_classes_row() {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let names = vec!["a".to_string(), "b".into(), "c".into()];
        let data = Dataset::new("t", shape, names, vec![10, 20, 30], vec![2, 0, 2]).unwrap();
        let image = image::load_from_memory(&png(&data).unwrap()).unwrap().into_rgb8();
        assert_eq!(image.dimensions(), (10, 10), "as wide as the longest row");
        assert_eq!(image.get_pixel(2, 2).0, [20; 3]);
        assert_eq!(image.get_pixel(2, 6).0, [10; 3]);
        assert_eq!(image.get_pixel(7, 7).0, [30; 3]);
        assert_eq!(image.get_pixel(0, 0).0, [255; 3]);
        let line = image::load_from_memory(&rows(&data, 3).unwrap()).unwrap().into_rgb8();
        assert_eq!((line.dimensions(), line.get_pixel(10, 2).0), ((14, 6), [30; 3]));
        let one = image::load_from_memory(&single(&data, 1).unwrap()).unwrap().into_rgb8();
        assert_eq!((one.dimensions(), one.get_pixel(0, 0).0), ((1, 1), [20; 3]));
    }
}
