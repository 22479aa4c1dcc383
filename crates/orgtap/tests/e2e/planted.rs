//! Secrets that are looked for in everything the program says and writes: whole, in parts, and in
//! the spellings in which they could be sent or shown.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;

use crate::support::{KIT, REFRESH_TOKEN, Ran, Scene, all_files};

/// A part this long of a secret is as bad as all of it.
const PART: usize = 12;

/// Secrets, and where each may be.
#[derive(Default)]
pub(crate) struct Planted(Vec<Secret>);

struct Secret {
    name: String,
    needles: Vec<Vec<u8>>,
    /// End of the path of the one file that is there to hold it.
    home: &'static str,
}

impl Planted {
    /// Adds a secret, which nothing may hold.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.add_with_home(name, value, "\0");
    }

    /// Adds a secret, which only the file whose path ends so may hold.
    pub(crate) fn add_with_home(&mut self, name: &str, value: &str, home: &'static str) {
        assert!(value.len() >= PART, "{name} is too short to be looked for");
        let mut needles = Vec::new();
        for spelling in spellings(value) {
            let parts = spelling.as_bytes().chunks_exact(PART);
            needles.extend(parts.map(<[u8]>::to_vec));
        }
        let numbers: Vec<String> = value.bytes().take(PART).map(|byte| byte.to_string()).collect();
        needles.push(numbers.join(", ").into_bytes());
        self.0.push(Secret { name: name.to_owned(), needles, home });
    }

    /// Adds what is private of the RSA key in a scene's kit, and what an assertion begins with.
    fn add_key(&mut self, scene: &Scene) {
        let Ok(pem) = fs::read_to_string(scene.path(KIT).join("keys/orgtap.key")) else { return };
        let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        // At its beginning is the modulus, which the certificate has too.
        for line in body.iter().skip(7).filter(|line| line.len() >= PART) {
            self.add_with_home("the private key", line, "keys/orgtap.key");
        }
        self.add("an assertion", "eyJ0eXAiOiJKV1QiLCJhbGciOi");
    }

    /// Everything secret that the org of this scene knows by now.
    pub(crate) fn of(scene: &Scene) -> Self {
        let mut planted = Self::default();
        let login = scene.org.credentials();
        planted.add("the password", &login.password);
        planted.add("the security token", &login.security_token);
        planted.add("the consumer key", &login.consumer_key);
        planted.add("the consumer secret", &login.consumer_secret);
        for (number, token) in scene.org.session_tokens().iter().enumerate() {
            // Before the mark is the org's id, which is no secret.
            let (_, secret) = token.split_once('!').unwrap();
            planted.add(&format!("session token {number}"), secret);
        }
        for (number, token) in scene.org.refresh_tokens().iter().enumerate() {
            let home = if number == 0 { REFRESH_TOKEN } else { "\0" };
            planted.add_with_home(&format!("refresh token {number}"), token, home);
        }
        let vault_key = scene.path("data/vault.key");
        if vault_key.exists() {
            let key = fs::read_to_string(vault_key).unwrap();
            planted.add_with_home("the vault's key", key.trim(), "data/vault.key");
        }
        planted.add_key(scene);
        planted
    }

    /// Fails if a text holds one of them.
    pub(crate) fn are_not_in(&self, place: &str, bytes: &[u8]) {
        for secret in self.0.iter().filter(|secret| !place.ends_with(secret.home)) {
            for needle in &secret.needles {
                if let Some(at) = memmem::find(bytes, needle) {
                    let from = at.saturating_sub(200);
                    let around = &bytes[from..bytes.len().min(at + 200)];
                    panic!(
                        "{} ({}) is in {place}:\n{}",
                        secret.name,
                        String::from_utf8_lossy(needle),
                        String::from_utf8_lossy(around)
                    );
                }
            }
        }
    }

    /// Fails if a file below a folder holds one of them, in its name, its bytes, or unpacked.
    pub(crate) fn are_not_below(&self, folder: &Path) {
        for path in all_files(folder) {
            let place = path.to_string_lossy().into_owned();
            self.are_not_in("the name of a file", place.as_bytes());
            let bytes = fs::read(&path).unwrap();
            self.are_not_in(&place, &bytes);
            if let Some(unpacked) = unpacked(&bytes) {
                self.are_not_in(&place, &unpacked);
            }
        }
    }
}

/// A text as it is, and as it looks in a form, in JSON, in HTML and in Base64.
fn spellings(value: &str) -> Vec<String> {
    let form: String = value
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut all = vec![
        value.to_owned(),
        form,
        serde_json::Value::from(value).to_string().trim_matches('"').to_owned(),
        value.replace('&', "&amp;"),
    ];
    // Base64 of a longer text that holds it looks in one of these ways; the ends depend on it.
    for before in 0..3 {
        let text = [&b"xx"[..before], value.as_bytes()].concat();
        let encoded = STANDARD_NO_PAD.encode(text);
        all.push(encoded[4..encoded.len() - 3].to_owned());
    }
    all.sort();
    all.dedup();
    all
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).ok()?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::Decoder::new(bytes).ok()?.read_to_end(&mut out).ok()?;
    } else {
        return None;
    }
    Some(out)
}

/// Runs the program and keeps what it says, to be searched in the end.
#[derive(Default)]
pub(crate) struct Listener(Vec<(String, Ran)>);

impl Listener {
    /// Runs the program with these arguments.
    pub(crate) fn run(&mut self, scene: &Scene, args: &[&str]) -> &Ran {
        self.hear(&args.join(" "), &mut scene.command(args))
    }

    /// Runs a command that was prepared.
    pub(crate) fn hear(&mut self, name: &str, command: &mut Command) -> &Ran {
        let ran = Ran::of(&command.output().unwrap());
        self.keep(name, ran)
    }

    /// Takes in what was said elsewhere.
    pub(crate) fn keep(&mut self, name: &str, ran: Ran) -> &Ran {
        self.0.push((name.to_owned(), ran));
        &self.0.last().unwrap().1
    }

    /// How much was said, bytes.
    pub(crate) fn heard(&self) -> usize {
        self.0.iter().map(|(_, ran)| ran.stdout.len() + ran.stderr.len()).sum()
    }

    /// Fails if anything that was said, or any file of the scene, holds one of these secrets.
    pub(crate) fn heard_none_of(&self, planted: &Planted, scene: &Scene) {
        for (name, ran) in &self.0 {
            planted.are_not_in(&format!("standard output of {name}"), ran.stdout.as_bytes());
            planted.are_not_in(&format!("standard error of {name}"), ran.stderr.as_bytes());
        }
        planted.are_not_below(scene.folder.path());
    }
}
