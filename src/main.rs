//! The binary: hands the process's arguments and streams to the library.

use std::process::ExitCode;

use presync::cli::{self, Surroundings};

/// A tree of YAML is many small allocations of a few sizes, made and freed by several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let surroundings = Surroundings::of_process();
    let code = cli::run_in(&surroundings, std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr());
    ExitCode::from(code)
}
