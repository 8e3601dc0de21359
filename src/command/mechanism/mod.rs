//! `imfl mechanism`: prices, auctions and their verification, from files of clients.

mod auction;
mod forecast;
mod inputs;
pub mod output;
mod plot;
mod price;
mod verify;

use crate::failure::Outcome;
use clap::Subcommand;

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
    pub fn run(self) -> Outcome {
        match self {
            Self::Price(price) => price.run(),
            Self::Auction(auction) => auction.run(),
            Self::Forecast(forecast) => forecast.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}
