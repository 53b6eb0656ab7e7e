"""Whether our own measures find anything in what is rendered, and whether they would."""

import copy
import json
import os
import pathlib
import shutil
import tempfile

import yaml

from common import CHART, VALUES, check, documents, expect, helm, kustomized, objects, run

PROGRAM = os.environ.get("HEXPROOF_PROGRAM", "hexproof")
# What an operator states: where images come from. No exception is recorded, and nothing is waived.
SETTINGS = {"registries": {"allowed": ["registry.example.com", "example.azurecr.io"]}}
GRAVE = {"SIGNIFICANCE_MEDIUM", "SIGNIFICANCE_HIGH", "SIGNIFICANCE_CRITICAL"}


def failures(manifests):
    """Failing observations that no cluster of ours may have: measure and subject."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "settings.yaml").write_text(yaml.safe_dump(SETTINGS))
        (folder / "objects.yaml").write_text(yaml.safe_dump_all(manifests))
        out = run(PROGRAM, "assess", folder / "objects.yaml", "--settings", folder / "settings.yaml",
                  "--format", "json", "--quiet")
    expect(out.returncode == 0, "assess ended with", out.returncode, out.stderr)
    assessment = json.loads(out.stdout)
    expect(not assessment.get("waivers"), "waivers were applied")
    catalogue = json.loads(run(PROGRAM, "measures", "list", "--format", "json").stdout)
    layers = {each["id"]: each["layer"] for each in catalogue}
    judged = [each for each in assessment["observations"] if each["outcome"] in ("OUTCOME_PASS", "OUTCOME_FAIL")]
    expect(len(judged) > 40, "only", len(judged), "observations")
    return [
        (each["measureId"], each["subject"]["kind"] + "/" + each["subject"]["name"])
        for each in judged
        if each["outcome"] == "OUTCOME_FAIL"
        and (each["measureId"].startswith("rbac-")
             or (layers[each["measureId"]] == "LAYER_CONTAINER" and each["significance"] in GRAVE))
    ]


@check
def our_own_measures_find_nothing_in_what_is_rendered():
    for values in VALUES:
        found = failures(objects(values))
        expect(not found, values.name, found)
    if shutil.which("kubectl"):
        found = failures(documents(kustomized()))
        expect(not found, "deploy/cronjob", found)


def each_pod(manifests):
    for each in manifests:
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template and "spec" in template:
            yield template["spec"]


def weaknesses():
    """By measure, what its opposite does to the objects."""

    def pods(change):
        return lambda manifests: [change(pod) for pod in each_pod(manifests)]

    def containers(change):
        return pods(lambda pod: [change(container) for container in pod["containers"]])

    def readers(manifests):
        for each in manifests:
            if each["kind"] == "ClusterRole":
                each["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]})

    def token(manifests):
        for each in manifests:
            if each["kind"] == "ServiceAccount" and each["metadata"]["name"] == "default":
                manifests.remove(each)

    return {
        "container-privileged": containers(lambda c: c["securityContext"].update(privileged=True)),
        "container-read-only-root-filesystem": containers(lambda c: c["securityContext"].update(readOnlyRootFilesystem=False)),
        "container-run-as-non-root": pods(lambda p: p["securityContext"].update(runAsNonRoot=False, runAsUser=0)),
        "container-seccomp-profile": pods(lambda p: p["securityContext"].pop("seccompProfile")),
        "container-capabilities-drop-all": containers(lambda c: c["securityContext"].pop("capabilities")),
        "container-memory-limit": containers(lambda c: c["resources"]["limits"].pop("memory")),
        "container-liveness-probe": containers(lambda c: c.pop("livenessProbe", None)),
        "container-image-digest": containers(lambda c: c.update(image=c["image"].split("@")[0])),
        "container-image-registry": containers(lambda c: c.update(image="docker.io/" + c["image"].split("/")[-1])),
        "container-secrets-as-files": containers(lambda c: c.update(envFrom=[{"secretRef": {"name": "s"}}])),
        "container-service-account-token": pods(lambda p: p.update(automountServiceAccountToken=True)),
        "container-no-plaintext-credentials": containers(
            lambda c: c.update(env=[{"name": "AWS_SECRET_ACCESS_KEY", "value": "k" * 40}])),
        "rbac-secrets-read": readers,
        "rbac-default-service-account": token,
    }


@check
def the_measures_find_it_when_the_chart_is_weakened():
    # Without a LimitRange, which would fill in what is taken away.
    out = helm(CHART / "ci/full.yaml", "--set", "namespace.quota.enabled=false")
    whole = documents(out.stdout)
    expect(not failures(whole), failures(whole))
    for what, weaken in weaknesses().items():
        weak = copy.deepcopy(whole)
        weaken(weak)
        expect(what in {measure for measure, _ in failures(weak)}, what, "is not found")
    # By a value of the chart, as an operator may set it.
    found = failures(documents(helm(CHART / "ci/cronjob.yaml", "--set", "cronjob.secrets=keys").stdout))
    expect([measure for measure, _ in found] == ["rbac-secrets-read"], found)
