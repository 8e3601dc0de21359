//! What the page of `imfl mechanism price` says about how its prices are made, for who meets them first.

use imfl_report::market::Told;
use imfl_run::config::Information;

/// Of personal offers or one price, made with what the server knows; `expected` is the mean and standard error of its cost.
pub fn told(personal: bool, information: Information, expected: Option<(f64, f64)>) -> Told<'static> {
    let (rule, how, bound) = match (personal, information) {
        (true, _) => (
            "personal offers",
            "It knows what taking part costs each of them, and pays each exactly that.",
            "the cheapest choice of who does what",
        ),
        (false, Information::Complete) => (
            "posted price",
            "It knows what taking part costs each of them, and offers one price for each effective sample, the same to everybody. \
             Whoever gains by it accepts.",
            "the best single price",
        ),
        (false, Information::Incomplete) => (
            "posted price",
            "It does not know what taking part costs each of them, and offers one price for each effective sample, the same to \
             everybody. Whoever gains by it accepts.",
            "the best single price, were every cost known,",
        ),
    };
    Told { title: "imfl mechanism price", rule, how, bound, expected, promises: &[], source: None }
}
