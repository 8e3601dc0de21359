use super::testing::{untrained, untrained_rows, untrained_texts};
use super::*;
use crate::denoiser::Network;
use imfl_storage::{Fault, Faulty};
use proptest::prelude::*;

fn with_state() -> Checkpoint {
    let finished = untrained(3);
    let size = finished.average.values().len();
    let state = AdamW { weights: finished.average.clone(), first: vec![0.5; size], second: vec![2.0; size] };
    Checkpoint { state: Some(state), ..finished }
}

#[test]
fn a_checkpoint_reads_back_equal_and_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generator.safetensors");
    for checkpoint in [untrained(3), with_state(), untrained_rows(3), untrained_texts()] {
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);
        assert_eq!(std::fs::read(&path).unwrap(), checkpoint.to_bytes().unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary file is gone");
}

/// What shipped once stays readable, and is written again as it was.
#[test]
fn the_shipped_checkpoint_is_read_and_written_to_the_byte() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/generators/mnist.safetensors"));
    let bytes = std::fs::read(path).unwrap();
    assert!(Checkpoint::from_bytes(&bytes).unwrap().to_bytes().unwrap() == bytes);
}

#[test]
fn whatever_fails_the_old_checkpoint_or_the_new_one_is_whole_and_nothing_stays_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let (old, new) = (untrained(2), with_state());
    for fault in Fault::ALL {
        let mut at = 0;
        loop {
            old.write(&path).unwrap();
            let files = Faulty::new(Some(at), fault, false);
            let written = new.write_in(&files, &path);
            let found = Checkpoint::read(&path).unwrap();
            assert!(
                found == new || (written.is_err() && found == old),
                "{fault:?} at {:?}",
                files.operations().get(at)
            );
            assert_eq!(
                std::fs::read_dir(folder.path()).unwrap().count(),
                1,
                "{fault:?} at {:?}",
                files.operations().get(at)
            );
            if let Err(error) = written {
                assert!(error.to_string().contains("training.safetensors"), "{error}");
            } else if files.operations().len() <= at {
                break;
            } else {
                assert_eq!(fault, Fault::Short, "a failed operation was not noticed: {:?}", files.operations());
            }
            at += 1;
        }
        assert!(at >= 5, "only {at} operations could fail");
    }
}

#[test]
fn a_network_for_other_texts_is_refused() {
    let changed = |change: &dyn Fn(&mut Network)| {
        let mut checkpoint = untrained_texts();
        change(&mut checkpoint.description.denoiser.network);
        Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap_err()
    };
    let problem = changed(&|network| {
        if let Network::Transformer { symbols, .. } = network {
            *symbols += 1;
        }
    });
    assert!(problem.contains("samples are texts"), "{problem}");
    let problem = changed(&|network| {
        if let Network::Transformer { heads, .. } = network {
            *heads = 3;
        }
    });
    assert!(problem.contains("width = 8: must be a multiple of the heads"), "{problem}");
    let problem = changed(&|network| *network = Network::UNet);
    assert!(problem.contains("cannot be built"), "{problem}");
}

#[test]
fn each_fault_is_named() {
    let missing = Checkpoint::read(Path::new("no/such.safetensors")).unwrap_err().to_string();
    assert!(missing.contains("no/such.safetensors"), "{missing}");
    let whole = with_state().to_bytes().unwrap();
    let problem = |bytes: &[u8]| Checkpoint::from_bytes(bytes).unwrap_err();
    assert!(problem(&[]).contains("truncated"));
    assert!(problem(&whole[..whole.len() - 1]).contains("truncated"));
    assert!(problem(&u64::MAX.to_le_bytes()).contains("truncated"));
    let foreign = Tensors::default().to_bytes("else/1").unwrap();
    assert!(problem(&foreign).contains("imfl aigc train"));

    let mut other = untrained(3);
    other.description.denoiser.width = 16;
    assert!(problem(&other.to_bytes().unwrap()).contains("expected F32"));
    let mut other = untrained_rows(3);
    other.description.denoiser.network = Network::Perceptron { blocks: 3 };
    assert!(problem(&other.to_bytes().unwrap()).contains("block.2"));
    let mut other = untrained_rows(3);
    other.description.kind = Kind::Images;
    assert!(
        problem(&other.to_bytes().unwrap()).contains("its samples are images, which a network for 5x1x1 cannot draw")
    );
    let mut other = untrained(3);
    other.description.kind = untrained_rows(3).description.kind;
    assert!(
        problem(&other.to_bytes().unwrap()).contains("its samples are rows, which a network for 1x8x8 cannot draw")
    );
    let mut other = untrained(3);
    other.description.class_names.pop();
    assert!(problem(&other.to_bytes().unwrap()).contains("2 classes"));
    let mut other = untrained(3);
    other.description.scale.normalisation.deviation = vec![0.0];
    assert!(problem(&other.to_bytes().unwrap()).contains("normalisation"));
    let mut other = untrained(3);
    other.description.sampling.steps = 0;
    assert!(problem(&other.to_bytes().unwrap()).contains("steps = 0"));
    let mut other = untrained(3);
    other.average.values_mut()[9] = f32::NAN;
    assert!(problem(&other.to_bytes().unwrap()).contains("not finite"));
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(place in 0usize..20_000, bit in 0u8..8, keep in 0usize..60_000) {
        let mut bytes = untrained(2).to_bytes().unwrap();
        let length = bytes.len();
        bytes[place % length] ^= 1 << bit;
        let _ = Checkpoint::from_bytes(&bytes);
        let _ = Checkpoint::from_bytes(&bytes[..keep.min(length)]);
    }
}
