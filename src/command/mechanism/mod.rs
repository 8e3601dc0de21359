//! `imfl mechanism`: prices, auctions and their verification, from files of clients.

mod auction;
pub mod forecast;
mod inputs;
mod outcome;
mod page;
mod price;
mod verify;

use clap::Subcommand;
use imfl_run::{Host, Outcome};

/// The subcommands of `imfl mechanism`.
#[derive(Subcommand)]
pub enum Mechanism {
    /// Post one price per effective sample, or make everyone a personal offer.
    Price(price::Price),
    /// Let clients bid, and pay them so that the truth is their best bid.
    Auction(auction::Auction),
    /// Learn from pilots what accuracy to expect of a set of participants, or show what was learned.
    #[command(subcommand)]
    Forecast(forecast::Forecast),
    /// Attack what the mechanisms promise, and check that the attack can succeed.
    Verify(verify::Verify),
}

impl Mechanism {
    /// Runs the subcommand.
    pub fn run(self, host: &Host) -> Outcome {
        match self {
            Self::Price(price) => price.run(&host.progress),
            Self::Auction(auction) => auction.run(&host.progress),
            Self::Forecast(forecast) => forecast.run(&host.progress),
            Self::Verify(verify) => verify.run(&host.progress),
        }
    }
}
