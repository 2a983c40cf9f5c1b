"""How fast the local SageMaker starts, and answers many clients at once; run by hand.

    python tests/bench/bench_endpoint.py [--clients N] [--requests N] [--boto3]

Each client is a process of its own with one connection that stays open, and asks DescribePipelineExecution of an
execution that has ended, again and again without a pause. Timed is what passes between a request's first byte sent
and the last byte of its answer. The request is signed before (a signature is good for minutes, and is checked each
time) and its bytes are sent as they are: the time is the server's. With --boto3 each is a client of boto3,
which needs several times as much of the machine as the server does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
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


def request_for(url: str, key: tuple[str, str], arn: str) -> bytes:
    """The bytes of a signed request."""
    body = json.dumps({"PipelineExecutionArn": arn}).encode()
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Length": str(len(body)),
        **signed_headers(url, key, body),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


def ask(url: str, request: bytes, requests: int, begin: float, pause: float) -> list[float]:
    """Seconds that each of the requests of one client took; it begins at a moment and waits between them."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port))

    def describe() -> None:
        connection.sendall(request)
        head, _, content = connection.recv(1 << 16).partition(b"\r\n\r\n")
        status, *said = head.decode().split("\r\n")
        assert status == "HTTP/1.1 200 OK", (head, content)
        length = int(dict(line.split(": ", 1) for line in said)["Content-Length"])
        while len(content) < length:
            content += connection.recv(1 << 16)

    return timed(describe, requests, begin, pause)


def ask_with_boto3(
    url: str, asked: tuple[tuple[str, str], str], requests: int, begin: float, pause: float
) -> list[float]:
    """The same of a client of boto3."""
    import boto3

    key, arn = asked
    client = boto3.client(
        "sagemaker",
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
    )
    client.describe_pipeline_execution(PipelineExecutionArn=arn)
    return timed(lambda: client.describe_pipeline_execution(PipelineExecutionArn=arn), requests, begin, pause)


def timed(describe: Callable[[], object], requests: int, begin: float, pause: float) -> list[float]:
    """Seconds that each call took, from a moment on."""
    took = []
    time.sleep(max(0.0, begin - time.time()))
    for _ in range(requests):
        started = time.perf_counter()
        describe()
        took.append(time.perf_counter() - started)
        time.sleep(pause)
    return took


def measure(
    clients: int, requests: int, pause: float, client_of: Callable[..., list[float]]
) -> dict[str, float]:
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
        asked = (key, arn) if client_of is ask_with_boto3 else request_for(sagemaker.url, key, arn)
        # Until all are there.
        begin = time.time() + clients * (1.0 if client_of is ask_with_boto3 else 0.3)
        arguments = [(sagemaker.url, asked, requests, begin, pause)] * clients
        with multiprocessing.get_context("spawn").Pool(clients) as pool:
            before = time.process_time()
            took = sorted(second for each in pool.starmap(client_of, arguments) for second in each)
            used = time.process_time() - before
    return {
        "started": started,
        "median": statistics.median(took),
        "p99": took[int(len(took) * 0.99)],
        "used": used / len(took),
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds that a client waits between requests"
    )
    parser.add_argument("--boto3", action="store_true", help="clients of boto3")
    args = parser.parse_args()
    found = measure(args.clients, args.requests, args.pause, ask_with_boto3 if args.boto3 else ask)
    print(f"first answer after {found['started']:.2f} s")
    print(
        f"{args.clients} clients, a pause of {args.pause:g} s: median {found['median'] * 1000:.2f} ms, "
        f"99th percentile {found['p99'] * 1000:.2f} ms; {found['used'] * 1000:.3f} ms of the server's CPU each"
    )


if __name__ == "__main__":
    main()
