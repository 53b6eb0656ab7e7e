"""Whether alerts fire when they should, and whether the dashboard asks what Prometheus understands."""

import json
import re
import shutil
import tempfile

import yaml

from common import CHART, ROOT, check, expect, run, skipped

RULES = CHART / "files/rules.yaml"
TESTS = ROOT / "deploy/alerts/rules.test.yaml"


@check
def alerts_do_what_they_say():
    if not shutil.which("promtool"):
        skipped("promtool is not installed: alert rules are not tested")
        return
    out = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)
    expect(out.returncode == 0, out.stdout, out.stderr)
    out = run("promtool", "test", "rules", TESTS)
    expect(out.returncode == 0, out.stdout, out.stderr)
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tested = set(re.findall(r"alertname: (\w+)", TESTS.read_text()))
    expect(alerts == tested, "not tested:", alerts ^ tested)


@check
def the_dashboard_asks_what_prometheus_understands():
    dashboard = json.loads((CHART / "files/dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expect(len(asked) > 15, asked)
    if not shutil.which("promtool"):
        skipped("promtool is not installed: queries of the dashboard are not parsed")
        return
    rules = [{"record": f"panel:{at}", "expr": expr} for at, expr in enumerate(asked)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        out = run("promtool", "check", "rules", "--lint=none", file.name)
    expect(out.returncode == 0, out.stdout, out.stderr)
