//! Ranks over MPI, by the library that the cluster runs.

use imfl_ranks::{Local, Ranks, Transport};
use mpi::collective::SystemOperation;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use mpi::{Count, Threading};
use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The ranks that were started with this one. One thread at a time calls MPI.
#[derive(Debug)]
pub struct Mpi {
    rank: usize,
    size: usize,
    local: Local,
    calling: Mutex<()>,
}

/// Starts MPI, which ends when what it returns first is dropped; nothing if it was started before, or does not let threads take turns.
pub fn connect() -> Option<(Box<dyn Any>, Ranks)> {
    let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)?;
    let world = universe.world();
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let machine = world.split_shared(world.rank());
    let local = Local { rank: machine.rank() as usize, size: machine.size() as usize, sharing: sharing(&machine) };
    let transport = Mpi { rank, size, local, calling: Mutex::new(()) };
    (threading >= Threading::Serialized).then(|| (Box::new(universe) as Box<dyn Any>, Ranks::over(transport)))
}

/// The cores that this process may run on, as Linux writes them; elsewhere all processes look the same.
fn allowed_cores() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap_or_default().to_string()
}

/// How many ranks of a machine, this one included, may run on the cores of this one: their lists of cores have one hash.
fn sharing(machine: &SimpleCommunicator) -> usize {
    let mut hasher = DefaultHasher::new();
    allowed_cores().hash(&mut hasher);
    let (own, mut all) = (hasher.finish(), vec![0; machine.size() as usize]);
    machine.all_gather_into(&own, &mut all[..]);
    all.into_iter().filter(|cores| *cores == own).count()
}

fn gather(communicator: &SimpleCommunicator, own: &[u8], counts: &[usize]) -> Vec<u8> {
    let mut all = vec![0; counts.iter().sum()];
    // `Ranks::gather` keeps the sum of all counts below 2^31.
    let counts: Vec<Count> = counts.iter().map(|&count| count as Count).collect();
    let starts: Vec<Count> = counts
        .iter()
        .scan(0, |start, count| {
            *start += count;
            Some(*start - count)
        })
        .collect();
    communicator.all_gather_varcount_into(own, &mut PartitionMut::new(&mut all[..], counts, starts));
    all
}

impl Mpi {
    fn call(&self) -> (MutexGuard<'_, ()>, SimpleCommunicator) {
        (self.calling.lock().unwrap_or_else(PoisonError::into_inner), SimpleCommunicator::world())
    }
}

impl Transport for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn local(&self) -> Local {
        self.local
    }

    fn barrier(&self) {
        self.call().1.barrier();
    }

    fn sum(&self, values: &mut [i64]) {
        let (_turn, world) = self.call();
        // In parts, since MPI counts in 32 bits.
        for values in values.chunks_mut(1 << 28) {
            let own = values.to_vec();
            world.all_reduce_into(&own[..], values, SystemOperation::sum());
        }
    }

    fn gather(&self, own: &[u8], counts: &[usize]) -> Vec<u8> {
        let (_turn, world) = self.call();
        gather(&world, own, counts)
    }

    fn abort(&self, code: u8) -> ! {
        // Without the lock: an error ends everything, also what another thread of this rank is waiting for.
        SimpleCommunicator::world().abort(i32::from(code))
    }
}
