/// A network that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A file that is not what it should be.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, and what is expected.
        problem: String,
    },
    /// A file that cannot be read, or has too little in it.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it, and what is expected.
        problem: String,
    },
    /// Nobody can be reached, now or ever.
    #[error("round {0}: no client of the cohort can ever be reached; give it times in the trace")]
    Deserted(u64),
    /// A client that the network does not know.
    #[error("client {client} is not on the network, which has {links} links; give one for each client")]
    Unknown {
        /// The client.
        client: u32,
        /// Links that there are.
        links: usize,
    },
}
