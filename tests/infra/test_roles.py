"""What each role can do and what it cannot: no more than its part of the pipeline needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.resolving import ACCOUNT, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, decide
from tests.infra.requests_of_roles import ALLOWED, BUCKET, REFUSED, identity_statements

GOLDEN = Path(__file__).resolve().parents[1] / "pipeline" / "definition.golden.json"


def cases(table: dict[str, list[Request]]) -> Iterator[Any]:
    for role, requests in table.items():
        for request in requests:
            about = [request.action, request.resource.rpartition(":")[2], *request.context.values()]
            yield pytest.param(role, request, id=" ".join([role, *about]))


@pytest.mark.parametrize(("role", "request_"), list(cases(ALLOWED)))
def test_a_role_can_do_its_work(everything: ResolvedStack, role: str, request_: Request) -> None:
    assert decide(identity_statements(everything, role), request_) == "allowed"


@pytest.mark.parametrize(("role", "request_"), list(cases(REFUSED)))
def test_a_role_can_do_nothing_else(everything: ResolvedStack, role: str, request_: Request) -> None:
    assert decide(identity_statements(everything, role), request_) != "allowed"


@pytest.mark.parametrize("role", ["EvaluationRole", "DeployerRole"])
def test_approving_stays_denied_when_somebody_attaches_full_access(
    everything: ResolvedStack, role: str
) -> None:
    statements = [
        *identity_statements(everything, role),
        {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
    ]
    for request in REFUSED[role]:
        if request.context.get("sagemaker:ModelApprovalStatus") == "Approved":
            assert decide(statements, request) == "denied"


def uris(definition: dict[str, Any], node: Any) -> str:
    """The S3 URI that a part of the definition stands for in an execution with default parameters."""
    if isinstance(node, str):
        return node
    if "Std:Join" in node:
        join = node["Std:Join"]
        return str(join["On"].join(uris(definition, each) for each in join["Values"]))
    name = node["Get"]
    if name.startswith("Parameters."):
        defaults = {each["Name"]: each.get("DefaultValue") for each in definition["Parameters"]}
        return str(defaults[name.removeprefix("Parameters.")])
    if name == "Execution.PipelineExecutionId":
        return "8f3a2c9d41e7"
    outputs = definition["Steps"][0]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    return uris(definition, outputs[0]["S3Output"]["S3Uri"])


def test_the_definitions_jobs_can_read_their_inputs_and_write_their_outputs(
    everything: ResolvedStack,
) -> None:
    text = GOLDEN.read_text().replace("<account>", ACCOUNT).replace("<digest>", "0123456789abcdef")
    definition = json.loads(text)
    asked = set()
    for step in definition["Steps"]:
        arguments = step["Arguments"]
        if "RoleArn" not in arguments:
            continue
        role = "EvaluationRole" if arguments["RoleArn"].endswith("-evaluation") else "JobRole"
        reads = [each["S3Input"]["S3Uri"] for each in arguments.get("ProcessingInputs", [])]
        reads += [
            each["DataSource"]["S3DataSource"]["S3Uri"] for each in arguments.get("InputDataConfig", [])
        ]
        writes = [
            each["S3Output"]["S3Uri"]
            for each in arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
        ]
        writes += [arguments["OutputDataConfig"]["S3OutputPath"]] if "OutputDataConfig" in arguments else []
        if "CheckpointConfig" in arguments:
            reads.append(arguments["CheckpointConfig"]["S3Uri"])
            writes.append(arguments["CheckpointConfig"]["S3Uri"])
        for action, nodes in (("s3:GetObject", reads), ("s3:PutObject", writes)):
            for node in nodes:
                uri = uris(definition, node)
                assert uri.startswith(f"s3://{BUCKET.rpartition(':')[2]}/")
                key = uri.removeprefix("s3://").rstrip("/")
                inside = key if key.endswith(".json") else f"{key}/file"
                request = Request(action, f"arn:aws:s3:::{inside}")
                assert decide(identity_statements(everything, role), request) == "allowed", (
                    step["Name"],
                    uri,
                )
                asked.add((step["Name"], uri))
    assert len(asked) > 15
