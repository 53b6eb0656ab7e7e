"""Checks everything below deploy/: python .ci/chart PROGRAM [CHECK...], with helm on PATH, and promtool, kubectl,
nats-server, moto_server and openssl where they are. What a check needs and does not find is said as "skipped: ...".

`render` holds against Kubernetes what the chart makes, `judge` against our own measures, `alerts` tries the alerts,
`serve` runs the service by its configuration.
"""

import os
import pathlib
import sys

os.environ["HEXPROOF_PROGRAM"] = str(pathlib.Path(sys.argv[1]).resolve())

import alerts  # noqa: E402, F401
import judge  # noqa: E402, F401
import render  # noqa: E402, F401
import serve  # noqa: E402, F401
from common import CHECKS, Failed  # noqa: E402

wanted = set(sys.argv[2:])
failed = 0
for function in CHECKS:
    if wanted and function.__name__ not in wanted:
        continue
    name = function.__name__.replace("_", " ")
    try:
        function()
    except Failed as reason:
        failed += 1
        print(f"FAILED: {name}: {reason}", flush=True)
    else:
        print(f"ok: {name}", flush=True)
sys.exit(1 if failed else 0)
