//! Figures of a run on a network: accuracy against simulated time and against bytes, and who did what when.

use crate::chart::{Axis, Chart, Series, Style};
use crate::figure::Figure;
use crate::frame::{self, Frame, Mark};
use crate::palette::{CONTEXT, FAINT, INK, class_colour};
use crate::plot::mode_colour;
use crate::scale::number;
use crate::sheet::Sheet;
use imfl_engine::federated::Traffic;
use imfl_engine::network::{Fate, Span};
use imfl_mechanism::Mode;
use imfl_run::failure::Outcome;
use imfl_run::metrics::RoundMetrics;
use imfl_statistics::Interval;
use plotters::style::RGBColor;
use std::collections::BTreeSet;

/// The most clients' rounds in a timeline: with more, the last ones are shown.
const SPANS: usize = 400;
/// The most lines in it.
const CLIENTS: usize = 40;
/// What a client does, one after the other.
const PARTS: [&str; 3] = ["receives", "computes", "sends"];

/// The colours of what a client does; only computing has one of the strong ones of the modes.
fn colours() -> [RGBColor; 3] {
    [class_colour(5), class_colour(0), class_colour(1)]
}

/// All figures; none for a run without a network.
///
/// # Errors
/// None that is expected: text of an SVG cannot fail to be written.
pub fn figures(rounds: &[RoundMetrics]) -> Outcome<Vec<Figure>> {
    let of = |round: &RoundMetrics| round.network.clone().map(|traffic| (round.accuracy, traffic));
    let rounds: Vec<(f64, Traffic)> = rounds.iter().filter_map(of).collect();
    if rounds.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = 0;
    let by_time = rounds.iter().map(|(accuracy, round)| (round.ends, *accuracy)).collect();
    let by_bytes = rounds.iter().map(|(accuracy, round)| {
        bytes += round.bytes_down + round.bytes_up;
        (bytes as f64 / 1e6, *accuracy)
    });
    let by_bytes = by_bytes.collect();
    let time = curve("accuracy-time", "Test accuracy by simulated time", Axis::linear("simulated seconds"), by_time);
    let moved = curve("accuracy-bytes", "Test accuracy by bytes, both ways", Axis::linear("megabytes"), by_bytes);
    Ok(vec![time.draw()?, moved.draw()?, timeline(&rounds)])
}

fn curve(name: &'static str, title: &str, x: Axis, points: Vec<(f64, f64)>) -> Chart {
    let last = points.last().map_or((0.0, 0.0), |last| *last);
    let points = points.into_iter().map(|(x, y)| (x, Interval::of(&[y]))).collect();
    Chart {
        name,
        title: title.into(),
        caption: format!(
            "{title}, after each round: {:.2} % at {} {} at the end.",
            last.1 * 100.0,
            number(last.0),
            x.label
        ),
        x,
        y: Axis::percent("test accuracy"),
        series: vec![Series {
            name: "test accuracy".into(),
            colour: mode_colour(Mode::Local),
            style: Style::Line(2),
            points,
        }],
    }
}

/// What a timeline shows: the last rounds of clients, at most so many of at most so many clients.
fn shown(rounds: &[(f64, Traffic)]) -> (Vec<Span>, Vec<u32>) {
    let mut spans: Vec<Span> = Vec::new();
    for (_, round) in rounds.iter().rev() {
        if !spans.is_empty() && spans.len() + round.clients.len() > SPANS {
            break;
        }
        spans.extend(&round.clients);
    }
    let clients: BTreeSet<u32> = spans.iter().map(|span| span.client).collect();
    let clients: Vec<u32> = clients.into_iter().take(CLIENTS).collect();
    spans.retain(|span| clients.contains(&span.client));
    (spans, clients)
}

fn timeline(rounds: &[(f64, Traffic)]) -> Figure {
    let (spans, clients) = shown(rounds);
    let lost = spans.iter().filter(|span| span.fate != Fate::Arrived).count();
    let caption = format!(
        "What {} clients did when: received the model, trained, sent the update; {lost} of {} times it came to nothing, since \
         the client was gone or cut off (a black end). Lines mark the ends of rounds.",
        clients.len(),
        spans.len(),
    );
    Figure::new("timeline", "Who did what when", caption, None, |sheet| draw(sheet, rounds, &spans, &clients).canvas)
}

fn draw(sheet: Sheet, rounds: &[(f64, Traffic)], spans: &[Span], clients: &[u32]) -> Frame {
    let start = spans.iter().map(|span| span.asked).fold(f64::INFINITY, f64::min);
    let start = if start.is_finite() { start } else { 0.0 };
    let end = rounds.last().map_or(0.0, |(_, last)| last.ends).max(start + f64::MIN_POSITIVE.max(start.abs() * 1e-9));
    let (top, seconds) = (clients.len().max(1) as f64 - 0.5, number);
    let name = |place: f64| match clients.get(place.max(0.0) as usize) {
        Some(client) if place.fract() == 0.0 => client.to_string(),
        _ => String::new(),
    };
    let x =
        frame::Axis { values: (start, end), logarithmic: false, label: "simulated seconds", ticks: 8, name: &seconds };
    let y = frame::Axis { values: (-0.5, top), logarithmic: false, label: "client", ticks: 14, name: &name };
    let mut frame = Frame::new(sheet, "Clients in time", &x, &y, 0.0);
    let named = PARTS.into_iter().zip(colours()).chain([("lost", INK)]);
    frame.legend(&named.map(|(name, colour)| (Mark::Box, colour, name)).collect::<Vec<_>>());
    for end in rounds.iter().map(|(_, round)| round.ends).filter(|end| *end >= start) {
        let ends = [frame.at((end, -0.5)), frame.at((end, top))];
        let colour = if rounds.len() > SPANS { FAINT } else { CONTEXT };
        frame.canvas.line(&ends, colour, 0.5, "");
    }
    for span in spans {
        let Ok(place) = clients.binary_search(&span.client) else { continue };
        let (low, high) = (frame.y.at(place as f64 - 0.35), frame.y.at(place as f64 + 0.35));
        let times = [span.asked, span.received, span.computed, f64::INFINITY].map(|time| time.min(span.ended));
        for ((part, colour), name) in times.windows(2).zip(colours()).zip(PARTS) {
            if part[1] > part[0] {
                let (from, to) = (frame.x.at(part[0]), frame.x.at(part[1]));
                let says = format!("client {} {name} for {} s", span.client, number(part[1] - part[0]));
                frame.canvas.rectangle((from, high), (to - from, low - high), colour, &says);
            }
        }
        if span.fate != Fate::Arrived {
            let at = frame.x.at(span.ended);
            frame.canvas.line(&[(at, low), (at, high)], INK, 3.0, "");
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::hex;

    fn traffic(begins: f64, clients: Vec<Span>) -> Traffic {
        Traffic {
            begins,
            ends: begins + 10.0,
            bytes_down: 2_000_000,
            bytes_up: 1_000_000,
            clients,
            ..Traffic::default()
        }
    }

    fn span(client: u32, asked: f64, fate: Fate) -> Span {
        let (received, computed, ended) = (asked + 1.0, asked + 5.0, asked + 9.0);
        Span { client, made: 1, asked, received, computed, ended, fate }
    }

    #[test]
    fn a_timeline_shows_each_part_and_what_came_to_nothing() {
        let cut = Span { ended: 4.0, ..span(7, 0.0, Fate::CutOff) };
        let rounds = [
            (0.5, traffic(0.0, vec![span(3, 0.0, Fate::Arrived), cut])),
            (0.6, traffic(10.0, vec![span(3, 10.0, Fate::Arrived)])),
        ];
        let figure = timeline(&rounds);
        let times = |colour: RGBColor| figure.svg.matches(&format!("fill=\"{}\"><title>", hex(colour))).count();
        // The client that was cut off while it computed sends nothing.
        assert_eq!(colours().map(times), [3, 3, 2]);
        assert_eq!(figure.svg.matches("stroke-width=\"3\"").count(), 1);
        assert!(figure.caption.contains("2 clients") && figure.caption.contains("1 of 3"), "{}", figure.caption);
    }

    #[test]
    fn long_runs_show_their_end() {
        let round = |round: u64| {
            let begins = round as f64 * 10.0;
            (0.1, traffic(begins, (0..100).map(|client| span(client, begins, Fate::Arrived)).collect()))
        };
        let rounds: Vec<_> = (0..50).map(round).collect();
        let (spans, clients) = shown(&rounds);
        assert_eq!((clients.len(), spans.len()), (CLIENTS, 4 * CLIENTS));
        assert!(spans.iter().all(|span| span.asked >= 460.0));
        timeline(&rounds);
        timeline(&[(0.0, traffic(0.0, Vec::new()))]);
    }
}
