//! What can be wrong with a text.

use crate::source::Span;

/// Something wrong with the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// Where it is.
    pub span: Span,
}

/// The kinds of [`Problem`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// The text is not YAML. The document is lost, later ones are not.
    Syntax(Box<SyntaxError>),
    /// Two equal keys in one map; the second counts. The first one's key, and the paths that only it had.
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first: Span,
        /// Leaves of the first value that the second one lacks, as dotted paths; at most eight.
        lost: Vec<String>,
    },
    /// Two `<<` in one map; where the first one stands. Helm applies both, kustomize refuses the file.
    DuplicateMerge(Span),
    /// An alias whose anchor does not exist before it in the same document.
    UndefinedAlias {
        /// The alias's name.
        name: String,
        /// Where the file sets an anchor of this name that the alias can't see: later, or in another document.
        elsewhere: Option<Span>,
        /// The most similar name of an anchor that the alias could see.
        nearest: Option<String>,
    },
    /// An anchor that is used inside its own value.
    RecursiveAlias,
    /// Aliases multiply the document beyond any use.
    AliasBomb,
    /// A map or list as key.
    KeyNotScalar,
    /// A template's expression, `{{ … }}`, which YAML takes for a map that is the key of another.
    KeyTemplate,
    /// Null as key: `~: 1`, or a colon with nothing before it.
    KeyNull,
    /// `<<` with something else than maps.
    MergeNotMap,
    /// The bytes are not UTF-8; the encoding they look like, if that shows.
    NotUtf8,
    /// The file is UTF-16 or UTF-32.
    WideEncoding(&'static str),
    /// More values than any manifest has; what comes after this place was not read.
    TooManyValues,
    /// More problems than are worth listing; later ones are left out.
    TooManyProblems,
}

/// Why a text is not YAML, in words for the person who mends it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SyntaxError {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// A few words for the place itself.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Another place that belongs to the story, such as the bracket that was opened.
    pub related: Option<(Span, String)>,
}

impl ProblemKind {
    /// Whether content was lost: such a file can't be judged whole.
    pub fn loses_content(&self) -> bool {
        !matches!(self, Self::DuplicateKey { .. } | Self::DuplicateMerge(_))
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn message(&self) -> String {
        match self {
            Self::Syntax(error) => error.message.clone(),
            Self::DuplicateKey { key, .. } => format!("the key `{}` stands twice in one map", shorten(key)),
            Self::DuplicateMerge(_) => "`<<` stands twice in one map".to_owned(),
            Self::UndefinedAlias { name, .. } => {
                format!("the alias `*{}` has no anchor before it in this document", shorten(name))
            }
            Self::RecursiveAlias => "this alias stands inside the value that it repeats".to_owned(),
            Self::AliasBomb => "the aliases of this document multiply it beyond 400,000 values".to_owned(),
            Self::KeyNotScalar => {
                "a map or list stands where a key is expected; Kubernetes knows text keys only".to_owned()
            }
            Self::KeyTemplate => "an expression of a template stands here, but nothing renders this file".to_owned(),
            Self::KeyNull => "this key is null; Kubernetes knows text keys only".to_owned(),
            Self::MergeNotMap => "`<<` takes a map or a list of maps; this is neither".to_owned(),
            Self::NotUtf8 => "these bytes are not UTF-8, so nothing in the file can be read".to_owned(),
            Self::WideEncoding(encoding) => {
                format!("the file is {encoding}, not UTF-8, so nothing in it was judged")
            }
            Self::TooManyValues => "the file holds more than 2,000,000 values; the rest was not read".to_owned(),
            Self::TooManyProblems => {
                "the file has more than 1,000 problems like those before; the rest is not listed".to_owned()
            }
        }
    }

    /// What to do, where that is known.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Syntax(error) => return error.help.clone(),
            Self::DuplicateKey { .. } => "merge both into one, or remove the one that is not meant".to_owned(),
            Self::DuplicateMerge(_) => "write one `<<: [*first, *second]`".to_owned(),
            Self::UndefinedAlias { name, nearest: None, .. } if !is_name(name) => {
                format!(
                    "a value that starts with `*` is an alias; if text is meant, quote it: `\"*{}\"`",
                    shorten(name)
                )
            }
            Self::UndefinedAlias { nearest: Some(nearest), .. } => format!("did you mean `*{}`?", shorten(nearest)),
            Self::UndefinedAlias { elsewhere: Some(_), .. } => {
                "an alias sees only anchors that stand before it in the same document; move the anchor up".to_owned()
            }
            Self::UndefinedAlias { name, .. } => {
                format!("set the anchor: `&{}` before the value to repeat", shorten(name))
            }
            Self::RecursiveAlias => "name another anchor, or write the value out".to_owned(),
            Self::AliasBomb => "write the values out, or repeat fewer levels".to_owned(),
            Self::KeyNotScalar => "quote the key; a value that starts with `{` or `[` must be quoted too".to_owned(),
            Self::KeyTemplate => {
                "write the value itself, or quote it if the braces are meant; Helm renders the files of a chart's \
                 `templates` only"
                    .to_owned()
            }
            Self::KeyNull => "write the key's name, or quote it if `null` is its name".to_owned(),
            Self::MergeNotMap => "name an anchor that stands before a map".to_owned(),
            Self::NotUtf8 | Self::WideEncoding(_) => "save the file as UTF-8".to_owned(),
            Self::TooManyValues => "split the file".to_owned(),
            Self::TooManyProblems => return None,
        })
    }

    /// Another place that belongs to the story, with a few words.
    pub fn related(&self) -> Option<(Span, String)> {
        match self {
            Self::Syntax(error) => error.related.clone(),
            Self::DuplicateKey { first, .. } | Self::DuplicateMerge(first) => {
                Some((*first, "it stands here first".to_owned()))
            }
            Self::UndefinedAlias { elsewhere: Some(anchor), .. } => {
                Some((*anchor, "the anchor is set here, out of the alias's sight".to_owned()))
            }
            _ => None,
        }
    }

    /// The other place that is named, for moving it.
    pub(super) fn place_mut(&mut self) -> Option<&mut Span> {
        match self {
            Self::Syntax(error) => error.related.as_mut().map(|(span, _)| span),
            Self::DuplicateKey { first, .. } | Self::DuplicateMerge(first) => Some(first),
            Self::UndefinedAlias { elsewhere, .. } => elsewhere.as_mut(),
            _ => None,
        }
    }
}

/// Whether a text could be meant as an anchor's name.
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A text of the file as it can stand in a sentence: one line, not too long.
fn shorten(text: &str) -> String {
    const LENGTH: usize = 80;
    let mut short: String =
        text.chars().take(LENGTH).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(LENGTH).is_some() {
        short.push('…');
    }
    short
}
