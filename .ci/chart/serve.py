"""Runs the service by the very configuration that the chart makes: its file, its queue's file, its Secrets as files."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import yaml

from common import CHART, ROOT, Failed, check, expect, objects, run, skipped
from judge import PROGRAM

PATIENCE = 60


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@contextlib.contextmanager
def started(folder, name, command, environment):
    with open(folder / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(what, holds, folder):
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        if holds():
            return
        time.sleep(0.1)
    logs = "".join(f"\n--- {log.name}\n{log.read_text()[-2000:]}" for log in sorted(folder.glob("*.log")))
    raise Failed(what, "did not happen", logs)


def made(folder):
    """The Secrets of ci/minimal.yaml, by the commands of docs/install.md."""
    for name in ("identity", "tls", "queue", "store", "nats", "data"):
        (folder / name).mkdir()
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
               "-subj", "/CN=hexproof", "-addext", "subjectAltName=DNS:localhost",
               "-keyout", folder / "tls/tls.key", "-out", folder / "tls/tls.crt")
    expect(made.returncode == 0, made.stderr)
    made = run(PROGRAM, "audit", ROOT / "examples/hardened-shop", "--store", "memory://", "--quiet",
               "--identity", folder / "identity")
    expect(made.returncode == 0, made.stderr)
    (folder / "queue/token").write_text("t0ken-of-a-test\n")
    (folder / "nats/auth.conf").write_text('authorization { token: "t0ken-of-a-test" }\n')
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (folder / "store" / name).write_text("test\n")


def the(file):
    """A file of a ConfigMap."""
    maps = [each["data"] for each in objects(CHART / "ci/minimal.yaml") if each["kind"] == "ConfigMap"]
    return next(data[file] for data in maps if file in data)


@check
def the_service_runs_by_what_the_chart_makes():
    for tool in ("nats-server", "moto_server", "openssl"):
        if not shutil.which(tool):
            skipped(f"{tool} is not installed: the service is not run by the chart's configuration")
            return
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        made(folder)
        ports = {name: free_port() for name in ("api", "server", "worker", "nats", "monitor", "s3")}
        # What a cluster decides is put in: where files are mounted, and where the queue is.
        nats = (the("nats.conf").replace("0.0.0.0:4222", f"127.0.0.1:{ports['nats']}")
                .replace("0.0.0.0:8222", f"127.0.0.1:{ports['monitor']}").replace('"/data"', f'"{folder}/data"'))
        (folder / "nats/nats.conf").write_text(nats)
        config = yaml.safe_load(the("hexproof.yaml").replace("/etc/hexproof", str(folder)))
        expect(config["queue"].startswith("nats://hexproof-nats.hexproof.svc:4222?"), config["queue"])
        config["queue"] = config["queue"].replace("hexproof-nats.hexproof.svc:4222", f"127.0.0.1:{ports['nats']}")
        config["listen"] = f"127.0.0.1:{ports['api']}"
        environment = {
            "AWS_REGION": "eu-central-1", "AWS_ENDPOINT": f"http://127.0.0.1:{ports['s3']}",
            "HEXPROOF_STORE_CREDENTIALS_DIR": str(folder / "store"), "HOME": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        serve = {}
        for name in ("server", "worker"):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump({**config, "metricsListen": f"127.0.0.1:{ports[name]}"}))
            serve[name] = [PROGRAM, "serve", "--config", f"{name}.yaml"] + (["--roles", "worker"] if name == "worker" else [])
        with contextlib.ExitStack() as stack:
            def start(name, command, **more):
                return stack.enter_context(started(folder, name, command, more))

            start("s3", ["moto_server", "-H", "127.0.0.1", "-p", str(ports["s3"])])
            until("moto", lambda: get(ports["s3"], "/moto-api/")[0] == 200, folder)
            bucket = urllib.request.Request(f"http://127.0.0.1:{ports['s3']}/evidence", method="PUT")
            urllib.request.urlopen(bucket, timeout=10).close()
            start("nats", ["nats-server", "--config", "nats/nats.conf"])
            # As the probes of the StatefulSet ask.
            for query in ("", "?js-server-only=true", "?js-enabled-only=true"):
                until("a healthy queue", lambda: get(ports["monitor"], "/healthz" + query)[0] == 200, folder)
            running = [start(name, serve[name], **environment) for name in serve]
            for name in serve:
                until(f"a living {name}", lambda: get(ports[name], "/livez")[0] == 200, folder)
                until(f"a ready {name}", lambda: get(ports[name], "/readyz")[0] == 200, folder)
                expect("hexproof_ready 1" in get(ports[name], "/metrics")[1], name, "tells no metrics")
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                expect(process.wait(timeout=PATIENCE) == 0, "a process ended with", process.returncode)
        log = (folder / "nats.log").read_text()
        expect("authorization error" not in log.lower(), log)
