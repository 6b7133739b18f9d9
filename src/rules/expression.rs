//! CEL expressions over spanned trees: checked when they are loaded, never failing when they are run.
//!
//! The evaluator is the crate `cel`, named in this file only. It reports unknown names at run time, so they are looked
//! for here in the syntax tree. Only the values that an expression reads are converted; if one of them can't be known,
//! neither can the result.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, CelString};
use cel::{Context, Env, ExecutionError, Program, Value};
use regex::Regex;

use crate::finding::nearest;
use crate::yaml::{Node, Scalar};

/// Longest expression that is read, in bytes.
const MAX_BYTES: usize = 2_000;

/// Most operators, dots and brackets of an expression. The parser descends for each of them, also for those of a chain
/// such as `a + b + c`; a thousand would exhaust a thread's stack. A check that needs more belongs in Rust.
const MAX_OPERATORS: usize = 150;

/// Deepest nesting of brackets, for the same reason.
const MAX_DEPTH: usize = 30;

/// The functions an expression may call, apart from operators and the macros `has`, `all`, `exists`, `exists_one`,
/// `filter` and `map`.
pub const FUNCTIONS: [&str; 20] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "type",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "replace",
    "split",
    "trim",
];

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib().with_optional_support(false);
    // Fails only if a function were declared twice; then `FUNCTIONS` would name some that are missing, which a test sees.
    let _ = environment.add_extension(cel::extensions::strings);
    let _ = cel::add_member_overload!(environment, fn matches: (CelString, CelString) -> Result<CelBool>);
    Arc::new(environment)
});

/// The regular expressions of all loaded rules by their text. The crate's own `matches` would compile its pattern anew
/// for every value, which took a third of the time of a large repository.
static PATTERNS: LazyLock<RwLock<HashMap<String, Regex>>> = LazyLock::new(RwLock::default);

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let patterns = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    match patterns.get(pattern.inner()) {
        Some(pattern) => Ok(CelBool::from(pattern.is_match(text.inner()))),
        None => Err(ExecutionError::function_error("matches", "a pattern that is no literal")),
    }
}

/// A checked expression.
pub(super) struct Expression {
    program: Program,
    /// The paths that are read, each below one of the variables.
    reads: Vec<Read>,
}

/// A path that an expression reads: `self.securityContext.runAsUser`.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Read {
    variable: &'static str,
    path: Vec<String>,
}

/// A part of what stands behind a variable could not be known offline.
struct Unknown;

impl Expression {
    /// Compiles an expression over the given variables.
    ///
    /// # Errors
    /// Says in one sentence what is wrong with it.
    pub(super) fn new(text: &str, variables: &[&'static str]) -> Result<Self, String> {
        let (operators, depth) = extent(text);
        if text.len() > MAX_BYTES || operators > MAX_OPERATORS || depth > MAX_DEPTH {
            return Err("the expression is too long or nested too deeply; write the check in Rust".to_owned());
        }
        let program = ENVIRONMENT.compile(text).map_err(|errors| {
            let reason = errors.errors.first().map_or("it can't be read", |error| error.msg.as_str());
            format!("this is no CEL expression: {reason}")
        })?;
        let mut checker = Checker { variables, bound: Vec::new(), reads: Vec::new() };
        checker.walk(program.expression())?;
        let mut reads = checker.reads;
        reads.sort();
        reads.dedup();
        Ok(Self { program, reads })
    }

    /// Whether the expression reads a variable.
    pub(super) fn reads(&self, variable: &str) -> bool {
        self.reads.iter().any(|read| read.variable == variable)
    }

    /// Evaluates the expression. `None` if the result is no boolean, or can't be known: a key is missing, the types
    /// don't fit, or a value that it reads is [`Scalar::Unknown`].
    ///
    /// Variables in `incomplete` lack some of what they should hold: there, a key that is absent is not known to be.
    pub(super) fn holds(&self, variables: &[(&'static str, &Node)], incomplete: &[&str]) -> Option<bool> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, node) in variables {
            let paths: Vec<&[String]> =
                self.reads.iter().filter(|read| read.variable == *name).map(|read| read.path.as_slice()).collect();
            if !paths.is_empty() {
                context.add_variable_from_value(*name, convert(node, &paths, incomplete.contains(name)).ok()?);
            }
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(value)) => Some(value),
            _ => None,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("reads", &self.reads).finish_non_exhaustive()
    }
}

/// Checks names and collects what is read.
struct Checker<'a> {
    variables: &'a [&'static str],
    /// Names that macros bind, innermost last.
    bound: Vec<String>,
    reads: Vec<Read>,
}

impl Checker<'_> {
    fn walk(&mut self, expression: &IdedExpr) -> Result<(), String> {
        if let Some((root, path)) = chain(&expression.expr) {
            return self.read(root, path);
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Ok(()),
            Expr::Select(select) => self.walk(&select.operand),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.walk(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.walk(&entry.key).and_then(|()| self.walk(&entry.value)),
                EntryExpr::StructField(field) => self.walk(&field.value),
            }),
            Expr::Struct(structure) => Err(format!("there is no type `{}`", structure.type_name)),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                let is_operator = name.starts_with(['_', '!', '-', '@']);
                if !is_operator && !FUNCTIONS.contains(&name) {
                    return Err(unknown("function", name, FUNCTIONS));
                }
                if name == "matches" {
                    remember_pattern(call.args.last().map(|argument| &argument.expr))?;
                }
                call.target.iter().try_for_each(|target| self.walk(target))?;
                call.args.iter().try_for_each(|argument| self.walk(argument))
            }
            Expr::Comprehension(comprehension) => {
                self.walk(&comprehension.iter_range)?;
                self.walk(&comprehension.accu_init)?;
                let before = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.bound.push(comprehension.accu_var.clone());
                let inner = [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
                let result = inner.into_iter().try_for_each(|inner| self.walk(inner));
                self.bound.truncate(before);
                result
            }
        }
    }

    fn read(&mut self, root: &str, path: Vec<String>) -> Result<(), String> {
        if self.bound.iter().any(|bound| bound == root) {
            return Ok(());
        }
        let Some(variable) = self.variables.iter().find(|variable| **variable == root) else {
            return Err(unknown("variable", root, self.variables.iter().copied()));
        };
        self.reads.push(Read { variable, path });
        Ok(())
    }
}

/// Compiles the pattern of a call of `matches`.
fn remember_pattern(argument: Option<&Expr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = argument else {
        return Err("`matches` needs a regular expression in quotes".to_owned());
    };
    let pattern = pattern.inner();
    let compiled = Regex::new(pattern).map_err(|_| format!("`{pattern}` is no regular expression"))?;
    PATTERNS.write().unwrap_or_else(PoisonError::into_inner).insert(pattern.to_owned(), compiled);
    Ok(())
}

fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(nearest) => format!("there is no {what} `{name}`; did you mean `{nearest}`?"),
        None => {
            let known: Vec<&str> = known.into_iter().collect();
            format!("there is no {what} `{name}`; there are {}", known.join(", "))
        }
    }
}

/// Upper bounds of the number of operators and of the depth of brackets; quoted text counts too.
fn extent(text: &str) -> (usize, usize) {
    let (mut operators, mut depth, mut deepest) = (0, 0_usize, 0);
    for byte in text.bytes().filter(u8::is_ascii_punctuation) {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'_' | b'"' | b'\'' | b',' => continue,
            _ => {}
        }
        operators += 1;
        deepest = deepest.max(depth);
    }
    (operators, deepest)
}

/// `a.b["c"]` as its root and the keys below it.
fn chain(expression: &Expr) -> Option<(&str, Vec<String>)> {
    let mut path = Vec::new();
    let mut expression = expression;
    loop {
        match expression {
            Expr::Ident(name) => {
                path.reverse();
                return Some((name, path));
            }
            Expr::Select(select) => {
                path.push(select.field.clone());
                expression = &select.operand.expr;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, index] = call.args.as_slice() else { return None };
                let Expr::Literal(LiteralValue::String(key)) = &index.expr else { return None };
                path.push(key.inner().to_owned());
                expression = &operand.expr;
            }
            _ => return None,
        }
    }
}

/// The parts of a node that lie on the paths, as CEL values. An empty path takes the whole node. A null in a map is left
/// out, as the API server and Helm do.
fn convert(node: &Node, paths: &[&[String]], incomplete: bool) -> Result<Value, Unknown> {
    if node.is_unknown() {
        return Err(Unknown);
    }
    let Some(mapping) = node.as_mapping().filter(|_| paths.iter().all(|path| !path.is_empty())) else {
        return convert_whole(node);
    };
    let mut heads: Vec<&String> = paths.iter().filter_map(|path| path.first()).collect();
    heads.sort();
    heads.dedup();
    let mut map = HashMap::new();
    for head in heads {
        let Some(child) = mapping.get(head).filter(|child| !child.is_null()) else {
            if incomplete {
                return Err(Unknown);
            }
            continue;
        };
        let tails: Vec<&[String]> =
            paths.iter().filter(|path| path.first() == Some(head)).map(|path| &path[1..]).collect();
        map.insert(head.clone(), convert(child, &tails, incomplete)?);
    }
    Ok(map.into())
}

fn convert_whole(node: &Node) -> Result<Value, Unknown> {
    if let Some(mapping) = node.as_mapping() {
        let entries = mapping.iter().filter(|entry| !entry.value.is_null());
        let converted = entries.map(|entry| Ok((entry.key.json_name().into_owned(), convert_whole(&entry.value)?)));
        return Ok(converted.collect::<Result<HashMap<String, Value>, Unknown>>()?.into());
    }
    if let Some(items) = node.as_sequence() {
        return Ok(items.iter().map(convert_whole).collect::<Result<Vec<Value>, Unknown>>()?.into());
    }
    Ok(match node.resolve() {
        Some(Scalar::Bool(value)) => value.into(),
        Some(Scalar::Int(value)) => value.into(),
        Some(Scalar::UInt(value)) => value.into(),
        Some(Scalar::Float(value)) => value.into(),
        Some(Scalar::String(text)) => text.into(),
        Some(Scalar::Null) | None => Value::Null,
        Some(Scalar::Unknown) => return Err(Unknown),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn node(text: &str) -> Node {
        let stream = crate::yaml::parse(FileId(0), text.as_bytes());
        stream.documents.into_iter().next().and_then(|document| document.root).expect("content")
    }

    fn holds(text: &str, yaml: &str) -> Option<bool> {
        Expression::new(text, &["self"]).expect("a valid expression").holds(&[("self", &node(yaml))], &[])
    }

    #[test]
    fn expressions_judge_values() {
        assert_eq!(holds("self.a == 1", "a: 1"), Some(true));
        assert_eq!(holds("!has(self.a) || self.a == 'x'", "b: 1"), Some(true));
        assert_eq!(holds("has(self.a)", "a: null"), Some(false));
        assert_eq!(holds("self.list.exists(item, item.name == 'x')", "list: [{name: y}, {name: x}]"), Some(true));
        assert_eq!(holds("self['a.b/c'].startsWith('x')", "a.b/c: xyz"), Some(true));
        assert_eq!(holds("self.a.matches('^x+$')", "a: xxx"), Some(true));
        assert_eq!(holds("self.a.matches('^x+$')", "a: z"), Some(false));
        assert_eq!(holds("size(self) == 2 && self.yes", "yes: on\nn: 2"), None, "`n` is false and `yes` is true");
    }

    #[test]
    fn what_cannot_be_known_gives_nothing() {
        assert_eq!(holds("self.a == 1", "b: 1"), None);
        assert_eq!(holds("self.a > 1", "a: text"), None);
        assert_eq!(holds("self.a", "a: text"), None);
        assert_eq!(holds("self.a != 'x'", "a: !vault secret"), None);
        assert_eq!(holds("!has(self.a) || self.b", "a: !vault secret\nb: true"), None);
        assert_eq!(holds("self.b", "a: !vault secret\nb: true"), Some(true));
        assert_eq!(holds("self.a.b == 1", "a: !vault secret"), None);
        assert_eq!(holds("size(self.list) > 0", "list: [!vault x]"), None);
    }

    #[test]
    fn an_absent_key_of_something_incomplete_is_not_known_to_be_absent() {
        let expression = Expression::new("!has(self.a) || self.b", &["self"]).expect("a valid expression");
        let known = node("b: true");
        assert_eq!(expression.holds(&[("self", &known)], &[]), Some(true));
        assert_eq!(expression.holds(&[("self", &known)], &["self"]), None);
    }

    #[test]
    fn mistakes_are_found_when_loaded() {
        let error = |text: &str| Expression::new(text, &["self", "object"]).expect_err("a mistake");
        assert_eq!(error("slf.a"), "there is no variable `slf`; did you mean `self`?");
        assert_eq!(error("self.a.startWith('x')"), "there is no function `startWith`; did you mean `startsWith`?");
        assert_eq!(error("self.a.exists(x)").split(';').next(), Some("there is no function `exists`"));
        assert_eq!(error("self.list.all(x, y.a)").split(';').next(), Some("there is no variable `y`"));
        assert_eq!(error("self.a.matches('[')"), "`[` is no regular expression");
        assert_eq!(error("self.a.matches(self.b)"), "`matches` needs a regular expression in quotes");
        assert!(error("self.a ==").starts_with("this is no CEL expression"));
        assert!(error(&"(".repeat(900)).contains("nested too deeply"));
        assert!(error(&"!".repeat(10_000)).contains("too long"));
    }

    /// Worker threads have 2 MiB of stack; half of that must do.
    #[test]
    fn hostile_expressions_do_not_exhaust_the_stack() {
        let pieces = [
            ("!", "self.a"),
            ("- ", "1"),
            ("1+", "1"),
            ("true||", "true"),
            ("self.", "a"),
            ("[", ""),
            ("{", ""),
            ("a?", ""),
            ("true?1:", "2"),
            ("[1].map(a,", "1"),
            ("'", ""),
            ("self[0]", ""),
            ("(", ""),
            ("(1)+", "1"),
            ("f(", ""),
        ];
        let mut texts = Vec::new();
        for (piece, end) in pieces {
            texts.extend([10, 29, 49, 74, 149, 900].map(|count| piece.repeat(count) + end));
        }
        for (open, close) in [("(", ")"), ("[1].map(a,", ")"), ("{1:", "}"), ("[", "]"), ("size([", "])"), ("!(-", ")")]
        {
            texts.extend([10, 14, 15, 29, 30].map(|depth| format!("{}1{}", open.repeat(depth), close.repeat(depth))));
        }
        let judge = move || {
            for text in texts {
                if let Ok(expression) = Expression::new(&text, &["self"]) {
                    expression.holds(&[("self", &node("a: 1"))], &[]);
                }
            }
        };
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(judge).expect("a thread");
        thread.join().expect("no panic");
    }

    #[test]
    fn every_function_exists() {
        for function in FUNCTIONS {
            let call = |text: String| {
                Program::compile(&text).expect("a call").execute(&Context::with_env(Arc::clone(&ENVIRONMENT)))
            };
            let results = [call(format!("{function}()")), call(format!("''.{function}()"))];
            let exists = |result: &Result<Value, cel::ExecutionError>| {
                !matches!(result, Err(cel::ExecutionError::UndeclaredReference(_)))
            };
            assert!(results.iter().any(exists), "{function}");
        }
    }
}
