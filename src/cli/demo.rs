//! `demo`
use super::args::Global; use super::failure::{Failure, Verdict}; use super::screen::Screen;
pub fn run(_: &Global, _: &mut Screen) -> Result<Verdict, Failure> { Err(Failure::usage("soon")) }
