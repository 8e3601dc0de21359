//! What a terminal shows.

use super::*;
use indicatif::TermLike;
use std::io;
use std::sync::Arc;

/// A screen of 100 columns: lines, and where the cursor is.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<(Vec<String>, usize, usize)>>);

impl Screen {
    fn write(&self, text: &str) {
        let (lines, row, column) = &mut *self.0.lock().unwrap();
        for character in text.chars() {
            if character == '\n' {
                (*row, *column) = (*row + 1, 0);
                continue;
            }
            // A full line goes on in the next one only when there is more to write.
            if *column == 100 {
                (*row, *column) = (*row + 1, 0);
            }
            lines.resize(lines.len().max(*row + 1), String::new());
            let mut line: Vec<char> = lines[*row].chars().collect();
            line.resize(line.len().max(*column + 1), ' ');
            line[*column] = character;
            lines[*row] = line.into_iter().collect();
            *column += 1;
        }
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap().0.iter().map(|line| line.trim_end().to_string()).collect::<Vec<_>>();
        lines.into_iter().filter(|line| !line.is_empty()).collect()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        100
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        let (_, row, _) = &mut *self.0.lock().unwrap();
        *row = row.saturating_sub(lines);
        Ok(())
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.lock().unwrap().1 += lines;
        Ok(())
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.lock().unwrap().2 += columns;
        Ok(())
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        let (_, _, column) = &mut *self.0.lock().unwrap();
        *column = column.saturating_sub(columns);
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write(&format!("{line}\n"));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.write(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let (lines, row, column) = &mut *self.0.lock().unwrap();
        if let Some(line) = lines.get_mut(*row) {
            line.clear();
        }
        *column = 0;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_templates_are_valid() {
    assert!([BAR, WORDY_BAR].iter().all(|template| ProgressStyle::with_template(template).is_ok()));
}

/// What stands on a terminal: lines stay, bars are drawn below them.
#[test]
fn a_terminal_keeps_the_lines_of_rounds_above_the_bars() {
    let screen = Screen::default();
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
    let terminal = Terminal { bars, ..Terminal::default() };
    let mut metrics: RoundMetrics = serde_json::from_value(serde_json::json!({
        "round": 1, "cohort": [0, 1], "dropped": [], "late": [], "rejected": [], "skipped": false,
        "train_loss": 1.5, "loss": 1.25, "accuracy": 0.5, "samples": 1000, "seconds": 0.5,
    }))
    .unwrap();
    terminal.event(&Event::TaskBegan { id: 1, label: "training", total: 3, done: 0 });
    for number in 1..=2 {
        metrics.round = number;
        terminal.event(&Event::TaskSaid { id: 1, words: "accuracy 0.5000, loss 1.2500, 2000 samples/s" });
        terminal.event(&Event::TaskMoved { id: 1, position: number });
        terminal.event(&Event::Round { metrics: &metrics, planned: 3, saved: true });
    }
    let lines = screen.lines();
    assert_eq!(lines[0], "round 1 of 3: accuracy 0.5000, loss 1.2500, 0.5 s, 2000 samples/s, saved", "{lines:?}");
    assert!(lines[1].starts_with("round 2 of 3: "), "{lines:?}");
    assert!(
        lines[2].starts_with("training ") && lines[2].contains(" 2/3 ") && lines[2].contains("(left "),
        "{lines:?}"
    );
    assert_eq!(lines[3], "  accuracy 0.5000, loss 1.2500, 2000 samples/s", "{lines:?}");
    terminal.event(&Event::TaskEnded { id: 1 });
    assert_eq!(screen.lines(), lines[..2], "the lines of the rounds stay");
}
