//! `import`
use super::args::{Global, ImportArgs}; use super::failure::{Failure, Verdict}; use super::screen::Screen;
pub fn run(_: &Global, _: &ImportArgs, _: &mut Screen) -> Result<Verdict, Failure> { Err(Failure::usage("soon")) }
