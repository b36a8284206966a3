//! `record`
use super::args::{Global, RecordArgs}; use super::failure::{Failure, Verdict}; use super::screen::Screen;
pub fn run(_: &Global, _: &RecordArgs, _: &mut Screen) -> Result<Verdict, Failure> { Err(Failure::usage("soon")) }
