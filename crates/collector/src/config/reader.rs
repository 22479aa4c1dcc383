//! Typed values from the tree, by serde, with the place of the first thing that is wrong.
//!
//! Lenient where YAML is pedantic and nothing is lost: `api_version: 66.0` is a text if a text is
//! wanted, and a key without a value is an empty list or mapping if one of those is wanted.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::tree::{Entry, Node, Value};

/// What did not fit, and where.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) what: What,
    pub(super) at: Option<At>,
}

/// A place in the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    /// The value.
    pub(super) id: u32,
    /// Whether it is the value's key.
    pub(super) key: bool,
}

/// What did not fit. Holds no values, except words that stand where one of a few is wanted.
#[derive(Debug)]
pub(super) enum What {
    UnknownKey { key: String, known: &'static [&'static str] },
    MissingKey(&'static str),
    UnknownWord { word: String, known: &'static [&'static str] },
    Shape { found: &'static str, wanted: String },
    Other(String),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Misfit {}

impl Misfit {
    fn new(what: What) -> Self {
        Self { what, at: None }
    }

    fn at(mut self, id: u32, key: bool) -> Self {
        self.at.get_or_insert(At { id, key });
        self
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(What::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(What::Shape { found: kind_of(&found), wanted: wanted.to_string() })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::UnknownWord { word: word.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(What::MissingKey(key))
    }
}

/// What was found, without saying it.
const fn kind_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map | Unexpected::StructVariant => "a mapping",
        _ => "something else",
    }
}

/// Reads one value of the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t> {
    pub(super) node: &'t Node,
    /// Values that are passed over because their fault is known.
    pub(super) skip: &'t HashSet<u32>,
    /// The folder relative paths begin at.
    pub(super) folder: &'t Path,
}

impl<'t> Reader<'t> {
    fn on(&self, node: &'t Node) -> Self {
        Self { node, ..*self }
    }

    fn any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Value::Scalar { text, plain: true } => plain(text, visitor),
            Value::List(items) => visitor.visit_seq(Items { reader: self, items: items.iter() }),
            Value::Map(entries) => self.map(entries, visitor),
        }
    }

    /// The entry `type` comes first, because what the others may be depends on it.
    fn map<V: Visitor<'t>>(self, entries: &'t [Entry], visitor: V) -> Result<V::Value, Misfit> {
        let (first, rest): (Vec<_>, Vec<_>) = entries
            .iter()
            .filter(|entry| !self.skip.contains(&entry.node.id))
            .partition(|entry| entry.key == "type");
        let entries = first.into_iter().chain(rest).collect::<Vec<_>>().into_iter();
        visitor.visit_map(Entries { reader: self, rest: entries, value: None })
    }

    fn text<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Scalar { text, .. } if is_path(&visitor) => {
                visitor.visit_string(self.path(text)?)
            }
            Value::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            _ => self.any(visitor),
        }
    }

    fn path(self, text: &str) -> Result<String, Misfit> {
        let refuse = |reason: &str| Misfit::new(What::Other(reason.to_owned()));
        if text.is_empty() {
            return Err(refuse("a path cannot be empty"));
        }
        if text == "~" || text.starts_with("~/") {
            return Err(refuse("`~` has no meaning here; write the whole path"));
        }
        let path = super::based_on(self.folder, Path::new(text));
        path.into_os_string()
            .into_string()
            .map_err(|_| refuse("the folder of this file has a name that is not UTF-8"))
    }

    fn variant<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Scalar { text, .. } => visitor.visit_enum(Variant { word: text, content: None }),
            Value::Map(entries) => {
                let mut kept = entries.iter().filter(|entry| !self.skip.contains(&entry.node.id));
                let Some(entry) = kept.next() else {
                    return Err(Misfit::new(What::Other("there is nothing in this".to_owned())));
                };
                if let Some(second) = kept.next() {
                    let message = "only one key is possible here".to_owned();
                    return Err(Misfit::new(What::Other(message)).at(second.node.id, true));
                }
                let content = Some((self.on(&entry.node), entry));
                visitor.visit_enum(Variant { word: &entry.key, content })
            }
            _ => self.any(visitor),
        }
    }
}

/// Whether a visitor wants a path. There is no other way to see this from here, and a rule for
/// every path, present and future, needs it; a test notices if serde's words change.
fn is_path<'t, V: Visitor<'t>>(visitor: &V) -> bool {
    (visitor as &dyn Expected).to_string() == "path string"
}

/// A word without quotes is what it looks like.
fn plain<'t, V: Visitor<'t>>(text: &'t str, visitor: V) -> Result<V::Value, Misfit> {
    match text {
        "true" | "True" | "TRUE" => return visitor.visit_bool(true),
        "false" | "False" | "FALSE" => return visitor.visit_bool(false),
        _ => {}
    }
    let numeric = text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if numeric {
        if let Ok(number) = text.parse::<u64>() {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = text.parse::<i64>() {
            return visitor.visit_i64(number);
        }
        if let Ok(number) = text.parse::<f64>() {
            return visitor.visit_f64(number);
        }
    }
    visitor.visit_borrowed_str(text)
}

/// Every method ends by naming the place, unless an inner one has.
macro_rules! placed {
    ($($name:ident($($argument:ident: $kind:ty),*) => $call:ident;)*) => {$(
        fn $name<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, Misfit> {
            let id = self.node.id;
            self.$call(visitor).map_err(|misfit| misfit.at(id, false))
        }
    )*};
}

impl<'t> Reader<'t> {
    fn list<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => visitor.visit_seq(Items { reader: self, items: [].iter() }),
            _ => self.any(visitor),
        }
    }

    fn mapping<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => self.map(&[], visitor),
            // Serde would take a list for a struct, field by field.
            Value::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.any(visitor),
        }
    }

    fn option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn newtype<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    placed! {
        deserialize_any() => any;
        deserialize_bool() => any;
        deserialize_i8() => any;
        deserialize_i16() => any;
        deserialize_i32() => any;
        deserialize_i64() => any;
        deserialize_u8() => any;
        deserialize_u16() => any;
        deserialize_u32() => any;
        deserialize_u64() => any;
        deserialize_f32() => any;
        deserialize_f64() => any;
        deserialize_char() => text;
        deserialize_str() => text;
        deserialize_string() => text;
        deserialize_identifier() => text;
        deserialize_bytes() => text;
        deserialize_byte_buf() => text;
        deserialize_unit() => any;
        deserialize_unit_struct(_name: &'static str) => any;
        deserialize_newtype_struct(_name: &'static str) => newtype;
        deserialize_option() => option;
        deserialize_seq() => list;
        deserialize_tuple(_length: usize) => list;
        deserialize_tuple_struct(_name: &'static str, _length: usize) => list;
        deserialize_map() => mapping;
        deserialize_struct(_name: &'static str, _keys: &'static [&'static str]) => mapping;
        deserialize_enum(_name: &'static str, _words: &'static [&'static str]) => variant;
        deserialize_ignored_any() => any;
    }
}

struct Items<'t> {
    reader: Reader<'t>,
    items: std::slice::Iter<'t, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let skip = self.reader.skip;
        let Some(item) = self.items.find(|item| !skip.contains(&item.id)) else { return Ok(None) };
        seed.deserialize(self.reader.on(item)).map(Some).map_err(|misfit| misfit.at(item.id, false))
    }
}

struct Entries<'t> {
    reader: Reader<'t>,
    rest: std::vec::IntoIter<&'t Entry>,
    value: Option<&'t Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: StrDeserializer<'_, Misfit> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|misfit| misfit.at(entry.node.id, true))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some(entry) = self.value.take() else {
            return Err(Misfit::new(What::Other(
                "a value was asked for before its key".to_owned(),
            )));
        };
        seed.deserialize(self.reader.on(&entry.node))
            .map_err(|misfit| misfit.at(entry.node.id, false))
    }
}

/// One of several: a word alone, or a key with its content.
struct Variant<'t> {
    word: &'t str,
    content: Option<(Reader<'t>, &'t Entry)>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let word: StrDeserializer<'_, Misfit> = self.word.into_deserializer();
        let value = seed.deserialize(word).map_err(|misfit| match self.content {
            Some((_, entry)) => misfit.at(entry.node.id, true),
            None => misfit,
        })?;
        Ok((value, self))
    }
}

impl<'t> Variant<'t> {
    fn content(&self) -> Result<Reader<'t>, Misfit> {
        self.content.map(|(reader, _)| reader).ok_or_else(|| {
            Misfit::new(What::Other(format!("`{}:` and its own keys are wanted here", self.word)))
        })
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.content {
            None => Ok(()),
            Some((_, entry)) => {
                let message = format!("`{}` has no keys of its own", self.word);
                Err(Misfit::new(What::Other(message)).at(entry.node.id, true))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.content()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.content()?.deserialize_struct("", keys, visitor)
    }
}
