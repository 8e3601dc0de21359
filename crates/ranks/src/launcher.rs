//! Whether somebody started several of us, and joining them.

use crate::Ranks;

/// Variables that launchers set for each process: rank and size. Open MPI; MPICH, Intel MPI and Slurm's PMI; MVAPICH; Slurm.
const VARIABLES: [(&str, &str); 4] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];

/// What a launcher says about this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Its rank.
    pub rank: usize,
    /// How many were started, at least 2.
    pub size: usize,
}

impl Launched {
    /// What the environment says; nothing if nobody else was started.
    pub fn found() -> Option<Self> {
        Self::find(|name| std::env::var(name).ok())
    }

    fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.parse::<usize>().ok();
        let of = |(rank, size): (&str, &str)| Some(Self { rank: number(rank)?, size: number(size)? });
        VARIABLES.into_iter().filter_map(of).find(|launched| launched.size > 1 && launched.rank < launched.size)
    }
}

/// Ranks that cannot work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Several were started of a build that knows nothing of it.
    #[error(
        "this is rank {} of {} that were started together, but this build knows no MPI and each would do all the work: build \
         with `cargo build --release --features mpi` (Debian: libopenmpi-dev and libclang-dev), or start it without mpirun",
        .0.rank, .0.size
    )]
    NotBuilt(Launched),
    /// MPI disagrees with the launcher.
    #[error(
        "{} ranks were started together and MPI finds {found}: this build is linked to another MPI than the launcher's; build \
         it with that one's mpicc in PATH",
        .launched.size
    )]
    Strangers {
        /// What the launcher said.
        launched: Launched,
        /// Ranks that MPI found.
        found: usize,
    },
    /// The library cannot be used from this program.
    #[error("MPI does not start: it was started before, or allows no threads beside the one that calls it")]
    Refused,
}

/// Keeps the ranks connected until it is dropped, which waits for all of them.
pub struct Session {
    ranks: Ranks,
    #[cfg(feature = "mpi")]
    _connected: Option<crate::mpi::Connected>,
}

impl Session {
    /// This process among them.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }
}

/// Joins the other ranks, if a launcher has started any. To be called once, by the main thread.
///
/// # Errors
/// [`StartError`] if they were started and cannot work together.
pub fn start() -> Result<Session, StartError> {
    match Launched::found() {
        Some(launched) => join(launched),
        None => Ok(Session {
            ranks: Ranks::alone(),
            #[cfg(feature = "mpi")]
            _connected: None,
        }),
    }
}

#[cfg(not(feature = "mpi"))]
fn join(launched: Launched) -> Result<Session, StartError> {
    Err(StartError::NotBuilt(launched))
}

#[cfg(feature = "mpi")]
fn join(launched: Launched) -> Result<Session, StartError> {
    let (connected, transport) = crate::mpi::connect().ok_or(StartError::Refused)?;
    let ranks = Ranks::over(transport);
    match ranks.size() {
        found if found != launched.size => Err(StartError::Strangers { launched, found }),
        _ => Ok(Session { ranks, _connected: Some(connected) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_recognised() {
        let find = |set: &[(&str, &str)]| {
            Launched::find(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
        };
        assert_eq!(find(&[]), None);
        for (rank, size) in VARIABLES {
            assert_eq!(find(&[(rank, "1"), (size, "3")]), Some(Launched { rank: 1, size: 3 }));
            assert_eq!(find(&[(rank, "0"), (size, "1")]), None, "one process is alone");
            assert_eq!(find(&[(rank, "0")]), None, "a batch script of Slurm has a rank and no step");
            assert_eq!(find(&[(rank, "x"), (size, "2")]), None);
        }
    }

    #[test]
    #[cfg(not(feature = "mpi"))]
    fn a_build_without_mpi_says_how_to_get_one() {
        let error = join(Launched { rank: 1, size: 2 }).err().unwrap().to_string();
        assert!(error.contains("rank 1 of 2") && error.contains("--features mpi"), "{error}");
    }
}
