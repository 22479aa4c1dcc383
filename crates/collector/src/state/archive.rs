//! The form of a file of state: lines and bytes, counted and hashed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::{FOLDERS, StateFault, VERSION};

/// No line is longer: a row of the ledger with the largest payload has a hundredth of this.
const LONGEST_LINE: u64 = 32 * 1024 * 1024;

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    /// Version of the format.
    pub(super) orgtap_state: u64,
    /// Version of the ledger's tables.
    pub(super) ledger: i64,
    /// Version of the Orgtap that wrote it.
    pub(super) orgtap: String,
    /// When, RFC 3339.
    pub(super) created: String,
}

/// What there is, in the last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Rows of the ledger.
    pub(super) rows: u64,
    /// Files.
    pub(super) files: u64,
    /// Bytes of the files.
    pub(super) bytes: u64,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Trailer {
    end: Counts,
    checksum: String,
}

/// One of the lines between.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Row { row: String, values: serde_json::Map<String, Value> },
    File { file: String, bytes: u64 },
    End(Trailer),
}

/// Writes a file of state.
pub(super) struct Writer {
    out: zstd::Encoder<'static, File>,
    hash: Xxh3,
    counts: Counts,
}

impl Writer {
    /// Begins it with its first line.
    pub(super) fn new(file: File, header: &Header) -> io::Result<Self> {
        let out = zstd::Encoder::new(file, 3)?;
        let mut writer = Self { out, hash: Xxh3::new(), counts: Counts::default() };
        writer.line(header)?;
        Ok(writer)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.raw(&text)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    /// Adds a row of the ledger.
    pub(super) fn row(
        &mut self,
        table: &str,
        values: serde_json::Map<String, Value>,
    ) -> io::Result<()> {
        self.counts.rows += 1;
        self.line(&Line::Row { row: table.to_owned(), values })
    }

    /// Adds a file by its path below the data folder.
    pub(super) fn file(&mut self, name: &str, mut file: File) -> io::Result<()> {
        let bytes = file.metadata()?.len();
        self.line(&Line::File { file: name.to_owned(), bytes })?;
        let mut left = bytes;
        let mut block = vec![0; 128 * 1024];
        while left > 0 {
            let count = file.read(&mut block)?;
            let piece = block.get(..count).unwrap_or_default();
            if count == 0 || count as u64 > left {
                return Err(io::Error::other(format!("{name} changed while it was read")));
            }
            left -= count as u64;
            self.raw(piece)?;
        }
        self.raw(b"\n")?;
        self.counts.files += 1;
        self.counts.bytes += bytes;
        Ok(())
    }

    /// Ends it, on the disk for good.
    pub(super) fn finish(mut self) -> io::Result<Counts> {
        let checksum = format!("{:032x}", self.hash.digest128());
        self.line(&Trailer { end: self.counts, checksum })?;
        self.out.finish()?.sync_all()?;
        Ok(self.counts)
    }
}

/// Reads a file of state.
pub(super) struct Reader {
    bytes: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    hash: Xxh3,
    counts: Counts,
}

/// What comes next.
pub(super) enum Item {
    /// A row of the ledger.
    Row(String, serde_json::Map<String, Value>),
    /// A file of so many bytes, to be read before anything else.
    File(String, u64),
    /// All was read, and adds up.
    End(Counts),
}

fn damaged(what: &str) -> StateFault {
    StateFault::Damaged(what.to_owned())
}

fn cut(error: &io::Error) -> StateFault {
    StateFault::Damaged(format!("it cannot be read to its end ({error})"))
}

impl Reader {
    /// Opens it and reads its first line.
    pub(super) fn open(file: File) -> Result<(Self, Header), StateFault> {
        let decoder = zstd::Decoder::new(file).map_err(|error| cut(&error))?;
        let (hash, counts) = (Xxh3::new(), Counts::default());
        let mut reader = Self { bytes: BufReader::new(decoder), hash, counts };
        let line = reader.line()?;
        reader.hash.update(&line);
        // The version first: the rest of a newer first line may be anything.
        let value: Value =
            serde_json::from_slice(&line).map_err(|_| damaged("its first line is none of ours"))?;
        match value.get("orgtap_state").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(found) if found > VERSION => {
                let found = i64::try_from(found).unwrap_or(i64::MAX);
                return Err(StateFault::Newer { found, known: VERSION.cast_signed() });
            }
            _ => return Err(damaged("its first line is none of ours")),
        }
        let header = serde_json::from_value(value)
            .map_err(|_| damaged("its first line cannot be understood"))?;
        Ok((reader, header))
    }

    /// A line with its end, not hashed.
    fn line(&mut self) -> Result<Vec<u8>, StateFault> {
        let mut line = Vec::new();
        let mut some = (&mut self.bytes).take(LONGEST_LINE);
        some.read_until(b'\n', &mut line).map_err(|error| cut(&error))?;
        if line.last() == Some(&b'\n') { Ok(line) } else { Err(damaged("it ends in mid-line")) }
    }

    /// The next row or file, or the end.
    pub(super) fn next(&mut self) -> Result<Item, StateFault> {
        let text = self.line()?;
        let line: Line =
            serde_json::from_slice(&text).map_err(|_| damaged("a line cannot be understood"))?;
        if let Line::End(trailer) = line {
            let checksum = format!("{:032x}", self.hash.digest128());
            if trailer.checksum != checksum || trailer.end != self.counts {
                return Err(damaged("its checksum or its counts do not fit its content"));
            }
            let mut more = [0];
            if self.bytes.read(&mut more).map_err(|error| cut(&error))? > 0 {
                return Err(damaged("something follows its end"));
            }
            return Ok(Item::End(self.counts));
        }
        self.hash.update(&text);
        match line {
            Line::Row { row, values } => {
                self.counts.rows += 1;
                Ok(Item::Row(row, values))
            }
            Line::File { file, bytes } if is_ours(&file) => Ok(Item::File(file, bytes)),
            _ => Err(damaged("it names a file outside of the state")),
        }
    }

    /// Reads the bytes of the file at hand.
    pub(super) fn copy(&mut self, bytes: u64, out: &mut impl Write) -> crate::error::Result<()> {
        let mut left = bytes;
        while left > 0 {
            let piece = self.bytes.fill_buf().map_err(|error| cut(&error))?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            if count == 0 {
                return Err(damaged("it ends in mid-file").into());
            }
            let piece = piece.get(..count).unwrap_or_default();
            self.hash.update(piece);
            out.write_all(piece).map_err(crate::error::Error::disk("the data folder"))?;
            self.bytes.consume(count);
            left -= count as u64;
        }
        let mut end = [0];
        self.bytes.read_exact(&mut end).map_err(|error| cut(&error))?;
        self.hash.update(&end);
        if &end != b"\n" {
            return Err(damaged("a file is longer than it says").into());
        }
        self.counts.files += 1;
        self.counts.bytes += bytes;
        Ok(())
    }
}

/// Whether a path stays below the folders of the state.
fn is_ours(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let first = parts.next().and_then(|part| part.as_os_str().to_str());
    first.is_some_and(|first| FOLDERS.contains(&first))
        && parts.clone().count() > 0
        && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let header = Header {
            orgtap_state: VERSION,
            ledger: 1,
            orgtap: "x".to_owned(),
            created: "y".to_owned(),
        };
        let mut writer = Writer::new(File::create(&path).unwrap(), &header).unwrap();
        writer.row("connector", serde_json::Map::new()).unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, vec![7; 300_000]).unwrap();
        writer.file("rows/a", File::open(&file).unwrap()).unwrap();
        let counts = writer.finish().unwrap();
        assert_eq!(counts, Counts { rows: 1, files: 1, bytes: 300_000 });
        (folder, path)
    }

    /// Reads to the end: the counts, or what is wrong.
    fn read(path: &Path) -> Result<Counts, String> {
        let opened = Reader::open(File::open(path).unwrap());
        let (mut reader, _) = opened.map_err(|fault| fault.to_string())?;
        loop {
            match reader.next().map_err(|fault| fault.to_string())? {
                Item::Row(..) => {}
                Item::File(_, bytes) => {
                    reader.copy(bytes, &mut io::sink()).map_err(|error| error.to_string())?;
                }
                Item::End(counts) => return Ok(counts),
            }
        }
    }

    fn changed(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<Counts, String> {
        let mut plain = zstd::decode_all(File::open(path).unwrap()).unwrap();
        change(&mut plain);
        let other = path.with_extension("changed");
        std::fs::write(&other, zstd::encode_all(plain.as_slice(), 1).unwrap()).unwrap();
        read(&other)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written();
        assert_eq!(read(&path), Ok(Counts { rows: 1, files: 1, bytes: 300_000 }));
        assert!(changed(&path, |_| {}).is_ok());
    }

    #[test]
    fn what_was_cut_anywhere_is_refused() {
        let (_folder, path) = written();
        let whole = std::fs::read(&path).unwrap();
        let other = path.with_extension("cut");
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&other, &whole[..length]).unwrap();
            assert!(read(&other).is_err(), "{length} of {}", whole.len());
        }
        for length in [0, 1, 100, 200, 300_100] {
            assert!(changed(&path, |plain| plain.truncate(length)).is_err(), "{length}");
        }
    }

    #[test]
    fn what_was_altered_is_refused() {
        let (_folder, path) = written();
        let replaced = |from: &'static str, to: &'static str| {
            changed(&path, move |plain| {
                let at = memchr_find(plain, from.as_bytes());
                plain.splice(at..at + from.len(), to.bytes());
            })
        };
        for (from, to) in [
            ("connector", "connecter"),
            ("rows/a", "rows/b"),
            ("rows/a", "/etc/a"),
            ("rows/a", "rows/../../a"),
            ("rows/a", "vault/a"),
            ("300000}\n", "299999}\n"),
            ("300000}\n", "300001}\n"),
            ("300000}\n", "18446744073709551615}\n"),
            ("\"files\":1", "\"files\":2"),
            ("\"checksum\":\"", "\"checksum\":\"0"),
            ("{\"orgtap_state\":1", "{\"orgtap_state\":0"),
        ] {
            assert!(replaced(from, to).is_err(), "{from} as {to}");
        }
        let newer = replaced("{\"orgtap_state\":1", "{\"orgtap_state\":2").unwrap_err();
        assert!(newer.contains("newer"), "{newer}");
        assert!(changed(&path, |plain| plain.push(b'x')).is_err());
        assert!(changed(&path, |plain| plain[400] ^= 1).is_err());
    }

    fn memchr_find(all: &[u8], part: &[u8]) -> usize {
        all.windows(part.len()).position(|some| some == part).unwrap()
    }
}
