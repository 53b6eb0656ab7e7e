//! What is going on, on standard error: a line that moves on a terminal, plain lines elsewhere, nothing with `--quiet`.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows the stages of a run.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
}

impl Progress {
    /// A display for this standard error.
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb");
        let bar = (!quiet && terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg} {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner())
                    .tick_chars("-\\|/ "),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { plain: !quiet && bar.is_none(), bar }
    }

    /// Begins a stage.
    pub(crate) fn stage(&self, name: &'static str) {
        if let Some(bar) = &self.bar {
            bar.set_message(name);
        } else if self.plain {
            eprintln!("{name}");
        }
    }

    /// Clears the display.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}
