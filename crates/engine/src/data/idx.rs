//! IDX, the format of MNIST: a magic number, big-endian sizes, then bytes; plain or gzipped.
//!
//! A header is a claim. Sizes are checked against what the file can hold before anything of that size is allocated.

use super::dataset::Dataset;
use super::error::DataError;
use super::shape::ImageShape;
use flate2::{Compression, GzBuilder, read::GzDecoder};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// No gzip stream expands by more than this.
const GZIP_EXPANSION: u64 = 1032;
const UNSIGNED_BYTES: u8 = 8;

/// Reads images (three sizes: count, height, width; or four: count, channels, height, width) and their labels.
///
/// # Errors
/// [`DataError`] naming the file: unreadable, wrong magic number, truncated, longer than its header says, or counts that disagree.
pub fn read(images: &Path, labels: &Path, name: &str, class_names: &[String]) -> Result<Dataset, DataError> {
    let (sizes, pixels) = read_array(images, &[3, 4])?;
    let shape = match sizes[1..] {
        [height, width] => ImageShape { channels: 1, height, width },
        _ => ImageShape { channels: sizes[1], height: sizes[2], width: sizes[3] },
    };
    if shape.size() == 0 || !matches!(shape.channels, 1 | 3) {
        let problem = format!("images of {shape} are not supported; expected 1 or 3 channels and at least one pixel");
        return Err(DataError::malformed(images, problem));
    }
    let (_, labels_read) = read_array(labels, &[1])?;
    if labels_read.len() != sizes[0] {
        return Err(DataError::Mismatch(format!(
            "{} holds {} images but {} holds {} labels; they must agree",
            images.display(),
            sizes[0],
            labels.display(),
            labels_read.len()
        )));
    }
    let highest = labels_read.iter().max().map_or(0, |&label| usize::from(label) + 1);
    let mut class_names = class_names.to_vec();
    class_names.extend((class_names.len()..highest).map(|class| class.to_string()));
    Dataset::new(name, shape, class_names, pixels, labels_read.into_iter().map(u16::from).collect())
}

/// Writes images and labels as gzipped IDX; grey images with three sizes, colour with four.
///
/// # Errors
/// [`DataError::Write`], or [`DataError::Mismatch`] when a label does not fit a byte.
pub fn write(data: &Dataset, images: &Path, labels: &Path) -> Result<(), DataError> {
    let ImageShape { channels, height, width } = data.shape;
    let sizes = match channels {
        1 => vec![data.len(), height, width],
        _ => vec![data.len(), channels, height, width],
    };
    write_array(images, &sizes, (0..data.len()).map(|index| data.image(index)))?;
    let bytes = data.labels().iter().map(|&label| u8::try_from(label)).collect::<Result<Vec<u8>, _>>();
    let bytes = bytes.map_err(|_| DataError::Mismatch(format!("{}: IDX labels stop at 255", data.name)))?;
    write_array(labels, &[data.len()], [bytes.as_slice()].into_iter())
}

fn write_array<'a>(path: &Path, sizes: &[usize], rows: impl Iterator<Item = &'a [u8]>) -> Result<(), DataError> {
    let write = || -> std::io::Result<()> {
        // No time stamp in the gzip header: the same images give the same file.
        let mut out = GzBuilder::new().mtime(0).write(BufWriter::new(File::create(path)?), Compression::best());
        out.write_all(&[0, 0, UNSIGNED_BYTES, sizes.len() as u8])?;
        for &size in sizes {
            let size = u32::try_from(size).map_err(|_| std::io::Error::other("too large for IDX"))?;
            out.write_all(&size.to_be_bytes())?;
        }
        rows.into_iter().try_for_each(|row| out.write_all(row))?;
        out.finish()?.flush()
    };
    write().map_err(|source| DataError::write(path, source))
}

/// Reads the sizes and the bytes of an array that has one of `ranks` dimensions.
fn read_array(path: &Path, ranks: &[usize]) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let fail = |source| DataError::read(path, source);
    let file = File::open(path).map_err(fail)?;
    let on_disk = file.metadata().map_err(fail)?.len();
    let mut file = BufReader::new(file);
    let mut start = [0u8; 2];
    let gzipped = matches!(read_up_to(&mut file, &mut start), Ok(2)) && start == [0x1f, 0x8b];
    let file = (&start[..]).chain(file);
    if gzipped {
        read_from(GzDecoder::new(file), path, ranks, on_disk.saturating_mul(GZIP_EXPANSION))
    } else {
        read_from(file.take(on_disk), path, ranks, on_disk)
    }
}

fn read_from(mut from: impl Read, path: &Path, ranks: &[usize], most: u64) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let malformed = |problem| Err(DataError::malformed(path, problem));
    let fail = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            DataError::malformed(path, format!("the gzip stream is broken or cut short ({source})"))
        }
        _ => DataError::read(path, source),
    };
    let mut magic = [0u8; 4];
    if read_up_to(&mut from, &mut magic).map_err(fail)? < 4 {
        return malformed("truncated: an IDX file starts with a magic number of four bytes".into());
    }
    let [zero, also_zero, kind, rank] = magic;
    if zero != 0 || also_zero != 0 || kind != UNSIGNED_BYTES || !ranks.contains(&usize::from(rank)) {
        let expected: Vec<String> = ranks.iter().map(|rank| format!("0x0000080{rank}")).collect();
        let found = u32::from_be_bytes(magic);
        return malformed(format!("magic number 0x{found:08x}, expected {} (unsigned bytes)", expected.join(" or ")));
    }
    let mut sizes = Vec::new();
    for _ in 0..rank {
        let mut size = [0u8; 4];
        if read_up_to(&mut from, &mut size).map_err(fail)? < 4 {
            return malformed("truncated inside the header".into());
        }
        sizes.push(u32::from_be_bytes(size));
    }
    let claimed = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(u64::from(size)));
    let Some(claimed) = claimed.filter(|&claimed| claimed <= most) else {
        let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
        return malformed(format!(
            "truncated: its header claims {} bytes, the file cannot hold that",
            sizes.join(" x ")
        ));
    };
    // `take` bounds the reading by the claim, and the vector grows only with what arrives.
    let mut bytes = Vec::new();
    (&mut from).take(claimed).read_to_end(&mut bytes).map_err(fail)?;
    if (bytes.len() as u64) < claimed {
        return malformed(format!("truncated: its header claims {claimed} bytes of data, {} are there", bytes.len()));
    }
    if read_up_to(&mut from, &mut [0u8]).map_err(fail)? != 0 {
        return malformed(format!("longer than the {claimed} bytes of data that its header claims"));
    }
    Ok((sizes.into_iter().map(|size| size as usize).collect(), bytes))
}

/// Fills as much of `buffer` as the source has.
fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_bytes(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let (i, l) = (folder.path().join("images"), folder.path().join("labels"));
        std::fs::write(&i, images).unwrap();
        std::fs::write(&l, labels).unwrap();
        read(&i, &l, "t", &[])
    }

    fn images(count: u32, data: &[u8]) -> Vec<u8> {
        [&[0, 0, 8, 3][..], &count.to_be_bytes(), &2u32.to_be_bytes(), &1u32.to_be_bytes(), data].concat()
    }

    fn labels(count: u32, data: &[u8]) -> Vec<u8> {
        [&[0, 0, 8, 1][..], &count.to_be_bytes(), data].concat()
    }

    #[test]
    fn plain_files_are_read() {
        let data = read_bytes(&images(2, &[1, 2, 3, 4]), &labels(2, &[1, 0])).unwrap();
        assert_eq!(data.shape, ImageShape { channels: 1, height: 2, width: 1 });
        assert_eq!((data.image(1), data.label(0), data.classes()), (&[3, 4][..], 1, 2));
    }

    #[test]
    fn written_files_read_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        for channels in [1, 3] {
            let shape = ImageShape { channels, height: 2, width: 2 };
            let pixels = (0..shape.size() as u8 * 2).collect();
            let names = vec!["0".to_string(), "1".to_string()];
            let data = Dataset::new("t", shape, names, pixels, vec![1, 0]).unwrap();
            let (i, l) = (folder.path().join("i.gz"), folder.path().join("l.gz"));
            write(&data, &i, &l).unwrap();
            assert_eq!(read(&i, &l, "t", &[]).unwrap(), data);
        }
    }

    #[test]
    fn each_fault_is_named() {
        let good = images(2, &[1, 2, 3, 4]);
        let good_labels = labels(2, &[1, 0]);
        let problem = |i: &[u8], l: &[u8]| read_bytes(i, l).unwrap_err().to_string();
        assert!(problem(&good[..19], &good_labels).contains("truncated"));
        assert!(problem(&good[..9], &good_labels).contains("truncated inside the header"));
        assert!(problem(&[], &good_labels).contains("truncated"));
        assert!(problem(&good_labels, &good_labels).contains("magic number 0x00000801, expected 0x00000803"));
        assert!(problem(&good, &labels(3, &[1, 0, 1])).contains("2 images"));
        assert!(problem(&images(u32::MAX, &[1, 2, 3, 4]), &good_labels).contains("4294967295 x 2 x 1"));
        assert!(problem(&images(1, &[1, 2, 3, 4]), &labels(1, &[0])).contains("longer than"));
    }

    #[test]
    fn a_cut_gzip_stream_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (i, l) = (folder.path().join("i.gz"), folder.path().join("l.gz"));
        let shape = ImageShape { channels: 1, height: 10, width: 10 };
        let pixels = (0..1000u32).map(|i| (i * i % 251) as u8).collect();
        let data = Dataset::new("t", shape, vec!["0".into()], pixels, vec![0; 10]).unwrap();
        write(&data, &i, &l).unwrap();
        let whole = std::fs::read(&i).unwrap();
        std::fs::write(&i, &whole[..whole.len() / 2]).unwrap();
        let error = read(&i, &l, "t", &[]).unwrap_err().to_string();
        assert!(error.contains("i.gz") && error.contains("cut short"), "{error}");
    }

    proptest! {
        #[test]
        fn no_file_makes_the_reader_panic(i in prop::collection::vec(any::<u8>(), 0..64), flip in 0usize..160) {
            let _ = read_bytes(&i, &i);
            let mut good = images(2, &[1, 2, 3, 4]);
            good[flip / 8 % 20] ^= 1 << (flip % 8);
            let _ = read_bytes(&good, &labels(2, &[1, 0]));
        }
    }
}
