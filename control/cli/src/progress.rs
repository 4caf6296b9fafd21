//! What is being done, for people: a display on a terminal, plain lines elsewhere. Everything goes to standard error, so that
//! standard output holds results alone.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Turns of the spinner.
const TICK: Duration = Duration::from_millis(80);

/// Shows steps one after another.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    begun: Instant,
}

/// A step under way.
#[derive(Debug)]
pub struct Step {
    bar: Option<ProgressBar>,
    what: String,
    begun: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Looks once whether standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), begun: Instant::now() }
    }

    /// Begins a step, named as what is being done: "starting the API server".
    #[must_use]
    pub fn step(&self, what: &str) -> Step {
        let bar = self.terminal.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        Step { bar, what: what.to_owned(), begun: Instant::now() }
    }

    /// Says a line between steps.
    pub fn say(&self, line: &str) {
        say(line);
    }

    /// Time since this display was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl Step {
    /// Ends the step with what came of it: its line stays, with the time it took, which is returned.
    #[allow(clippy::must_use_candidate, reason = "most callers only want the line")]
    pub fn done(self, outcome: &str) -> Duration {
        let took = self.begun.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let separator = if outcome.is_empty() { "" } else { ": " };
        say(&format!("{:>7} ms  {}{separator}{outcome}", took.as_millis(), self.what));
        took
    }

    /// Ends the step without success; the reason is told by who reports the error.
    pub fn failed(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(&format!("  failed  {}", self.what));
    }
}

fn say(line: &str) {
    // A closed standard error is no reason to stop working.
    writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default();
}
