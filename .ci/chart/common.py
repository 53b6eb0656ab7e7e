"""What the checks share: the chart, how it is rendered, and how a check says what is wrong."""

import functools
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/hexproof"
# The values that the chart is rendered with.
VALUES = sorted(CHART.glob("ci/*.yaml"))
# The newest one, and those whose end is not long ago.
MINORS = ["1.33", "1.34", "1.35", "1.36", "1.37"]
NEWEST = MINORS[-1]
CHECKS = []


class Failed(Exception):
    pass


def check(function):
    CHECKS.append(function)
    return function


def expect(holds, *told):
    if not holds:
        raise Failed(" ".join(str(part) for part in told))


def skipped(what):
    print(f"skipped: {what}", flush=True)


def run(*command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, check=False, **more)


def helm(values, *more):
    return run("helm", "template", "hexproof", CHART, "-n", "hexproof", "--kube-version", NEWEST, "-f", values, *more)


def documents(text):
    return [each for each in yaml.safe_load_all(text) if each]


@functools.cache
def rendered(values):
    out = helm(values)
    expect(out.returncode == 0, values.name, out.stderr)
    return out.stdout


def objects(values):
    return documents(rendered(values))


@functools.cache
def kustomized():
    """What deploy/cronjob makes, as text; empty where there is no kubectl."""
    out = run("kubectl", "kustomize", "deploy/cronjob")
    expect(out.returncode == 0, out.stderr)
    return out.stdout
