//! What a collector works out of values that never leave it.

use jiff::Timestamp;

use super::allow_list;

allow_list! {
    /// Facts derived from dropped values.
    struct Derived {
        /// Credentials found in env literals, command, args, annotations, probe headers (pod specs) or in
        /// `data` and `binaryData` (ConfigMaps).
        credentials: Vec<Finding>,
        /// Remote shell words (`sshd`, `dropbear`, `telnetd`, `sudo`) in commands, args, exec probes and hooks.
        remote_shell: Vec<Finding>,
        /// Words that switch persistence on (`appendonly`, `save`) in commands and args.
        persistence: Vec<Finding>,
        /// Newest time of a managedFields entry that owns `f:data` or `f:stringData` (Secrets).
        data_changed: Option<Timestamp>,
        /// Public facts of `tls.crt` (Secrets of type kubernetes.io/tls).
        certificate: Option<Certificate>,
        /// Why `tls.crt` could not be read, if it could not.
        certificate_error: Option<String>,
        /// Subject of the request of a CertificateSigningRequest.
        request_subject: Option<RequestSubject>,
        /// Characters of an annotation value that can end an nginx directive, by annotation name: the
        /// detector is the character's name.
        annotation_characters: Vec<Finding>,
    }

    /// One detection: where, under which key, by which detector; never the value.
    struct Finding {
        /// Path of the field inside the object, for example `spec.containers[0].env[2].value`.
        path: String,
        /// Name of the variable, key, annotation or header; empty where there is none.
        key: String,
        /// Name of the detector or the word found.
        detector: String,
    }

    /// Public fields of an X.509 certificate.
    struct Certificate {
        subject: String,
        issuer: String,
        subject_alt_names: Vec<String>,
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
        /// `RSA`, `EC P-256`, `EC P-384`, `EC P-521`, `Ed25519`, or the OID.
        key_type: String,
        key_bits: Option<u32>,
        /// For example `ecdsa-with-SHA256`, or the OID.
        signature_algorithm: String,
        self_signed: Option<bool>,
        sha256: String,
    }

    /// Subject of a PKCS#10 request.
    struct RequestSubject {
        common_name: String,
        organizations: Vec<String>,
    }
}

/// Name of a character that can end a directive of nginx or begin another one (CVE-2021-25742, CVE-2025-1097,
/// CVE-2025-1098, CVE-2025-24514); `None` for a harmless one.
pub fn nginx_character(character: char) -> Option<&'static str> {
    Some(match character {
        '\n' | '\r' => "newline",
        '{' | '}' => "brace",
        '#' => "hash",
        ';' => "semicolon",
        '|' => "pipe",
        '`' => "backtick",
        '"' | '\'' => "quote",
        '<' | '>' => "angle-bracket",
        _ => return None,
    })
}
