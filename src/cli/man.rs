//! `umbrage man`: one manual page for the program and all its commands.

use std::io;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, CliError, print};

/// It takes none.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {}

/// Prints the page.
///
/// # Errors
/// [`CliError::Output`] if it cannot be written.
pub fn run(_args: &Args) -> Result<ExitCode, CliError> {
    print(&page()?)?;
    Ok(ExitCode::SUCCESS)
}

/// The page: the program's own, then a section for each command with its options.
fn page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        describe(inner, &mut page)?;
    }
    Ok(page)
}

fn describe(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    let mut section = Vec::new();
    let man = Man::new(command.clone());
    man.render_description_section(&mut section)?;
    man.render_synopsis_section(&mut section)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut section)?;
    }
    // Its own headings become subsections of one for the command.
    let text = String::from_utf8_lossy(&section).replace(".SH ", ".SS ");
    page.extend_from_slice(format!(".SH \"{name}\"\n{text}").as_bytes());
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        describe(inner, page)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_page_describes_every_command() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        assert!(page.contains(".TH"), "{page}");
        for name in
            ["RUN", "DEMO", "CHECK", "REPORT", "DIFF", "CTL", "CTL PAUSE", "SCHEMA", "COMPLETIONS", "MAN"]
        {
            assert!(page.contains(&format!(".SH \"UMBRAGE {name}\"")), "{name} is missing\n{page}");
        }
        assert!(page.contains("fail\\-on"));
    }
}
