"""How fast the local SageMaker starts, and answers many clients at once; run by hand.

    python tests/bench/bench_endpoint.py [--clients N] [--requests N]

Each client is a process of its own with one connection that stays open, and sends signed requests for
DescribePipelineExecution of an execution that has ended, one after another.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROLE = "arn:aws:iam::123456789012:role/bench"
DEFINITION = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "no job is needed"}}],
}


def signed_headers(url: str, key: tuple[str, str], body: bytes) -> dict[str, str]:
    """The headers of a signed request, as boto3 would send it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {
        "X-Amz-Target": "SageMaker.DescribePipelineExecution",
        "Content-Type": "application/x-amz-json-1.1",
    }
    request = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    SigV4Auth(Credentials(*key), "sagemaker", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def ask(url: str, key: tuple[str, str], arn: str, requests: int, begin: float, pause: float) -> list[float]:
    """Seconds that each of the requests of one client took; it begins at a moment and waits between them."""
    body = json.dumps({"PipelineExecutionArn": arn}).encode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    took = []
    time.sleep(max(0.0, begin - time.time()))
    for _ in range(requests):
        headers = signed_headers(url, key, body)
        started = time.perf_counter()
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - started)
        assert answer.status == 200, answer.status
        time.sleep(pause)
    return took


def measure(clients: int, requests: int, pause: float) -> dict[str, float]:
    """Start a server, and ask it; seconds by what was measured."""
    began = time.perf_counter()
    from pipeline.local.local_sagemaker import local_sagemaker

    with tempfile.TemporaryDirectory() as folder, local_sagemaker(Path(folder) / "state") as sagemaker:
        sagemaker.client("sts").get_caller_identity()
        started = time.perf_counter() - began
        client = sagemaker.client("sagemaker")
        client.create_pipeline(PipelineName="bench", PipelineDefinition=json.dumps(DEFINITION), RoleArn=ROLE)
        arn = client.start_pipeline_execution(PipelineName="bench")["PipelineExecutionArn"]
        while (
            client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            != "Failed"
        ):
            time.sleep(0.05)
        key = (sagemaker.environment["AWS_ACCESS_KEY_ID"], sagemaker.environment["AWS_SECRET_ACCESS_KEY"])
        arguments = [(sagemaker.url, key, arn, requests, time.time() + 5.0, pause)] * clients
        with multiprocessing.get_context("spawn").Pool(clients) as pool:
            took = sorted(second for each in pool.starmap(ask, arguments) for second in each)
    return {
        "started": started,
        "median": statistics.median(took),
        "p99": took[int(len(took) * 0.99)],
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds that a client waits between requests"
    )
    args = parser.parse_args()
    found = measure(args.clients, args.requests, args.pause)
    print(f"first answer after {found['started']:.2f} s")
    print(
        f"{args.clients} clients, a pause of {args.pause:g} s: median {found['median'] * 1000:.2f} ms, "
        f"99th percentile {found['p99'] * 1000:.2f} ms"
    )


if __name__ == "__main__":
    main()
