//! How strong the key and the signature of a certificate are.

use hexproof_core::record::derived;

use crate::verdict::{Case, reading};

/// Judges key and signature; one that is not known is said to be.
pub(super) fn judge(case: &mut Case, certificate: &derived::Certificate) {
    let key = certificate.key_type.as_str();
    let found = reading("derived.certificate.keyType", key);
    match key {
        "RSA" => {
            let bits = reading("derived.certificate.keyBits", certificate.key_bits.map(i64::from));
            case.read(found);
            match certificate.key_bits {
                Some(2048..) => {
                    case.read(bits);
                }
                Some(short) => {
                    case.fault(bits, format!("the RSA key has {short} bits"));
                }
                None => {
                    case.unknown("the length of its RSA key was not seen");
                }
            }
        }
        "EC P-256" | "EC P-384" | "EC P-521" | "Ed25519" | "Ed448" | "1.3.101.113" => {
            case.read(found);
        }
        // DSA, P-192, P-224.
        "DSA" | "EC P-192" | "EC P-224" | "1.2.840.10040.4.1" | "1.2.840.10045.3.1.1" | "1.3.132.0.33" => {
            case.fault(found, format!("the key is of the weak type {key}"));
        }
        _ => {
            case.unknown(format!("the strength of a key of type `{key}` is not known"));
        }
    }
    let algorithm = certificate.signature_algorithm.as_str();
    let found = reading("derived.certificate.signatureAlgorithm", algorithm);
    match signature(algorithm) {
        Some(true) => {
            case.read(found);
        }
        Some(false) => {
            case.fault(found, format!("the signature rests on the weak algorithm {algorithm}"));
        }
        None => {
            case.unknown(format!("the strength of signature algorithm `{algorithm}` is not known"));
        }
    }
}

/// Whether a signature algorithm, by name or OID, rests on SHA-256 or better.
fn signature(algorithm: &str) -> Option<bool> {
    const STRONG: &[&str] = &[
        "1.2.840.113549.1.1.11",
        "1.2.840.113549.1.1.12",
        "1.2.840.113549.1.1.13",
        "1.2.840.10045.4.3.2",
        "1.2.840.10045.4.3.3",
        "1.2.840.10045.4.3.4",
        "1.3.101.112",
        "1.3.101.113",
    ];
    // MD2, MD5, SHA-1, SHA-224 with RSA; SHA-1, SHA-224 with ECDSA; SHA-1 with DSA.
    const WEAK: &[&str] = &[
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.2.840.113549.1.1.14",
        "1.2.840.10045.4.1",
        "1.2.840.10045.4.3.1",
        "1.2.840.10040.4.3",
    ];
    let name: String =
        algorithm.to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    let holds = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if STRONG.contains(&algorithm) || holds(&["sha256", "sha384", "sha512", "ed25519", "ed448"]) {
        Some(true)
    } else if WEAK.contains(&algorithm) || holds(&["md2", "md5", "sha1", "sha224"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_algorithms_are_known_by_name_and_oid() {
        for (algorithm, strong) in [
            ("ecdsa-with-SHA256", Some(true)),
            ("sha256WithRSAEncryption", Some(true)),
            ("SHA-512", Some(true)),
            ("sha1WithRSAEncryption", Some(false)),
            ("1.2.840.113549.1.1.5", Some(false)),
            ("1.3.101.112", Some(true)),
            ("1.2.3", None),
        ] {
            assert_eq!(signature(algorithm), strong, "{algorithm}");
        }
    }
}
