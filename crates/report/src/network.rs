//! Figures of a run on a network: accuracy against simulated time and against bytes, and who did what when.

use crate::chart::{Axis, Chart, Series, Style};
use crate::figure::{Figure, unexpected};
use crate::plot::{FAINT, INK, mode_colour, text};
use crate::theme;
use imfl_engine::federated::Traffic;
use imfl_engine::network::{Fate, Span};
use imfl_mechanism::Mode;
use imfl_run::failure::Outcome;
use imfl_run::metrics::RoundMetrics;
use imfl_statistics::Interval;
use plotters::prelude::*;
use std::collections::BTreeSet;

/// Pixels of the timeline.
const SIZE: (u32, u32) = (940, 520);
/// The most clients' rounds in a timeline: with more, the last ones are shown.
const SPANS: usize = 400;
/// The most lines in it.
const CLIENTS: usize = 40;
/// Receiving, computing, sending; and what came to nothing.
const COLOURS: [RGBColor; 3] = [RGBColor(118, 183, 178), RGBColor(52, 107, 163), RGBColor(222, 118, 48)];
const LOST: RGBColor = RGBColor(200, 40, 50);

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
    Ok(vec![time.draw()?, moved.draw()?, timeline(&rounds)?])
}

fn curve(name: &'static str, title: &str, x: Axis, points: Vec<(f64, f64)>) -> Chart {
    let last = points.last().map_or((0.0, 0.0), |last| *last);
    let points = points.into_iter().map(|(x, y)| (x, Interval::of(&[y]))).collect();
    Chart {
        name,
        title: title.into(),
        caption: format!("{title}, after each round: {:.2} % at {:.6} {} at the end.", last.1 * 100.0, last.0, x.label),
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

fn timeline(rounds: &[(f64, Traffic)]) -> Outcome<Figure> {
    let mut svg = String::new();
    let (spans, clients) = shown(rounds);
    draw(rounds, &spans, &clients, &mut svg).map_err(unexpected)?;
    let lost = spans.iter().filter(|span| span.fate != Fate::Arrived).count();
    let caption = format!(
        "What {} clients did when: received the model, trained, sent the update; {lost} of {} times it came to nothing, since \
         the client was gone or cut off (red). Lines mark the ends of rounds.",
        clients.len(),
        spans.len(),
    );
    let svg = theme::themed(&svg, "Who did what when");
    Ok(Figure { name: "timeline", caption, svg, table: None })
}

fn draw(
    rounds: &[(f64, Traffic)],
    spans: &[Span],
    clients: &[u32],
    svg: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = spans.iter().map(|span| span.asked).fold(f64::INFINITY, f64::min);
    let start = if start.is_finite() { start } else { 0.0 };
    let end = rounds.last().map_or(0.0, |(_, last)| last.ends).max(start + f64::MIN_POSITIVE.max(start.abs() * 1e-9));
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Clients in time", text(18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(start..end, -0.5..clients.len().max(1) as f64 - 0.5)?;
    let name = |place: &f64| match clients.get(place.round().max(0.0) as usize) {
        Some(client) if (place - place.round()).abs() < 1e-6 => client.to_string(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .x_desc("simulated seconds")
        .y_desc("client")
        .y_labels(clients.len().clamp(2, CLIENTS))
        .y_label_formatter(&name)
        .label_style(text(12))
        .draw()?;
    let ends = rounds.iter().map(|(_, round)| round.ends).filter(|end| *end >= start);
    let top = clients.len() as f64 - 0.5;
    chart.draw_series(ends.map(|end| PathElement::new(vec![(end, -0.5), (end, top)], FAINT.stroke_width(1))))?;
    for span in spans {
        let Ok(place) = clients.binary_search(&span.client) else { continue };
        let (low, high) = (place as f64 - 0.35, place as f64 + 0.35);
        let times = [span.asked, span.received, span.computed, f64::INFINITY].map(|time| time.min(span.ended));
        for (part, colour) in times.windows(2).zip(COLOURS).filter(|(part, _)| part[1] > part[0]) {
            chart.draw_series([Rectangle::new([(part[0], low), (part[1], high)], colour.filled())])?;
        }
        if span.fate != Fate::Arrived {
            chart.draw_series([PathElement::new(vec![(span.ended, low), (span.ended, high)], LOST.stroke_width(3))])?;
        }
    }
    for (index, (name, colour)) in
        ["receives", "computes", "sends", "lost"].into_iter().zip([&COLOURS[..], &[LOST]].concat()).enumerate()
    {
        let x = 560 + 90 * index as i32;
        root.draw(&Rectangle::new([(x, 16), (x + 12, 28)], colour.filled()))?;
        root.draw(&Text::new(name, (x + 17, 15), text(13)))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let figure = timeline(&rounds).unwrap();
        let times = |colour: RGBColor| {
            figure.svg.matches(&format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)).count()
        };
        // One of each in the legend; the client that was cut off while it computed sends nothing.
        assert_eq!(COLOURS.map(times), [4, 4, 3]);
        assert_eq!(times(LOST), 2);
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
        timeline(&rounds).unwrap();
        timeline(&[(0.0, traffic(0.0, Vec::new()))]).unwrap();
    }
}
