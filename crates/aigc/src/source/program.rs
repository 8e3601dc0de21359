//! Samples by a program of somebody's own, called with class, count, seed and an output folder.

use super::{Observe, Provenance, Request, SampleError, SampleSource, check};
use crate::fingerprint::Fingerprints;
use imfl_engine::data::{Dataset, ImageShape, folder};
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

/// A program that writes images.
///
/// It is called once for each class that is asked for, as
///
/// ```text
/// PROGRAM ARGS --class NAME --label K --count N --seed S --out FOLDER
/// ```
///
/// and has to leave exactly `N` PNG or JPEG files of the dataset's shape in `FOLDER`, which is there and empty, and to end with exit
/// code 0 within its time. Files are taken in the order of their names. Its standard input is empty; what it says is repeated if it fails.
/// Only the first rank calls it, and hands the images to the others.
#[derive(Clone, Debug)]
pub struct Program {
    words: Vec<String>,
    limit: Duration,
    shape: ImageShape,
    class_names: Vec<String>,
    provenance: Provenance,
}

impl Program {
    /// A program (`words[0]`) and its first arguments, for images of a shape and classes; a call may take as long as `limit`.
    /// `learnt_from` is what it learnt from, where that is known.
    ///
    /// # Errors
    /// A sentence if there is no word.
    pub fn new(
        words: Vec<String>,
        limit: Duration,
        shape: ImageShape,
        class_names: &[String],
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
        Ok(Self { words, limit, shape, class_names: class_names.to_vec(), provenance })
    }

    /// Bytes of `count` images of a class.
    fn call(
        &self,
        label: u16,
        count: usize,
        seed: u64,
        alive: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<u8>, SampleError> {
        let class = &self.class_names[usize::from(label)];
        let failed = |problem: String| {
            SampleError::Failed(format!("{}, asked for {count} of class {class}, {problem}", self.provenance.name))
        };
        let scratch = tempfile::tempdir().map_err(|error| failed(format!("got no scratch folder: {error}")))?;
        let (out, said) = (scratch.path().join("images"), scratch.path().join("said"));
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
            End::Exit(status) if status.success() => self.read(&out, count).map_err(failed),
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

    /// The files that it left.
    fn read(&self, out: &Path, count: usize) -> Result<Vec<u8>, String> {
        let images =
            folder::images(out, self.shape.channels).map_err(|error| format!("left what cannot be read: {error}"))?;
        if images.len() != count {
            return Err(format!(
                "left {} PNG or JPEG files instead of {count} in the folder behind --out",
                images.len()
            ));
        }
        let mut bytes = Vec::new();
        for (path, shape, pixels) in images {
            if shape != self.shape {
                let file = path.file_name().unwrap_or_default().display();
                return Err(format!("left {file}, an image of {shape}, where {} is needed", self.shape));
            }
            bytes.extend(pixels);
        }
        Ok(bytes)
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

impl Program {
    /// Images with the labels that were asked for.
    fn dataset(&self, images: Vec<u8>, requests: &[Request]) -> Result<Dataset, SampleError> {
        let (name, names) = (self.provenance.name.clone(), self.class_names.clone());
        Ok(Dataset::new(name, self.shape, names, images, Request::labels(requests))?)
    }
}

impl SampleSource for Program {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        _: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let size = self.shape.size();
        let (mut images, mut done) = (vec![0; requests.len() * size], 0);
        for label in 0..self.class_names.len() as u16 {
            let places: Vec<usize> = (0..requests.len()).filter(|&place| requests[place].label == label).collect();
            let Some(&first) = places.first() else { continue };
            // Two calls for a class get two seeds.
            let own = keyed(seed, Purpose::Augmentation, requests[first].index, u64::from(label), 2).next_u64() >> 12;
            let bytes = self.call(label, places.len(), own, &mut || observe(done, requests.len()).is_continue())?;
            for (place, image) in places.iter().zip(bytes.chunks_exact(size)) {
                images[place * size..(place + 1) * size].copy_from_slice(image);
            }
            done += places.len();
        }
        if observe(done, requests.len()).is_break() {
            return Err(SampleError::Stopped);
        }
        self.dataset(images, requests)
    }

    fn draw(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        check(requests, self.class_names.len())?;
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
