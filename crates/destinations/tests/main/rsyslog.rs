//! A real rsyslog on ports of its own, as its users would set it up.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificates::Certificates;

const PROGRAM: &str = "/usr/sbin/rsyslogd";

/// Ports that rsyslog is given: the first, and how many.
const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 12_000;

/// What rsyslog listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Udp,
    /// Takes octet-counted messages and lines.
    Tcp,
    Tls,
    /// Asks for a client certificate.
    StrictTls,
}

/// A running rsyslog. Messages are in a file when their connection is closed.
pub(crate) struct Rsyslog {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    pub(crate) certificates: Certificates,
    input: Input,
}

impl Rsyslog {
    pub(crate) fn start(input: Input) -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: apt-get install -y rsyslog rsyslog-gnutls"
        );
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path());
        let port = free_port(input);
        let configuration = configuration(folder.path(), input, port, &certificates);
        std::fs::write(folder.path().join("rsyslog.conf"), configuration).unwrap();
        let mut rsyslog = Self { folder, port, child: None, certificates, input };
        rsyslog.up();
        rsyslog
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn up(&mut self) {
        if self.child.is_some() {
            return;
        }
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new(PROGRAM)
            .arg("-n")
            .arg("-f")
            .arg(self.folder.path().join("rsyslog.conf"))
            .arg("-i")
            .arg(self.folder.path().join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.wait("rsyslog does not listen", Self::listens);
    }

    /// Stops it as its service would: it ends what it does and exits.
    pub(crate) fn down(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let stopped = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(stopped.success());
        child.wait().unwrap();
    }

    /// Lines written so far, of the whole message as it came, or of its last part only.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = std::fs::read(self.folder.path().join(file)).unwrap_or_default();
        let text = String::from_utf8(text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(str::to_owned).collect()
    }

    /// The same, once there are so many, or nothing new has come for a while.
    pub(crate) fn at_least(&self, file: &str, count: usize) -> Vec<String> {
        let mut lines = self.lines(file);
        let mut last = Instant::now();
        while lines.len() < count && last.elapsed() < Duration::from_millis(700) {
            std::thread::sleep(Duration::from_millis(5));
            let now = self.lines(file);
            if now.len() > lines.len() {
                last = Instant::now();
            }
            lines = now;
        }
        lines
    }

    fn listens(&self) -> bool {
        match self.input {
            // To try the port would take it, in the moment in which rsyslog may want it.
            Input::Udp => {
                let port = format!(":{:04X}", self.port);
                let sockets = std::fs::read_to_string("/proc/net/udp").unwrap();
                let mut local = sockets.lines().filter_map(|line| line.split_whitespace().nth(1));
                local.any(|address| address.ends_with(&port))
            }
            Input::Tcp | Input::Tls | Input::StrictTls => {
                TcpStream::connect(self.address()).is_ok()
            }
        }
    }

    fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            let ended =
                self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some());
            if ended || start.elapsed() > Duration::from_secs(10) {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                panic!("{what}: {log:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A port that is free now, and that nobody is given by chance while rsyslog is down: each is handed
/// out once, from below those that systems give to whoever asks for any.
fn free_port(input: Input) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| match input {
        Input::Udp => UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok(),
        _ => TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok(),
    };
    // Another process begins elsewhere, mostly.
    let first = std::process::id().wrapping_mul(97);
    let mut ports = (0..PORTS).map(|_| {
        let next = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        FIRST_PORT + (next % PORTS) as u16
    });
    ports.find(is_free).unwrap()
}

fn configuration(folder: &Path, input: Input, port: u16, certificates: &Certificates) -> String {
    let folder = folder.display();
    let address = "address=\"127.0.0.1\"";
    let secured = |mode: &str| {
        format!(
            "module(load=\"imtcp\" maxFrameSize=\"2000000\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" \
             streamDriver.authMode=\"{mode}\")\n\
             input(type=\"imtcp\" port=\"{port}\" {address})\n"
        )
    };
    let input = match input {
        Input::Udp => format!(
            "module(load=\"imudp\")\ninput(type=\"imudp\" port=\"{port}\" {address} \
             rcvbufSize=\"8m\")\n"
        ),
        Input::Tcp => {
            format!(
                "module(load=\"imtcp\" maxFrameSize=\"2000000\")\ninput(type=\"imtcp\" port=\"{port}\" {address})\n"
            )
        }
        Input::Tls => secured("anon"),
        Input::StrictTls => secured("x509/certvalid"),
    };
    format!(
        "global(workDirectory=\"{folder}\" maxMessageSize=\"2m\"\n\
         \x20 parser.escapeControlCharactersOnReceive=\"off\"\n\
         \x20 defaultNetstreamDriverCAFile=\"{}\"\n\
         \x20 defaultNetstreamDriverCertFile=\"{}\"\n\
         \x20 defaultNetstreamDriverKeyFile=\"{}\")\n\
         main_queue(queue.type=\"Direct\")\n\
         {input}\
         template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
         template(name=\"msg\" type=\"string\" string=\"%msg%\\n\")\n\
         template(name=\"parts\" type=\"string\" string=\"%pri% %timestamp:::date-rfc3339% \
         %hostname% %app-name% %procid% %msgid% %structured-data%\\n\")\n\
         if $syslogtag startswith 'orgtap' then {{\n\
         action(type=\"omfile\" file=\"{folder}/raw\" template=\"raw\")\n\
         action(type=\"omfile\" file=\"{folder}/msg\" template=\"msg\")\n\
         action(type=\"omfile\" file=\"{folder}/parts\" template=\"parts\")\n\
         }}\n",
        certificates.ca.display(),
        certificates.server.display(),
        certificates.server_key.display(),
    )
}
