use super::{mode_colour, whole};
use crate::canvas::Anchor;
use crate::figure::Figure;
use crate::frame::{Axis, Frame};
use crate::palette::INK;
use crate::scale::number;
use imfl_mechanism::{Award, Mode};

/// Payment and cost of every client, coloured by its mode.
pub fn pay(awards: &[Award]) -> Figure {
    let caption = "What each client is paid (bar, coloured by how it takes part) and what taking part costs it (line across \
                   the bar); the distance is its gain. Clients without a bar stay out.";
    let highest = awards.iter().map(|award| award.payment.to_f64().max(award.cost.to_f64())).fold(0.0, f64::max);
    let count = awards.len().max(1) as f64;
    let x = Axis { values: (-0.6, count - 0.4), logarithmic: false, label: "client", ticks: 20, name: &whole };
    let top = if highest > 0.0 { highest * 1.08 } else { 1.0 };
    let y = Axis { values: (0.0, top), logarithmic: false, label: "credits", ticks: 5, name: &number };
    let mut frame = Frame::new("Payments by client", &x, &y, 0.0);
    let mut at = 300.0;
    for mode in Mode::PLAYING {
        frame.canvas.rectangle((at, 12.0), (12.0, 12.0), mode_colour(mode), "");
        frame.canvas.text((at + 18.0, 22.5), 13, Anchor::Start, INK, &format!("paid, {mode}"));
        at += 150.0;
    }
    frame.canvas.line(&[(at, 18.0), (at + 16.0, 18.0)], INK, 2.5, "");
    frame.canvas.text((at + 22.0, 22.5), 13, Anchor::Start, INK, "its cost");
    for (client, award) in awards.iter().enumerate().filter(|(_, award)| award.mode.plays()) {
        let (paid, cost) = (award.payment.to_f64(), award.cost.to_f64());
        let ((left, top), (right, zero)) =
            (frame.at((client as f64 - 0.38, paid)), frame.at((client as f64 + 0.38, 0.0)));
        let says = format!("client {client}, {}: paid {}, cost {}", award.mode, number(paid), number(cost));
        frame.canvas.rectangle((left, top), (right - left, zero - top), mode_colour(award.mode), &says);
        let height = frame.y.at(cost);
        frame.canvas.line(&[(left, height), (right, height)], INK, 2.5, "");
    }
    let svg = frame.canvas.finish("Payments by client", caption);
    Figure { name: "pay", caption: caption.into(), svg, table: None }
}
