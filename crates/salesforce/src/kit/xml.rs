//! Writes XML as Salesforce's own tools do: one element a line, four spaces a level.
//!
//! It knows nothing of which elements there are. Characters that XML cannot hold never get here:
//! settings with them are refused.

use std::fmt::{Display, Write as _};

/// The namespace of all metadata.
const NAMESPACE: &str = "http://soap.sforce.com/2006/04/metadata";

/// A document being written.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    depth: usize,
}

/// Writes a document with this root element.
pub(super) fn document(root: &str, body: impl FnOnce(&mut Xml)) -> String {
    let text =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">\n");
    let mut xml = Xml { text, depth: 1 };
    body(&mut xml);
    xml.depth = 0;
    xml.close(root);
    xml.text
}

impl Xml {
    /// An element with a value.
    pub(super) fn leaf(&mut self, name: &str, value: impl Display) {
        self.indent();
        self.text.push_str(&format!("<{name}>"));
        // Writing into a text cannot fail.
        write!(Escaped(&mut self.text), "{value}").ok();
        self.text.push_str(&format!("</{name}>\n"));
    }

    /// An element with elements inside.
    pub(super) fn branch(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.indent();
        self.text.push_str(&format!("<{name}>\n"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.close(name);
    }

    fn close(&mut self, name: &str) {
        self.indent();
        self.text.push_str(&format!("</{name}>\n"));
    }

    fn indent(&mut self) {
        self.text.push_str(&"    ".repeat(self.depth));
    }
}

/// Passes text on with what means something in XML replaced.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_with_indentation_and_values_are_escaped() {
        let text = document("Root", |xml| {
            xml.leaf("label", "R&D <\"it's\">");
            xml.branch("inner", |xml| xml.leaf("enabled", true));
        });
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Root xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n\
             \x20   <label>R&amp;D &lt;&quot;it&apos;s&quot;&gt;</label>\n\
             \x20   <inner>\n\
             \x20       <enabled>true</enabled>\n\
             \x20   </inner>\n\
             </Root>\n"
        );
    }
}
