//! The thin binary: arguments to a command to an exit code.
#![forbid(unsafe_code)]

/// The system's allocator took 7,700 of the 43,600 instructions that a proxied request costs in user space (counted with
/// callgrind).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    umbrage::cli::main(std::env::args_os())
}
