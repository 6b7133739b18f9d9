//! `.presync.yaml`: the user's settings.

/// The user's settings, with defaults where the file says nothing.
#[derive(Clone, Debug, Default)]
pub struct Config {}
