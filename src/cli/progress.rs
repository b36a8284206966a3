//! A progress bar for long reading: by bytes, on standard error, on a terminal only, after the first second.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);

/// The bar of one command.
pub struct Progress {
    bar: ProgressBar,
    since: Instant,
}

impl Progress {
    /// A bar for `bytes` in all, where that is known.
    pub fn new(bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::hidden());
        let template = if bytes.is_some() {
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
        } else {
            "{spinner} {bytes} {bytes_per_sec}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, since: Instant::now() }
    }

    /// Counts what is read from `inner`.
    pub fn reading<R: Read>(&self, inner: R) -> impl Read {
        Counted { inner, progress: self, shown: false }
    }

    /// Takes the bar away.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}

struct Counted<'p, R> {
    inner: R,
    progress: &'p Progress,
    shown: bool,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.bar.inc(n as u64);
        if !self.shown && self.progress.since.elapsed() > PATIENCE {
            self.shown = true;
            // draws nothing where standard error is no terminal
            self.progress.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Ok(n)
    }
}
