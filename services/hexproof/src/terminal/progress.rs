//! What is going on, on standard error: a line that moves on a terminal, plain lines elsewhere, nothing with `--quiet`.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows the stages of a run.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    /// The stage that was told last.
    told: Mutex<&'static str>,
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
        Self { plain: !quiet && bar.is_none(), bar, told: Mutex::new("") }
    }

    /// Begins a stage.
    pub(crate) fn stage(&self, name: &'static str) {
        if let Some(bar) = &self.bar {
            bar.set_message(name);
        } else if self.plain {
            eprintln!("{name}");
        }
    }

    /// Shows how far a stage is; plain lines tell a stage once.
    pub(crate) fn reached(&self, name: &'static str, done: u64, total: u64) {
        match (&self.bar, done, total) {
            (Some(bar), 1.., 1..) => bar.set_message(format!("{name} {done} of {total}")),
            (Some(bar), 1.., 0) => bar.set_message(format!("{name} {done}")),
            (_, _, _) if self.tell(name) => self.stage(name),
            (_, _, _) => {}
        }
    }

    /// Whether a stage has not been told yet; it counts as told from now on.
    fn tell(&self, name: &'static str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *told, name) != name
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
