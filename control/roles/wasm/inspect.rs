//! `wasm inspect`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use cli::arguments::{Inspect, Report};
use serde_json::json;
use wasm::{Digest, Entry, Form};

use super::artifact;

pub(super) fn run(options: &Inspect) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::tempdir().context("cannot make a directory for what is pulled")?;
    let found = artifact::find(&options.artifact, scratch.path())?;
    let artifact = wasm::inspect(&found.bytes)?;
    let text = match options.output {
        None => text(&artifact, &found.bytes),
        Some(Report::Json) => json(&artifact, &found.bytes)?,
    };
    std::io::stdout().write_all(text.as_bytes()).context("print")?;
    Ok(ExitCode::SUCCESS)
}

fn json(artifact: &wasm::Artifact, bytes: &[u8]) -> anyhow::Result<String> {
    let unknown: Vec<String> = wasm::unsatisfied(artifact).iter().map(ToString::to_string).collect();
    let shown = json!({
        "form": artifact.form, "entry": artifact.entry, "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
        "imports": artifact.imports, "unknownImports": unknown, "exports": artifact.exports,
    });
    Ok(serde_json::to_string_pretty(&shown)? + "\n")
}

fn text(artifact: &wasm::Artifact, bytes: &[u8]) -> String {
    let form = match artifact.form {
        Form::Module => "core module",
        Form::Component => "component",
    };
    let entry = match artifact.entry {
        Entry::Command => "a program that runs to its end",
        Entry::Http => "an HTTP server, with a fresh instance for each request",
        Entry::Reactor => "nothing: it is a library, which no container can start",
    };
    let unknown = wasm::unsatisfied(artifact);
    let mut out =
        format!("form:    {form}\nruns as: {entry}\nsize:    {} bytes\ndigest:  {}\n", bytes.len(), Digest::of(bytes));
    let mut list = |title: &str, names: &[String]| {
        // Writing to a text cannot fail.
        writeln!(out, "{title}:{}", if names.is_empty() { " none" } else { "" }).unwrap_or_default();
        for name in names {
            let note = if unknown.iter().any(|import| import.name == *name) { "   (no node offers it)" } else { "" };
            writeln!(out, "  {name}{note}").unwrap_or_default();
        }
    };
    list("imports", &artifact.imports);
    list("exports", &artifact.exports);
    out
}
