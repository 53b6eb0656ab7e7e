//! The forms of the portal against the running service: what people send there is done as by any client, and files that
//! somebody sent are told apart in bounded memory and time.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::io::{Read as _, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::parts::{present, until};
use support::root;
use support::service::Service;

/// How long an unoptimised build may take for an audit.
const AUDIT: Duration = Duration::from_secs(300);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(120);

struct Answer {
    status: u16,
    location: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The title of the page.
    fn title(&self) -> String {
        between(&self.text(), "<title>", " – Hexproof</title>")
    }

    /// The value of a field of a form.
    fn value(&self, name: &str) -> String {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name}: {text}"));
        between(&text[at..], " value=\"", "\"")
    }

    /// The answer must lead on.
    fn leads(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text());
        &self.location
    }
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before}: {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("{after}: {text}")).0.to_owned()
}

/// A person at the service.
struct Person<'a> {
    address: &'a str,
    name: &'a str,
}

impl Person<'_> {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        stream.set_write_timeout(Some(ANSWER)).unwrap();
        stream
    }

    fn head(&self, method: &str, path: &str, more: &str) -> String {
        // HTTP/1.0: the body ends with the connection and is never in chunks.
        format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: text/html\r\nX-Hexproof-Dev-Subject: {}\r\n{more}\r\n",
            self.address, self.name
        )
    }

    fn get(&self, path: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(self.head("GET", path, "").as_bytes()).unwrap();
        read(stream)
    }

    /// Sends a form with the token of the page that shows it.
    fn send(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).value("csrf");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.append_pair("csrf", &token).extend_pairs(fields).finish();
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let head = self.head("POST", path, &format!("{kind}\r\nContent-Length: {}\r\n", body.len()));
        let mut stream = self.connect();
        stream.write_all((head + &body).as_bytes()).unwrap();
        read(stream)
    }

    /// Sends a file to be checked.
    fn verify(&self, file: &[u8]) -> Answer {
        let (before, after) = self.around();
        let length = before.len() + file.len() + after.len();
        let mut stream = self.connect();
        let head = self.head("POST", "/verify", &format!("{MULTIPART}\r\nContent-Length: {length}\r\n"));
        stream.write_all(head.as_bytes()).unwrap();
        for piece in [before.as_bytes(), file, after.as_bytes()] {
            stream.write_all(piece).unwrap();
        }
        read(stream)
    }

    /// What stands before and after a file in its form.
    fn around(&self) -> (String, String) {
        let token = self.get("/verify").value("csrf");
        let part = |name: &str| format!("--edge\r\nContent-Disposition: form-data; name={name}\r\n\r\n");
        let before = format!("{}{token}\r\n{}", part("\"csrf\""), part("\"file\"; filename=\"sent.pdf\""));
        (before, "\r\n--edge--\r\n".to_owned())
    }
}

const MULTIPART: &str = "Content-Type: multipart/form-data; boundary=edge";

fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let location =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("location: ").map(str::to_owned));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        location: location.unwrap_or_default(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// The service on this machine alone, with the examples as clusters.
fn start(home: &std::path::Path) -> Service {
    let store = home.join("store").display().to_string();
    let examples = root().join("examples").display().to_string();
    let arguments = ["--dev", "--store", &store, "--identity", "identity", "--manifests", &examples];
    let service = Service::start("service", home, &arguments, &[]);
    service.register("shop", "weak-shop");
    service
}

#[test]
fn a_schedule_and_a_waiver_go_their_way_through_forms() {
    if !present(&["grpcurl"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let service = start(home.path());
    let jo = Person { address: &service.address, name: "jo@example.com" };
    let mia = Person { address: &service.address, name: "mia@example.com" };

    let schedule = [
        ("request", "s-1"),
        ("cluster", "shop"),
        ("id", "nightly"),
        ("cron", "0 2 * * *"),
        ("time_zone", "Europe/Berlin"),
    ];
    let preview =
        jo.send("/schedules/new", "/schedules", &[&schedule[..], &[("intent", "preview")]].concat());
    assert!(preview.status == 200 && preview.text().contains("02:00 CE"), "{}", preview.text());
    assert_eq!(jo.get("/schedules/nightly").status, 404, "a preview keeps nothing");
    let wrong = jo.send(
        "/schedules/new",
        "/schedules",
        &[("request", "s-2"), ("cluster", "shop"), ("cron", "0 2 * *")],
    );
    assert!(wrong.status == 422 && wrong.text().contains("href=\"#field-cron\""), "{}", wrong.text());
    let made = jo.send("/schedules/new", "/schedules", &schedule);
    assert_eq!(made.leads(), "/schedules/nightly?done=schedule-created");
    assert_eq!(
        jo.send("/schedules/new", "/schedules", &schedule).leads(),
        made.leads(),
        "once, however often"
    );
    let page = mia.get("/schedules/nightly");
    assert!(
        page.title().starts_with("Every day at 02:00: the next audit of shop is due"),
        "{}",
        page.title()
    );
    let pause = [("version", page.value("version")), ("intent", "pause".to_owned())];
    let pause = pause.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(
        mia.send("/schedules/nightly", "/schedules/nightly", &pause)
            .leads()
            .ends_with("?done=schedule-paused")
    );
    assert!(mia.get("/schedules/nightly").title().starts_with("Paused:"));

    let waiver = [
        ("request", "w-1"),
        ("cluster", "shop"),
        ("measure", "container-privileged"),
        ("kind", "Deployment"),
        ("reason", "The image is replaced."),
        ("control", "A network policy."),
        ("owner", "R. Okafor"),
        ("expiry", &in_days(90)),
    ];
    let made = jo.send("/waivers/new", "/waivers", &waiver);
    let at = made.leads().split('?').next().unwrap().to_owned();
    let own = jo.get(&at);
    assert!(own.text().contains("You proposed it; another person must approve."), "{}", own.text());
    let approve = format!("{at}/approve");
    let refused = jo.send(&at, &approve, &[("version", "1")]);
    assert!(refused.status == 422 && refused.text().contains("Whoever proposed a waiver cannot approve it."));
    assert!(mia.send(&at, &approve, &[("version", "1")]).leads().ends_with("?done=waiver-approved"));
    assert!(jo.get(&at).title().starts_with("In force until"), "{}", jo.get(&at).title());

    let log = jo.get("/access-log?cluster=shop").text();
    for part in ["approved a waiver", "mia@<wbr>example.<wbr>com", "Portal.<wbr>Approve"] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

/// A day as the form takes it.
fn in_days(days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(now).unwrap() + days * 86_400).unwrap();
    at.to_string().split('T').next().unwrap().to_owned()
}

#[test]
fn a_file_that_somebody_sent_is_told_apart() {
    if !present(&["grpcurl"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let service = start(home.path());
    let ann = Person { address: &service.address, name: "ann@example.com" };
    let request = ann.get("/clusters/shop").value("request");
    let audit = ann.send("/clusters/shop", "/clusters/shop/audits", &[("request", &request)]);
    let audit = audit.leads().split('?').next().unwrap().to_owned();
    until("the audit", AUDIT, || {
        std::thread::sleep(Duration::from_millis(300));
        let title = ann.get(&audit).title();
        assert!(!title.starts_with("Failed"), "{title}");
        title.starts_with("Rated").then_some(())
    });
    let pack_page = audit.replace("/audits/", "/packs/");
    let pack = ann.get(&format!("{pack_page}/files/pack"));
    assert_eq!(pack.status, 200);
    let pack = pack.body;

    let valid = ann.verify(&pack);
    assert_eq!(
        valid.title(),
        "Valid: sealed by a trusted authority, and unchanged since",
        "{}",
        valid.text()
    );
    assert!(valid.text().contains(&format!("href=\"{pack_page}\"")), "the store has it: {}", valid.text());

    let changed = |at: usize| {
        let mut changed = pack.clone();
        changed[at] ^= 1;
        changed
    };
    let twice = [&pack[..], b"\n% one\n", b"\n% two\n"].concat();
    for (name, file) in [
        ("a byte changed", changed(pack.len() / 2)),
        ("two revisions appended", twice),
        ("truncated", pack[..pack.len() / 2].to_vec()),
        ("without its last byte", pack[..pack.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("no PDF", b"hello".to_vec()),
        ("another PDF", foreign("")),
        ("encrypted", foreign("/Encrypt<</Filter/Standard>>")),
        ("as large as may be", [b"%PDF-1.7\n".to_vec(), vec![b' '; 30 << 20]].concat()),
        ("a table and nothing else", table()),
    ] {
        let begun = Instant::now();
        let answer = ann.verify(&file);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let title = answer.title();
        assert!(title.starts_with("Not valid") || title.starts_with("Unknown"), "{name}: {title}");
        assert!(!answer.text().contains(&format!("href=\"{pack_page}\"")), "{name}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{name}: {:?}", begun.elapsed());
    }
    // Worst is a file that is all table: a hundred bytes in memory for each twenty.
    #[cfg(target_os = "linux")]
    {
        let peak = peak(service.process.id());
        println!("checks: {} MiB at the peak", peak >> 10);
        assert!(peak < 512 << 10, "{peak} KiB");
    }
}

/// A PDF that nobody sealed.
fn foreign(trailer: &str) -> Vec<u8> {
    let body = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n";
    let table = "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n";
    format!("{body}{table}trailer\n<</Size 2/Root 1 0 R{trailer}>>\nstartxref\n{}\n%%EOF\n", body.len())
        .into_bytes()
}

/// A PDF that is all cross-reference table: the most objects that a file of its size can list.
fn table() -> Vec<u8> {
    let count = (31 << 20) / 20;
    let body = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n";
    let mut file = format!("{body}xref\n0 {count}\n").into_bytes();
    for _ in 0..count {
        file.extend_from_slice(b"0000000009 00000 n \n");
    }
    let tail = format!("trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{}\n%%EOF\n", body.len());
    file.extend_from_slice(tail.as_bytes());
    file
}

/// Peak of the memory that a process had, in KiB.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    between(&status, "VmHWM:", "kB").trim().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_gibibyte_is_refused_with_a_page_and_in_bounded_memory() {
    if !present(&["grpcurl"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let service = start(home.path());
    let ann = Person { address: &service.address, name: "ann@example.com" };
    let small = ann.verify(b"%PDF-1.7 small");
    assert_eq!(small.status, 200, "{}", small.text());
    let before = peak(service.process.id());
    let (form, _) = ann.around();
    let piece = vec![b'a'; 1 << 20];
    // Announced: as a browser sends it, to its end, before it reads the answer.
    let mut stream = ann.connect();
    let length = form.len() + (1 << 30);
    let head = ann.head("POST", "/verify", &format!("{MULTIPART}\r\nContent-Length: {length}\r\n"));
    stream.write_all((head + &form).as_bytes()).unwrap();
    for _ in 0..1024 {
        stream.write_all(&piece).unwrap();
    }
    let answer = read(stream);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.title(), "The file was not checked");
    assert!(answer.text().contains("more than 33 MB"), "{}", answer.text());

    // Not announced: in chunks, until it is too much.
    let mut stream = ann.connect();
    let head = ann.head(
        "POST",
        "/verify",
        &format!("{MULTIPART}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"),
    );
    stream.write_all(head.replace("HTTP/1.0", "HTTP/1.1").as_bytes()).unwrap();
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    stream.write_all(&chunk(form.as_bytes())).unwrap();
    let piece = chunk(&piece);
    for _ in 0..1024 {
        stream.write_all(&piece).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read(stream).status, 413);
    let grown = peak(service.process.id()) - before;
    println!("a gibibyte, twice: {grown} KiB more at the peak");
    assert!(grown < 128 << 10, "{grown} KiB");
}
