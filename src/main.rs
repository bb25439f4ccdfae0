//! The thin binary: arguments to a command to an exit code.
#![forbid(unsafe_code)]

/// A proxied request makes some forty small allocations, half of them in header maps: this costs a third of what the
/// system's allocator takes for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    umbrage::cli::main(std::env::args_os())
}
