"""The graphs that bench_engine.py times: steps that do nothing, in chains and fans."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

STEPS_IN_A_DIAMOND = 10
# What each step runs: the smallest job that starts the Python that real jobs start.
COMMAND = ("python3", "-c", "pass")
# What it runs when it passes a file on.
_WRITE = "open('/opt/ml/processing/output/out.txt', 'w').write('passed on')"


@dataclass(frozen=True)
class Node:
    """A step and the names of those that it waits for."""

    name: str
    after: tuple[str, ...]


def diamonds(steps: int) -> list[Node]:
    """`steps` (a multiple of ten) nodes: diamonds one after another, in each a node, a fan of four chains of two
    nodes, and a node that joins them."""
    if steps < 1 or steps % STEPS_IN_A_DIAMOND:
        raise ValueError(f"the steps must be a multiple of {STEPS_IN_A_DIAMOND}, not {steps}")
    nodes: list[Node] = []
    for i in range(steps // STEPS_IN_A_DIAMOND):
        nodes.append(Node(f"Open-{i}", (f"Join-{i - 1}",) if i else ()))
        for chain in range(4):
            nodes.append(Node(f"First-{i}-{chain}", (f"Open-{i}",)))
            nodes.append(Node(f"Second-{i}-{chain}", (f"First-{i}-{chain}",)))
        nodes.append(Node(f"Join-{i}", tuple(f"Second-{i}-{chain}" for chain in range(4))))
    return nodes


def chain(steps: int) -> list[Node]:
    """Nodes one after another."""
    return [Node(f"Step-{i}", (f"Step-{i - 1}",) if i else ()) for i in range(steps)]


def beside(steps: int) -> list[Node]:
    """Nodes that wait for nothing."""
    return [Node(f"Step-{i}", ()) for i in range(steps)]


def compiled(nodes: list[Node], *, bucket: str, passing: bool) -> str:
    """The graph as a compiled definition of Processing steps; with `passing` each writes a small file to S3 and
    reads those of the steps that it waits for."""
    steps = [_step(node, bucket, passing) for node in nodes]
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps})


def _step(node: Node, bucket: str, passing: bool) -> dict[str, Any]:
    command = [*COMMAND[:2], _WRITE] if passing else list(COMMAND)
    request: dict[str, Any] = {
        "AppSpecification": {"ImageUri": "an-image", "ContainerEntrypoint": command},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }
    if passing:
        request["ProcessingInputs"] = [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": {
                        "Get": f"Steps.{name}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri",
                    },
                    "LocalPath": f"/opt/ml/processing/input/{name}",
                    "S3DataType": "S3Prefix",
                },
            }
            for name in node.after
        ]
        uri = {
            "Std:Join": {
                "On": "/",
                "Values": [f"s3://{bucket}/bench", {"Get": "Execution.PipelineExecutionId"}, node.name],
            }
        }
        output = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
        request["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": "out", "S3Output": output}]}
    return {"Name": node.name, "Type": "Processing", "DependsOn": list(node.after), "Arguments": request}
