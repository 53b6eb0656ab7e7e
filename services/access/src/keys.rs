//! Secrets of the configuration, and what is made of them: boxes that nobody else opens, marks that nobody else makes.
//!
//! Each purpose has keys of its own (HKDF-SHA256, RFC 5869), so that what was made for one opens nothing of another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hexproof_core::id::RecordId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::AccessError;
use crate::config::KeyConfig;
use crate::error::read_file;

/// A text that is opened is never longer: browsers keep cookies of 4 KiB.
const LARGEST_BOX: usize = 4096;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Sessions of people.
    Session,
    /// Logins that are under way.
    Login,
    /// Forms whose session had ended.
    Draft,
    /// What forms must carry.
    Form,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"hexproof session 1",
            Self::Login => b"hexproof login 1",
            Self::Draft => b"hexproof draft 1",
            Self::Form => b"hexproof form 1",
        }
    }
}

/// Reads secrets of at least 32 bytes each. `field` names the list in messages.
pub(crate) fn read_keys(keys: &[KeyConfig], field: &str) -> Result<Vec<(RecordId, Vec<u8>)>, AccessError> {
    let mut read: Vec<(RecordId, Vec<u8>)> = Vec::new();
    for key in keys {
        if read.iter().any(|(id, _)| *id == key.id) {
            return Err(AccessError::config(field, format!("names `{}` twice", key.id)));
        }
        let bytes = read_file(&key.file)?.trim_ascii().to_vec();
        if bytes.len() < 32 {
            let reason = "holds less than 32 bytes; a key needs that many random ones".to_owned();
            return Err(AccessError::Content { path: key.file.clone(), reason });
        }
        read.push((key.id.clone(), bytes));
    }
    Ok(read)
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| AccessError::Random)?;
    Ok(bytes)
}

/// Secrets by their names. The first one makes, each one is taken.
pub(crate) struct KeyRing {
    /// Never empty.
    keys: Vec<(RecordId, Salt, Vec<u8>)>,
}

impl KeyRing {
    /// The secrets of the configuration, or one that lives as long as the process if there are none.
    pub(crate) fn new(keys: &[KeyConfig], field: &str) -> Result<Self, AccessError> {
        let mut read = read_keys(keys, field)?;
        if read.is_empty() {
            let id = "process".parse().map_err(|_| AccessError::Random)?;
            read.push((id, random::<32>()?.to_vec()));
        }
        let salt = || Salt::new(HKDF_SHA256, b"hexproof access");
        Ok(Self { keys: read.into_iter().map(|(id, bytes)| (id, salt(), bytes)).collect() })
    }

    /// Encrypts and marks: `key.base64url(nonce, ciphertext, tag)`. Two boxes of the same text differ.
    pub(crate) fn seal(&self, purpose: Purpose, text: &[u8]) -> Result<String, AccessError> {
        let (id, salt, secret) = self.keys.first().ok_or(AccessError::Random)?;
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = text.to_vec();
        let key = cipher(salt, secret, purpose).ok_or(AccessError::Random)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(id), &mut bytes)
            .map_err(|_| AccessError::Random)?;
        Ok(format!("{id}.{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &bytes].concat())))
    }

    /// What is in a box that was made here for this purpose; `None` for any other text.
    pub(crate) fn open(&self, purpose: Purpose, sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > LARGEST_BOX {
            return None;
        }
        let (id, text) = sealed.rsplit_once('.')?;
        let (id, salt, secret) = self.keys.iter().find(|(known, _, _)| known.as_str() == id)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = cipher(salt, secret, purpose)?.open_in_place(nonce, aad(id), &mut sealed).ok()?;
        Some(opened.to_vec())
    }

    /// A mark on a text that nobody else can make.
    pub(crate) fn mark(&self, purpose: Purpose, text: &[u8]) -> String {
        let mark = self.keys.first().and_then(|(_, salt, secret)| marker(salt, secret, purpose));
        // A key of this length is always made; without one no mark is right.
        mark.map_or_else(String::new, |key| URL_SAFE_NO_PAD.encode(hmac::sign(&key, text)))
    }

    /// Whether a mark is one of ours on this text; compared in constant time.
    pub(crate) fn is_marked(&self, purpose: Purpose, text: &[u8], mark: &str) -> bool {
        let Ok(mark) = URL_SAFE_NO_PAD.decode(mark) else { return false };
        let mut keys = self.keys.iter().filter_map(|(_, salt, secret)| marker(salt, secret, purpose));
        keys.any(|key| hmac::verify(&key, text, &mark).is_ok())
    }
}

fn cipher(salt: &Salt, secret: &[u8], purpose: Purpose) -> Option<LessSafeKey> {
    let info = [purpose.label(), b"box"];
    let key: UnboundKey = salt.extract(secret).expand(&info, &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}

fn marker(salt: &Salt, secret: &[u8], purpose: Purpose) -> Option<hmac::Key> {
    let info = [purpose.label(), b"mark"];
    Some(salt.extract(secret).expand(&info, hmac::HMAC_SHA256).ok()?.into())
}

fn aad(id: &RecordId) -> Aad<Vec<u8>> {
    Aad::from(id.as_str().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(&[], "keys").unwrap()
    }

    #[test]
    fn a_box_is_opened_by_its_own_key_for_its_own_purpose_alone() {
        let (ring, other) = (ring(), ring());
        let sealed = ring.seal(Purpose::Session, b"ann").unwrap();
        assert_eq!(ring.open(Purpose::Session, &sealed).unwrap(), b"ann");
        assert_eq!(ring.open(Purpose::Login, &sealed), None);
        assert_eq!(ring.open(Purpose::Draft, &sealed), None);
        assert_eq!(other.open(Purpose::Session, &sealed), None);
        assert_ne!(ring.seal(Purpose::Session, b"ann").unwrap(), sealed, "boxes of one text differ");
        for end in 0..sealed.len() {
            assert_eq!(ring.open(Purpose::Session, &sealed[..end]), None, "cut at {end}");
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(ring.open(Purpose::Session, &changed), None, "byte {at}");
        }
        for text in ["", ".", "process.", "process.AA", "process", &"a".repeat(5000)] {
            assert_eq!(ring.open(Purpose::Session, text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_rotated_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str, byte: u8| {
            let file = folder.path().join(name);
            std::fs::write(&file, [byte; 32]).unwrap();
            KeyConfig { id: name.parse().unwrap(), file }
        };
        let (old, new) = (key("old", b'a'), key("new", b'b'));
        let before = KeyRing::new(std::slice::from_ref(&old), "keys").unwrap();
        let during = KeyRing::new(&[new.clone(), old], "keys").unwrap();
        let after = KeyRing::new(std::slice::from_ref(&new), "keys").unwrap();
        let sealed = before.seal(Purpose::Session, b"ann").unwrap();
        let mark = before.mark(Purpose::Form, b"ann");
        assert!(during.open(Purpose::Session, &sealed).is_some());
        assert!(during.is_marked(Purpose::Form, b"ann", &mark));
        assert!(!during.is_marked(Purpose::Form, b"ben", &mark));
        assert!(!during.is_marked(Purpose::Session, b"ann", &mark));
        assert!(during.seal(Purpose::Session, b"ann").unwrap().starts_with("new."));
        assert_eq!(after.open(Purpose::Session, &sealed), None);
        assert!(!after.is_marked(Purpose::Form, b"ann", &mark));
        assert!(KeyRing::new(&[new.clone(), new.clone()], "keys").is_err());
        std::fs::write(&new.file, [b'b'; 31]).unwrap();
        assert!(KeyRing::new(&[new], "keys").is_err());
    }
}
