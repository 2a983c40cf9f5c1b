#!/usr/bin/env bash
# Library:  sagemaker-mlflow 0.5.0, the plugin that lets MLflow 3.17.2 take the ARN of a tracking server of SageMaker for an address.
# Guess:    MlflowClient(tracking_uri=ARN) talks to that server, whatever mlflow.set_tracking_uri said, as clients of http://
#           addresses do: a script may read the runs of one server and register at another.
# Found:    The store goes to the host of the client's ARN, but the header by which SageMaker finds the server ("needed for
#           routing") and the region that the request is signed for are those of the process's tracking URI. All servers of
#           a region have one host: there the client of the second server names the first one, with a valid signature, in
#           what it reads and in what it writes. Between two regions the signature is for the wrong one.
#           Here a server on loopback stands for that host (SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT); AWS is not asked.
# Output:   set_tracking_uri(staging), client of             header names    signed for
#           staging                                          staging         us-east-1
#           production                                       staging         us-east-1
#           production, creating an experiment               staging         us-east-1
#           europe's server in eu-west-1                     staging         us-east-1
#           production, after set_tracking_uri(production)   production      us-east-1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    mlflow-skinny==3.17.2 boto3==1.44.5 importlib-metadata==6.11.0
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps sagemaker-mlflow==0.5.0
cd "$work"
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none MLFLOW_DISABLE_TELEMETRY=true \
    NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import http.server
import json
import logging
import os
import sys
import threading

logging.disable(logging.CRITICAL)
asked = []


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers as an empty tracking server does, and keeps the headers."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked.append(self.headers)
        body = json.dumps({"experiments": []} if self.path.endswith("search") else {"experiment_id": "1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

import mlflow


def arn(name, region="us-east-1"):
    return f"arn:aws:sagemaker:{region}:123456789012:mlflow-tracking-server/{name}"


def named(call):
    """Of which server the request's header speaks, and the region that it is signed for."""
    asked.clear()
    call()
    headers = asked[-1]
    return headers["x-mlflow-sm-tracking-server-arn"].rpartition("/")[2], headers["Authorization"].split("/")[2]


def client(*place):
    return mlflow.MlflowClient(tracking_uri=arn(*place))


mlflow.set_tracking_uri(arn("staging"))
seen = {
    "staging": named(client("staging").search_experiments),
    "production": named(client("production").search_experiments),
    "production, creating an experiment": named(lambda: client("production").create_experiment("nightly")),
    "europe's server in eu-west-1": named(client("europe", "eu-west-1").search_experiments),
}
mlflow.set_tracking_uri(arn("production"))
seen["production, after set_tracking_uri(production)"] = named(client("production").search_experiments)
print(f"{'set_tracking_uri(staging), client of':48} {'header names':15} signed for")
for title, (name, region) in seen.items():
    print(f"{title:48} {name:15} {region}")
if [*seen.values()] != [("staging", "us-east-1")] * 4 + [("production", "us-east-1")]:
    sys.exit("The behaviour has changed.")
PYTHON
