"""Endpoints that serve a real SavedModel, by clients of the service and by this project's own commands; a transform
job with the same model."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from botocore.exceptions import ClientError, WaiterError
from PIL import Image

from pipeline.definition.settings import PROJECT
from pipeline.local.local_sagemaker import LocalSageMaker, local_sagemaker
from pipeline.targets.aws.local_stack import describe_stacks
from tests.e2e.command import run
from tests.pipeline.inference.predicting.tiny_model import bright_rows, expected_probabilities
from tests.pipeline.local.endpoint.conftest import BUCKET, QUICK, QUICKLY, ROLE, User, until

pytestmark = pytest.mark.usefixtures("forked_jobs")

ROOT = Path(__file__).resolve().parents[4]
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu"
ARTIFACT = f"s3://{BUCKET}/tiny/model.tar.gz"
IMAGES = np.stack([bright_rows(3), bright_rows(8)])
PAYLOAD = json.dumps({"instances": IMAGES.tolist()})


def make_config(
    server: LocalSageMaker, name: str, image: str = IMAGE, data: str = ARTIFACT, **more: Any
) -> None:
    """A model and an endpoint configuration for it, both called `name`."""
    client = server.client("sagemaker")
    container = {"Image": image, "ModelDataUrl": data, **more}
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])


def variant(model: str) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
    }  # fmt: skip


def ask(server: LocalSageMaker, name: str, body: str = PAYLOAD, **more: Any) -> Any:
    return server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=body, **more
    )


def check_answer(answer: Any) -> None:
    said = json.loads(answer["Body"].read())
    got = np.array([each["probabilities"] for each in said["predictions"]])
    np.testing.assert_allclose(got, expected_probabilities(IMAGES), atol=1e-5)


def wait(client: Any, name: str, word: str = "endpoint_in_service") -> None:
    client.get_waiter(word).wait(EndpointName=name, WaiterConfig=QUICKLY)


def short(user: User) -> str:
    return user.name[-63:].strip("-")


def test_an_endpoint_serves_is_changed_and_survives_what_kills_its_process(
    server: LocalSageMaker, user: User, artifact: Path
) -> None:
    name, client = short(user), user.sagemaker
    server.client("s3").upload_file(str(artifact), BUCKET, "tiny/model.tar.gz")
    make_config(server, name)
    arn = client.create_endpoint(
        EndpointName=name, EndpointConfigName=name, Tags=[{"Key": "k", "Value": "v"}]
    )["EndpointArn"]
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] in ("Creating", "InService")
    wait(client, name)
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    answer = ask(server, name)
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    check_answer(answer)
    with pytest.raises(ClientError) as refused:
        ask(server, name, '{"instances": "no"}')
    response: Any = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 400)
    assert "error" in json.loads(response["OriginalMessage"])
    assert "Received client error (400) from primary with message" in response["Error"]["Message"]

    # Nobody but the server asks its process.
    process: Any = server.endpoints.serving(name)
    direct = http.client.HTTPConnection("127.0.0.1", process.port)
    direct.request("GET", "/ping")
    assert direct.getresponse().status == http.HTTPStatus.FORBIDDEN
    direct.close()
    listening = [each for each in psutil.net_connections("tcp") if each.laddr.port == process.port]
    os.kill(next(each.pid for each in listening if each.status == psutil.CONN_LISTEN), signal.SIGKILL)
    until(lambda: process.is_alive, lambda alive: not alive)
    check_answer(ask(server, name))

    # A model that cannot be served leaves what was there.
    server.client("s3").put_object(Bucket=BUCKET, Key="tiny/none.tar.gz", Body=b"no archive")
    make_config(server, f"{name[:50]}-bad", data=f"s3://{BUCKET}/tiny/none.tar.gz")
    client.update_endpoint(EndpointName=name, EndpointConfigName=f"{name[:50]}-bad")
    wait(client, name)
    said = client.describe_endpoint(EndpointName=name)
    assert said["EndpointConfigName"] == name
    assert "Could not unpack" in said["FailureReason"]
    check_answer(ask(server, name))
    described = client.describe_endpoint_config(EndpointConfigName=name)
    assert described["ProductionVariants"] == [variant(name)]
    assert name in [each["EndpointName"] for each in client.list_endpoints(NameContains=name)["Endpoints"]]

    client.delete_endpoint(EndpointName=name)
    client.delete_endpoint_config(EndpointConfigName=name)
    wait(client, name, "endpoint_deleted")
    with pytest.raises(ClientError, match=rf'ValidationException.*Could not find endpoint "{arn}"'):
        client.describe_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match=f"ValidationError.*Endpoint {name} of account .* not found"):
        ask(server, name)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        client.describe_endpoint_config(EndpointConfigName=name)


def test_a_transform_job_by_itself_uses_the_model_of_a_package(
    server: LocalSageMaker, user: User, artifact: Path
) -> None:
    name, client = short(user), user.sagemaker
    server.client("s3").upload_file(str(artifact), BUCKET, "tiny/model.tar.gz")
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/in/a.json", Body=PAYLOAD)
    client.create_model_package_group(ModelPackageGroupName=name)
    package = client.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": ARTIFACT}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package})
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/in"}}
    request = {
        "ModelName": name,
        "TransformInput": {"DataSource": source, "ContentType": "application/json"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/{name}/out", "Accept": "application/json"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    waiter = client.get_waiter("transform_job_completed_or_stopped")
    stopped = f"{name[:50]}-stopped"
    client.create_transform_job(TransformJobName=stopped, **request)
    client.stop_transform_job(TransformJobName=stopped)
    waiter.wait(TransformJobName=stopped, WaiterConfig=QUICKLY)
    assert client.describe_transform_job(TransformJobName=stopped)["TransformJobStatus"] == "Stopped"
    client.create_transform_job(TransformJobName=name, **request)
    waiter.wait(TransformJobName=name, WaiterConfig=QUICKLY)
    said = client.describe_transform_job(TransformJobName=name)
    assert (said["TransformJobStatus"], said["ModelName"]) == ("Completed", name)
    made = server.client("s3").get_object(Bucket=BUCKET, Key=f"{name}/out/a.json.out")
    check_answer(made)
    jobs = client.list_transform_jobs(NameContains=name[:50], SortOrder="Ascending")["TransformJobSummaries"]
    assert [each["TransformJobStatus"] for each in jobs] == ["Stopped", "Completed"]
    streams = user.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert len(streams) == 1
    with pytest.raises(ClientError, match=r"(?s)ValidationException.*nobody"):
        client.create_transform_job(TransformJobName=f"{name[:50]}-none", **request | {"ModelName": "nobody"})


def test_what_is_not_served_is_refused_by_name(server: LocalSageMaker, user: User) -> None:
    name, client = short(user), user.sagemaker
    make_config(server, name, image="1.dkr.ecr.us-east-1.amazonaws.com/mine:1")
    with pytest.raises(ClientError, match=r"SavedModels.*is 1\.dkr\.ecr\.us-east-1\.amazonaws\.com/mine:1"):
        client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        client.create_endpoint(EndpointName=name, EndpointConfigName="nothing")
    container = {"Image": "of-a-step", "ModelDataUrl": ARTIFACT}
    user.create(
        {"Name": "M", "Type": "Model", "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": ROLE}}
    )
    user.end(arn := user.start())
    (model,) = client.list_models(NameContains=arn.rpartition("/")[2])["Models"]
    made = f"{name[:50]}-step"
    client.create_endpoint_config(EndpointConfigName=made, ProductionVariants=[variant(model["ModelName"])])
    with pytest.raises(ClientError, match=f"The image of the model {model['ModelName']} is of-a-step"):
        client.create_endpoint(EndpointName=name, EndpointConfigName=made)
    with pytest.raises(ClientError, match=r'Could not find model ".*:model/nothing"'):
        client.create_endpoint_config(EndpointConfigName="other", ProductionVariants=[variant("nothing")])
    with pytest.raises(ClientError, match="already existing endpoint configuration"):
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    two = [variant(name), {**variant(name), "VariantName": "Other"}]
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    with pytest.raises(ClientError, match="2 ProductionVariants, DataCaptureConfig with EnableCapture"):
        client.create_endpoint_config(
            EndpointConfigName="other", ProductionVariants=two, DataCaptureConfig=capture
        )
    with pytest.raises(ClientError, match=r"UnknownOperation.*UpdateEndpointWeightsAndCapacities"):
        client.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic"}]
        )
    with pytest.raises(ClientError, match="not found"):
        ask(server, name)
    with pytest.raises(ClientError, match="TargetModel is not answered"):
        ask(server, name, TargetModel="m.tar.gz")
    with pytest.raises(ClientError, match="less than or equal to 6291456"):
        ask(server, name, "x" * (6 << 20) + "x")
    assert server.client("sagemaker").list_endpoints(NameContains=name)["Endpoints"] == []


def test_an_endpoint_that_cannot_be_made_says_why_and_is_failed_with_the_next_server(tmp_path: Path) -> None:
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True) as first:
        client = first.client("sagemaker")
        make_config(first, "gone", data=f"s3://{BUCKET}/nothing/model.tar.gz")
        client.create_endpoint(EndpointName="gone", EndpointConfigName="gone")
        with pytest.raises(WaiterError, match="terminal failure"):
            wait(client, "gone")
        said = client.describe_endpoint(EndpointName="gone")
        assert (said["EndpointStatus"], said["FailureReason"][:17]) == ("Failed", "Could not copy s3"), said
        with pytest.raises(ClientError, match="not found"):
            ask(first, "gone")
        with pytest.raises(ClientError, match="in status Failed"):
            client.update_endpoint(EndpointName="gone", EndpointConfigName="gone")
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True) as second:
        client = second.client("sagemaker")
        assert client.describe_endpoint(EndpointName="gone")["EndpointStatus"] == "Failed"
        assert [each["EndpointConfigName"] for each in client.list_endpoint_configs()["EndpointConfigs"]] == [
            "gone"
        ]
        client.delete_endpoint(EndpointName="gone")
        assert client.list_endpoints()["Endpoints"] == []


def processes_at(state: Path) -> list[int]:
    """The numbers of the processes that serve models in a state folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace")
            if "batch_server" in words and str(state) in words:
                found.append(int(path.parent.name))
    return found


def test_an_endpoint_ends_with_a_server_that_is_killed_and_comes_back(tmp_path: Path, artifact: Path) -> None:
    state = tmp_path / "state"
    with local_sagemaker(state, choices=QUICK) as first:
        first.client("s3").upload_file(str(artifact), BUCKET, "tiny/model.tar.gz")
        make_config(first, "kept")
    words = [sys.executable, "-m", "pipeline", "local-sagemaker", "--state", str(state), "--"]
    waiting = "import boto3; client = boto3.client('sagemaker'); "
    waiting += "client.create_endpoint(EndpointName='kept', EndpointConfigName='kept'); "
    waiting += f"client.get_waiter('endpoint_in_service').wait(EndpointName='kept', WaiterConfig={QUICKLY}); "
    waiting += "print('served', flush=True); input()"
    with subprocess.Popen(
        [*words, sys.executable, "-c", waiting],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as command:  # fmt: skip
        try:
            assert command.stdout is not None
            assert command.stdout.readline() == "served\n"
            assert len(processes_at(state)) == 1
        finally:
            command.kill()
    until(lambda: processes_at(state), lambda found: not found)
    with local_sagemaker(state, choices=QUICK, check=True) as second:
        client = second.client("sagemaker")
        assert client.describe_endpoint(EndpointName="kept")["EndpointStatus"] == "InService"
        assert processes_at(state) == []
        check_answer(ask(second, "kept"))
        assert len(processes_at(state)) == 1
        log = second.client("logs")
        which = {"logGroupName": "/aws/sagemaker/Endpoints/kept"}
        (stream,) = log.describe_log_streams(**which)["logStreams"]
        said = log.get_log_events(**which, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]
        assert any(each["message"] == "Serving 1 of the model" for each in said)
    assert processes_at(state) == []


def test_a_model_is_approved_deployed_asked_and_removed(tmp_path: Path, artifact: Path) -> None:
    Image.fromarray(bright_rows(6)).save(tmp_path / "shirt.png")

    def stack(form: dict[str, str]) -> str:
        return describe_stacks(form, server.client("sagemaker"))

    forms = {("cloudformation", "DescribeStacks"): stack}
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True, forms=forms) as server:
        client = server.client("sagemaker")
        server.client("s3").upload_file(str(artifact), BUCKET, "tiny/model.tar.gz")
        (found,) = server.client("cloudformation").describe_stacks(StackName=PROJECT)["Stacks"]
        assert {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}["BucketName"] == BUCKET
        client.create_model_package(
            ModelPackageGroupName=PROJECT,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": ARTIFACT}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )

        def command(*words: str | Path) -> str:
            done = run(tmp_path / "home", *words, **server.environment)
            assert done.status == 0, done.said
            return done.out

        command("registry", "approve", "1", "--target", "sagemaker")
        assert command("deploy", "--yes") == f"Endpoint {PROJECT} serves version 1 (1 × ml.m5.large).\n"
        assert client.describe_endpoint(EndpointName=PROJECT)["EndpointStatus"] == "InService"
        assert "Shirt" in command("invoke", tmp_path / "shirt.png")
        removed = command("undeploy", "--yes")
        assert f"Removed: the endpoint {PROJECT} (InService), the configuration " in removed
        assert client.list_endpoints()["Endpoints"] == []
        assert client.list_endpoint_configs()["EndpointConfigs"] == []
        assert client.list_models()["Models"] == []
