//! Seals a PDF: `cargo run -p hexproof-sealer --example seal -- INPUT.pdf OUTPUT.pdf IDENTITY_DIR TIME`,
//! and prints what the verifier says about the result and how long both took.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use hexproof_sealer::{Identity, SealOptions, TrustStore, seal, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, directory, time] = arguments.as_slice() else {
        return Err("usage: seal INPUT.pdf OUTPUT.pdf IDENTITY_DIR TIME".into());
    };
    let at = time.parse()?;
    let pdf = std::fs::read(input)?;
    let (identity, _) = Identity::load_or_create(Path::new(directory), at)?;
    let start = Instant::now();
    let sealed = seal(&pdf, &identity, &SealOptions::new(at))?;
    let sealing = start.elapsed();
    std::fs::write(output, &sealed)?;
    let mut trust = TrustStore::default();
    trust.add_identity(&identity)?;
    let start = Instant::now();
    let verification = verify(&sealed, &trust, at);
    let verifying = start.elapsed();
    for step in &verification.steps {
        println!("{:<12} {:?}: {}", step.name.as_str(), step.verdict, step.sentence);
    }
    println!("{}", verification.sentence());
    println!("{} bytes; sealed in {sealing:?}, verified in {verifying:?}", sealed.len());
    Ok(())
}
