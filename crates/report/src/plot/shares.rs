use super::{INK, class_colour};
use crate::canvas::{Anchor, Canvas};
use crate::figure::Figure;
use crate::palette::{FAINT, QUIET};
use crate::table::Table;
use imfl_run::pipeline::{Profile, Training};

/// Pixels: the whole width, the height of a bar, where bars begin, and where the right panel does.
const WIDTH: f64 = 760.0;
const BAR: f64 = 18.0;
const LEFT: f64 = 68.0;
const MIDDLE: f64 = 424.0;
const LONGEST: f64 = 320.0;
/// Classes with an entry in the legend, and how many stand in one of its rows.
const NAMED: usize = 10;
const IN_A_ROW: usize = 5;

/// Labels of every client before and after the allocation; a bar is as long as the client has samples.
pub fn shares(profile: &Profile, training: &Training, class_names: &[String]) -> Figure {
    let before: Vec<&[usize]> = profile.clients.iter().map(|client| client.histogram.as_slice()).collect();
    let after: Vec<&[usize]> = training.histograms.iter().map(Vec::as_slice).collect();
    let caption = "Samples by class and client: what each holds (left) and what it trains on (right; empty if it stays out, \
                   filled up with generated images if it is augmented).";
    let svg = draw(&before, &after, class_names, caption);
    Figure { name: "shares", caption: caption.into(), svg, table: Some(table(&before, &after, class_names)) }
}

fn draw(before: &[&[usize]], after: &[&[usize]], class_names: &[String], caption: &str) -> String {
    // With many clients bars get thin, and only some are labelled.
    let bar = BAR.min((1200.0 / before.len().max(1) as f64).max(1.0));
    let top = 44.0 + 20.0 * class_names.len().min(NAMED).div_ceil(IN_A_ROW) as f64 + 34.0;
    let bottom = top + bar * before.len() as f64;
    let mut canvas = Canvas::new(WIDTH, bottom + 30.0);
    canvas.text((14.0, 22.0), 16, Anchor::Start, INK, "Who holds what");
    legend(&mut canvas, class_names);
    let longest = before.iter().chain(after).map(|client| client.iter().sum::<usize>()).max().unwrap_or(1).max(1);
    for (title, clients, x) in [("holds", before, LEFT), ("trains on", after, MIDDLE)] {
        canvas.text((x, top - 10.0), 14, Anchor::Start, INK, title);
        panel(&mut canvas, clients, class_names, (x, top), bar, LONGEST / longest as f64);
        canvas.line(&[(x, bottom + 3.0), (x + LONGEST, bottom + 3.0)], FAINT, 1.0, "");
        canvas.text((x + LONGEST, bottom + 20.0), 12, Anchor::End, QUIET, &format!("{longest} samples"));
    }
    let labelled = (14.0 / bar).ceil() as usize;
    for client in (0..before.len()).step_by(labelled.max(1)) {
        let y = top + client as f64 * bar + (bar / 2.0) + 4.0;
        canvas.text((LEFT - 8.0, y), 12, Anchor::End, QUIET, &format!("client {client}"));
    }
    canvas.finish("Who holds what", caption)
}

fn legend(canvas: &mut Canvas, class_names: &[String]) {
    for (class, name) in class_names.iter().take(NAMED).enumerate() {
        let (x, y) = (LEFT + (class % IN_A_ROW) as f64 * 134.0, 36.0 + (class / IN_A_ROW) as f64 * 20.0);
        canvas.rectangle((x, y), (12.0, 12.0), class_colour(class), "");
        let short: String = name.chars().take(15).collect();
        canvas.text((x + 18.0, y + 10.5), 13, Anchor::Start, INK, &short);
    }
    let more = class_names.len().saturating_sub(NAMED);
    if more > 0 {
        let text = format!("and {more} more classes, in the same colours again");
        canvas.text((WIDTH - 16.0, 22.0), 12, Anchor::End, QUIET, &text);
    }
}

fn panel(canvas: &mut Canvas, clients: &[&[usize]], names: &[String], (x, top): (f64, f64), bar: f64, sample: f64) {
    for (client, histogram) in clients.iter().enumerate() {
        let (y, mut start) = (top + client as f64 * bar, x);
        for (class, &count) in histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
            let width = count as f64 * sample;
            let name = names.get(class).map_or("", String::as_str);
            let says = format!("client {client}: {count} of {name}");
            // A hair of paper between neighbours, where there is room for it.
            let size = ((width - 1.0).max(width * 0.7), if bar > 3.0 { bar - 2.0 } else { bar });
            canvas.rectangle((start, y), size, class_colour(class), &says);
            start += width;
        }
    }
}

fn table(before: &[&[usize]], after: &[&[usize]], class_names: &[String]) -> Table {
    let header = ["client".to_string(), "of it".into(), "all".into()].into_iter().chain(class_names.iter().cloned());
    let row = |client: usize, what: &str, counts: &[usize]| {
        let cells = class_names.iter().enumerate().map(|(class, _)| counts.get(class).unwrap_or(&0).to_string());
        [vec![client.to_string(), what.into(), counts.iter().sum::<usize>().to_string()], cells.collect()].concat()
    };
    let rows = before.iter().zip(after).enumerate();
    let rows =
        rows.flat_map(|(client, (held, trained))| [row(client, "held", held), row(client, "trained on", trained)]);
    Table { title: "Samples by client and class".into(), header: header.collect(), rows: rows.collect() }
}
