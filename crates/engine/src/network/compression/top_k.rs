use super::{Codec, f32_at};
use crate::random::ChaCha8Rng;

/// The largest values by their size and nothing of the others, each with its place: eight bytes. What is left out joins the
/// client's next update (error feedback; Stich et al. 2018, arXiv 1809.07599).
pub struct TopK {
    /// Share of the values, in (0, 1].
    pub share: f64,
}

impl TopK {
    fn kept(&self, values: usize) -> usize {
        ((values as f64 * self.share).ceil() as usize).min(values)
    }
}

impl Codec for TopK {
    fn bytes(&self, values: usize) -> u64 {
        8 * self.kept(values) as u64
    }

    fn encode(&self, change: &[f32], _: &mut ChaCha8Rng) -> Vec<u8> {
        let kept = self.kept(change.len());
        let mut places: Vec<u32> = (0..change.len() as u32).collect();
        if kept < places.len() {
            // What is no number is larger than everything in this order, so it is sent and seen.
            let size = |place: &u32| change[*place as usize].abs();
            places.select_nth_unstable_by(kept, |a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
            places.truncate(kept);
        }
        places.sort_unstable();
        places.iter().flat_map(|place| [place.to_le_bytes(), change[*place as usize].to_le_bytes()].concat()).collect()
    }

    fn decode(&self, bytes: &[u8], values: usize) -> Vec<f32> {
        let mut change = vec![0.0; values];
        for pair in bytes.as_chunks::<8>().0 {
            let place = u32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]]) as usize;
            if let Some(value) = change.get_mut(place) {
                *value = f32_at(pair, 4);
            }
        }
        change
    }

    fn remembers(&self) -> bool {
        true
    }
}
