//! Several ranks over MPI, through the binary: `cargo test --release --workspace --features mpi --test mpi`, which needs
//! Open MPI's mpirun. Without the feature: that a launched process notices.

mod common;

use common::{imfl, stderr};

const USAGE: i32 = 2;

/// Both processes of `mpirun -n 2` see their rank and size in the environment; the first explains, the other only ends.
#[test]
#[cfg(not(feature = "mpi"))]
fn a_build_without_mpi_refuses_to_be_one_of_several() {
    for (rank, size, found) in [
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "rank 0 of 2"),
        ("PMI_RANK", "PMI_SIZE", "rank 0 of 2"),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "rank 0 of 2"),
    ] {
        let run = |number: &str| {
            imfl().args(["run", "--runs", "/nowhere"]).env(rank, number).env(size, "2").output().unwrap()
        };
        let (first, second) = (run("0"), run("1"));
        assert_eq!((first.status.code(), second.status.code()), (Some(USAGE), Some(USAGE)));
        let error = stderr(&first);
        assert!(
            error.contains(found) && error.contains("--features mpi") && error.contains("libopenmpi-dev"),
            "{error}"
        );
        assert_eq!(stderr(&second), "");
    }
    // One process is welcome, whoever started it.
    let one = imfl().arg("devices").env("OMPI_COMM_WORLD_RANK", "0").env("OMPI_COMM_WORLD_SIZE", "1").output().unwrap();
    assert!(one.status.success(), "{}", stderr(&one));
}

#[cfg(feature = "mpi")]
mod started_by_mpirun {
    use super::*;
    use common::small_run::{Left, config, left, lines, run, signal, spawn, wait_for};
    use common::{file, text};
    use serde_json::Value;
    use std::fs;
    use std::io::Read;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const CONFIG: i32 = 3;
    const DATA: i32 = 4;

    /// `mpirun` with so many ranks on however few cores.
    fn mpirun(ranks: usize) -> Command {
        let mut command = Command::new("mpirun");
        command.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", &ranks.to_string()]);
        let environment = imfl();
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.arg(environment.get_program());
        command
    }

    fn output(ranks: usize, arguments: &[&str]) -> Output {
        mpirun(ranks).args(arguments).output().unwrap()
    }

    fn succeed(ranks: usize, arguments: &[&str]) -> String {
        let output = output(ranks, arguments);
        assert!(output.status.success(), "{ranks} ranks, {arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A finished run's folder; exactly one summary is printed.
    fn run_on(ranks: usize, root: &Path, arguments: &[&str]) -> PathBuf {
        let runs = root.join("runs");
        let all = [&["run", "--runs", text(&runs), "--format", "json"], arguments].concat();
        let summary: Value = serde_json::from_str(&succeed(ranks, &all)).unwrap();
        PathBuf::from(summary["run_dir"].as_str().unwrap())
    }

    fn same(found: &Left, expected: &Left, what: &str) {
        assert!(found.model == expected.model, "{what}: another model");
        assert_eq!(found.ledger, expected.ledger, "{what}");
        assert_eq!(found.metrics, expected.metrics, "{what}");
        assert_eq!(found.summary, expected.summary, "{what}");
    }

    #[test]
    fn model_metrics_and_ledger_are_those_of_one_process() {
        let ways: [&[&str]; 4] = [
            &[],
            &["--algorithm", "scaffold"],
            &["--aggregation", "trimmed-mean:1", "--quorum", "3"],
            &["--aggregation", "krum:1", "--attack", "sign-flip", "--hostile", "1", "--quorum", "5"],
        ];
        for way in ways {
            let root = tempfile::tempdir().unwrap();
            let config = config(root.path(), "[training.availability]\nlate = 0.1\n");
            // Everybody takes part at this price of accuracy, and some generate.
            let arguments = [&["--config", &config, "--weight", "1e4"], way].concat();
            let alone = left(&run(root.path(), &arguments));
            assert_eq!(alone.metrics.len(), 10);
            assert!(alone.summary["generated_images"].as_u64().unwrap() > 0 && !alone.ledger.is_empty());
            for ranks in [1, 2, 3] {
                let folder = run_on(ranks, root.path(), &arguments);
                same(&left(&folder), &alone, &format!("{way:?} on {ranks} ranks"));
                let told = lines(&folder.join("metrics.jsonl"));
                let time = |line: &Value| line["communication"].as_f64().unwrap_or(0.0);
                assert!(told.iter().all(|line| (time(line) > 0.0) == (ranks > 1)), "time of communication: {told:?}");
            }
        }
    }

    /// Process ids of what `parent` started, by rank.
    fn ranks_of(parent: u32) -> Vec<u32> {
        let children = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let of: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok().filter(|_| of == parent)?;
            let rank =
                environment.split(|byte| *byte == 0).find_map(|line| line.strip_prefix(b"OMPI_COMM_WORLD_RANK="))?;
            Some((String::from_utf8_lossy(rank).parse::<u32>().ok()?, pid))
        });
        let mut children: Vec<(u32, u32)> = children.collect();
        children.sort_unstable();
        children.into_iter().map(|(_, pid)| pid).collect()
    }

    #[test]
    fn a_killed_rank_ends_the_run_and_another_number_of_ranks_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), "");
        let long = ["--config", &config, "--rounds", "300", "--weight", "1e4", "--keep", "2"];
        let whole = left(&run(root.path(), &long));
        let runs = root.path().join("runs");
        for (killed, number, then) in [(1, 2, 3), (0, 3, 2), (1, 4, 1)] {
            let mut command = mpirun(2);
            let (mut child, mut output) = spawn(command.args(["run", "--runs", text(&runs)]).args(long));
            wait_for(&mut output, &["round 20 of"]);
            let pids = ranks_of(child.id());
            assert_eq!(pids.len(), 2, "the ranks of mpirun");
            signal(pids[killed], "-KILL");
            output.read_to_string(&mut String::new()).unwrap();
            assert!(!child.wait().unwrap().success());
            let folder = runs.join(format!("{number:04}-run"));
            assert!(!folder.join("model.safetensors").exists(), "it was killed before its end");
            let resumed = run_on(then, root.path(), &["--resume", "latest"]);
            assert_eq!(resumed, folder);
            same(&left(&resumed), &whole, &format!("rank {killed} of 2 was killed, {then} went on"));
        }
    }

    #[test]
    fn an_interrupted_run_is_saved_and_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), "");
        let long = ["--config", &config, "--rounds", "300", "--weight", "1e4", "--checkpoint-every", "0"];
        let whole = left(&run(root.path(), &long));
        let runs = root.path().join("runs");
        let (mut child, mut output) = spawn(mpirun(2).args(["run", "--runs", text(&runs)]).args(long));
        let mut seen = wait_for(&mut output, &["round 20 of"]);
        // What a cluster sends; mpirun passes Ctrl-C on in the same way, but waits a second before it does.
        signal(ranks_of(child.id())[0], "-TERM");
        output.read_to_string(&mut seen).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(seen.contains("--resume"), "{seen}");
        same(&left(&run_on(3, root.path(), &["--resume", "latest"])), &whole, "interrupted with 2 ranks, 3 went on");
    }

    #[test]
    fn an_error_ends_all_ranks_with_its_message_and_code() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path(), "");
        // All ranks fail alike and one speaks.
        let output = output(3, &["run", "--config", &config, "--rate", "-1"]);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(CONFIG), "{error}");
        assert_eq!(error.matches("error:").count(), 1, "{error}");
        // Only the second rank fails, while the first waits for it.
        let mut command = mpirun(1);
        command.args(["run", "--config", &config, "--runs", text(&root.path().join("runs"))]);
        command.args([":", "-n", "1"]).arg(imfl().get_program());
        let output = command.args(["run", "--config", &config, "--dataset", "/no/such/images"]).output().unwrap();
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(DATA), "{error}");
        assert!(error.contains("error on rank 1") && error.contains("/no/such/images"), "{error}");
        // A command that shares nothing out.
        let parts = root.path().join("parts");
        let split = ["data", "split", "--dataset", "mnist", "--train", "10", "--test", "10", "--out", text(&parts)];
        let output = mpirun(2).args(split).output().unwrap();
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(USAGE), "{error}");
        assert!(error.contains("without mpirun") && !parts.exists(), "{error}");
    }

    #[test]
    fn benchmarks_and_experiments_run_on_several_ranks() {
        let small = ["--shape", "1x12x12", "--clients", "30", "--cohort", "6", "--samples", "12", "--rounds", "3"];
        let all = [&["bench", "train", "--format", "json", "--workers", "1"], &small[..]].concat();
        let bench: Value = serde_json::from_str(&succeed(2, &all)).unwrap();
        assert_eq!(bench["ranks"].as_u64(), Some(2));
        assert!(bench["seconds_communicating"].as_f64().unwrap() > 0.0, "{bench}");

        let root = tempfile::tempdir().unwrap();
        let images = root.path().join("images");
        config(root.path(), "");
        let settings = format!(
            "seeds = [1, 2, 3]\n[grid]\neffort = 100000\n\
             base = {{ clients = 5, skew = 0.3, weight = 0.1, generation_cost = 1.0, prior_spread = 0.5 }}\n\
             axes = {{ clients = [3, 5], weight = [0.1, 1] }}\n\
             [run]\ndataset = {images:?}\n[run.partition]\nclients = 5\n[run.training]\nmodel = \"mlp\"\n\
             [run.generator]\nevaluations = 3\n[run.probe]\npoints = 2\nimages_per_class = 4\n\
             [run.costs]\nseconds_per_sample = 1e-4\nseconds_per_image = 1e-3\nseconds_for_setup = 0.01\n"
        );
        let settings = file(root.path(), "cost.toml", settings);
        let reproduce = |ranks: Option<usize>| {
            let folder = root.path().join(format!("of-{ranks:?}"));
            let arguments =
                ["reproduce", "cost", "--settings", &settings, "--folder", text(&folder), "--format", "json"];
            let printed = ranks.map_or_else(|| common::succeed(&arguments), |ranks| succeed(ranks, &arguments));
            let mut result: Value = serde_json::from_str(&printed).unwrap();
            let object = result.as_object_mut().unwrap();
            for time in ["seconds", "measured"] {
                assert!(object.remove(time).is_some());
            }
            let cells = fs::read_to_string(folder.join("cost/cells.jsonl")).unwrap();
            (result, cells.lines().count())
        };
        let alone = reproduce(None);
        for ranks in [2, 3] {
            assert_eq!(reproduce(Some(ranks)), alone, "{ranks} ranks");
        }
    }
}
