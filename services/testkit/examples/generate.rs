//! Prints a generated cluster as a `List`: `cargo run -p hexproof-testkit --example generate -- 10000 > cluster.json`.

use std::io::{BufWriter, Write as _};

fn main() -> std::io::Result<()> {
    let pods = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let mut out = BufWriter::new(std::io::stdout().lock());
    out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[")?;
    for (number, object) in hexproof_testkit::generate::cluster(pods).enumerate() {
        if number > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut out, &object)?;
    }
    out.write_all(b"]}\n")?;
    out.flush()
}
