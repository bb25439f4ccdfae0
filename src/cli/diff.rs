//! `umbrage diff`: two body files, the same engine.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::{CliError, ConfigFile, DIFFERENCES, colours_on, print};
use crate::compare::{self, Rules};
use crate::evidence::render;
use crate::model::{Comparison, Difference, Verdict};

/// Largest body file, in bytes: held in memory twice.
const MAX_BODY: u64 = 256 << 20;

/// What is compared, and by which rules.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The body that stable answered with
    pub stable: PathBuf,
    /// The body that the shadow answered with
    pub shadow: PathBuf,
    /// A config whose rules hold; without -c none do.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The route whose rules hold
    #[arg(long, value_name = "NAME", requires = "config")]
    pub route: Option<String>,
    /// The media type of both bodies [default: by content and extension]
    #[arg(long = "type", value_name = "MEDIA/TYPE")]
    pub media: Option<String>,
    /// How differences are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How differences are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// `{equal, differences[…]}`
    Json,
}

/// Compares the files; exit code 3 if they differ.
///
/// # Errors
/// [`CliError::Failed`] if a file cannot be read or the bodies cannot be compared; [`CliError::Config`] for a bad config.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let rules = rules(args)?;
    let (stable, shadow) = (read(&args.stable)?, read(&args.shadow)?);
    let media = args.media.as_deref().or_else(|| by_extension(&args.stable));
    let found = compare::compare_bodies(&stable, &shadow, media, &rules);
    if let Some(reason) = found.reason {
        return Err(CliError::Failed(format!("the bodies cannot be compared: {}", reason.label())));
    }
    let shown = match args.format {
        Format::Json => json(&found)?,
        Format::Text => text(&found, colours_on(&io::stdout())),
    };
    print(shown.as_bytes())?;
    Ok(if found.verdict == Verdict::Match { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCES) })
}

/// The rules of a route of a config, or none.
fn rules(args: &Args) -> Result<Arc<Rules>, CliError> {
    let failed = |text: String| CliError::Failed(text);
    if args.file.config.is_none() {
        return Rules::compile(compare::Settings::default())
            .map(Arc::new)
            .map_err(|_| failed("the default rules cannot be compiled".to_owned()));
    }
    let config = args.file.load()?;
    let mut routes = config.routes.routes.iter();
    let route = match &args.route {
        None => routes.find(|r| r.experiment.is_some()),
        Some(name) => routes.find(|r| *r.name == **name),
    };
    let missing =
        || CliError::Usage(format!("no route is named '{}'", args.route.as_deref().unwrap_or_default()));
    let experiment = route.ok_or_else(missing)?.experiment.as_ref();
    experiment
        .map(|e| e.rules.clone())
        .ok_or_else(|| failed("the config has no shadow, so no rules".to_owned()))
}

/// A body, bounded: beyond the bound nothing would be compared anyway.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |why: &dyn std::fmt::Display| CliError::Failed(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
    let mut body = Vec::new();
    file.take(MAX_BODY + 1).read_to_end(&mut body).map_err(|e| failed(&e))?;
    if body.len() as u64 > MAX_BODY {
        return Err(failed(&format!("more than {} MiB", MAX_BODY >> 20)));
    }
    Ok(body)
}

fn by_extension(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some("application/json"),
        "txt" | "log" | "csv" | "md" => Some("text/plain"),
        "html" | "htm" => Some("text/html"),
        "xml" => Some("application/xml"),
        _ => None,
    }
}

fn json(found: &Comparison) -> Result<String, CliError> {
    let shown = serde_json::json!({
        "equal": found.verdict == Verdict::Match,
        "differences": found.differences,
        "omitted": found.omitted,
    });
    let text = serde_json::to_string_pretty(&shown).map_err(|e| CliError::Failed(e.to_string()))?;
    Ok(text + "\n")
}

fn text(found: &Comparison, colour: bool) -> String {
    if found.verdict == Verdict::Match {
        return "equal\n".to_owned();
    }
    let (bold, red, green, plain) =
        if colour { ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m") } else { ("", "", "", "") };
    let mut lines = Vec::new();
    for difference in &found.differences {
        let Difference { path, pointer, kind, .. } = difference;
        let place =
            if pointer.is_empty() { String::new() } else { format!("  at {}", render::plain(pointer)) };
        lines.push(format!("{bold}{}{plain}  {}{place}", render::plain(path), kind.label()));
        for (colour, sign, name, value) in
            [(red, '-', "stable", &difference.stable), (green, '+', "shadow", &difference.shadow)]
        {
            let value = value.as_deref().map_or_else(|| "(nothing)".to_owned(), render::plain);
            lines.push(format!("  {colour}{sign} {name}: {value}{plain}"));
        }
    }
    let count = found.differences.len() + found.omitted;
    let noun = if count == 1 { "difference" } else { "differences" };
    let hidden =
        if found.omitted > 0 { format!(", {} of them not shown", found.omitted) } else { String::new() };
    lines.push(format!("{count} {noun}{hidden}\n"));
    lines.join("\n")
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
