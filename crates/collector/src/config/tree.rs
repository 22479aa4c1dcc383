//! YAML to a tree in which every key and value knows its place in the text.
//!
//! A plain subset: one document, words as keys, no tags, no merge keys. Aliases work, within a
//! budget that a short file of nested aliases cannot exceed. Nothing here knows what the
//! configuration means; [`super::reader`] turns the tree into typed values.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{
    self, BorrowedInput, ErrorKind, Event, Parser, ScalarStyle, ScanError, Span,
};

use super::words::{harmless, holds_secret, is_known};

/// Largest text read, bytes.
pub(super) const LARGEST_TEXT: usize = 1 << 20;
/// Most keys and values in one file, copies by alias included.
const MOST_NODES: usize = 50_000;
/// Most bytes of keys and values in one file, copies by alias included.
const MOST_BYTES: usize = 4 << 20;
/// Deepest nesting of block style and of flow style, each.
const DEEPEST: usize = 24;

/// Bytes of the text.
pub(super) type Bytes = Range<usize>;

/// A value with its place. Ids are unique in the tree, copies by alias included.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: u32,
    pub(super) bytes: Bytes,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A word or number; `plain` if without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text; no key comes twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_bytes: Bytes,
    pub(super) node: Node,
}

/// A text that gives no tree: what is wrong, at which byte.
#[derive(Debug)]
pub(super) struct NoTree {
    pub(super) at: Bytes,
    pub(super) message: String,
}

/// The tree, and the keys that came a second time (left out of it).
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    pub(super) repeated: Vec<Repeated>,
}

/// A key that was there before.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) key: String,
    pub(super) at: Bytes,
    pub(super) value: Bytes,
    pub(super) first: Bytes,
}

/// Reads a text of at most [`LARGEST_TEXT`] bytes.
pub(super) fn parse(text: &str) -> Result<Parsed, NoTree> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder {
        events: Parser::new_from_str_with_options(text, options),
        length: text.len(),
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
        repeated: Vec::new(),
    };
    let root = builder.document()?;
    Ok(Parsed { root, repeated: builder.repeated })
}

struct Builder<'t, T: BorrowedInput<'t>> {
    events: Parser<'t, T>,
    length: usize,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
    repeated: Vec<Repeated>,
}

type Built<T> = Result<T, NoTree>;

impl<'t, T: BorrowedInput<'t>> Builder<'t, T> {
    fn document(&mut self) -> Built<Node> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let message = "only one document is read: nothing may follow `---`";
                    return Err(self.refuse(&span, message));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span)?),
            }
        }
        match root {
            Some(root) => Ok(root),
            None => self.count(0..0, Value::Null),
        }
    }

    fn next(&mut self) -> Built<Option<(Event<'t>, Span)>> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => Err(self.not_yaml(&error)),
        }
    }

    /// The next event inside a list or mapping, which always has one more.
    fn inside(&mut self) -> Built<(Event<'t>, Span)> {
        let end = self.length..self.length;
        self.next()?.ok_or(NoTree { at: end, message: "the text ends too early".to_owned() })
    }

    fn node(&mut self, event: Event<'t>, span: &Span) -> Built<Node> {
        let mut quoted_by_tag = false;
        if let Some(tag) = event.tag() {
            if !tag.is_yaml_core_schema_tag("str") || event.scalar().is_none() {
                let at = span.tag_span();
                let message = "tags are not read; a word that begins with `!` must be in quotes";
                return Err(self.refuse(&at.unwrap_or(*span), message));
            }
            quoted_by_tag = true;
        }
        let anchor = event.anchor_id();
        let bytes = self.place(span);
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain && !quoted_by_tag;
                self.scalar(bytes, text.into_owned(), plain)?
            }
            Event::SequenceStart(..) => self.list(bytes)?,
            Event::MappingStart(..) => self.map(bytes)?,
            Event::Alias(id) => self.copy(id, bytes)?,
            _ => return Err(self.refuse(span, "this cannot be read as a value")),
        };
        if let Some(id) = anchor {
            let copy = self.recount(&node)?;
            self.anchors.insert(id, copy);
        }
        Ok(node)
    }

    fn scalar(&mut self, bytes: Bytes, text: String, plain: bool) -> Built<Node> {
        self.bytes += text.len();
        let null = plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        self.count(bytes, if null { Value::Null } else { Value::Scalar { text, plain } })
    }

    fn list(&mut self, bytes: Bytes) -> Built<Node> {
        let mut items = Vec::new();
        loop {
            match self.inside()? {
                (Event::SequenceEnd, end) => {
                    let bytes = bytes.start..self.place(&end).end.max(bytes.end);
                    return self.count(bytes, Value::List(items));
                }
                (event, span) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn map(&mut self, bytes: Bytes) -> Built<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_at = HashMap::new();
        loop {
            let (event, span) = self.inside()?;
            if matches!(event, Event::MappingEnd) {
                let bytes = bytes.start..self.place(&span).end.max(bytes.end);
                return self.count(bytes, Value::Map(entries));
            }
            let key = self.key(&event, &span)?;
            let key_bytes = self.place(&span);
            let (event, span) = self.inside()?;
            let node = self.node(event, &span)?;
            if let Some(first) = first_at.get(&key) {
                let first = Bytes::clone(first);
                let (at, value) = (key_bytes, node.bytes);
                self.repeated.push(Repeated { key, at, value, first });
            } else {
                first_at.insert(key.clone(), key_bytes.clone());
                entries.push(Entry { key, key_bytes, node });
            }
        }
    }

    fn key(&mut self, event: &Event<'t>, span: &Span) -> Built<String> {
        if event.tag().is_some() {
            return Err(self.refuse(span, "tags are not read; a key is a word"));
        }
        let Some((text, style)) = event.scalar() else {
            return Err(self.refuse(span, "a key must be a word"));
        };
        if style == ScalarStyle::Plain && text == "<<" {
            return Err(self.refuse(span, "merge keys (`<<`) are not read; write the keys out"));
        }
        if text.is_empty() {
            return Err(self.refuse(span, "a key is missing before the colon"));
        }
        self.bytes += text.len();
        self.spend(1, span.byte_range().unwrap_or_default())?;
        Ok(text.to_owned())
    }

    /// An alias: the anchored value again, which still knows where it was written.
    fn copy(&mut self, id: usize, bytes: Bytes) -> Built<Node> {
        let Some(anchored) = self.anchors.remove(&id) else {
            let message = "an alias repeats only a value that ended above it".to_owned();
            return Err(NoTree { at: bytes, message });
        };
        let copy = self.recount(&anchored).map_err(|error| NoTree { at: bytes, ..error })?;
        self.anchors.insert(id, anchored);
        Ok(copy)
    }

    fn recount(&mut self, node: &Node) -> Built<Node> {
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar { text, plain } => {
                self.bytes += text.len();
                self.spend(0, node.bytes.clone())?;
                Value::Scalar { text: text.clone(), plain: *plain }
            }
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.recount(item)).collect::<Built<_>>()?)
            }
            Value::Map(entries) => {
                let mut copies = Vec::with_capacity(entries.len());
                for entry in entries {
                    self.bytes += entry.key.len();
                    self.spend(1, entry.key_bytes.clone())?;
                    let node = self.recount(&entry.node)?;
                    copies.push(Entry { node, ..entry.clone_key() });
                }
                Value::Map(copies)
            }
        };
        self.count(node.bytes.clone(), value)
    }

    fn count(&mut self, bytes: Bytes, value: Value) -> Built<Node> {
        let id = self.nodes as u32;
        self.spend(1, bytes.clone())?;
        Ok(Node { id, bytes, value })
    }

    fn spend(&mut self, nodes: usize, at: Bytes) -> Built<()> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES || self.bytes > MOST_BYTES {
            let message = "there are more values here than any configuration has".to_owned();
            return Err(NoTree { at, message });
        }
        Ok(())
    }

    fn place(&self, span: &Span) -> Bytes {
        let bytes = span.byte_range().unwrap_or_default();
        let start = bytes.start.min(self.length);
        start..bytes.end.clamp(start, self.length)
    }

    fn refuse(&self, span: &Span, message: &str) -> NoTree {
        NoTree { at: self.place(span), message: message.to_owned() }
    }

    fn not_yaml(&self, error: &ScanError) -> NoTree {
        let at = error.marker().byte_offset().unwrap_or(self.length).min(self.length);
        NoTree { at: at..at, message: in_words(error) }
    }
}

impl Entry {
    /// The key alone, to put another value under it.
    fn clone_key(&self) -> Self {
        Self {
            key: self.key.clone(),
            key_bytes: self.key_bytes.clone(),
            node: Node { id: 0, bytes: 0..0, value: Value::Null },
        }
    }
}

/// The mistakes people make, in words; the others as the parser says them.
fn in_words(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => {
            "a word that begins with `*` or `&` must be in quotes".to_owned()
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => "lines are indented with blanks, not tabs".to_owned(),
        ErrorKind::UnexpectedCharacter { character } => {
            format!("a value that begins with `{}` must be in quotes", character.escape_default())
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => {
            "the indentation does not fit the lines above".to_owned()
        }
        ErrorKind::MappingValueNotAllowed => {
            "this colon makes a key where none can be; a text with a colon must be in quotes"
                .to_owned()
        }
        ErrorKind::RecursionLimitExceeded => "this is nested too deep".to_owned(),
        ErrorKind::UnclosedQuotedScalar => "a quote is not closed".to_owned(),
        _ => {
            let said: String = error.info().chars().filter(|c| !c.is_control()).take(120).collect();
            format!("this is not YAML: {said}")
        }
    }
}

/// One step down the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl Node {
    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The text of a word or number.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Scalar { text, .. } = &self.value { Some(text) } else { None }
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value at the end of some steps.
    pub(super) fn find(&self, steps: &[Step<'_>]) -> Option<&Self> {
        steps.iter().try_fold(self, |node, step| match *step {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.items().get(index),
        })
    }

    /// The way from here to a node, this one and that one included.
    pub(super) fn way_to(&self, id: u32) -> Option<Vec<Found<'_>>> {
        let mut way = vec![Found { node: self, entry: None, item: None }];
        self.descend(id, &mut way).then_some(way)
    }

    fn descend<'n>(&'n self, id: u32, way: &mut Vec<Found<'n>>) -> bool {
        if self.id == id {
            return true;
        }
        let entries = self.entries().iter();
        let items = self.items().iter().enumerate();
        let children = entries
            .map(|entry| Found { node: &entry.node, entry: Some(entry), item: None })
            .chain(items.map(|(index, node)| Found { node, entry: None, item: Some(index) }));
        for child in children {
            way.push(child);
            if child.node.descend(id, way) {
                return true;
            }
            way.pop();
        }
        false
    }

    /// Calls with every value below a key, from the top down.
    pub(super) fn visit<'n>(&'n self, call: &mut impl FnMut(&'n Entry)) {
        for entry in self.entries() {
            call(entry);
            entry.node.visit(call);
        }
        for item in self.items() {
            item.visit(call);
        }
    }
}

/// A stop on the way to a node: the value, and the key or the number it has in the one above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'n> {
    pub(super) node: &'n Node,
    pub(super) entry: Option<&'n Entry>,
    pub(super) item: Option<usize>,
}

/// Writes a way as `connectors[0].poll_interval`. Below a key that holds secrets only known keys
/// are written: a password in braces is a mapping with the password as its key.
pub(super) fn path_of(way: &[Found<'_>]) -> String {
    let mut path = String::new();
    let mut is_below_secret = false;
    for stop in way {
        if let Some(entry) = stop.entry {
            if is_below_secret && !is_known(&entry.key) {
                return path;
            }
            is_below_secret |= holds_secret(&entry.key);
            let dot = if path.is_empty() { "" } else { "." };
            path.push_str(dot);
            path.extend(entry.key.chars().filter(|c| harmless(*c)).take(60));
        }
        if let Some(index) = stop.item {
            path.push('[');
            path.push_str(&index.to_string());
            path.push(']');
        }
    }
    path
}
