//! `--fix`: writes the files that safe fixes changed. A file is written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::Failure;
use crate::files::Files;
use crate::source::{FileId, SourceFile};

/// Writes the changed files. `before` holds them as they were read.
pub(super) fn write(changed: &[FileId], before: &Files, after: &Files) -> Result<(), Failure> {
    for id in changed {
        let (old, new) = (before.sources.file(*id), after.sources.file(*id));
        let location = before.sources.location(&old.path);
        let result = replace(&location, before.sources.root(), &old, &new);
        result.map_err(|error| Failure::new(format!("{}: the fix is not written: {error}", old.path)))?;
    }
    Ok(())
}

fn replace(location: &Path, root: &Path, old: &SourceFile, new: &SourceFile) -> io::Result<()> {
    let refuse = |reason: &str| Err(io::Error::other(reason));
    let (Ok(old), Ok(new)) = (old.bytes(), new.bytes()) else { return refuse("it can't be read") };
    let Some(directory) = location.parent() else { return refuse("it has no directory") };
    // A directory on the way may have become a symbolic link since the walk.
    if !directory.canonicalize()?.starts_with(root) {
        return refuse("a symbolic link leads out of the repository");
    }
    let metadata = fs::symlink_metadata(location)?;
    if !metadata.is_file() {
        return refuse("it is no regular file");
    }
    if fs::read(location)? != old {
        return refuse("it changed while presync was at work");
    }
    let name = location.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.presync-{}", std::process::id()));
    let written = write_new(&temporary, new, &metadata).and_then(|()| fs::rename(&temporary, location));
    if written.is_err() {
        // What is left of the temporary file is of no use; the error that is reported is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(temporary: &Path, bytes: &[u8], like: &fs::Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.set_permissions(like.permissions())?;
    file.write_all(bytes)?;
    file.sync_all()
}
