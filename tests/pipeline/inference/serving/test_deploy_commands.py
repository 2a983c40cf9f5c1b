"""`deploy`, `invoke` and `undeploy` as commands, in an account in which the stack is; moto is its SageMaker."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.commands.deploy import approved_package, check_instance
from pipeline.errors import RegistryError, UsageError
from pipeline.inference.serving.hosting import Hosting
from pipeline.inference.serving.hosting_cost import agree, say_hosting_cost
from pipeline.local.state.local_aws import LocalAws
from pipeline.registry import Package
from pipeline.targets.aws.prices import FROM_LIST, Price
from tests.conftest import write_idx
from tests.e2e.command import check_refusal, run
from tests.pipeline.inference.predicting.tiny_model import bright_rows
from tests.pipeline.targets.aws.cloud.account import BUCKET, NAME, role_arn

PACKAGE = f"arn:aws:sagemaker:{LocalAws.REGION}:{LocalAws.ACCOUNT}:model-package/{NAME}/"


@pytest.fixture(scope="module")
def account(cloud):
    """The cloud with a role for endpoints, a price, and versions 1 (approved) and 2 (pending)."""
    cloud.outputs["EndpointRoleArn"] = role_arn("endpoint")
    cloud.prices["ml.m5.large", "Hosting"] = 0.5
    for approval in ("Approved", "PendingManualApproval"):
        cloud.client("sagemaker").create_model_package(
            ModelPackageGroupName=NAME,
            ModelApprovalStatus=approval,
            InferenceSpecification={
                "Containers": [{"Image": "an-image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
    return cloud


@pytest.fixture
def command(account, tmp_path):
    return lambda *words: run(tmp_path / "home", *words, **account.environment)


def test_deploy_twice_then_undeploy_twice(account, command, tmp_path):
    sagemaker = account.client("sagemaker")
    first = command("deploy", "--yes")
    assert first.status == 0, first.said
    assert first.out == f"Endpoint {NAME} serves version 1 (1 × ml.m5.large).\n"
    assert "Costs 0.5 USD an hour, 365.00 USD a month, by AWS's price list" in first.err
    assert f"account the-fashion-house ({LocalAws.ACCOUNT})" in first.err
    config = sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"]
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 1)
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    assert model["PrimaryContainer"]["ModelPackageName"] == f"{PACKAGE}1"
    assert model["ExecutionRoleArn"] == role_arn("endpoint")

    since = len(account.asked)
    again = command("deploy", "--yes")
    assert again.out == f"Endpoint {NAME} serves version 1 (1 × ml.m5.large) already: nothing to do.\n"
    assert not [name for name in account.asked[since:] if name.startswith(("Create", "Update", "Delete"))]

    # Whoever deployed it may have been cut off before the test. moto's endpoint gives no probabilities.
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((1, 28, 28), np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(1, np.uint8))
    tested = command("deploy", "--yes", "--smoke", "--images", "1", "--data", str(tmp_path))
    check_refusal(tested, 1, f"{NAME} served this before, and still does.")

    refused = command("undeploy")
    check_refusal(refused, 2, "no terminal to ask at", "Nothing was changed", "--yes")
    removed = command("undeploy", "--yes")
    assert removed.status == 0, removed.said
    assert f"Removed: the endpoint {NAME} (InService), the configuration {config}, the model " in removed.out
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    nothing = command("undeploy", "--yes")
    assert (nothing.status, nothing.out) == (0, f"There is no endpoint {NAME}: nothing to remove.\n")


def test_a_part_of_the_requests_is_captured_in_the_stacks_bucket(account, command):
    done = command("deploy", "--yes", "--capture", "20", "--endpoint", f"{NAME}-seen")
    assert done.status == 0, done.said
    where = f"s3://{BUCKET}/fashion-mnist/captured/model-version-1"
    assert (
        f"capturing 20 % of the requests with their answers in {where} (which costs what S3 costs)"
        in done.err
    )
    name = account.client("sagemaker").describe_endpoint(EndpointName=f"{NAME}-seen")["EndpointConfigName"]
    described = account.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    config = described["DataCaptureConfig"]
    assert (config["DestinationS3Uri"], config["InitialSamplingPercentage"]) == (where, 20)
    assert command("undeploy", "--yes", "--endpoint", f"{NAME}-seen").status == 0


def test_an_endpoint_scales_between_a_few_and_many_instances(account, command):
    done = command("deploy", "--yes", "--max-instances", "3", "--endpoint", f"{NAME}-busy")
    assert done.status == 0, done.said
    what = "1 to 3 × ml.m5.large, as many as it takes for 1000 requests a minute each"
    assert f"serves version 1 ({what})." in done.out
    assert "with all 3 instances " in done.err
    scaling = account.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (
        f"endpoint/{NAME}-busy/variant/AllTraffic", 1, 3,
    )  # fmt: skip
    assert command("undeploy", "--yes", "--endpoint", f"{NAME}-busy").status == 0
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


def test_a_serverless_endpoint_of_another_name(account, command):
    done = command("deploy", "--yes", "--serverless", "--memory", "2048", "--endpoint", f"{NAME}-canary")
    assert done.status == 0, done.said
    assert "Costs nothing while idle" in done.err
    (config,) = account.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    described = account.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=config["EndpointConfigName"]
    )
    serverless = described["ProductionVariants"][0]["ServerlessConfig"]
    assert serverless == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert command("undeploy", "--yes").out == f"There is no endpoint {NAME}: nothing to remove.\n"
    assert command("undeploy", "--yes", "--endpoint", f"{NAME}-canary").status == 0
    assert account.client("sagemaker").list_models()["Models"] == []


def test_an_endpoint_that_sagemaker_refuses_leaves_nothing(account, command):
    account.switches.fail("CreateEndpoint", "ResourceLimitExceeded")
    failed = command("deploy", "--yes")
    check_refusal(failed, 1, "ResourceLimitExceeded", f"Deploying version 1 to the endpoint {NAME}")
    assert account.client("sagemaker").list_models()["Models"] == []
    assert account.client("sagemaker").list_endpoint_configs()["EndpointConfigs"] == []


@pytest.mark.parametrize(
    ("words", "status", "texts"),
    [
        (("--model", "2"), 1, ("PendingManualApproval", "registry approve 2 --target sagemaker")),
        (("--model", "9"), 2, ("has no version 9",)),
        ((), 2, ("no terminal to ask at", "--yes")),
        (("--serverless", "--instance-type", "ml.m5.large"), 2, ("not allowed with",)),
        (("--serverless", "--instances", "2"), 2, ("--instances 2 does not go with --serverless",)),
        (
            ("--serverless", "--capture"),
            2,
            ("Serverless endpoints capture no requests", "Leave out --capture"),
        ),
        (("--serverless", "--max-instances", "3"), 2, ("it scales by itself", "Leave out --max-instances")),
        (("--max-instances", "1"), 2, ("must be more than --instances, 1", "(got 1)")),
        (("--requests", "100"), 2, ("needs --max-instances (got 100)",)),
        (("--capture", "0"), 2, ("from 1 to 100 (got 0)",)),
        (("--memory", "2048"), 2, ("--memory 2048 goes with --serverless",)),
        (("--serverless", "--memory", "1000"), 2, ("MB, not 1000",)),
        (("--serverless", "--concurrency", "0"), 2, ("not 0",)),
        (("--instance-type", "large"), 2, ("not 'large'",)),
        (("--endpoint", "my_endpoint"), 2, ("unlike 'my_endpoint'",)),
    ],
)
def test_what_cannot_be_deployed_is_told_and_nothing_is_made(words, status, texts, account, command):
    since = len(account.asked)
    check_refusal(command("deploy", *words), status, *texts)
    assert not [name for name in account.asked[since:] if name.startswith(("Create", "Update", "Delete"))]


def test_a_stack_without_a_role_for_endpoints_is_told(account, command):
    role = account.outputs.pop("EndpointRoleArn")
    try:
        check_refusal(command("deploy", "--yes"), 2, "EndpointRoleArn", "make infra-deploy")
    finally:
        account.outputs["EndpointRoleArn"] = role


def test_an_endpoint_that_is_not_there_cannot_be_asked(account, command, tmp_path):
    Image.fromarray(bright_rows(1)).save(tmp_path / "shirt.png")
    account.switches.fail("POST /endpoints/nosuch/invocations", "ValidationError")
    asked = command("invoke", tmp_path / "gone.png", "--endpoint", "nosuch")
    check_refusal(asked, 2, "Could not read", "no such file")
    check_refusal(command("invoke", tmp_path / "shirt.png", "--endpoint", "no_such"), 2, "unlike 'no_such'")
    check_refusal(command("invoke", tmp_path / "shirt.png", "--url", "here"), 2, "not 'here'")
    check_refusal(
        command("invoke", tmp_path / "shirt.png", "--url", "http://127.0.0.1:9"), 1, "pipeline serve"
    )


def test_invoke_asks_the_endpoint_that_deploy_makes_whatever_the_project_is_called(
    account, command, tmp_path
):
    Image.fromarray(bright_rows(1)).save(tmp_path / "shirt.png")
    account.outputs["PipelineName"] = "shirts"
    try:
        since = len(account.asked)
        command("invoke", tmp_path / "shirt.png")
        command("invoke", tmp_path / "shirt.png", "--endpoint", "hats")
    finally:
        account.outputs["PipelineName"] = NAME
    asked = [name for name in account.asked[since:] if name.endswith("/invocations")]
    assert list(dict.fromkeys(asked)) == [
        "POST /endpoints/shirts/invocations",
        "POST /endpoints/hats/invocations",
    ]


def test_a_name_that_is_none_is_refused_before_the_account_is_opened(account, command, tmp_path):
    Image.fromarray(bright_rows(1)).save(tmp_path / "shirt.png")
    since = len(account.asked)
    for name, told in (("", "argument --endpoint: it is empty"), ("no_such", "unlike 'no_such'")):
        refused = command("invoke", tmp_path / "shirt.png", "--endpoint", name)
        check_refusal(refused, 2, told)
    assert account.asked[since:] == []


def test_the_newest_approved_version_is_deployed():
    def package(version, approval):
        return Package(version, f"{PACKAGE}{version}", approval, "", "", None, {})

    packages = [package(3, "PendingManualApproval"), package(2, "Approved"), package(1, "Approved")]
    assert approved_package(packages, None, NAME).version == 2
    assert approved_package(packages, 1, NAME).version == 1
    rejected = [replace(each, approval="Rejected") for each in packages]
    with pytest.raises(
        RegistryError, match=r"3 is Rejected; 2 is Rejected; 1 is Rejected\)\. Approve one with"
    ):
        approved_package(rejected, None, NAME)
    with pytest.raises(RegistryError, match="no versions"):
        approved_package([], None, NAME)


def test_with_a_stage_only_what_was_promoted_there_is_deployed():
    def package(version, stage=None, approval="Approved"):
        cycle = {"Stage": stage} if stage else {}
        return Package(version, f"{PACKAGE}{version}", approval, "", "", None, {}, life_cycle=cycle)

    packages = [
        package(4),
        package(3, "Staging"),
        package(2, "Production"),
        package(1, "Staging", "Rejected"),
    ]
    assert approved_package(packages, None, NAME, "staging").version == 3
    assert approved_package(packages, None, NAME, "production").version == 2
    assert approved_package(packages, 2, NAME, "staging").version == 2  # what is in production was in staging
    for version, stage, told in ((4, "staging", "version 4 was not"), (3, "production", "version 3 was not")):
        with pytest.raises(
            RegistryError, match=f"{told} promoted to {stage}.*promote {version} --to {stage}"
        ):
            approved_package(packages, version, NAME, stage)
    with pytest.raises(RegistryError, match="no version was promoted to production"):
        approved_package([package(4)], None, NAME, "production")
    # What is rejected has left its stage.
    with pytest.raises(RegistryError, match="version 1 was not promoted to staging"):
        approved_package(packages, 1, NAME, "staging")
    with pytest.raises(RegistryError, match="Rejected, not approved"):
        approved_package(packages, 1, NAME)


class Prices:
    def __init__(self, price):
        self.price = price

    def hourly(self, instance_type, kind):
        assert (instance_type, kind) == ("ml.m5.large", "Hosting")
        return self.price


def test_the_cost_is_told_with_its_source():
    two = Hosting(instances=2)
    assert "Costs 0.5 USD an hour, 365.00 USD a month, by AWS's price list; billed" in say_hosting_cost(
        two, Prices(Price(0.25, FROM_LIST))
    )
    assert "by a table: a guess" in say_hosting_cost(two, Prices(Price(0.25, "a table")))
    assert "not known here" in say_hosting_cost(two, Prices(None))


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("Yes", True), ("n", False), ("", False), ("\n", False)]
)
def test_only_a_yes_is_a_yes(answer, agreed):
    if agreed:
        agree("Do it?", "Doing it", certain=False, ask=lambda _: answer)
        return
    with pytest.raises(UsageError, match="Nothing was changed"):
        agree("Do it?", "Doing it", certain=False, ask=lambda _: answer)


def test_invoke_asks_a_server_on_this_machine(tmp_path, capsys, monkeypatch):
    from pipeline.cli.main import main
    from pipeline.inference.serving.application import Application
    from pipeline.inference.serving.server import bound_socket, serving
    from tests.pipeline.inference.serving.test_client import Bands

    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    Image.fromarray(255 - bright_rows(9)).save(tmp_path / "boot.png")
    with bound_socket("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(listening, Application(Bands(), "fashion-mnist", 1, print)):
            assert main(["invoke", str(tmp_path / "boot.png"), "--url", url, "--json"]) == 0
            document = json.loads(capsys.readouterr().out)
            assert main(["invoke", str(tmp_path / "boot.png"), "--url", url]) == 0
    assert document["asked"] == f"{url}/v1/models/fashion-mnist:predict"
    (prediction,) = document["predictions"]
    assert (prediction["class_name"], prediction["inverted"]) == ("Ankle boot", True)
    assert "Ankle boot" in capsys.readouterr().out


def test_a_model_of_the_accounts_registry_predicts_here(account, command, registered_home, tmp_path):
    account.client("s3").upload_file(
        str(registered_home.parent / "model.tar.gz"), BUCKET, "bands/model.tar.gz"
    )
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName="bands")
    account.client("sagemaker").create_model_package(
        ModelPackageGroupName="bands",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": "an-image", "ModelDataUrl": f"s3://{BUCKET}/bands/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    Image.fromarray(bright_rows(6)).save(tmp_path / "shirt.png")
    words = ("predict", tmp_path / "shirt.png", "--target", "sagemaker", "--json")
    document = command(*words, "--group", "bands").json()
    assert document["model"]["model_package_arn"].endswith(":model-package/bands/1")
    assert document["predictions"][0]["class_name"] == "class 6"
    check_refusal(command(*words), 1, "s3://bucket/model.tar.gz", "s3:GetObject")


@pytest.mark.parametrize(
    ("types", "hosting", "taken"),
    [
        ((), Hosting("ml.p5.48xlarge"), True),
        (("ml.m5.large", "ml.c6i.large"), Hosting("ml.c6i.large"), True),
        (("ml.m5.large",), Hosting(None), True),
        (("ml.m5.large", "ml.c6i.large"), Hosting("ml.m5.xlarge"), False),
    ],
)
def test_an_instance_that_the_version_is_not_registered_for_is_refused_before_anything_is_made(
    types, hosting, taken
):
    package = Package(3, f"{PACKAGE}3", "Approved", "", "", None, {}, instance_types=types)
    if taken:
        check_instance(package, hosting)
        return
    message = "version 3 is registered for ml.m5.large, ml.c6i.large and not for ml.m5.xlarge"
    with pytest.raises(UsageError, match=message):
        check_instance(package, hosting)
