//! The process's two outputs: [`Screen`] for data, [`say`] for everything else.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use super::failure::Failure;
use super::text;

/// Standard output: locked, buffered, and told whether colour is welcome.
pub struct Screen {
    out: BufWriter<StdoutLock<'static>>,
    terminal: bool,
    colour: bool,
}

impl Screen {
    /// Takes standard output for the rest of the process.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self { out: BufWriter::with_capacity(1 << 16, stdout.lock()), terminal, colour: terminal && colour_welcome() }
    }

    /// Whether standard output is a terminal whose user did not turn colour off.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Whether a person is looking: then nothing may reach the terminal that steers it.
    pub fn terminal(&self) -> bool {
        self.terminal
    }

    /// Writes JSON. On a terminal, characters that steer it are escaped, which changes no value.
    pub fn json(&mut self, json: &[u8]) -> Result<(), Failure> {
        match std::str::from_utf8(json) {
            Ok(json) if self.terminal => Ok(self.out.write_all(text::json_visible(json).as_bytes())?),
            _ => Ok(self.out.write_all(json)?),
        }
    }

    /// Writes one line.
    pub fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Writes one line as a heading: bold on a terminal.
    pub fn heading(&mut self, line: impl Display) -> Result<(), Failure> {
        let bold = anstyle::Style::new().bold();
        if self.colour { self.line(format_args!("{bold}{line}{bold:#}")) } else { self.line(line) }
    }

    /// Hands everything to the operating system; an error here is an error of the command.
    pub fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// <https://no-color.org>: any non-empty value turns colour off.
fn colour_welcome() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Tells the user something that is not data. What a file or an argument put into it is made visible first.
pub fn say(message: &str) {
    let mut err = io::stderr().lock();
    for line in message.split('\n') {
        // nothing is left to tell a user whose standard error is gone
        let _ = writeln!(err, "{}", text::visible(line));
    }
}

/// Tells the user something that did not stop the command.
pub fn note(message: &str) {
    say(&format!("note: {message}"));
}
