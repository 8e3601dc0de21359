use super::{mode_colour, whole};
use crate::figure::Figure;
use crate::frame::{Axis, Frame, Mark};
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
    Figure::new("pay", "Payments by client", caption, None, |sheet| {
        let mut frame = Frame::new(sheet, "Payments by client", &x, &y, 0.0);
        let names = Mode::PLAYING.map(|mode| (mode, format!("paid, {mode}")));
        let paid = names.iter().map(|(mode, name)| (Mark::Box, mode_colour(*mode), name.as_str()));
        frame.legend(&paid.chain([(Mark::Line, INK, "its cost")]).collect::<Vec<_>>());
        for (client, award) in awards.iter().enumerate().filter(|(_, award)| award.mode.plays()) {
            let (paid, cost) = (award.payment.to_f64(), award.cost.to_f64());
            let ((left, top), (right, zero)) =
                (frame.at((client as f64 - 0.38, paid)), frame.at((client as f64 + 0.38, 0.0)));
            let says = format!("client {client}, {}: paid {}, cost {}", award.mode, number(paid), number(cost));
            frame.canvas.rectangle((left, top), (right - left, zero - top), mode_colour(award.mode), &says);
            let height = frame.y.at(cost);
            frame.canvas.line(&[(left, height), (right, height)], INK, 2.5, "");
        }
        frame.canvas
    })
}
