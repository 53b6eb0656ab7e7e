//! The exchange with the driver: JSON over HTTP, as W3C WebDriver has it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long one command may take; a page that loads for longer is a fault.
const LIMIT: Duration = Duration::from_secs(60);

/// What the driver said no with: its error code and message.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: String,
    pub(crate) message: String,
}

/// One command: the `value` of the answer.
pub(super) fn command(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
    let (status, answer) = exchange(port, method, path, body).map_err(|error| Refused {
        error: "no answer of the driver".to_owned(),
        message: format!("{method} {path}: {error}"),
    })?;
    let value = &answer["value"];
    if status == 200 {
        return Ok(value.clone());
    }
    let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Err(Refused { error: word("error"), message: word("message") })
}

fn exchange(port: u16, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    // The driver takes no other host than this one, and HTTP/1.1 alone.
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = BufReader::new(stream);
    let broken = |what: &str| std::io::Error::other(what.to_owned());
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| broken("no status"))?;
    let mut length = 0;
    loop {
        line.clear();
        answer.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| broken("no length"))?;
        }
    }
    let mut bytes = vec![0; length];
    answer.read_exact(&mut bytes)?;
    Ok((status, serde_json::from_slice(&bytes)?))
}
