//! The binary version of CIFAR-10: records of one label and 3,072 bytes, channel by channel, without a header.

use super::dataset::Dataset;
use super::error::DataError;
use super::shape::ImageShape;
use std::io::Write;
use std::path::Path;

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const RECORD: usize = 1 + 3 * 32 * 32;

/// The ten classes, in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Reads the records of one or several files as one dataset.
///
/// # Errors
/// [`DataError`] naming the file: unreadable, empty, not a whole number of records, or a label above 9.
pub fn read(files: &[impl AsRef<Path>], name: &str) -> Result<Dataset, DataError> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for path in files.iter().map(AsRef::as_ref) {
        let bytes = std::fs::read(path).map_err(|source| DataError::read(path, source))?;
        if bytes.is_empty() || bytes.len() % RECORD != 0 {
            let problem = format!(
                "{} bytes are not a whole number of CIFAR-10 records of {RECORD} bytes (one label, 3x32x32 pixels)",
                bytes.len()
            );
            return Err(DataError::malformed(path, problem));
        }
        for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
            if usize::from(record[0]) >= CLASSES.len() {
                let problem = format!("record {index} has label {}, CIFAR-10 has labels 0 to 9", record[0]);
                return Err(DataError::malformed(path, problem));
            }
            labels.push(u16::from(record[0]));
            images.extend_from_slice(&record[1..]);
        }
    }
    Dataset::new(name, SHAPE, CLASSES.map(String::from).to_vec(), images, labels)
}

/// Writes 3x32x32 images with at most ten classes as one file of records.
///
/// # Errors
/// [`DataError::Mismatch`] for images of another kind, [`DataError::Write`] when the system refuses.
pub fn write(data: &Dataset, path: &Path) -> Result<(), DataError> {
    if data.shape != SHAPE || data.classes() > CLASSES.len() {
        return Err(DataError::Mismatch(format!(
            "CIFAR-10 files hold {SHAPE} images of 10 classes; {} has {} images of {} classes",
            data.name,
            data.shape,
            data.classes()
        )));
    }
    let write = || -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        for index in 0..data.len() {
            out.write_all(&[data.label(index) as u8])?;
            out.write_all(data.image(index))?;
        }
        out.flush()
    };
    write().map_err(|source| DataError::write(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_records_read_back_equal_and_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_batch_1.bin");
        let pixels = (0..2 * SHAPE.size()).map(|i| (i % 253) as u8).collect();
        let data = Dataset::new("t", SHAPE, CLASSES.map(String::from).to_vec(), pixels, vec![9, 3]).unwrap();
        write(&data, &path).unwrap();
        assert_eq!(read(&[&path], "t").unwrap(), data);

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[RECORD] = 10;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read(&[&path], "t").unwrap_err().to_string().contains("record 1 has label 10"));
        std::fs::write(&path, &bytes[..RECORD + 1]).unwrap();
        assert!(read(&[&path], "t").unwrap_err().to_string().contains("whole number"));
        std::fs::write(&path, []).unwrap();
        assert!(read(&[&path], "t").is_err());
    }
}
