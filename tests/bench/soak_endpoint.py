"""Kills a local SageMaker at any moment while clients write, and looks for what it had answered; run by hand.

    python tests/bench/soak_endpoint.py [--kills N] [--seed N]

In each round the server starts on the same state folder, four clients create and update pipelines, start
executions, make packages and put objects, and after a random time the server gets SIGKILL. What was answered must
be there with the next one, and all of it at the end; a request that got no answer may be there or not.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:iam::123456789012:role/soak"
BUCKET = "sagemaker-us-east-1-123456789012"
STEP = '{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "%s"}}'
DEFINITION = f'{{"Version": "2020-12-01", "Steps": [{STEP}]}}'
CLIENTS = 4
LONGEST_SECONDS = 2.5
# The client gives up at once: what it was not told is not acknowledged.
CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=60, s3={"addressing_style": "path"})


@dataclass
class Acknowledged:
    """What was answered: pipelines with their latest text, executions, groups with their packages, objects."""

    pipelines: dict[str, str] = field(default_factory=dict)
    executions: dict[str, str] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    # Of these a request got no answer: either text is right.
    unsure: dict[str, set[str]] = field(default_factory=dict)
    # Answers that are errors: there must be none.
    refused: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pipelines) + len(self.executions) + sum(self.groups.values()) + len(self.objects)


class Serving:
    """The command, which prints how its clients find it."""

    def __init__(self, state: Path) -> None:
        words = [sys.executable, "-m", "pipeline", "local-sagemaker", "--state", str(state)]
        said = state.parent / "said"
        with said.open("w") as errors:
            self.process = subprocess.Popen(
                words, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        assert self.process.stdout is not None
        self.told: dict[str, str] = {}
        while "SAGEMAKER_USER_CONFIG_OVERRIDE" not in self.told:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(
                    f"The server did not start: exit status {self.process.wait()}.\n{said.read_text()}"
                )
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                self.told[name] = value

    def kill(self) -> None:
        """As the kernel does for want of memory: at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def clients_of(session: Any, told: dict[str, str]) -> tuple[Any, Any]:
    """Of SageMaker and of S3; one session, which has read the models once, makes all of them."""
    return tuple(
        session.client(
            service,
            endpoint_url=told["AWS_ENDPOINT_URL"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            config=CONFIG,
        )
        for service in ("sagemaker", "s3")
    )


def write(clients: tuple[Any, Any], mine: Acknowledged, who: str, killed: threading.Event) -> None:
    """Write one thing after another until the server is gone, and note each that was answered."""
    sagemaker, s3 = clients
    number = 0
    while not killed.is_set():
        number += 1
        name, text = f"{who}-{number}", DEFINITION % f"{who} {number}"
        previous = f"{who}-{number - 1}"
        try:
            mine.unsure[name] = {text}
            sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
            mine.pipelines[name] = text
            if previous in mine.pipelines:
                mine.unsure[previous] = {mine.pipelines[previous], text}
                sagemaker.update_pipeline(PipelineName=previous, PipelineDefinition=text)
                mine.pipelines[previous] = text
            arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
            mine.executions[arn] = name
            s3.put_object(Bucket=BUCKET, Key=f"soak/{name}", Body=text.encode())
            mine.objects[f"soak/{name}"] = text.encode()
            if number % 4 == 1:
                sagemaker.create_model_package_group(ModelPackageGroupName=name)
                mine.groups[name] = 0
                sagemaker.create_model_package(ModelPackageGroupName=name, ModelPackageDescription=name)
                mine.groups[name] = 1
        except BotoCoreError:
            return
        except ClientError as error:
            mine.refused.append(f"{name}: {error}")
            return


def missing(clients: tuple[Any, Any], known: Acknowledged) -> list[str]:
    """What was acknowledged and is not there, or is another than was acknowledged."""
    sagemaker, s3 = clients
    found = []

    def look(what: str, ask: Any, right: Any) -> None:
        try:
            said = ask()
        except ClientError as error:
            found.append(f"{what}: {error}")
            return
        if not right(said):
            found.append(f"{what} is {said}")

    for name, text in known.pipelines.items():
        allowed = {text, *known.unsure.get(name, ())}
        look(
            f"pipeline {name}",
            lambda name=name: sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"],
            allowed.__contains__,
        )
    ends = ("Executing", "Failed")
    for arn in known.executions:
        look(
            f"execution {arn}",
            lambda arn=arn: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ],
            ends.__contains__,
        )
    for name, packages in known.groups.items():
        look(
            f"group {name}",
            lambda name=name: len(
                sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
            ),
            lambda said, packages=packages: said >= packages,
        )
    for key, body in known.objects.items():
        look(
            f"object {key}",
            lambda key=key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read(),
            body.__eq__,
        )
    return found


def main() -> None:
    """Print what was lost, and end with 1, or how much was looked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance, session = random.Random(args.seed), boto3.Session(region_name="us-east-1")
    everything, latest = Acknowledged(), Acknowledged()
    looked, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(args.kills + 1):
            serving = Serving(Path(folder) / "state")
            try:
                # All of it at the end, and now and then: each round would take as long as all before it.
                whole = round_number % 50 == 0 or round_number == args.kills
                to_find = everything if whole else latest
                lost = missing(clients_of(session, serving.told), to_find)
                looked += len(to_find)
                if lost:
                    raise SystemExit(f"Lost after {round_number} kills:\n" + "\n".join(lost))
                if round_number == args.kills:
                    break
                latest, killed = Acknowledged(), threading.Event()
                parts = [Acknowledged() for _ in range(CLIENTS)]
                threads = [
                    threading.Thread(
                        target=write,
                        args=(clients_of(session, serving.told), part, f"r{round_number}-{number}", killed),
                    )
                    for number, part in enumerate(parts)
                ]
                for thread in threads:
                    thread.start()
                time.sleep(chance.uniform(0.05, LONGEST_SECONDS))
            finally:
                serving.kill()
            killed.set()
            for thread in threads:
                thread.join()
            if refused := [line for part in parts for line in part.refused]:
                raise SystemExit(f"Refused in round {round_number + 1}:\n" + "\n".join(refused))
            for part in parts:
                for known in (latest, everything):
                    known.pipelines |= part.pipelines
                    known.executions |= part.executions
                    known.groups |= part.groups
                    known.objects |= part.objects
                    known.unsure |= part.unsure
            print(f"kill {round_number + 1}: {len(latest)} answers", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(
        f"{args.kills} kills in {minutes:.0f} minutes: {len(everything)} answers, all there; looked {looked} times."
    )


if __name__ == "__main__":
    main()
