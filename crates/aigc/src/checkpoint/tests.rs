use super::testing::untrained;
use super::*;
use proptest::prelude::*;

fn with_state() -> Checkpoint {
    let finished = untrained(3);
    let size = finished.average.values().len();
    let state = TrainingState { weights: finished.average.clone(), first: vec![0.5; size], second: vec![2.0; size] };
    Checkpoint { state: Some(state), ..finished }
}

#[test]
fn a_checkpoint_reads_back_equal_and_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generator.safetensors");
    for checkpoint in [untrained(3), with_state()] {
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);
        assert_eq!(std::fs::read(&path).unwrap(), checkpoint.to_bytes().unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary file is gone");
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
    let foreign = serialize(Vec::<(String, TensorView)>::new(), None).unwrap();
    assert!(problem(&foreign).contains("imfl aigc train"));

    let mut other = untrained(3);
    other.description.denoiser.width = 16;
    assert!(problem(&other.to_bytes().unwrap()).contains("expected F32"));
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
