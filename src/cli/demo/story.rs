//! What the demo says before and after: what is going on, what was planted and found, and what to try next.

use super::Args;
use super::findings::{Finding, NOISE};
use super::orders::{NOISE as PLANTED_NOISE, PLANTED, Shows};
use super::screen::Ink;
use super::stage::Stage;
use super::summary::seconds;
use crate::evidence::Report;
use crate::evidence::render::{self, figure};
use crate::evidence::report::FieldVerdict;

/// Longest value in a line of news, in characters.
const MAX_VALUE: usize = 32;

/// What is going on, and where to look.
pub fn introduction(args: &Args, stage: &Stage, ink: Ink) -> String {
    let (proxy, admin) = (format!("http://{}", stage.proxy()), format!("http://{}", stage.admin()));
    let title =
        ink.bold("Umbrage demo: a shop has rewritten its orders API. Does the rewrite answer the same?");
    let (stable, shadow) = (ink.green("stable"), ink.red("shadow"));
    let control = ink.dim("control");
    let rate = args.rate;
    let bound = humantime::format_duration(args.bound);
    format!(
        "{title}

  customers ⇄ umbrage ⇄ {stable}    the old API: customers get its answers, always
                 ├────▶ {shadow}    the rewrite: asked the same, compared, its answers thrown away
                 └────▶ {control}   the old API once more: what differs here too is noise

  {rate} requests/s, GET and POST, seed {seed}; all mirrored. The POSTs too, as this shadow can do no harm:
  your own config mirrors GET, HEAD and OPTIONS until you name more.

  dashboard  {dashboard}     metrics  {metrics}
  proxy      {proxy}     try  {curl}
  It ends after {bound}, or with Ctrl-C, and a report follows.

{news}",
        seed = args.seed,
        dashboard = ink.cyan(&format!("{admin}/")),
        metrics = ink.cyan(&format!("{admin}/metrics")),
        proxy = ink.cyan(&proxy),
        curl = ink.cyan(&format!("curl -i {proxy}/orders/7")),
        news = ink.bold("Differences, as they are first seen:"),
    )
}

/// One difference.
pub fn news(finding: &Finding, elapsed: std::time::Duration, ink: Ink) -> String {
    let Finding { endpoint, path, kind, stable, shadow } = finding;
    let cut = |value: &str| match value.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    };
    let (stable, shadow) = (cut(stable), cut(shadow));
    let place = format!("{:>7}  {endpoint:<25} {path:<21}", seconds(elapsed));
    if *kind == NOISE {
        return ink
            .dim(&format!("{place} {kind:<8} {stable} → {shadow}: stable differs from itself here too"));
    }
    let kind = ink.red(&format!("{kind:<8}"));
    format!("{place} {kind} {} → {}", ink.green(&stable), ink.red(&shadow))
}

/// The report, what of the planted was found, and what to try next; `failed` of `asked` requests failed.
pub fn ending(report: &Report, (answered, failed): (u64, u64), ink: Ink) -> String {
    let mut lines = vec![String::new(), ink.bold("The report"), String::new()];
    lines.push(render::text(report, ink.colors()).trim_end().to_owned());
    lines.extend([String::new(), ink.bold("Planted in the rewrite, and found"), String::new()]);
    for planted in PLANTED {
        let mark = if planted.is_found(report) { ink.green("found  ") } else { ink.red("not yet") };
        let how = match planted.shows {
            Shows::Difference(path, kind) => format!("{path} ({})", kind.label()),
            Shows::Slower => "latency".to_owned(),
        };
        let endpoint = planted.endpoint;
        lines.push(format!("  {mark}  {:<38}  {endpoint:<25} {how}", planted.what));
    }
    lines.push(noise(report, ink));
    lines.extend([String::new(), customers(answered, failed, ink), String::new()]);
    lines.push(next(ink));
    lines.join("\n")
}

fn noise(report: &Report, ink: Ink) -> String {
    let (name, path) = PLANTED_NOISE;
    let field = report.endpoints.iter().filter(|endpoint| endpoint.endpoint == name);
    let known = field
        .flat_map(|endpoint| &endpoint.fields)
        .any(|field| field.path == path && field.verdict == FieldVerdict::Noise);
    let mark = if known { ink.green("noise  ") } else { ink.red("not yet") };
    format!("  {mark}  {:<38}  {name:<25} {path}", "varies by itself: nobody's bug")
}

fn customers(answered: u64, failed: u64, ink: Ink) -> String {
    let asked = figure::count(answered + failed);
    match failed {
        0 => format!("Customers sent {asked} requests and saw no error, and not one answer of the rewrite."),
        n => ink.red(&format!("Customers sent {asked} requests, of which {} failed.", figure::count(n))),
    }
}

fn next(ink: Ink) -> String {
    let command = |text: &str| format!("  {}", ink.cyan(text));
    [
        ink.bold("Next: your own backends. At 5 %, one request in twenty is mirrored, of the safe methods only."),
        String::new(),
        command("umbrage run --listen 127.0.0.1:8080 --stable http://127.0.0.1:9001 --shadow http://127.0.0.1:9002 --percent 5"),
        command("curl -i http://127.0.0.1:8080/") + "     and look at http://127.0.0.1:9901/",
        command("umbrage report") + "                      what was found, as above",
    ]
    .join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "story_tests.rs"]
mod tests;
