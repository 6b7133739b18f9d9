//! Tokens to a tree, as `text/template/parse/parse.go` builds it, with its errors.

use std::collections::BTreeMap;
use std::ops::Range;

use compact_str::CompactString;

use super::lex::{Item, Token, lex};
use super::tree::{Branch, Command, Node, Operand, Pipeline, Template, Term};
use super::{Library, Problem, is_builtin};

/// How deep blocks and parentheses may nest. People nest five or six deep.
const MAX_DEPTH: usize = 60;

impl Template {
    /// Parses a template. `library` knows the functions that it may call.
    ///
    /// # Errors
    /// Where and why Go would refuse the text.
    pub fn parse(text: &str, library: &dyn Library) -> Result<Self, Problem> {
        let mut parser = Parser {
            items: lex(text)?,
            at: 0,
            end: text.len(),
            library,
            variables: vec!["$".into()],
            ranges: 0,
            depth: 0,
            definitions: BTreeMap::new(),
        };
        let (body, closing) = parser.list()?;
        match closing {
            None => Ok(Self { source: text.to_owned(), body, definitions: parser.definitions }),
            Some((Closing::End, at)) => Err(problem(at, "unexpected {{end}}")),
            Some((Closing::Else, at)) => Err(problem(at, "unexpected {{else}}")),
        }
    }
}

fn problem(at: Range<usize>, message: impl Into<String>) -> Problem {
    Problem { at, message: message.into() }
}

/// What ends a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    End,
    Else,
}

/// An end, and where it stands.
type Closed = (Closing, Range<usize>);

struct Parser<'a> {
    items: Vec<Item>,
    at: usize,
    end: usize,
    library: &'a dyn Library,
    /// The variables in sight.
    variables: Vec<CompactString>,
    /// How many ranges are around.
    ranges: usize,
    depth: usize,
    definitions: BTreeMap<CompactString, Vec<Node>>,
}

type Parsed<T> = Result<T, Problem>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.items.get(self.at).map(|item| &item.token)
    }

    /// The place of the next token.
    fn place(&self) -> Range<usize> {
        self.items.get(self.at).map_or(self.end..self.end, |item| item.span.clone())
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.at += 1;
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, context: &str) -> Problem {
        problem(self.place(), format!("unexpected {} in {context}", self.peek().map_or("EOF", describe)))
    }

    /// Closes an action that takes nothing more.
    fn close(&mut self, context: &str) -> Parsed<()> {
        self.skip_space();
        if self.takes(&Token::Close) { Ok(()) } else { Err(self.unexpected(context)) }
    }

    /// Nodes up to the end of the text, or over an `{{end}}` or `{{else`.
    fn list(&mut self) -> Parsed<(Vec<Node>, Option<Closed>)> {
        let mut nodes = Vec::new();
        while let Some(item) = self.items.get(self.at) {
            let span = item.span.clone();
            self.at += 1;
            if item.token == Token::Text {
                nodes.push(Node::Text(span));
                continue;
            }
            self.skip_space();
            let word = match self.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => CompactString::default(),
            };
            let keyword = matches!(
                word.as_str(),
                "if" | "with" | "range" | "end" | "else" | "template" | "define" | "block" | "break" | "continue"
            );
            self.at += usize::from(keyword);
            match word.as_str() {
                "end" => {
                    self.close("end")?;
                    return Ok((nodes, Some((Closing::End, span))));
                }
                "else" => return Ok((nodes, Some((Closing::Else, span)))),
                "if" => nodes.push(Node::If(self.branch("if", &span)?)),
                "with" => nodes.push(Node::With(self.branch("with", &span)?)),
                "range" => nodes.push(Node::Range(self.branch("range", &span)?)),
                "break" | "continue" => {
                    self.close(&word)?;
                    if self.ranges == 0 {
                        return Err(problem(span, format!("{{{{{word}}}}} outside {{{{range}}}}")));
                    }
                    nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                }
                "template" => nodes.push(self.template(span)?),
                "define" => self.define(&span)?,
                "block" => nodes.push(self.block(span)?),
                _ => {
                    let pipeline = self.pipeline("command", &span)?;
                    self.close("command")?;
                    nodes.push(Node::Action(pipeline));
                }
            }
        }
        Ok((nodes, None))
    }

    /// The rest of `if`, `with` or `range`, over its `{{end}}`.
    fn branch(&mut self, keyword: &str, open: &Range<usize>) -> Parsed<Branch> {
        self.deeper(open)?;
        let in_sight = self.variables.len();
        let pipeline = self.pipeline(keyword, open)?;
        self.close(keyword)?;
        self.ranges += usize::from(keyword == "range");
        let (body, closing) = self.list()?;
        self.ranges -= usize::from(keyword == "range");
        let unclosed = || problem(open.clone(), format!("unexpected EOF: {{{{{keyword}}}}} has no {{{{end}}}}"));
        let mut otherwise = Vec::new();
        let (closing, at) = closing.ok_or_else(unclosed)?;
        if closing == Closing::Else {
            self.skip_space();
            let chained = match (self.peek(), keyword) {
                (Some(Token::Word(word)), "if") if word == "if" => Some("if"),
                (Some(Token::Word(word)), "with") if word == "with" => Some("with"),
                _ => None,
            };
            if let Some(chained) = chained {
                // `else if` shares the `end` of the first `if`.
                self.at += 1;
                let branch = self.branch(chained, &at)?;
                otherwise.push(if chained == "if" { Node::If(branch) } else { Node::With(branch) });
            } else {
                self.close("else")?;
                let (nodes, closing) = self.list()?;
                otherwise = nodes;
                match closing.ok_or_else(unclosed)? {
                    (Closing::Else, at) => return Err(problem(at, "expected end; found {{else}}")),
                    (Closing::End, _) => {}
                }
            }
        }
        self.variables.truncate(in_sight);
        self.depth -= 1;
        Ok(Branch { pipeline, body, otherwise })
    }

    fn deeper(&mut self, at: &Range<usize>) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(problem(at.clone(), format!("blocks and parentheses are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn name(&mut self, context: &str) -> Parsed<CompactString> {
        self.skip_space();
        let Some(Token::Quoted(name)) = self.peek().cloned() else { return Err(self.unexpected(context)) };
        self.at += 1;
        self.skip_space();
        Ok(name)
    }

    fn template(&mut self, span: Range<usize>) -> Parsed<Node> {
        let name = self.name("template clause")?;
        let has_more = self.peek() != Some(&Token::Close);
        let pipeline = has_more.then(|| self.pipeline("template clause", &span)).transpose()?;
        self.close("template clause")?;
        Ok(Node::Template { name, pipeline, span })
    }

    fn define(&mut self, open: &Range<usize>) -> Parsed<()> {
        let name = self.name("define clause")?;
        self.close("define clause")?;
        let body = self.definition(open)?;
        self.definitions.insert(name, body);
        Ok(())
    }

    fn block(&mut self, span: Range<usize>) -> Parsed<Node> {
        let name = self.name("block clause")?;
        let pipeline = self.pipeline("block clause", &span)?;
        self.close("block clause")?;
        let body = self.definition(&span)?;
        self.definitions.insert(name.clone(), body);
        Ok(Node::Template { name, pipeline: Some(pipeline), span })
    }

    /// A body of its own, which sees none of the variables around it.
    fn definition(&mut self, open: &Range<usize>) -> Parsed<Vec<Node>> {
        self.deeper(open)?;
        let outer = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, closing) = self.list()?;
        self.variables = outer;
        self.ranges = ranges;
        self.depth -= 1;
        match closing {
            Some((Closing::End, _)) => Ok(body),
            Some((Closing::Else, at)) => Err(problem(at, "unexpected {{else}} in define clause")),
            None => Err(problem(open.clone(), "unexpected EOF: the definition has no {{end}}")),
        }
    }

    fn pipeline(&mut self, context: &str, open: &Range<usize>) -> Parsed<Pipeline> {
        self.skip_space();
        let start = self.place().start;
        let (variables, declares) = self.declarations(context)?;
        let mut commands: Vec<Command> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Token::Close | Token::Right) => break,
                Some(Token::Pipe) => return Err(problem(self.place(), format!("missing value for {context}"))),
                _ => {}
            }
            let command = self.command(context)?;
            let executes = command.operands.first().is_some_and(|operand| match operand.term {
                Term::Dot => !operand.fields.is_empty(),
                Term::Nil | Term::Bool(_) | Term::Int(_) | Term::Float(_) | Term::Text(_) => false,
                Term::Variable(_) | Term::Function(_) | Term::Pipeline(_) => true,
            });
            if !commands.is_empty() && !executes {
                let message = format!("non executable command in pipeline stage {}", commands.len() + 1);
                return Err(problem(command.span, message));
            }
            commands.push(command);
            if !self.takes(&Token::Pipe) {
                break;
            }
            self.skip_space();
            if matches!(self.peek(), None | Some(Token::Close | Token::Right)) {
                return Err(problem(self.place(), format!("missing value for {context}")));
            }
        }
        let end = commands.last().map_or(start, |command| command.span.end);
        if commands.is_empty() {
            return Err(problem(open.start..self.place().end, format!("missing value for {context}")));
        }
        for name in variables.iter().filter(|_| declares) {
            self.variables.push(name.clone());
        }
        Ok(Pipeline { variables, declares, commands, span: start..end })
    }

    /// `$a :=`, `$a =`, and in a range `$a, $b :=`.
    fn declarations(&mut self, context: &str) -> Parsed<(Vec<CompactString>, bool)> {
        let start = self.at;
        let mut names = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            let place = self.place();
            self.at += 1;
            names.push(name.clone());
            self.skip_space();
            let declares = match self.peek() {
                Some(Token::Declare) => true,
                Some(Token::Assign) => false,
                Some(Token::Comma) if context == "range" && names.len() < 2 => {
                    self.at += 1;
                    self.skip_space();
                    continue;
                }
                _ => break,
            };
            self.at += 1;
            if !declares && names.iter().any(|name| !self.variables.contains(name)) {
                return Err(problem(place, format!("undefined variable \"{name}\"")));
            }
            return Ok((names, declares));
        }
        self.at = start;
        Ok((Vec::new(), false))
    }

    fn command(&mut self, context: &str) -> Parsed<Command> {
        let start = self.place().start;
        let mut operands: Vec<Operand> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Token::Close | Token::Right | Token::Pipe) => break,
                _ => operands.push(self.operand(context)?),
            }
            match self.peek() {
                None | Some(Token::Space | Token::Close | Token::Right | Token::Pipe) => {}
                // `f(x)` is `f` with an argument, to Go too.
                Some(Token::Left) => {}
                _ => return Err(self.unexpected("operand")),
            }
        }
        let end = operands.last().map_or(start, |operand| operand.span.end);
        if operands.is_empty() {
            return Err(problem(self.place(), "empty command"));
        }
        Ok(Command { operands, span: start..end })
    }

    fn operand(&mut self, context: &str) -> Parsed<Operand> {
        let place = self.place();
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected(context)) };
        self.at += 1;
        let mut fields = Vec::new();
        let takes_fields = !matches!(token, Token::Quoted(_) | Token::Character(_) | Token::Number(_));
        let term = match token {
            Token::Dot => Term::Dot,
            Token::Field(name) => {
                fields.push(name);
                Term::Dot
            }
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return Err(problem(place, format!("undefined variable \"{name}\"")));
                }
                Term::Variable(name)
            }
            Token::Word(word) => match word.as_str() {
                "true" => Term::Bool(true),
                "false" => Term::Bool(false),
                "nil" => Term::Nil,
                "if" | "with" | "range" | "end" | "else" | "template" | "define" | "block" => {
                    return Err(problem(place, format!("unexpected <{word}> in {context}")));
                }
                _ if is_builtin(&word) || self.library.has(&word) => Term::Function(word),
                _ => return Err(problem(place, format!("function \"{word}\" not defined"))),
            },
            Token::Quoted(text) => Term::Text(text),
            Token::Character(code) => Term::Int(code),
            Token::Number(text) => {
                number(&text).ok_or_else(|| problem(place.clone(), format!("bad number syntax: \"{text}\"")))?
            }
            Token::Left => {
                self.deeper(&place)?;
                let pipeline = self.pipeline("parenthesized pipeline", &place)?;
                self.skip_space();
                if !self.takes(&Token::Right) {
                    return Err(self.unexpected("parenthesized pipeline"));
                }
                self.depth -= 1;
                Term::Pipeline(Box::new(pipeline))
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected(context));
            }
        };
        while let Some(Token::Field(name)) = self.peek().cloned() {
            if !takes_fields || matches!(term, Term::Nil | Term::Bool(_)) {
                return Err(problem(self.place(), format!("unexpected . after term {}", describe(&Token::Dot))));
            }
            fields.push(name);
            self.at += 1;
        }
        let end = self.at.checked_sub(1).and_then(|last| self.items.get(last)).map_or(place.end, |item| item.span.end);
        Ok(Operand { term, fields, span: place.start..end })
    }
}

/// A number as Go's constants are written.
fn number(text: &str) -> Option<Term> {
    let digits = text.replace('_', "");
    let (negative, unsigned) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        _ if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|byte| byte.is_ascii_digit()) => {
            (8, lower.get(1..)?)
        }
        _ => (10, lower.as_str()),
    };
    let sign = if negative { "-" } else { "" };
    if let Ok(integer) = i64::from_str_radix(&format!("{sign}{body}"), radix) {
        return Some(Term::Int(integer));
    }
    let is_float = radix == 10 && body.bytes().any(|byte| byte.is_ascii_digit()) && !body.contains(['n', 'f']);
    is_float.then(|| format!("{sign}{body}").parse().ok().map(Term::Float)).flatten()
}

/// A token as Go's messages name it.
fn describe(token: &Token) -> &str {
    match token {
        Token::Text => "text",
        Token::Open => "\"{{\"",
        Token::Close => "\"}}\"",
        Token::Left => "\"(\"",
        Token::Right => "\")\"",
        Token::Pipe => "\"|\"",
        Token::Comma => "\",\"",
        Token::Assign => "\"=\"",
        Token::Declare => "\":=\"",
        Token::Space => "space",
        Token::Dot => "<.>",
        Token::Field(name) | Token::Variable(name) | Token::Word(name) | Token::Number(name) => name,
        Token::Quoted(_) => "string",
        Token::Character(_) => "character constant",
    }
}
