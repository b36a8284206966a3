//! House rules: what a reviewer would have to look for, looked for by a test.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every text file of the repository, by its path from the root.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(Path::new("."), &mut found);
    found.sort();
    assert!(found.len() > 100, "run in the repository");
    found
}

fn collect(dir: &Path, found: &mut Vec<(String, String)>) {
    // what is built or made by running it
    let foreign =
        ["target", ".git", "artifacts", "data", "trade-ledger-demo", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"];
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if foreign.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.strip_prefix(".").unwrap().to_string_lossy().into_owned(), text));
        }
    }
}

fn files_ending(ending: &str) -> Vec<(String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(ending)).collect()
}

/// Where something stands that should not.
fn lines_with(files: &[(String, String)], is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in files {
        let lines = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
        wrong.extend(lines.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())));
    }
    wrong
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `word` stands in `line` with nothing that belongs to a word around it.
fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[test]
fn no_path_of_somebodys_machine_stands_in_a_file() {
    let roots = ["home", "root", "work", "Users", "mnt", "opt"].map(|name| format!("/{name}/"));
    let starts_path = |line: &str, at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-*}".contains(c));
    none(&lines_with(&files(), |line| roots.iter().any(|root| line.match_indices(root).any(|(at, _)| starts_path(line, at)))));
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [("to", "do!"), ("unimple", "mented!"), ("db", "g!"), ("#[ig", "nore"), ("FIX", "ME"), ("TO", "DO:")];
    let marks = marks.map(|(a, b)| format!("{a}{b}"));
    let sources: Vec<_> = files().into_iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".md")).collect();
    none(&lines_with(&sources, |line| marks.iter().any(|mark| line.contains(mark.as_str()))));
}

#[test]
fn the_accounting_knows_no_binary_float_no_file_no_clock() {
    let core: Vec<_> = files_ending(".rs").into_iter().filter(|(path, _)| path.starts_with("core/src/")).collect();
    assert!(core.len() > 10);
    let banned = ["f32", "f64", "std::fs", "std::io", "std::env", "std::net", "SystemTime", "Instant"];
    none(&lines_with(&core, |line| !line.trim_start().starts_with("//") && banned.iter().any(|word| has_word(line, word))));
}

#[test]
fn no_source_file_is_longer_than_seven_hundred_lines() {
    let sources = files_ending(".rs").into_iter().filter(|(path, _)| path.starts_with("src/") || path.starts_with("core/src/"));
    let long: Vec<String> = sources
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 700)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none(&long);
}

/// The names under every `[…dependencies]` of a manifest that are not packages of this repository.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, rest)) = line.split_once('=')
            && inside
            && !line.starts_with('#')
            && !rest.contains("path =")
        {
            names.push(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn every_dependency_has_its_reason_in_the_decisions() {
    let decisions = fs::read_to_string("docs/DECISIONS.md").unwrap();
    let reasons: Vec<&str> = decisions.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name).collect();
    let manifests = files_ending("Cargo.toml");
    assert!(manifests.len() >= 5);
    let used: Vec<String> = manifests.iter().flat_map(|(_, text)| dependencies(text)).collect();
    none(&used.iter().filter(|name| !reasons.contains(&name.as_str())).map(|name| format!("{name} has no reason")).collect::<Vec<_>>());
    none(
        &reasons.iter().filter(|name| !used.iter().any(|used| used == *name)).map(|name| format!("{name} is not used")).collect::<Vec<_>>(),
    );
}

#[test]
fn the_readme_mentions_every_command() {
    let help = Command::new(env!("CARGO_BIN_EXE_trade-ledger")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 11, "{commands:?}");
    let readme = fs::read_to_string("README.md").unwrap();
    let mentioned = |command: &str| readme.contains(&format!("trade-ledger {command}")) || readme.contains(&format!("`{command}"));
    none(&commands.iter().filter(|command| !mentioned(command)).map(|command| format!("{command} is not mentioned")).collect::<Vec<_>>());
}

/// The anchors of a document's headings, as renderers make them.
fn anchors(markdown: &str) -> Vec<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in files_ending(".md") {
        let dir = Path::new(&path).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to: PathBuf = if file.is_empty() { PathBuf::from(&path) } else { dir.join(file) };
            let leads = to.exists() && (anchor.is_empty() || anchors(&fs::read_to_string(&to).unwrap()).iter().any(|a| a == anchor));
            if !leads {
                wrong.push(format!("{path}: {link}"));
            }
        }
    }
    none(&wrong);
}
