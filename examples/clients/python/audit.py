#!/usr/bin/env python3
"""Audits a cluster by the service's gRPC interface, prints the matrix and takes the pack away.

    audit.py SERVER CLUSTER [--audit ID] [--output PACK.pdf] [--trust CA.pem] [--json ASSESSMENT.json]

SERVER is `http://HOST:PORT` or, with TLS, `https://HOST:PORT`. A token is taken from HEXPROOF_TOKEN. The messages are
asked of the server itself (gRPC reflection), so that nothing has to be generated first. Without `--audit` a new audit
is started. Ends with 1 if the audit has no pack or the pack does not hold.
"""

import argparse
import hashlib
import json
import os
import sys
import time
import uuid
from urllib.parse import urlsplit

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

PATIENCE = 5  # tries of a stream that breaks, before giving up
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL)
ENDED = ("AUDIT_STATE_SUCCEEDED", "AUDIT_STATE_FAILED", "AUDIT_STATE_CANCELLED")
LAYERS = ("ENVIRONMENT", "CLUSTER", "NODE", "CONTAINER", "API_RESOURCES")
GOALS = ("CONFIDENTIALITY", "INTEGRITY", "AVAILABILITY", "AUTHENTICITY", "POSSESSION", "UTILITY")


class Server:
    """Calls methods by name, with requests and answers as plain dictionaries."""

    def __init__(self, url, ca=None, token=None):
        parts = urlsplit(url)
        if parts.scheme == "https":
            roots = open(ca, "rb").read() if ca else None
            self.channel = grpc.secure_channel(parts.netloc, grpc.ssl_channel_credentials(roots))
        elif parts.scheme == "http":
            self.channel = grpc.insecure_channel(parts.netloc)
        else:
            sys.exit(f"{url}: neither http:// nor https://")
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))

    def _method(self, name):
        service, method = name.split("/")
        found = self.pool.FindServiceByName(f"hexproof.v1.{service}").methods_by_name[method]
        request = message_factory.GetMessageClass(found.input_type)
        answer = message_factory.GetMessageClass(found.output_type)
        return f"/hexproof.v1.{name}", request, answer

    def call(self, name, **fields):
        path, request, answer = self._method(name)
        call = self.channel.unary_unary(path, request.SerializeToString, answer.FromString)
        message = json_format.ParseDict(fields, request())
        return json_format.MessageToDict(call(message, timeout=30, metadata=self.metadata))

    def stream(self, name, **fields):
        """Yields messages, not dictionaries: pieces of a file are bytes."""
        path, request, answer = self._method(name)
        call = self.channel.unary_stream(path, request.SerializeToString, answer.FromString)
        yield from call(json_format.ParseDict(fields, request()), metadata=self.metadata)


def patiently(attempt):
    """Runs a stream again when the connection breaks; it must go on where it was."""
    for tries in range(1, PATIENCE + 1):
        try:
            return attempt()
        except grpc.RpcError as error:
            if error.code() not in BROKEN or tries == PATIENCE:
                raise
            print(f"the stream broke ({error.code().name}), trying again", file=sys.stderr)
            time.sleep(2**tries / 4)


def watch(server, cluster, audit):
    """Follows an audit to its end and returns it."""

    def attempt():
        last = None
        for answer in server.stream("AuditService/WatchAudit", clusterId=cluster, auditId=audit):
            last = json_format.MessageToDict(answer)["audit"]
            stage = last.get("stage", last["state"]).split("_", 2)[2].lower()
            print(f"{stage} {last.get('done', 0)}/{last.get('total', 0)}", file=sys.stderr)
        return last

    while True:
        audit_now = patiently(attempt)
        if audit_now and audit_now["state"] in ENDED:
            return audit_now


def print_matrix(assessment):
    cells = {(cell["layer"], cell["goal"]): cell for cell in assessment["matrix"]}
    print(f"{'':14}" + "".join(f"{goal.capitalize():>17}" for goal in GOALS))
    for layer in LAYERS:
        row = f"{layer.lower().replace('_', '-'):14}"
        for goal in GOALS:
            cell = cells[f"LAYER_{layer}", f"GOAL_{goal}"]
            rating = cell["rating"].removeprefix("RATING_").replace("NOT_ASSESSED", "-")
            row += f"{rating:>9}{cell.get('scoreLow', 0.0):8.2f}"
        print(row)


def download(server, cluster, audit, path):
    """Takes the pack away, going on with what an earlier attempt left in PATH.part."""
    part = f"{path}.part"

    def attempt():
        offset = os.path.getsize(part) if os.path.exists(part) else 0
        digest = None
        with open(part, "ab") as file:
            for piece in server.stream(
                "PackService/DownloadPack", clusterId=cluster, auditId=audit, artifact="ARTIFACT_PACK", offset=str(offset)
            ):
                if piece.offset != file.tell():
                    sys.exit(f"{path}: a piece at {piece.offset} came where {file.tell()} was due")
                file.write(piece.data)
                digest = piece.digest
        return digest

    digest = patiently(attempt)
    with open(part, "rb") as file:
        found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    expected = server.call("PackService/GetPack", clusterId=cluster, auditId=audit, readMask="digest")["pack"]["digest"]
    if found != expected or digest not in (None, expected):
        os.remove(part)
        sys.exit(f"{path}: the digest is {found}, not {expected}")
    os.replace(part, path)


def verify(path, trust):
    """Judges the seal with pyHanko, by the trust anchor given and no other."""
    from pyhanko.keys import load_cert_from_pemder
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    anchors = ValidationContext(trust_roots=[load_cert_from_pemder(trust)], allow_fetching=False)
    with open(path, "rb") as file:
        seals = PdfFileReader(file).embedded_signatures
        if not seals:
            sys.exit(f"{path}: has no seal")
        status = validate_pdf_signature(seals[-1], anchors)
        whole = status.coverage.name == "ENTIRE_FILE"
        print(f"{path}: {'valid' if status.bottom_line else 'NOT VALID'}, {status.coverage.name.lower()}")
    return status.bottom_line and whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server")
    parser.add_argument("cluster")
    parser.add_argument("--audit", help="an audit that was started already")
    parser.add_argument("--output", help="where to put the pack")
    parser.add_argument("--trust", help="the certificate (PEM) that the seal must lead to")
    parser.add_argument("--json", help="where to put the assessment")
    parser.add_argument("--ca", help="the certificates (PEM) that the server's must lead to")
    given = parser.parse_args()

    server = Server(given.server, given.ca, os.environ.get("HEXPROOF_TOKEN"))
    audit = given.audit
    if not audit:
        # A request id of its own: had the answer been lost, the same call would find the same audit.
        started = server.call("AuditService/StartAudit", clusterId=given.cluster, requestId=str(uuid.uuid4()))
        audit = started["audit"]["auditId"]
    ended = watch(server, given.cluster, audit)
    if ended["state"] != "AUDIT_STATE_SUCCEEDED":
        sys.exit(f"audit {audit}: {ended['state']} {ended.get('failure', '')}")

    assessment = server.call("PackService/GetPack", clusterId=given.cluster, auditId=audit)["pack"]["assessment"]
    print_matrix(assessment)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(assessment, file, indent=2)
    if given.output:
        download(server, given.cluster, audit, given.output)
        if given.trust and not verify(given.output, given.trust):
            sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
