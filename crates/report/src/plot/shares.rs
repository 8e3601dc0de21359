use super::{INK, class_colour};
use crate::canvas::{Anchor, Canvas};
use crate::figure::Figure;
use crate::palette::{FAINT, QUIET};
use crate::sheet::{Sheet, span};
use crate::table::Table;
use imfl_run::pipeline::{Profile, Training};

/// What the plot is called.
const TITLE: &str = "Who holds what";
/// Pixels of a bar's height.
const BAR: f64 = 18.0;
/// Classes with an entry in the legend.
const NAMED: usize = 10;

/// Where things stand on a sheet.
struct Places {
    /// Where bars begin.
    left: f64,
    /// Where those of the right panel do.
    middle: f64,
    /// Pixels of the longest bar.
    longest: f64,
    /// Entries in a row of the legend, and pixels between them.
    in_a_row: usize,
    step: f64,
}

impl Places {
    fn on(sheet: Sheet, class_names: &[String]) -> Self {
        match sheet {
            Sheet::Wide => Self { left: 68.0, middle: 424.0, longest: 320.0, in_a_row: 5, step: 134.0 },
            Sheet::Narrow => {
                let longest = class_names.iter().take(NAMED).map(|name| span(&short(name), 13)).fold(0.0, f64::max);
                let step = 30.0 + longest;
                Self {
                    left: 36.0,
                    middle: 190.0,
                    longest: 140.0,
                    in_a_row: ((308.0 / step) as usize).clamp(1, 5),
                    step,
                }
            }
        }
    }
}

/// As much of a class's name as the legend has room for.
fn short(name: &str) -> String {
    name.chars().take(15).collect()
}

/// Labels of every client before and after the allocation; a bar is as long as the client has samples.
pub fn shares(profile: &Profile, training: &Training, class_names: &[String]) -> Figure {
    let before: Vec<&[usize]> = profile.clients.iter().map(|client| client.histogram.as_slice()).collect();
    let after: Vec<&[usize]> = training.histograms.iter().map(Vec::as_slice).collect();
    let caption = "Samples by class and client: what each holds (left) and what it trains on (right; empty if it stays out, \
                   filled up with generated images if it is augmented).";
    let numbers = table(&before, &after, class_names);
    Figure::new("shares", TITLE, caption, Some(numbers), |sheet| draw(sheet, &before, &after, class_names))
}

fn draw(sheet: Sheet, before: &[&[usize]], after: &[&[usize]], class_names: &[String]) -> Canvas {
    let places = Places::on(sheet, class_names);
    // With many clients bars get thin, and only some are labelled.
    let bar = BAR.min((1200.0 / before.len().max(1) as f64).max(1.0));
    let top = 78.0 + 20.0 * legend_rows(&places, class_names) as f64;
    let bottom = top + bar * before.len() as f64;
    let mut canvas = Canvas::new(sheet.width(), bottom + 30.0);
    canvas.text((14.0, 22.0), 16, Anchor::Start, INK, TITLE);
    legend(&mut canvas, &places, class_names);
    let longest = before.iter().chain(after).map(|client| client.iter().sum::<usize>()).max().unwrap_or(1).max(1);
    for (title, clients, x) in [("holds", before, places.left), ("trains on", after, places.middle)] {
        canvas.text((x, top - 10.0), 14, Anchor::Start, INK, title);
        panel(&mut canvas, clients, class_names, (x, top), bar, places.longest / longest as f64);
        canvas.line(&[(x, bottom + 3.0), (x + places.longest, bottom + 3.0)], FAINT, 1.0, "");
        canvas.text((x + places.longest, bottom + 20.0), 12, Anchor::End, QUIET, &format!("{longest} samples"));
    }
    let labelled = (14.0 / bar).ceil() as usize;
    for client in (0..before.len()).step_by(labelled.max(1)) {
        let y = top + client as f64 * bar + (bar / 2.0) + 4.0;
        let name = if sheet == Sheet::Wide { format!("client {client}") } else { client.to_string() };
        canvas.text((places.left - 8.0, y), 12, Anchor::End, QUIET, &name);
    }
    canvas
}

/// Rows that the legend takes, with one for the classes that have no entry.
fn legend_rows(places: &Places, class_names: &[String]) -> usize {
    class_names.len().min(NAMED).div_ceil(places.in_a_row) + usize::from(class_names.len() > NAMED)
}

fn legend(canvas: &mut Canvas, places: &Places, class_names: &[String]) {
    for (class, name) in class_names.iter().take(NAMED).enumerate() {
        let (x, y) = (
            places.left + (class % places.in_a_row) as f64 * places.step,
            36.0 + (class / places.in_a_row) as f64 * 20.0,
        );
        canvas.rectangle((x, y), (12.0, 12.0), class_colour(class), "");
        canvas.text((x + 18.0, y + 10.5), 13, Anchor::Start, INK, &short(name));
    }
    let more = class_names.len().saturating_sub(NAMED);
    if more > 0 {
        let text = format!("and {more} more classes, in the same colours again");
        let below = 46.5 + 20.0 * NAMED.div_ceil(places.in_a_row) as f64;
        canvas.text((places.left, below), 12, Anchor::Start, QUIET, &text);
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
