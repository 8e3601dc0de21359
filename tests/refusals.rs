//! Commands that would destroy what they read, or what another one made, refuse; those that are stopped leave nothing half made.

mod common;

use common::generator::{small, trained, training};
use common::{fail, file, imfl, stderr, succeed, text};
use imfl_aigc::Checkpoint;
use std::fs;
use std::path::Path;

const USAGE: i32 = 2;

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_split_does_not_touch_its_dataset_nor_one_part_the_other() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let before = names(&dataset);
    let out = root.path().join("out");
    let sizes = ["--train", "10", "--test", "5"];
    let split =
        |more: &[&str]| fail(&[&["data", "split", "--dataset", text(&dataset)][..], &sizes, more].concat(), USAGE);
    let inside = dataset.join("part/of/it");
    let roundabout = root.path().join("other/../small");
    fs::create_dir(root.path().join("other")).unwrap();
    for place in [&dataset, &inside, &roundabout] {
        assert!(split(&["--out", text(place)]).contains("is in the dataset"), "{}", place.display());
        assert!(split(&["--out", text(&out), "--rest", text(place)]).contains("is in the dataset"));
        assert!(split(&["--out", text(&out), "--cifar", text(place)]).contains("is in the dataset"));
    }
    #[cfg(unix)]
    {
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&dataset, &link).unwrap();
        assert!(split(&["--out", text(&link)]).contains("is in the dataset"));
    }
    assert!(split(&["--out", text(&out), "--rest", text(&out)]).contains("overwrite"));
    assert!(!out.exists());
    assert_eq!(names(&dataset), before);
    // One CIFAR file is a dataset, and its folder is not.
    let batch = root.path().join("batch.bin");
    succeed(&["data", "split", "--dataset", "mnist", "--train", "1", "--test", "1", "--out", text(&out)]);
    fs::write(&batch, vec![0u8; 3073 * 10]).unwrap();
    let cifar = ["data", "split", "--dataset", text(&batch), "--train", "1", "--test", "1", "--cifar", text(&batch)];
    assert!(fail(&[&cifar[..], &["--out", text(&out)]].concat(), USAGE).contains("is in the dataset"));
}

#[test]
fn the_shipped_generator_is_not_rewritten() {
    let root = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/generators/mnist.safetensors");
    let before = fs::read(&shipped).unwrap();
    let error = fail(&["aigc", "configure", "--guidance", "0.5"], USAGE);
    assert!(error.contains("--out"), "{error}");
    let shown = succeed(&["aigc", "configure"]);
    let copy = root.path().join("copy.safetensors");
    succeed(&["aigc", "configure", "--guidance", "0.5", "--out", text(&copy)]);
    assert!(fs::read(&shipped).unwrap() == before, "the shipped generator was changed");
    assert_eq!(succeed(&["aigc", "configure"]), shown);
    assert_eq!(Checkpoint::read(&copy).unwrap().description.sampling.guidance, 0.5);
    // One's own file is rewritten where it is.
    succeed(&["aigc", "configure", "--generator", text(&copy), "--guidance", "0.25"]);
    assert_eq!(Checkpoint::read(&copy).unwrap().description.sampling.guidance, 0.25);
    assert_eq!(names(root.path()), ["copy.safetensors"]);
}

#[test]
fn a_finished_generator_is_kept_unless_it_is_to_be_trained_anew() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let out = trained(root.path(), &dataset);
    let before = fs::read(&out).unwrap();
    let error = fail(&training(&dataset, &out, "2"), USAGE);
    assert!(error.contains("is there already") && error.contains("--restart"), "{error}");
    // There is nothing to resume, which is said and is no mistake.
    let output = imfl().args([training(&dataset, &out, "4"), vec!["--resume"]].concat()).output().unwrap();
    assert!(
        output.status.success() && stderr(&output).contains("finished already, after 4 steps"),
        "{}",
        stderr(&output)
    );
    assert!(fs::read(&out).unwrap() == before);
    succeed(&[training(&dataset, &out, "2"), vec!["--restart"]].concat());
    assert_eq!(Checkpoint::read(&out).unwrap().description.steps, 2);
    // Nothing was ever begun here.
    let other = root.path().join("other.safetensors");
    let error = fail(&[training(&dataset, &other, "2"), vec!["--resume"]].concat(), 7);
    assert!(error.contains("nothing to resume") && error.contains("other.training.safetensors"), "{error}");
}

#[test]
fn a_place_where_no_generator_can_be_is_found_out_before_training() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let error = fail(&training(&dataset, &folder, "1000000"), 1);
    assert!(error.contains("it is a folder"), "{error}");
    let missing = root.path().join("no/such/folder/g.safetensors");
    let error = fail(&training(&dataset, &missing, "1000000"), 1);
    assert!(error.contains("no/such/folder"), "{error}");
    assert_eq!(names(root.path()), ["folder", "small"]);
    assert!(names(&folder).is_empty());
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_half_of_a_generator() {
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let out = root.path().join("g.safetensors");
    // No file may be longer than 16 KiB: a write beyond that fails as on a full disk.
    let line = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("bash");
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
    let command = command.args(["-c", line, env!("CARGO_BIN_EXE_imfl")]).args(training(&dataset, &out, "4"));
    let output = command.env("IMFL_ASSETS", assets).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("g.training.safetensors"), "{}", stderr(&output));
    assert_eq!(names(root.path()), ["small"]);
}

#[test]
fn an_experiment_stays_in_its_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("experiments");
    for name in ["../x", "..", "a/b", "/tmp/x", ""] {
        let error = fail(&["reproduce", "cost", "--folder", text(&folder), "--name", name], 3);
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
    assert!(fail(&["run", "--name", "../x", "--generator", "none"], 3).contains("`name`"));
    assert_eq!(names(root.path()), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_signal_lets_a_training_save_itself_and_it_goes_on_to_the_same() {
    use common::small_run::{signal, spawn, wait_for};
    use std::io::Read;
    let root = tempfile::tempdir().unwrap();
    let dataset = small(root.path());
    let whole = root.path().join("whole.safetensors");
    succeed(&training(&dataset, &whole, "60"));
    let whole = Checkpoint::read(&whole).unwrap();
    for name in ["-INT", "-TERM"] {
        let out = root.path().join(format!("cut{name}.safetensors"));
        let (mut child, mut lines) = spawn(imfl().args(training(&dataset, &out, "60")));
        wait_for(&mut lines, &["step 2 of"]);
        signal(child.id(), name);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("interrupted after step") && rest.contains("--resume"), "{rest}");
        assert!(!out.exists());
        let state = Checkpoint::read(&out.with_extension("training.safetensors")).unwrap();
        assert!(rest.contains(&format!("interrupted after step {}", state.description.steps)), "{rest}");
        succeed(&["aigc", "train", "--dataset", text(&dataset), "--out", text(&out), "--resume"]);
        let resumed = Checkpoint::read(&out).unwrap();
        assert!(resumed.average == whole.average, "{name}: other weights");
    }
}

#[test]
fn a_prior_that_is_not_looked_at_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let clients = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch\n1,100,0.5,0.001,0.001,0.01,10\n";
    let clients = file(root.path(), "clients.csv", clients);
    let constants = "g_data = 1.0\nsigma = 1.0\nsmoothness = 1.0\nrate = 0.01\nlocal_steps = 2\n";
    let constants = file(root.path(), "constants.toml", constants);
    let price =
        ["mechanism", "price", "--clients", &clients, "--constants", &constants, "--theta", "0.2", "--weight", "1"];
    let error = fail(&[&price[..], &["--prior", "/nonexistent"]].concat(), USAGE);
    assert!(error.contains("--information incomplete"), "{error}");
    let error = fail(&[&price[..], &["--prior", "/nonexistent", "--information", "incomplete"]].concat(), 3);
    assert!(error.contains("/nonexistent"), "{error}");
}
