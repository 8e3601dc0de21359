//! Whether somebody started several of us, and joining them.

use crate::Ranks;
use std::any::Any;

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

/// Joins the other processes of a launcher: what ends the connection when it is dropped, and the ranks. Nothing if it cannot.
pub type Connect = fn() -> Option<(Box<dyn Any>, Ranks)>;

/// Keeps the ranks connected until it is dropped, which waits for all of them.
pub struct Session {
    ranks: Ranks,
    /// Held for its end.
    _connection: Option<Box<dyn Any>>,
}

impl Session {
    /// This process among them.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }
}

/// Joins the other ranks, if a launcher has started any, by `connect`. To be called once, by the main thread.
///
/// # Errors
/// [`StartError`] if they were started and cannot work together.
pub fn start(connect: Option<Connect>) -> Result<Session, StartError> {
    match Launched::found() {
        Some(launched) => join(launched, connect),
        None => Ok(Session { ranks: Ranks::alone(), _connection: None }),
    }
}

fn join(launched: Launched, connect: Option<Connect>) -> Result<Session, StartError> {
    let connect = connect.ok_or(StartError::NotBuilt(launched))?;
    let (connection, ranks) = connect().ok_or(StartError::Refused)?;
    match ranks.size() {
        found if found != launched.size => Err(StartError::Strangers { launched, found }),
        _ => Ok(Session { ranks, _connection: Some(connection) }),
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
    fn a_build_without_mpi_says_how_to_get_one() {
        let error = join(Launched { rank: 1, size: 2 }, None).err().unwrap().to_string();
        assert!(error.contains("rank 1 of 2") && error.contains("--features mpi"), "{error}");
    }

    #[test]
    fn whoever_cannot_connect_or_finds_others_than_were_started_is_refused() {
        let launched = Launched { rank: 0, size: 2 };
        assert_eq!(join(launched, Some(|| None)).err(), Some(StartError::Refused));
        let alone: Connect = || Some((Box::new(()), Ranks::alone()));
        assert_eq!(join(launched, Some(alone)).err(), Some(StartError::Strangers { launched, found: 1 }));
    }
}
