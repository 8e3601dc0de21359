//! Sound files: WAV, FLAC and Ogg Vorbis, as one channel.

use crate::data::error::DataError;
use crate::data::spectrogram::RATES;
use std::fs::File;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// The most channels of a file.
const MOST_CHANNELS: usize = 32;
/// What is read, for messages.
const FORMATS: &str = "WAV (PCM), FLAC and Ogg Vorbis are read";

/// A file that was opened: what its header says, and what reads on.
pub(super) struct Sound<'a> {
    /// Samples a second.
    pub rate: u32,
    /// Samples of a channel, where the header says how many.
    pub samples: Option<u64>,
    path: &'a Path,
    track: u32,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
}

impl<'a> Sound<'a> {
    /// Reads the header. A header is a claim: it is held against what the format can have, and nothing of its size is allocated.
    ///
    /// # Errors
    /// [`DataError`] naming the file: unreadable, of no format that is read, without a sound, or with a rate or channels out of range.
    pub fn open(path: &'a Path) -> Result<Self, DataError> {
        let broken = |error| unreadable(path, error);
        let file = File::open(path).map_err(|source| DataError::read(path, source))?;
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let (options, tags) = (FormatOptions::default(), MetadataOptions::default());
        let reader = symphonia::default::get_probe().probe(&hint, stream, options, tags).map_err(broken)?;
        let silent = || DataError::malformed(path, format!("the file holds no audio track; {FORMATS}"));
        let track = reader.default_track(TrackType::Audio).ok_or_else(silent)?;
        let coded = track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or_else(silent)?;
        let rate = coded.sample_rate.unwrap_or(0);
        if !RATES.contains(&rate) {
            let problem = format!("a rate of {rate} Hz; from {} to {} Hz are read", RATES.start(), RATES.end());
            return Err(DataError::malformed(path, problem));
        }
        if let Some(channels) = coded.channels.as_ref().map(|channels| channels.count())
            && !(1..=MOST_CHANNELS).contains(&channels)
        {
            let problem = format!("{channels} channels; from 1 to {MOST_CHANNELS} are read");
            return Err(DataError::malformed(path, problem));
        }
        // Pages of Ogg count samples that are cut from the first packet; only WAV and FLAC say to the sample how many there are.
        let samples = track.num_frames;
        if samples == Some(0) {
            return Err(empty(path));
        }
        let decoder = symphonia::default::get_codecs().make_audio_decoder(coded, &AudioDecoderOptions::default());
        let (decoder, track) = (decoder.map_err(broken)?, track.id);
        Ok(Self { rate, samples, path, track, reader, decoder })
    }

    /// The first `most` samples, or all if there are fewer: the mean of all channels, between -1 and 1. What lies behind them is not read.
    ///
    /// # Errors
    /// [`DataError`] naming the file: broken, shorter than its header says, or without a sample.
    pub fn samples(mut self, most: usize) -> Result<Vec<f32>, DataError> {
        let path = self.path;
        let (mut samples, mut interleaved) = (Vec::new(), Vec::<f32>::new());
        while samples.len() < most {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                // What is missing is found by counting.
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(unreadable(path, error)),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = self.decoder.decode(&packet).map_err(|error| unreadable(path, error))?;
            let (channels, rate) = (decoded.spec().channels().count(), decoded.spec().rate());
            if rate != self.rate || !(1..=MOST_CHANNELS).contains(&channels) {
                let problem = format!("a part with {channels} channels at {rate} Hz in a file of {} Hz", self.rate);
                return Err(DataError::malformed(path, problem));
            }
            decoded.copy_to_vec_interleaved(&mut interleaved);
            let mixed = interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32);
            samples.extend(mixed);
        }
        let exact = self.reader.format_info().short_name != "ogg";
        let promised = self.samples.filter(|_| exact).map_or(0, |promised| promised.min(most as u64));
        if (samples.len() as u64) < promised {
            let problem =
                format!("cut short or broken: its header says {promised} samples, {} can be read", samples.len());
            return Err(DataError::malformed(path, problem));
        }
        if samples.is_empty() {
            return Err(empty(path));
        }
        if samples.iter().any(|sample| !sample.is_finite()) {
            return Err(DataError::malformed(path, "it holds samples that are no numbers"));
        }
        samples.truncate(most);
        Ok(samples)
    }
}

fn empty(path: &Path) -> DataError {
    DataError::malformed(path, "the sound has no sample")
}

fn unreadable(path: &Path, error: Error) -> DataError {
    let why = match error {
        Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            return DataError::read(path, error);
        }
        Error::IoError(_) => "it ends too early".into(),
        other => other.to_string(),
    };
    DataError::malformed(path, format!("not a readable sound ({why}); {FORMATS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file is half a second of a sine wave of 440 Hz and amplitude 0.5, 8,000 samples a second, as `oggenc -q 1` codes it.
    #[test]
    fn ogg_vorbis_keeps_length_pitch_and_loudness() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/common/tone.ogg"));
        let sound = Sound::open(path).unwrap();
        assert_eq!(sound.rate, 8000);
        let samples = sound.samples(usize::MAX).unwrap();
        assert_eq!(samples.len(), 4000);
        // What a tone of so many Hz has in common with the samples: for its own, its amplitude.
        let amplitude = |hertz: f64| {
            let turn = |n: usize| 2.0 * std::f64::consts::PI * hertz * n as f64 / 8000.0;
            let sum = |wave: fn(f64) -> f64| {
                samples.iter().enumerate().map(|(n, x)| wave(turn(n)) * f64::from(*x)).sum::<f64>()
            };
            2.0 * sum(f64::sin).hypot(sum(f64::cos)) / samples.len() as f64
        };
        assert!((amplitude(440.0) - 0.5).abs() < 0.02, "{}", amplitude(440.0));
        for other in [220.0, 430.0, 450.0, 880.0] {
            assert!(amplitude(other) < 0.03, "{other} Hz: {}", amplitude(other));
        }
    }
}
