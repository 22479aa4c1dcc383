//! Where the world's addresses are, as a database in the format of MaxMind: what an administrator
//! would get from a provider for real ones.

use crate::world::office_countries;

/// Bits of an address. IPv4 addresses are the first of all.
const BITS: u32 = 128;
/// Zeros between the tree and the data, and bytes of a record.
const GAP: usize = 16;
const RECORD: usize = 3;

/// The database.
pub fn networks() -> Vec<u8> {
    let mut made = Made::default();
    made.add("2001:db8::/32", None, (64_501, "Acme Broadband"));
    for (place, country) in office_countries().enumerate() {
        let office = format!("203.0.113.{}/29", 8 + 8 * place);
        made.add(&office, Some(country), (64_500, "Acme Offices"));
        let home = format!("2001:db8:{:x}::/48", 0xa0 + place);
        made.add(&home, Some(country), (64_501, "Acme Broadband"));
    }
    made.add("198.51.100.0/24", None, (64_501, "Acme Broadband"));
    made.add("198.18.0.0/15", Some("US"), (64_502, "Acme Cloud"));
    made.add("192.0.2.0/24", Some("NL"), (64_510, "Bulletproof Hosting"));
    made.finish()
}

/// What a bit leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Nowhere,
    Node(usize),
    Data(usize),
}

#[derive(Debug)]
struct Made {
    nodes: Vec<[Way; 2]>,
    data: Vec<u8>,
}

impl Default for Made {
    fn default() -> Self {
        Self { nodes: vec![[Way::Nowhere; 2]], data: Vec::new() }
    }
}

impl Made {
    /// Adds a network; one within another comes after it.
    fn add(&mut self, network: &str, country: Option<&str>, (number, name): (u32, &str)) {
        let (address, length) = network.split_once('/').expect("an address and a length");
        let length: u32 = length.parse().expect("a length");
        let (bits, length) = match address.parse().expect("an address") {
            std::net::IpAddr::V4(address) => (u128::from(u32::from(address)), length + 96),
            std::net::IpAddr::V6(address) => (u128::from(address), length),
        };
        let at = self.data.len();
        map(&mut self.data, 2 + usize::from(country.is_some()));
        text(&mut self.data, "autonomous_system_number");
        whole(&mut self.data, 6, number.into());
        text(&mut self.data, "autonomous_system_organization");
        text(&mut self.data, name);
        if let Some(code) = country {
            text(&mut self.data, "country");
            map(&mut self.data, 1);
            text(&mut self.data, "iso_code");
            text(&mut self.data, code);
        }
        let mut node = 0;
        for depth in 1..length {
            let bit = (bits >> (BITS - depth)) as usize & 1;
            node = match self.nodes[node][bit] {
                Way::Node(next) => next,
                way => {
                    self.nodes.push([way; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][bit] = Way::Node(next);
                    next
                }
            };
        }
        self.nodes[node][(bits >> (BITS - length)) as usize & 1] = Way::Data(at);
    }

    fn finish(self) -> Vec<u8> {
        let Self { nodes, data } = self;
        let count = nodes.len();
        let mut file = Vec::with_capacity(count * 2 * RECORD + GAP + data.len() + 256);
        for way in nodes.into_iter().flatten() {
            let record = match way {
                Way::Nowhere => count,
                Way::Node(node) => node,
                Way::Data(at) => count + GAP + at,
            };
            file.extend_from_slice(&record.to_be_bytes()[size_of::<usize>() - RECORD..]);
        }
        file.extend_from_slice(&[0; GAP]);
        file.extend_from_slice(&data);
        file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
        let wholes = [
            ("node_count", 6, count as u64),
            ("record_size", 5, 8 * RECORD as u64),
            ("ip_version", 5, 6),
            ("binary_format_major_version", 5, 2),
            ("binary_format_minor_version", 5, 0),
            ("build_epoch", 9, 1_790_000_000),
        ];
        map(&mut file, wholes.len() + 3);
        for (key, kind, value) in wholes {
            text(&mut file, key);
            whole(&mut file, kind, value);
        }
        text(&mut file, "database_type");
        text(&mut file, "Simulated-Networks");
        text(&mut file, "languages");
        head(&mut file, 11, 0);
        text(&mut file, "description");
        map(&mut file, 0);
        file
    }
}

/// A value's kind and size.
fn head(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (size, more) = match u8::try_from(size) {
        Ok(size @ 0..29) => (size, None),
        Ok(size) => (29, Some(size - 29)),
        Err(_) => unreachable!("nothing here is that long"),
    };
    match kind {
        1..8 => out.push(kind << 5 | size),
        _ => out.extend_from_slice(&[size, kind - 7]),
    }
    out.extend(more);
}

fn map(out: &mut Vec<u8>, pairs: usize) {
    head(out, 7, pairs);
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, 2, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn whole(out: &mut Vec<u8>, kind: u8, value: u64) {
    let bytes = value.to_be_bytes();
    let bytes = &bytes[value.leading_zeros() as usize / 8..];
    head(out, kind, bytes.len());
    out.extend_from_slice(bytes);
}
