//! The thin binary: arguments to a command to an exit code.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    umbrage::cli::main(std::env::args_os())
}
