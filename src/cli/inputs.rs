//! Files a command reads: all opened before the first is read, so that a wrong name costs nothing.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::text;

/// An open file, or standard input.
pub struct Input {
    /// Its name as reports give it.
    pub name: String,
    /// Its size, where known.
    pub bytes: Option<u64>,
    /// Its content.
    pub content: Box<dyn Read>,
}

const STDIN: &str = "-";

/// Opens every file; `-`, or no file at all, is standard input.
pub fn open(files: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    if files.is_empty() {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("no file to read: name one or more files, or - for standard input"));
        }
        return Ok(vec![open_one(Path::new(STDIN))?]);
    }
    if files.iter().filter(|path| path.as_os_str() == STDIN).count() > 1 {
        return Err(Failure::usage("standard input (-) is named twice, but can be read once"));
    }
    files.iter().map(|path| open_one(path)).collect()
}

fn open_one(path: &Path) -> Result<Input, Failure> {
    let name = shown(path);
    if path.as_os_str() == STDIN {
        return Ok(Input { name, bytes: None, content: Box::new(io::stdin().lock()) });
    }
    let unreadable = |e: io::Error| Failure::usage(format!("cannot read {name}: {e}; check the path, nothing was read or recorded"));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(Failure::usage(format!("cannot read {name}: it is a directory; name the files in it")));
    }
    Ok(Input { bytes: about.is_file().then_some(about.len()), content: Box::new(file), name })
}

/// All bytes of a file, or of standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut input = open_one(path)?;
    let mut bytes = Vec::new();
    input.content.read_to_end(&mut bytes).map_err(|e| Failure::usage(format!("cannot read {}: {e}", input.name)))?;
    Ok(bytes)
}

/// A path as messages and reports show it.
pub fn shown(path: &Path) -> String {
    if path.as_os_str() == STDIN { "(standard input)".to_owned() } else { text::visible(&path.to_string_lossy()).into_owned() }
}
