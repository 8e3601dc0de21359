//! Samples by a program of somebody's own, called with class, count, seed and an output folder.

use super::{Observe, Provenance, Request, SampleError, SampleSource, check};
use crate::fingerprint::Fingerprints;
use imfl_engine::data::{DataError, Dataset, ImageShape, Kind, Reading, read_class};
use imfl_engine::device::Compute;
use imfl_engine::random::{Purpose, keyed};
use rand::Rng;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of what a program said that a message repeats.
const QUOTED: usize = 600;

/// A program that writes samples.
///
/// It is called once for each class that is asked for, as
///
/// ```text
/// PROGRAM ARGS --class NAME --label K --count N --seed S --out FOLDER
/// ```
///
/// and has to leave exactly `N` samples in `FOLDER`, which is there and empty, and to end with exit code 0 within its time: images of the dataset's shape
/// as PNG or JPEG files, sounds as WAV, FLAC or Ogg Vorbis files, in the order of their names; rows in a file `samples.csv` and texts in `samples.csv` or
/// `samples.jsonl`, with the dataset's columns, that of the labels if it likes. Its standard input is empty; what it says is repeated if it fails. Only the
/// first rank calls it, and hands the samples to the others.
#[derive(Clone, Debug)]
pub struct Program {
    words: Vec<String>,
    limit: Duration,
    like: Dataset,
    reading: Reading,
    provenance: Provenance,
}

impl Program {
    /// A program (`words[0]`) and its first arguments; a call may take as long as `limit`. Its samples are for those of `like` and are read as `reading`
    /// says; `learnt_from` is what it learnt from, where that is known.
    ///
    /// # Errors
    /// A sentence if there is no word.
    pub fn new(
        words: Vec<String>,
        limit: Duration,
        like: Dataset,
        reading: Reading,
        learnt_from: &[Dataset],
    ) -> Result<Self, SampleError> {
        let Some(program) = words.first() else {
            return Err(SampleError::Failed("no program is named".into()));
        };
        let fingerprints = learnt_from.iter().flat_map(|data| Fingerprints::of(data).values().to_vec()).collect();
        let provenance = Provenance {
            name: format!("program {program}"),
            learnt_from: learnt_from.first().map_or_else(|| "an unknown source".into(), |data| data.name.clone()),
            fingerprints: Fingerprints::from_values(fingerprints),
            sha256: None,
        };
        Ok(Self { words, limit, like, reading, provenance })
    }

    /// `count` samples of a class.
    fn call(
        &self,
        label: u16,
        count: usize,
        seed: u64,
        alive: &mut dyn FnMut() -> bool,
    ) -> Result<Dataset, SampleError> {
        let class = &self.like.class_names[usize::from(label)];
        let failed = |problem: String| {
            SampleError::Failed(format!("{}, asked for {count} of class {class}, {problem}", self.provenance.name))
        };
        let scratch = tempfile::tempdir().map_err(|error| failed(format!("got no scratch folder: {error}")))?;
        let (out, said) = (scratch.path().join("out"), scratch.path().join("said"));
        let prepared =
            fs::create_dir(&out).and_then(|()| fs::File::create(&said)).and_then(|log| Ok((log.try_clone()?, log)));
        let (stdout, stderr) = prepared.map_err(|error| failed(format!("got no scratch folder: {error}")))?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(["--class", class]).args(["--label", &label.to_string()]);
        command.args(["--count", &count.to_string()]).args(["--seed", &seed.to_string()]).arg("--out").arg(&out);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        // Its own group: what it starts ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|error| failed(format!("could not be started: {error}")))?;
        match self.wait(child, alive).map_err(|error| failed(format!("cannot be waited for: {error}")))? {
            End::Exit(status) if status.success() => self.read(&out, class, count).map_err(failed),
            End::Exit(status) => Err(failed(format!("failed ({status}){}", quoted(&said)))),
            End::Late => Err(failed(format!(
                "was not done after {} s and was ended; allow it longer by generator.limit_seconds{}",
                self.limit.as_secs_f64(),
                quoted(&said)
            ))),
            End::Stopped => Err(SampleError::Stopped),
        }
    }

    /// Waits for the end, which comes at the limit at the latest.
    fn wait(&self, mut child: Child, alive: &mut dyn FnMut() -> bool) -> std::io::Result<End> {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(End::Exit(status));
            }
            let late = started.elapsed() >= self.limit;
            if late || !alive() {
                end(&mut child);
                child.wait()?;
                return Ok(if late { End::Late } else { End::Stopped });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// What it left.
    fn read(&self, out: &Path, class: &str, count: usize) -> Result<Dataset, String> {
        // The folder is gone when somebody reads the sentence.
        let bare = |error: DataError| error.to_string().replace(&out.display().to_string(), "FOLDER");
        let samples = read_class(out, &self.like, class, self.reading);
        let samples = samples.map_err(|error| format!("left in FOLDER what cannot be taken: {}", bare(error)))?;
        if samples.len() != count {
            let things = match self.kind() {
                Kind::Images => "PNG or JPEG files in FOLDER",
                Kind::Sound(_) => "WAV, FLAC or OGG files in FOLDER",
                kind => &format!("{} in FOLDER/{}", kind.plural(), samples.name),
            };
            return Err(format!("left {} {things} instead of {count}", samples.len()));
        }
        Ok(samples)
    }

    /// Samples with the labels that were asked for.
    fn dataset(&self, bytes: Vec<u8>, requests: &[Request]) -> Result<Dataset, SampleError> {
        Ok(self.like.like(&self.provenance.name, bytes, Request::labels(requests))?)
    }
}

/// How a call ended.
enum End {
    Exit(ExitStatus),
    Late,
    Stopped,
}

/// Ends a program and what it has started.
fn end(child: &mut Child) {
    // Whatever fails here has ended by itself.
    #[cfg(unix)]
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
    let _ = child.kill();
}

/// The last that a program said, to be put behind a sentence.
fn quoted(said: &Path) -> String {
    let text = fs::read(said).unwrap_or_default();
    let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(QUOTED)..]);
    let tail = tail.trim();
    if tail.is_empty() { String::new() } else { format!("; it said: {}", tail.escape_debug()) }
}

impl SampleSource for Program {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.like.shape
    }

    fn kind(&self) -> &Kind {
        &self.like.kind
    }

    fn class_names(&self) -> &[String] {
        &self.like.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        _: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let size = self.kind().record(self.shape());
        let (mut bytes, mut done) = (vec![0; requests.len() * size], 0);
        for label in 0..self.class_names().len() as u16 {
            let places: Vec<usize> = (0..requests.len()).filter(|&place| requests[place].label == label).collect();
            let Some(&first) = places.first() else { continue };
            // Two calls for a class get two seeds.
            let own = keyed(seed, Purpose::Augmentation, requests[first].index, u64::from(label), 2).next_u64() >> 12;
            let drawn = self.call(label, places.len(), own, &mut || observe(done, requests.len()).is_continue())?;
            for (index, place) in places.iter().enumerate() {
                bytes[place * size..(place + 1) * size].copy_from_slice(drawn.image(index));
            }
            done += places.len();
        }
        if observe(done, requests.len()).is_break() {
            return Err(SampleError::Stopped);
        }
        self.dataset(bytes, requests)
    }

    fn draw(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        check(requests, self.class_names().len())?;
        let ranks = &compute.ranks;
        if !ranks.are_several() {
            return self.draw_part(requests, seed, compute, observe);
        }
        let drawn = if ranks.is_first() { Some(self.draw_part(requests, seed, compute, observe)?) } else { None };
        let own = drawn.iter().flat_map(|drawn| (0..drawn.len()).flat_map(|index| drawn.image(index))).copied();
        let bytes = ranks.from_first(&own.collect::<Vec<u8>>());
        self.dataset(bytes, requests)
    }
}
