//! Events as RFC 5424 messages, framed. No I/O.

use orgtap_events::UnitInfo;
use serde::Deserialize;

use super::Framing;
use crate::Rejected;

/// Longest host name and message id RFC 5424 allows, bytes.
const LONGEST_HOSTNAME: usize = 255;
const LONGEST_MSGID: usize = 32;

/// What all messages of a destination have in common.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Facility times 8 plus severity.
    pub(super) priority: u8,
    /// Host name; none for the connector's name.
    pub(super) hostname: Option<String>,
    /// Whether connector and event_uid are repeated as structured data.
    pub(super) structured_data: bool,
}

/// Turns events into messages.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    header: Header,
    /// None for datagrams.
    framing: Option<Framing>,
    /// Longest message, without its frame.
    longest: usize,
}

/// An encoder for the events of one unit, with the parts of the header they share.
pub(super) struct UnitEncoder<'a> {
    encoder: &'a Encoder,
    /// ` HOSTNAME orgtap - MSGID `.
    middle: String,
    connector: &'a str,
    message: Vec<u8>,
}

impl Encoder {
    pub(super) const fn new(header: Header, framing: Option<Framing>, longest: usize) -> Self {
        Self { header, framing, longest }
    }

    /// An encoder for the events of one unit.
    pub(super) fn unit<'a>(&'a self, unit: &'a UnitInfo) -> UnitEncoder<'a> {
        let hostname = self.header.hostname.as_deref().unwrap_or(&unit.connector);
        let hostname = visible(hostname, LONGEST_HOSTNAME);
        let message_id = visible(&unit.event_type, LONGEST_MSGID);
        UnitEncoder {
            encoder: self,
            middle: format!(" {hostname} orgtap - {message_id} "),
            connector: &unit.connector,
            message: Vec::new(),
        }
    }
}

impl UnitEncoder<'_> {
    /// Adds one event's framed message to `out`, or says why it cannot be sent.
    pub(super) fn encode(
        &mut self,
        index: usize,
        event: &[u8],
        time: i64,
        out: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        let message = &mut self.message;
        message.clear();
        let priority = self.encoder.header.priority;
        message.extend_from_slice(format!("<{priority}>1 ").as_bytes());
        push_time(time, message);
        message.extend_from_slice(self.middle.as_bytes());
        if self.encoder.header.structured_data {
            push_structured_data(event, self.connector, message);
        } else {
            message.push(b'-');
        }
        message.push(b' ');
        message.extend_from_slice(event);
        if message.len() > self.encoder.longest {
            let (length, longest) = (message.len(), self.encoder.longest);
            let reason = format!("the message has {length} bytes, max_message_bytes is {longest}");
            return Err(Rejected { index, reason });
        }
        match self.encoder.framing {
            None => out.extend_from_slice(message),
            Some(Framing::OctetCounting) => {
                out.extend_from_slice(format!("{} ", message.len()).as_bytes());
                out.extend_from_slice(message);
            }
            Some(Framing::Newline) => {
                out.extend_from_slice(message);
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

/// A time as RFC 5424 writes it, with microseconds where there are any; `-` when it cannot.
fn push_time(micros: i64, out: &mut Vec<u8>) {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) if micros >= 0 => out.extend_from_slice(time.to_string().as_bytes()),
        _ => out.push(b'-'),
    }
}

/// The parts of an event the structured data repeats.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "_orgtap")]
    orgtap: Origin<'a>,
}

#[derive(Deserialize)]
struct Origin<'a> {
    #[serde(borrow)]
    event_uid: std::borrow::Cow<'a, str>,
}

fn push_structured_data(event: &[u8], connector: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"[orgtap@32473");
    if let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(event) {
        push_parameter("event_uid", &envelope.orgtap.event_uid, out);
    }
    push_parameter("connector", connector, out);
    out.push(b']');
}

fn push_parameter(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!(" {name}=\"").as_bytes());
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' | b']' => out.extend_from_slice(&[b'\\', byte]),
            // A line feed would end the frame early.
            0..=0x1f | 0x7f => out.push(b'_'),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A text as a header field: visible ASCII, not empty, not too long.
fn visible(text: &str, longest: usize) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().take(longest).map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::unit;

    fn header(structured_data: bool) -> Header {
        Header { priority: 110, hostname: Some("acme.my.salesforce.com".into()), structured_data }
    }

    fn encoded(encoder: &Encoder, event: &str, time: i64) -> String {
        let unit = unit("acme", "Login", 1);
        let mut out = Vec::new();
        encoder.unit(&unit).encode(0, event.as_bytes(), time, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_is_a_header_and_the_json() {
        let plain = Encoder::new(header(false), None, 1_000);
        let wanted =
            "<110>1 2026-11-22T10:00:00.123Z acme.my.salesforce.com orgtap - Login - {\"a\":\"b\"}";
        assert_eq!(encoded(&plain, r#"{"a":"b"}"#, 1_795_341_600_123_000), wanted);
        let counted = Encoder::new(header(false), Some(Framing::OctetCounting), 1_000);
        let framed = encoded(&counted, r#"{"a":"b"}"#, 1_795_341_600_123_000);
        assert_eq!(framed, format!("{} {wanted}", wanted.len()));
        let lines = Encoder::new(header(false), Some(Framing::Newline), 1_000);
        let framed = encoded(&lines, r#"{"a":"b"}"#, 1_795_341_600_123_000);
        assert_eq!(framed, format!("{wanted}\n"));
    }

    #[test]
    fn times_have_at_most_six_digits_and_impossible_ones_are_nil() {
        let of = |time| {
            let mut out = Vec::new();
            push_time(time, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of(0), "1970-01-01T00:00:00Z");
        assert_eq!(of(1), "1970-01-01T00:00:00.000001Z");
        assert_eq!(of(253_402_128_000_000_000), "9999-12-30T00:00:00Z");
        for time in [i64::MIN, -1, 253_402_300_800_000_000, i64::MAX] {
            assert_eq!(of(time), "-");
        }
    }

    #[test]
    fn structured_data_is_escaped_and_survives_events_without_an_id() {
        let encoder = Encoder::new(header(true), None, 1_000);
        let event = r#"{"_orgtap":{"source":"x","event_uid":"a]\"\\\n1"},"b":[1,{"event_uid":2}]}"#;
        let text = encoded(&encoder, event, 0);
        let data = r#"[orgtap@32473 event_uid="a\]\"\\_1" connector="acme"]"#;
        assert!(text.ends_with(&format!(" {data} {event}")), "{text}");
        for event in ["{}", "{", "[]", r#"{"_orgtap":5}"#, r#"{"_orgtap":{"event_uid":7}}"#] {
            let text = encoded(&encoder, event, 0);
            assert!(text.ends_with(&format!(" [orgtap@32473 connector=\"acme\"] {event}")));
        }
    }

    #[test]
    fn header_fields_are_kept_to_what_the_rfc_allows() {
        let encoder = Encoder::new(
            Header { hostname: None, ..header(false) },
            Some(Framing::Newline),
            10_000,
        );
        let unit = unit("büro nord", &format!("{}\n", "LongName".repeat(10)), 1);
        let mut out = Vec::new();
        encoder.unit(&unit).encode(0, b"{}", 0, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let name = "LongName".repeat(4);
        assert_eq!(text, format!("<110>1 1970-01-01T00:00:00Z b_ro_nord orgtap - {name} - {{}}\n"));
    }

    #[test]
    fn a_message_too_long_by_one_byte_is_rejected_and_leaves_nothing() {
        let unit = unit("acme", "Login", 1);
        let message = encoded(&Encoder::new(header(false), None, 1_000), "{\"a\":1}", 0);
        let encoder = Encoder::new(header(false), Some(Framing::Newline), message.len() - 1);
        let mut out = Vec::new();
        let rejected = encoder.unit(&unit).encode(7, b"{\"a\":1}", 0, &mut out).unwrap_err();
        assert_eq!((rejected.index, out.len()), (7, 0));
        assert!(rejected.reason.contains("max_message_bytes"));
    }
}
