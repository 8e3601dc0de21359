//! The words of the page, for who meets them first.

use maud::{Markup, html};

const WORDS: [(&str, &str); 7] = [
    (
        "Federated learning",
        "Clients train copies of one model on data that never leaves them; a server averages the copies, round by round.",
    ),
    ("Client", "A device or an institution that holds samples and may take part."),
    (
        "Credit",
        "The unit of money here. A client's cost in credits follows from the seconds of work that training takes it.",
    ),
    (
        "Effective sample",
        "A sample, counted for less the more a client's mix of classes differs from the one that the server aims at.",
    ),
    (
        "Augmented",
        "A client that replaces some of its samples by generated ones, so that its mix of classes gets more even.",
    ),
    ("Server cost", "Payments and, in credits, the accuracy that is missing because not everybody takes part."),
    ("Theta", "How far generated samples are from real ones, in what they teach a model; 0 is as good as real."),
];

pub fn section() -> Markup {
    of(|_| true)
}

/// Those words that a page uses.
pub fn of(used: impl Fn(&str) -> bool) -> Markup {
    html! {
        h2 { "Words" }
        dl.words { @for (word, meaning) in WORDS.iter().filter(|(word, _)| used(word)) { div { dt { (word) } dd { (meaning) } } } }
    }
}
