//! The page of a run in progress, made of what it has told so far.

use crate::page;
use crate::plot;
use crate::scale::{number, percent};
use imfl_run::Event;
use imfl_run::metrics::RoundMetrics;
use maud::{Markup, PreEscaped, html};
use std::collections::{BTreeMap, VecDeque};

const SCRIPT: &str = include_str!("live.js");
/// Lines of what was said last.
const LINES: usize = 12;

/// What a run has told so far.
#[derive(Debug, Default)]
pub struct Live {
    stage: Option<&'static str>,
    /// Name, steps done and steps in all of what goes on, by its number.
    tasks: BTreeMap<u64, (&'static str, u64, u64)>,
    done: u64,
    planned: u64,
    rounds: Vec<RoundMetrics>,
    said: VecDeque<String>,
}

impl Live {
    /// Takes in what happened.
    pub fn hear(&mut self, event: &Event) {
        match *event {
            Event::Note(line) => self.say(line.into()),
            Event::Warning(line) => self.say(format!("warning: {line}")),
            Event::StageBegan(stage) => self.stage = Some(stage),
            Event::TaskBegan { id, label, total, done } => drop(self.tasks.insert(id, (label, done, total))),
            Event::TaskMoved { id, position } => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.1 = position;
                }
            }
            Event::TaskEnded { id } => drop(self.tasks.remove(&id)),
            Event::RoundsBegan { done, planned } => (self.done, self.planned) = (done, planned),
            Event::Round { metrics, planned, .. } => {
                self.planned = planned;
                self.rounds.push(metrics.clone());
            }
            _ => {}
        }
    }

    fn say(&mut self, line: String) {
        self.said.push_back(line);
        while self.said.len() > LINES {
            self.said.pop_front();
        }
    }

    /// The page as of now; it asks for itself again every two seconds.
    pub fn page(&self) -> String {
        let content = html! {
            p.lead id="state" role="status" { (self.state()) }
            @if let Some(last) = self.rounds.last() {
                (facts(last))
                (page::figure(&plot::accuracy(&self.rounds, None)))
            }
            @if !self.tasks.is_empty() {
                h2 { "Going on now" }
                ul.modes {
                    @for (label, done, total) in self.tasks.values() {
                        li {
                            (label) " "
                            progress value=(done) max=((*total).max(1)) aria-label=(label) {}
                            " " (done) " of " (total)
                        }
                    }
                }
            }
            @if !self.said.is_empty() {
                h2 { "What it says" }
                pre tabindex="0" { @for line in &self.said { (line) "\n" } }
            }
            noscript { p.quiet { "Load the page again to see what is new." } }
        };
        page::document_with("imfl run, in progress", &content, &html! { script { (PreEscaped(SCRIPT)) } })
    }

    fn state(&self) -> String {
        let round = self.rounds.last().map_or(self.done, |round| round.round);
        match (self.planned, self.stage) {
            (0, None) => "The run begins.".into(),
            (0, Some(stage)) => format!("No round yet; stage: {stage}."),
            (planned, Some(stage)) if round >= planned => {
                format!(
                    "All {planned} rounds are done; stage: {stage}. The page of the finished run will be in its folder."
                )
            }
            (planned, _) => format!("{round} of {planned} rounds are done."),
        }
    }
}

fn facts(last: &RoundMetrics) -> Markup {
    let facts = [
        ("Accuracy", percent(last.accuracy), format!("of the test samples, after round {}", last.round)),
        ("Loss", number(last.loss), "on the test samples".into()),
        (
            "Clients asked",
            last.cohort.len().to_string(),
            format!("{} dropped out, {} late", last.dropped.len(), last.late.len()),
        ),
        ("Samples a second", number(last.samples as f64 / last.seconds.max(1e-9)), "while training".into()),
    ];
    html! {
        dl.facts {
            @for (question, value, note) in facts {
                div.fact { dt { (question) } dd.value { (value) } dd.note { (note) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_was_told_and_no_markup_of_it() {
        let mut live = Live::default();
        assert!(live.page().contains("The run begins."));
        live.hear(&Event::StageBegan("assess"));
        live.hear(&Event::TaskBegan { id: 3, label: "measuring", total: 5, done: 0 });
        live.hear(&Event::TaskMoved { id: 3, position: 2 });
        live.hear(&Event::Warning("<b>odd</b>"));
        let page = live.page();
        assert!(page.contains("stage: assess") && page.contains("2 of 5"), "{page}");
        assert!(page.contains("warning: &lt;b&gt;odd") && !page.contains("<b>odd"), "{page}");
        live.hear(&Event::TaskEnded { id: 3 });
        live.hear(&Event::RoundsBegan { done: 4, planned: 9 });
        for line in 0..100 {
            live.hear(&Event::Note(&format!("line {line};")));
        }
        let page = live.page();
        assert!(page.contains("4 of 9 rounds") && !page.contains("2 of 5"), "{page}");
        assert!(page.contains("line 99;") && !page.contains("line 50;"), "the oldest lines go");
    }
}
