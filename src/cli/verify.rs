//! `verify`
use super::args::{Global, VerifyArgs}; use super::failure::{Failure, Verdict}; use super::screen::Screen;
pub fn run(_: &Global, _: &VerifyArgs, _: &mut Screen) -> Result<Verdict, Failure> { Err(Failure::usage("soon")) }
