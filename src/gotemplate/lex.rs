//! Text to tokens, as `text/template/parse/lex.go` cuts it.

use std::ops::Range;

use compact_str::CompactString;

use super::Problem;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    /// Text outside of actions.
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    Left,
    Right,
    Pipe,
    Comma,
    Assign,
    Declare,
    Space,
    Dot,
    /// `.name`
    Field(CompactString),
    /// `$name`, with its `$`.
    Variable(CompactString),
    Word(CompactString),
    Quoted(CompactString),
    Character(i64),
    Number(CompactString),
}

pub(super) struct Item {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The tokens of a template.
pub(super) fn lex(text: &str) -> Result<Vec<Item>, Problem> {
    let mut lexer = Lexer { text, at: 0, items: Vec::new() };
    let mut trim_start = false;
    loop {
        let rest = lexer.rest();
        let open = rest.find("{{");
        let literal = rest.get(..open.unwrap_or(rest.len())).unwrap_or_default();
        let start =
            if trim_start { lexer.at + literal.len() - literal.trim_start_matches(is_space).len() } else { lexer.at };
        let trim_end = open.is_some_and(|open| has_left_trim(rest.get(open + 2..).unwrap_or_default()));
        let end = if trim_end {
            (lexer.at + literal.trim_end_matches(is_space).len()).max(start)
        } else {
            lexer.at + literal.len()
        };
        if end > start {
            lexer.items.push(Item { token: Token::Text, span: start..end });
        }
        let Some(open) = open else { return Ok(lexer.items) };
        let action = lexer.at + open;
        lexer.at = action + 2 + usize::from(trim_end);
        trim_start = match lexer.comment(action)? {
            Some(trim) => trim,
            None => lexer.action(action)?,
        };
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Whether an action starts with `- `, and so takes the blanks before it away.
fn has_left_trim(inside: &str) -> bool {
    inside.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    items: Vec<Item>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token, length: usize) {
        let span = self.at..self.at + length;
        self.at = span.end;
        self.items.push(Item { token, span });
    }

    fn problem(&self, start: usize, message: impl Into<String>) -> Problem {
        Problem { at: start..self.at.min(self.text.len()).max(start), message: message.into() }
    }

    /// Skips a comment; says whether it trims what follows. `None` if it is none.
    fn comment(&mut self, action: usize) -> Result<Option<bool>, Problem> {
        let rest = self.rest();
        let content = rest.trim_start_matches(is_space);
        let trimmed = self.at > action + 2;
        if !content.starts_with("/*") || (content.len() != rest.len() && !trimmed) {
            return Ok(None);
        }
        let start = self.at + rest.len() - content.len();
        let Some(end) = content.find("*/") else {
            self.at = self.text.len();
            return Err(self.problem(start, "unclosed comment"));
        };
        self.at = start + end + 2;
        let rest = self.rest();
        let after = rest.trim_start_matches(is_space);
        if rest.starts_with("}}") {
            self.at += 2;
            return Ok(Some(false));
        }
        if after.starts_with("-}}") && after.len() < rest.len() {
            self.at += rest.len() - after.len() + 3;
            return Ok(Some(true));
        }
        Err(self.problem(start, "comment ends before closing delimiter"))
    }

    /// Reads up to and over `}}`; says whether that trims what follows.
    fn action(&mut self, action: usize) -> Result<bool, Problem> {
        self.items.push(Item { token: Token::Open, span: action..self.at });
        let mut depth = 0usize;
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Err(Problem { at: action..action + 2, message: "unclosed action".to_owned() });
            };
            let blank = rest.len() - rest.trim_start_matches(is_space).len();
            let after_blank = rest.get(blank..).unwrap_or_default();
            if blank > 0 && after_blank.starts_with("-}}") || rest.starts_with("}}") {
                if depth > 0 {
                    return Err(self.problem(self.at, "unclosed left paren"));
                }
                let trims = blank > 0;
                self.at += blank;
                self.push(Token::Close, if trims { 3 } else { 2 });
                return Ok(trims);
            }
            match first {
                _ if blank > 0 => self.push(Token::Space, blank),
                '(' => {
                    depth += 1;
                    self.push(Token::Left, 1);
                }
                ')' => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.problem(self.at, "unexpected right paren"))?;
                    self.push(Token::Right, 1);
                }
                '|' => self.push(Token::Pipe, 1),
                ',' => self.push(Token::Comma, 1),
                '=' => self.push(Token::Assign, 1),
                ':' if rest.starts_with(":=") => self.push(Token::Declare, 2),
                ':' => return Err(self.problem(self.at, "expected :=")),
                '"' => self.quoted()?,
                '`' => self.raw()?,
                '\'' => self.character()?,
                '$' => self.name(1, Token::Variable)?,
                '.' => self.dot()?,
                '+' | '-' | '0'..='9' => self.number()?,
                _ if is_word(first) => self.name(0, Token::Word)?,
                _ => {
                    self.at += first.len_utf8();
                    let message = format!("unrecognized character in action: {}", named(first));
                    return Err(self.problem(self.at - first.len_utf8(), message));
                }
            }
        }
    }

    /// A name that starts `skip` bytes on, and must end as a name ends.
    fn name(&mut self, skip: usize, token: fn(CompactString) -> Token) -> Result<(), Problem> {
        let rest = self.rest();
        let after = rest.get(skip..).unwrap_or_default();
        let length = skip + after.find(|character| !is_word(character)).unwrap_or(after.len());
        self.terminated(length)?;
        // A field goes without its dot, a variable with its `$`.
        let text = rest.get(..length).unwrap_or_default();
        self.push(token(text.trim_start_matches('.').into()), length);
        Ok(())
    }

    /// Names end before a blank, an operator or the end of the action.
    fn terminated(&mut self, length: usize) -> Result<(), Problem> {
        let after = self.rest().get(length..).unwrap_or_default();
        let Some(next) = after.chars().next() else { return Ok(()) };
        if is_space(next) || matches!(next, '.' | ',' | '|' | ':' | ')' | '(') || after.starts_with("}}") {
            return Ok(());
        }
        let start = self.at;
        let word = after.find(|c: char| is_space(c) || "|()}".contains(c)).unwrap_or(after.len());
        self.at += length + word;
        Err(self.problem(start, format!("bad character {}", named(next))))
    }

    fn dot(&mut self) -> Result<(), Problem> {
        let rest = self.rest();
        match rest.chars().nth(1) {
            Some('0'..='9') => self.number(),
            Some(next) if is_word(next) => self.name(1, Token::Field),
            _ => {
                self.push(Token::Dot, 1);
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Result<(), Problem> {
        let rest = self.rest();
        let mut length = usize::from(rest.starts_with(['+', '-']));
        let is_hex = rest.get(length..).is_some_and(|rest| rest.starts_with("0x") || rest.starts_with("0X"));
        let mut last = ' ';
        for character in rest.chars().skip(length) {
            let exponent_sign = !is_hex && matches!(last, 'e' | 'E') && matches!(character, '+' | '-');
            if !(character.is_ascii_alphanumeric() || matches!(character, '.' | '_') || exponent_sign) {
                break;
            }
            length += 1;
            last = character;
        }
        let text = rest.get(..length).unwrap_or_default();
        let start = self.at;
        self.push(Token::Number(text.into()), length);
        match text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.') {
            true => Ok(()),
            false => Err(self.problem(start, format!("bad number syntax: \"{text}\""))),
        }
    }

    fn raw(&mut self) -> Result<(), Problem> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(end) = inside.find('`') else {
            let start = self.at;
            self.at = self.text.len();
            return Err(self.problem(start, "unterminated raw quoted string"));
        };
        self.push(Token::Quoted(inside.get(..end).unwrap_or_default().into()), end + 2);
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), Problem> {
        let (text, length) = self.escaped('"').ok_or_else(|| self.unterminated("unterminated quoted string"))?;
        self.push(Token::Quoted(text.into()), length);
        Ok(())
    }

    fn character(&mut self) -> Result<(), Problem> {
        let read = self.escaped('\'').and_then(|(text, length)| Some((text.chars().next()?, length)));
        let (character, length) = read.ok_or_else(|| self.unterminated("unterminated character constant"))?;
        self.push(Token::Character(i64::from(u32::from(character))), length);
        Ok(())
    }

    fn unterminated(&self, message: &str) -> Problem {
        let end = self.rest().find(['\n', '}']).map_or(self.text.len(), |end| self.at + end);
        Problem { at: self.at..end, message: message.to_owned() }
    }

    /// What stands between two quotes, as `strconv.Unquote` reads it, and its length with them.
    fn escaped(&self, quote: char) -> Option<(String, usize)> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\n' => return None,
                '\\' => {
                    let code = match characters.next()?.1 {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'a' => '\x07',
                        'b' => '\x08',
                        'f' => '\x0c',
                        'v' => '\x0b',
                        escape @ ('x' | 'u' | 'U') => {
                            let digits = match escape {
                                'x' => 2,
                                'u' => 4,
                                _ => 8,
                            };
                            let code: String = characters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                            char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                        }
                        first @ '0'..='7' => {
                            let rest: String = characters.by_ref().take(2).map(|(_, digit)| digit).collect();
                            char::from_u32(u32::from_str_radix(&format!("{first}{rest}"), 8).ok()?)?
                        }
                        same @ ('\\' | '"' | '\'') => same,
                        _ => return None,
                    };
                    text.push(code);
                }
                _ if character == quote => return Some((text, at + 1)),
                _ => text.push(character),
            }
        }
        None
    }
}

/// A character as Go names it: `U+002D '-'`.
fn named(character: char) -> String {
    format!("U+{:04X} '{character}'", u32::from(character))
}
