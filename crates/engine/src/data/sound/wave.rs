//! WAV files of our own.

/// A WAV file of one channel, 16 bits a sample; samples beyond -1 and 1 are cut.
pub fn wav(samples: &[f32], rate: u32) -> Vec<u8> {
    const HEADER: u32 = 36;
    let bytes = 2 * samples.len() as u32;
    let mut file = Vec::with_capacity(44 + 2 * samples.len());
    file.extend(b"RIFF");
    file.extend((HEADER + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(rate.to_le_bytes());
    file.extend((2 * rate).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    // The cast saturates.
    file.extend(samples.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes()));
    file
}
