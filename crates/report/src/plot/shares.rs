use super::{INK, class_colour, text};
use crate::figure::{Figure, unexpected};
use imfl_run::failure::Outcome;
use imfl_run::pipeline::{Profile, Training};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const BAR: u32 = 16;
const TOP: u32 = 62;

/// Labels of every client before and after the allocation; a bar is as long as the client has samples.
pub fn shares(profile: &Profile, training: &Training, class_names: &[String]) -> Outcome<Figure> {
    let before: Vec<&[usize]> = profile.clients.iter().map(|client| client.histogram.as_slice()).collect();
    let after: Vec<&[usize]> = training.histograms.iter().map(Vec::as_slice).collect();
    let mut svg = String::new();
    draw(&before, &after, class_names, &mut svg).map_err(unexpected)?;
    let caption =
        "Samples by class and client: what each holds (left) and what it trains on (right; empty if it stays out, \
                   filled up with generated images if it is augmented)."
            .into();
    Ok(Figure { name: "shares", caption, svg })
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(before: &[&[usize]], after: &[&[usize]], class_names: &[String], svg: &mut String) -> Drawn {
    // With many clients bars get thin, and only some are labelled.
    let bar = BAR.min((1200 / before.len().max(1) as u32).max(1));
    let size = (860, TOP + bar * before.len() as u32 + 28);
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    legend(&root, class_names)?;
    let longest = before.iter().chain(after).map(|client| client.iter().sum::<usize>()).max().unwrap_or(1).max(1);
    let (left, right) = root.split_horizontally(460);
    panel(&left, before, "holds", longest, bar, 60)?;
    panel(&right, after, "trains on", longest, bar, 10)?;
    root.present()?;
    Ok(())
}

fn legend(root: &DrawingArea<SVGBackend, Shift>, class_names: &[String]) -> Drawn {
    const MOST: usize = 10;
    for (class, name) in class_names.iter().take(MOST).enumerate() {
        let x = 60 + class as i32 * 78;
        root.draw(&Rectangle::new([(x, 12), (x + 10, 22)], class_colour(class).filled()))?;
        root.draw(&Text::new(name.clone(), (x + 14, 10), text(12)))?;
    }
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend, Shift>,
    clients: &[&[usize]],
    title: &str,
    longest: usize,
    bar: u32,
    x: i32,
) -> Drawn {
    area.draw(&Text::new(title.to_string(), (x, TOP as i32 - 24), text(14)))?;
    let width = area.dim_in_pixel().0 as i32 - x - 12;
    let labelled = (12 / bar.max(1) + 1) as usize;
    for (client, histogram) in clients.iter().enumerate() {
        let y = (TOP + client as u32 * bar) as i32;
        if x > 40 && client % labelled == 0 {
            area.draw(&Text::new(format!("client {client}"), (4, y), text(11)))?;
        }
        let mut start = 0;
        for (class, &count) in histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
            let at = |samples: usize| x + (samples as i64 * i64::from(width) / longest as i64) as i32;
            let corners = [(at(start), y), (at(start + count), y + bar as i32 - i32::from(bar > 3))];
            area.draw(&Rectangle::new(corners, class_colour(class).filled()))?;
            start += count;
        }
    }
    let bottom = (TOP + clients.len() as u32 * bar) as i32 + 2;
    area.draw(&PathElement::new([(x, bottom), (x + width, bottom)], INK.mix(0.4)))?;
    let right = text(11).pos(Pos::new(HPos::Right, VPos::Top));
    area.draw(&Text::new(format!("{longest} samples"), (x + width, bottom + 4), right))?;
    Ok(())
}
