//! What the process's surroundings say: where the user stands, and what the terminal can show.

use std::io::IsTerminal;
use std::path::PathBuf;

/// Where a run takes place. The default is the current directory, and output that no terminal shows.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The directory that relative paths start from.
    pub directory: PathBuf,
    /// Whether `--color auto` means colour.
    pub colour: bool,
    /// Columns of the terminal, if one shows the output.
    pub width: Option<usize>,
}

impl Default for Surroundings {
    fn default() -> Self {
        // Without a current directory, because somebody removed it, relative paths fail one by one where they are used.
        let directory = std::env::current_dir().unwrap_or_default();
        Self { directory, colour: false, width: None }
    }
}

impl Surroundings {
    /// Asks the process: honours `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM`.
    pub fn of_process() -> Self {
        let stdout = std::io::stdout();
        let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        let width = if stdout.is_terminal() { terminal_size::terminal_size() } else { None };
        Self { colour, width: width.map(|(width, _)| usize::from(width.0)), ..Self::default() }
    }
}
