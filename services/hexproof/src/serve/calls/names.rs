//! The calls that there are. What somebody else makes up has no name, and so no metric of its own.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
    /// Whether its messages come one by one: then the service sets it no deadline.
    pub(crate) streams: bool,
    /// Whether it goes on for as long as somebody listens: then it ends when the service stops.
    pub(crate) endless: bool,
}

const OTHER: Name = Name { service: "other", method: "other", streams: false, endless: false };

/// Streams that do not come to an end by themselves, or not soon.
const ENDLESS: [&str; 4] = ["WatchAudit", "AwaitCollections", "Watch", "ServerReflectionInfo"];

/// Calls by their path.
pub(crate) struct Names(BTreeMap<String, Name>);

impl Names {
    /// The calls of these descriptors. Ask once: the names are kept for as long as the process lives.
    pub(crate) fn new(descriptors: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut names = BTreeMap::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded)?.file {
                let package = file.package().to_owned();
                for service in &file.service {
                    let full: &'static str = format!("{package}.{}", service.name()).leak();
                    for method in &service.method {
                        let path = format!("/{full}/{}", method.name());
                        let streams = method.server_streaming() || method.client_streaming();
                        let method: &'static str = method.name().to_owned().leak();
                        let endless = streams && ENDLESS.contains(&method);
                        names.insert(path, Name { service: full, method, streams, endless });
                    }
                }
            }
        }
        Ok(Self(names))
    }

    /// The name of the call at a path.
    pub(crate) fn of(&self, path: &str) -> Name {
        self.0.get(path).copied().unwrap_or(OTHER)
    }
}

/// A code as dashboards know it.
pub(super) fn code(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_api_are_known_and_inventions_are_not() {
        let names = Names::new(&[hexproof_api::FILE_DESCRIPTOR_SET]).unwrap();
        let watch = names.of("/hexproof.v1.AuditService/WatchAudit");
        assert_eq!(
            (watch.service, watch.method, watch.streams),
            ("hexproof.v1.AuditService", "WatchAudit", true)
        );
        assert!(watch.endless && !names.of("/hexproof.v1.PackService/DownloadPack").endless);
        assert!(!names.of("/hexproof.v1.AuditService/GetAudit").streams);
        assert_eq!(names.of("/hexproof.v1.AuditService/Forged"), OTHER);
    }
}
