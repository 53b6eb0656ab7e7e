"""Whether what is rendered is what Kubernetes takes, and whether values that are not meant are refused."""

import functools
import json
import pathlib
import re
import shutil
import tempfile

import kubernetes_validate
import yaml

from common import CHART, MINORS, NEWEST, ROOT, VALUES, Failed, check, documents, expect, helm, kustomized, objects, rendered, run, skipped

# Kinds of other projects: kubernetes-validate has no schema of theirs.
FOREIGN = {"cert-manager.io", "gateway.networking.k8s.io", "monitoring.coreos.com"}


@check
def values_lint():
    for values in VALUES:
        out = run("helm", "lint", "--strict", "--kube-version", NEWEST, CHART, "-f", values)
        expect(out.returncode == 0, values.name, out.stdout, out.stderr)


@check
def a_rendering_is_the_same_each_time():
    for values in VALUES:
        expect(helm(values).stdout == rendered(values), values.name)


@check
def every_object_is_one_that_kubernetes_knows():
    utils = kubernetes_validate.utils
    utils.schema_contents = functools.cache(utils.schema_contents)
    seen = 0
    sources = {values.name: objects(values) for values in VALUES}
    if shutil.which("kubectl"):
        sources["deploy/cronjob"] = documents(kustomized())
    else:
        skipped("kubectl is not installed: deploy/cronjob is not rendered")
    for source, manifests in sources.items():
        for each in manifests:
            if each["apiVersion"].split("/")[0] in FOREIGN:
                continue
            for minor in MINORS:
                try:
                    kubernetes_validate.validate(each, minor, strict=True)
                except Exception as error:
                    where = ".".join(str(step) for step in getattr(error, "path", []))
                    reason = getattr(error, "message", error)
                    raise Failed(source, minor, each["kind"], each["metadata"]["name"], where, reason) from error
                seen += 1
    expect(seen > 500, seen)


@check
def an_object_that_kubernetes_does_not_know_is_refused():
    deployment = next(each for each in objects(VALUES[0]) if each["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRot"] = True
    for minor in MINORS:
        try:
            kubernetes_validate.validate(deployment, minor, strict=True)
        except kubernetes_validate.ValidationError:
            continue
        raise Failed("a misspelt field passed for", minor)


@check
def values_that_are_not_meant_are_refused_with_a_reason():
    minimal = CHART / "ci/minimal.yaml"
    refused = {
        "serverr.replicas=2": "serverr",
        "image.registry=": "name the registry of your image",
        "image.tag=latest": "/image/tag",
        "image.digest=sha256:abc": "/image/digest",
        "server.replicas=0": "/server/replicas",
        "server.service.type=NodePort": "/server/service/type",
        "server.service.type=LoadBalancer": "say who may come from outside",
        "store.url=": "say where evidence is kept",
        "store.url=s3://key@bucket": "/store/url",
        "store.url=file:///var/lib/hexproof": "store.claim",
        "store.environment.AWS_SECRET_ACCESS_KEY=x": "a secret does not belong into values",
        "store.environment.PATH=x": "only variables of the store",
        "identity.secret=": "seal packs",
        "tls.secret=": "no certificate",
        "tls.certManager.enabled=true": "name the issuer",
        "nats.authSecret=": "nats.authSecret",
        "nats.enabled=false": "workers need a queue",
        "nats.enabled=false,worker.enabled=false": "server.replicas",
        "externalQueue.url=nats://user:password@queue:4222": "/externalQueue/url",
        "config.tls.key=x": "the chart sets it itself",
        "config.graceSeconds=soon": "/config/graceSeconds",
        "access.oidc.grants[0].roles[0]=root": "/access/oidc/grants/0/roles/0",
        "access.login.publicUrl=https://hexproof.example.org": "/access/login",
        "access.login.publicUrl=https://hexproof.example.org,access.login.clientId=hexproof": "access.sessionKeys",
        "agent.enabled=true": "agent.cluster",
        "agent.secrets=all": "/agent/secrets",
        "cronjob.enabled=true": "cronjob.cluster",
        "cronjob.schedule=daily": "/cronjob/schedule",
        "ingress.enabled=true": "ingress.hosts",
        "ingress.enabled=true,ingress.hosts={a.example.org}": "ingress.tlsSecret",
        "gateway.http.enabled=true": "gateway.parents",
        "worker.autoscaling.minReplicas=10": "below maxReplicas",
        "worker.resources.limits.memory=much": "resources/limits/memory",
        "priorityClass.create=true": "priorityClass.name",
    }
    for setting, reason in refused.items():
        out = helm(minimal, "--set", setting)
        expect(out.returncode != 0, setting, "was taken")
        expect(reason in out.stderr, setting, "was refused without", repr(reason), out.stderr)


@check
def the_values_of_the_document_are_taken():
    text = (ROOT / "docs/install.md").read_text()
    blocks = {block.split("\n", 1)[0].removeprefix("# "): block for block in re.findall(r"```yaml\n(.*?)```", text, re.S)}
    # What is added to the values of the service.
    layers = {"agents.yaml": ["service.yaml"], "queue.yaml": ["service.yaml"]}
    expect(len(blocks) == 6, sorted(blocks))
    with tempfile.TemporaryDirectory() as folder:
        for name, block in blocks.items():
            pathlib.Path(folder, name).write_text(block)
        for name in blocks:
            files = [pathlib.Path(folder, each) for each in [*layers.get(name, []), name]]
            out = helm(files[0], *[part for file in files[1:] for part in ("-f", file)])
            expect(out.returncode == 0, name, out.stderr)


@check
def every_value_is_in_the_schema_and_has_a_default():
    schema = json.loads((CHART / "values.schema.json").read_text())

    def resolved(node):
        return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    def compare(path, node, default):
        node = resolved(node)
        fields = node.get("properties")
        if not fields or not isinstance(default, dict) or not default:
            return
        for field in default:
            expect(field in fields, f"{path}.{field} is not in values.schema.json")
            compare(f"{path}.{field}", fields[field], default[field])
        if node.get("additionalProperties") is False:
            for field in fields:
                optional = path.endswith(("cluster", "oidc", "login", "kubernetes")) or (path, field) == ("", "global")
                expect(optional or field in default, f"{path}.{field} has no default in values.yaml")

    compare("", schema, yaml.safe_load((CHART / "values.yaml").read_text()))


@check
def readers_of_a_cluster_have_the_generated_rights_and_no_others():
    found = 0
    files = {"none": "clusterrole-no-secrets.yaml", "metadata": "clusterrole.yaml", "keys": "clusterrole-keys.yaml"}
    for secrets, file in files.items():
        text = helm(CHART / "ci/full.yaml", "--set", f"agent.secrets={secrets},cronjob.secrets={secrets},"
                    f"worker.readThisCluster=true,config.secrets={secrets}").stdout
        for each in documents(text):
            if each["kind"] == "ClusterRole" and "token-review" not in each["metadata"]["name"]:
                generated = yaml.safe_load((ROOT / "deploy/agent" / file).read_text())["rules"]
                expect(each["rules"] == generated, each["metadata"]["name"], "is not", file)
                found += 1
    expect(found == 9, found)


@check
def objects_of_other_projects_have_the_fields_of_their_types():
    if not shutil.which("kinds"):
        skipped("kinds is not installed: objects of cert-manager, Gateway API and Prometheus operator are not checked")
        return
    foreign = [each for each in objects(CHART / "ci/full.yaml") if each["apiVersion"].split("/")[0] in FOREIGN]
    out = run("kinds", input=yaml.safe_dump_all(foreign))
    expect(out.returncode == 0, out.stderr)
    expect(len(set(out.stdout.split())) == 7, out.stdout)
    for each in foreign:
        each["spec"]["misspelt"] = True
        out = run("kinds", input=yaml.safe_dump(each))
        expect(out.returncode != 0 and "misspelt" in out.stderr, each["kind"], "with a misspelt field passed")
