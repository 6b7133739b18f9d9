//! Writes a made-up GitOps repository: `cargo run --release --example generate -- DIR DOCUMENTS`.

#![allow(clippy::print_stdout)] // A program for the terminal.

#[path = "../benches/generated.rs"]
mod generated;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [directory, documents] = arguments.as_slice() else {
        return Err("usage: generate DIR DOCUMENTS".into());
    };
    let (files, count) = generated::repository(documents.parse()?);
    let mut bytes = 0;
    for (path, text) in &files {
        let path = Path::new(directory).join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(directory)))?;
        fs::write(path, text)?;
        bytes += text.len();
    }
    println!("{count} documents in {} files, {bytes} bytes", files.len());
    Ok(())
}
