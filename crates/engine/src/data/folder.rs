//! Image folders: one folder a class, its name the class's, PNG or JPEG files inside.

use super::dataset::Dataset;
use super::error::DataError;
use super::shape::ImageShape;
use image::{DynamicImage, ImageDecoder, ImageReader};
use std::fs;
use std::path::{Path, PathBuf};

/// A side longer than this is refused before a pixel is decoded.
const LONGEST_SIDE: u32 = 4096;
const MOST_CLASSES: usize = u16::MAX as usize;

/// Reads every class folder below `root`, classes and files in the order of their names.
///
/// All images must have the first one's size and be either all grey or all colour.
///
/// # Errors
/// [`DataError`] naming the folder or file: no class folders, a class without images, a broken image, another size.
pub fn read(root: &Path, name: &str) -> Result<Dataset, DataError> {
    read_as(root, name, None)
}

/// The same with so many channels, whatever the files have: 1 for grey, 3 for colour; theirs if none are named.
///
/// # Errors
/// As [`read`].
pub fn read_as(root: &Path, name: &str, channels: Option<usize>) -> Result<Dataset, DataError> {
    let folders = classes(root)?;
    let mut first: Option<(PathBuf, ImageShape)> = None;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for (class, folder) in folders.iter().enumerate() {
        let files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| is_image(path)).collect();
        if files.is_empty() {
            return Err(DataError::malformed(folder, "the class folder holds no PNG or JPEG file"));
        }
        for path in files {
            let expected = first.as_ref().map(|(_, shape)| *shape);
            let (shape, pixels) = decode(&path, channels)?;
            if expected.is_some_and(|expected| expected != shape) {
                let problem = match &first {
                    Some((other, expected)) => format!(
                        "the image is {shape} (channels x height x width), but {} is {expected}; all must agree",
                        other.display()
                    ),
                    None => String::new(),
                };
                return Err(DataError::malformed(&path, problem));
            }
            first.get_or_insert((path, shape));
            images.extend_from_slice(&pixels);
            labels.push(class as u16);
        }
    }
    let names = folders.iter().map(|path| file_name(path)).collect();
    let shape = first.map(|(_, shape)| shape).ok_or_else(|| DataError::malformed(root, "no image at all"))?;
    Dataset::new(name, shape, names, images, labels)
}

/// Every image right in a folder, in the order of their names, as images of a class that are like those of a dataset.
///
/// # Errors
/// [`DataError`] naming the folder, or an image that cannot be read or has another size.
pub(super) fn read_class(folder: &Path, like: &Dataset, class: &str) -> Result<Dataset, DataError> {
    let files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| is_image(path)).collect();
    let mut images = Vec::with_capacity(files.len() * like.shape.size());
    for path in &files {
        let (shape, pixels) = decode(path, Some(like.shape.channels))?;
        if shape != like.shape {
            return Err(DataError::malformed(path, format!("an image of {shape}, where {} is needed", like.shape)));
        }
        images.extend(pixels);
    }
    Dataset::new(file_name(folder), like.shape, vec![class.into()], images, vec![0; files.len()])
}

/// One image as `[channels, height, width]`; its size is known before its pixels are decoded.
fn decode(path: &Path, channels: Option<usize>) -> Result<(ImageShape, Vec<u8>), DataError> {
    let broken = |error: image::ImageError| DataError::malformed(path, format!("not a readable image ({error})"));
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let decoder = reader.map_err(|source| DataError::read(path, source))?.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > LONGEST_SIDE {
        let problem = format!("{width}x{height} pixels; at most {LONGEST_SIDE} a side are read");
        return Err(DataError::malformed(path, problem));
    }
    let grey = channels.map_or_else(|| !decoder.color_type().has_color(), |channels| channels == 1);
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let (channels, interleaved) =
        if grey { (1, image.into_luma8().into_raw()) } else { (3, image.into_rgb8().into_raw()) };
    let shape = ImageShape { channels, height: height as usize, width: width as usize };
    let planes = (0..channels).flat_map(|channel| interleaved.iter().skip(channel).step_by(channels).copied());
    Ok((shape, planes.collect()))
}

/// The class folders below `root`, in the order of their names.
pub(super) fn classes(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let folders: Vec<PathBuf> = entries(root)?.into_iter().filter(|path| path.is_dir()).collect();
    if folders.is_empty() || folders.len() > MOST_CLASSES {
        let problem = format!("{} class folders; expected one folder for each class", folders.len());
        return Err(DataError::malformed(root, problem));
    }
    Ok(folders)
}

/// What is in a folder and is not hidden, in the order of names.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let fail = |source| DataError::read(folder, source);
    let paths = fs::read_dir(folder).map_err(fail)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<PathBuf>, _>>().map_err(fail)?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

pub(super) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    fn folder(files: &[(&str, DynamicImage)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, image) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            image.save(path).unwrap();
        }
        root
    }

    fn colour(width: u32) -> DynamicImage {
        RgbImage::from_fn(width, 2, |x, y| Rgb([x as u8, y as u8, 9])).into()
    }

    #[test]
    fn classes_are_folders_and_pixels_are_planes() {
        let root = folder(&[("b/1.png", colour(3)), ("a/1.png", colour(3)), ("a/0.png", colour(3))]);
        let data = read(root.path(), "t").unwrap();
        assert_eq!(data.class_names, ["a", "b"]);
        assert_eq!(data.histogram(), [2, 1]);
        assert_eq!(data.image(0), [0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 1, 9, 9, 9, 9, 9, 9]);
    }

    #[test]
    fn grey_images_keep_one_channel() {
        let grey: DynamicImage = GrayImage::from_pixel(4, 4, Luma([5])).into();
        let data = read(folder(&[("a/1.png", grey)]).path(), "t").unwrap();
        assert_eq!(data.shape, ImageShape { channels: 1, height: 4, width: 4 });
    }

    #[test]
    fn each_fault_is_named() {
        let problem = |root: &Path| read(root, "t").unwrap_err().to_string();
        let empty = tempfile::tempdir().unwrap();
        assert!(problem(empty.path()).contains("class folders"));
        let root = folder(&[("a/1.png", colour(3)), ("b/1.png", colour(4))]);
        assert!(problem(root.path()).contains("3x2x4"));
        fs::remove_file(root.path().join("b/1.png")).unwrap();
        assert!(problem(root.path()).contains("holds no PNG or JPEG"));
        fs::write(root.path().join("b/1.png"), b"not a picture").unwrap();
        assert!(problem(root.path()).contains("1.png: not a readable image"));
        let whole = fs::read(root.path().join("a/1.png")).unwrap();
        fs::write(root.path().join("b/1.png"), &whole[..whole.len() - 20]).unwrap();
        assert!(problem(root.path()).contains("not a readable image"));
    }
}
