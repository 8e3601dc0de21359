//! What can be wrong with what the mechanism is given, said so that the reader can mend it.

use std::path::PathBuf;

use crate::printable::Printable;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table could not be read at one place.
    #[error("{file}: line {line}, column `{column}`: {problem}")]
    Table {
        /// The file's name as the caller gave it.
        file: String,
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column, as in the header.
        column: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A table is wrong as a whole.
    #[error("{file}: {problem}")]
    TableShape {
        /// The file's name as the caller gave it.
        file: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A client given through the API is wrong.
    #[error("client `{client}`: {field}: {problem}")]
    Client {
        /// The client's id.
        client: String,
        /// The field.
        field: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The clients as a whole do not make a market.
    #[error("clients: {0}")]
    Population(String),
    /// A target distribution is wrong.
    #[error("target: {0}")]
    Target(String),
    /// A constant of the learning problem is out of its range.
    #[error("`{key}` = {value}: {problem}")]
    Constant {
        /// The key, as in the constants file.
        key: &'static str,
        /// The value that was given.
        value: f64,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// A forecast cannot be read, or is out of its range.
    #[error("forecast: {key}: {problem}")]
    Forecast {
        /// The key, or the line.
        key: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A prior is not a distribution of costs.
    #[error("prior: {key}: {problem}")]
    Prior {
        /// The key, or the line of an empirical prior.
        key: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A number is not an amount of money.
    #[error("`{text}` {problem}")]
    Money {
        /// The text that was read.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An amount of money left the range of its type.
    #[error("{0} overflows: it does not fit a 64-bit count of micro-credits (9.2e12 credits)")]
    Overflow(&'static str),
    /// The parameters of a rule are wrong.
    #[error("{0}")]
    Rule(String),
    /// A ledger file could not be read, written or trusted.
    #[error(transparent)]
    Storage(#[from] imfl_storage::StorageError),
    /// The ledger refused a transaction or a line of its file.
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
}

/// Why the ledger refused something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The postings do not sum to zero.
    #[error("transaction `{}` does not balance: its postings sum to {sum} micro-credits", Printable(id))]
    Unbalanced {
        /// The transaction.
        id: String,
        /// Their sum.
        sum: i128,
    },
    /// Fewer than two postings, or an empty id or account.
    #[error("transaction `{}`: {problem}", Printable(id))]
    Malformed {
        /// The transaction.
        id: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The id is taken by another transaction.
    #[error("transaction `{}` was already posted with other content; use a new id to correct it", Printable(id))]
    Conflict {
        /// The transaction.
        id: String,
    },
    /// A balance would leave its range. Nothing was posted.
    #[error("transaction `{}` would overflow the balance of `{}`", Printable(id), Printable(account))]
    Overflow {
        /// The transaction.
        id: String,
        /// The account.
        account: String,
    },
    /// A line of the file is no transaction, or one that could not have been posted.
    #[error("line {line}: {problem}")]
    Line {
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

/// What kind of input an error is about; a command line maps it to its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Clients, bids, money, ledgers.
    Data,
    /// Constants, priors, targets: what configures a rule.
    Config,
    /// A combination of rule and parameters that has no meaning.
    Usage,
}

impl Error {
    /// The kind of input this error is about.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Constant { .. } | Error::Forecast { .. } | Error::Prior { .. } | Error::Target(_) => {
                ErrorKind::Config
            }
            Error::Rule(_) => ErrorKind::Usage,
            _ => ErrorKind::Data,
        }
    }
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
