//! The binary: hands the process's arguments and streams to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = presync::cli::run(std::env::args_os(), &mut anstream::stdout(), &mut anstream::stderr());
    ExitCode::from(code)
}
