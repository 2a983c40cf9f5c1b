"""The compiled definition: golden, repeatable, and valid before AWS sees it. Compiled once for the module."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from moto import mock_aws

from pipeline.definition.compiling import NO_TELEMETRY, SDK_DEFAULTS, compile_definition
from pipeline.definition.search_space import GRID_SIZE
from pipeline.definition.settings import local_settings
from pipeline.errors import DefinitionError
from pipeline.spec.parsing import parse_definition
from pipeline.spec.validation import check_definition
from pipeline.targets.aws.stack import STATUSES

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = Path(__file__).parents[1] / "definition.golden.json"
GOLDEN_TUNED = GOLDEN.with_name("definition_tuned.golden.json")
ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VPC = {"subnets": ("subnet-1", "subnet-2"), "security_groups": ("sg-1",)}
EVERYTHING = {
    **VPC,
    "spot": True,
    "kms_key": KEY,
    "network_isolation": True,
    "encrypt_traffic": True,
    "training_instance_count": 2,
    "tags": (("CostCenter", "1234"),),
}


@pytest.fixture(scope="module")
def boto_session():
    with mock_aws():
        session = boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        session.client("s3").create_bucket(Bucket=local_settings(ACCOUNT, REGION).bucket)
        yield session


@pytest.fixture(scope="module")
def compile_again(boto_session):
    return lambda **choices: compile_definition(local_settings(ACCOUNT, REGION, **choices), boto_session)


@pytest.fixture(scope="module")
def compiled(compile_again):
    """What `compile_again` said when these choices were first asked for."""
    texts = {}

    def compile_once(**choices):
        key = tuple(sorted(choices.items()))
        if key not in texts:
            texts[key] = compile_again(**choices)
        return texts[key]

    return compile_once


@pytest.mark.parametrize("content", ["a: [b\n", "Nope: {x: 1}\n", None], ids=["broken", "unknown", "missing"])
def test_configuration_files_of_the_sdk_decide_nothing(
    compiled, compile_again, content, tmp_path, monkeypatch
):
    expected = compiled()
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_text(content)
    for name in ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"):
        monkeypatch.setenv(name, str(file))
    assert compile_again() == expected


def test_the_file_in_their_place_says_what_the_session_is_told():
    assert yaml.safe_load(SDK_DEFAULTS.read_text()) == NO_TELEMETRY


def normalized(text: str) -> str:
    """The definition without what differs between accounts and versions of the code."""
    text = re.sub(r"/code/([a-z_/]+)/sha256-[0-9a-f]{32}/", r"/code/\1/<digest>/", text)
    text = re.sub(r"/checkpoints/[0-9a-f]{16}/", "/checkpoints/<digest>/", text)
    return text.replace(ACCOUNT, "<account>")


def steps(text: str) -> dict[str, Any]:
    return {step["Name"]: step for step in json.loads(text)["Steps"]}


def test_the_definition_is_the_golden_one(compiled):
    """After a wanted change: UPDATE_GOLDEN=1 make test, and read the difference before you commit it."""
    text = normalized(compiled())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_definition_with_a_search_is_the_golden_one(compiled):
    """As the one above."""
    text = normalized(compiled(tune=6, candidates=("baseline", "cnn-3x3")))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN_TUNED.write_text(text)
    assert text == GOLDEN_TUNED.read_text()


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Grid", "Hyperband"])
def test_a_search_is_valid_repeatable_and_equal_for_all_candidates(compiled, compile_again, strategy):
    trials = GRID_SIZE if strategy == "Grid" else 5
    text = compiled(tune=trials, tune_strategy=strategy)
    assert text == compile_again(tune=trials, tune_strategy=strategy)
    document = json.loads(text)
    check_definition(document, {})
    searches = [step["Arguments"] for step in document["Steps"] if step["Type"] == "Tuning"]
    configs = [request["HyperParameterTuningJobConfig"] for request in searches]
    assert len(searches) == 3
    assert all(config == configs[0] for config in configs)
    assert configs[0]["ResourceLimits"] == {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 2}
    assert [step["Name"] for step in document["Steps"] if step["Type"] == "Training"] == []
    parse_definition(text)


def test_under_several_seeds_each_candidate_is_trained_with_what_its_search_found(compiled):
    found = steps(compiled(tune=4, candidates=("cnn-3x3",), seeds=(0, 1)))
    assert list(found)[1:4] == ["Tune-cnn-3x3", "Train-cnn-3x3-0", "Train-cnn-3x3-1"]
    training = found["Train-cnn-3x3-1"]["Arguments"]["HyperParameters"]
    best = "Steps.Tune-cnn-3x3.BestTrainingJob.TunedHyperParameters"
    assert training["learning-rate"] == {"Get": f"{best}['learning-rate']"}
    static = found["Tune-cnn-3x3"]["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]
    assert (static["seed"], training["seed"]) == ("1000", "1"), "no seed of the trainings chose the settings"
    words = found["Evaluate"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert sum("--candidate" in json.dumps(word) for word in words) == 2
    assert "tuned/models" not in json.dumps(words)


def test_trials_and_trainings_ask_for_the_same_but_for_what_is_tuned(compiled):
    """Everything that a training job is told of machines, network and keys holds for trials, too."""
    choices = {**EVERYTHING, "candidates": ("cnn-3x3",), "seeds": (0, 1), "tune": 2}
    del choices["spot"]
    found = steps(compiled(**choices, warm_pool_seconds=600))
    trial = found["Tune-cnn-3x3"]["Arguments"]["TrainingJobDefinition"]
    training = found["Train-cnn-3x3-0"]["Arguments"]
    assert trial["ResourceConfig"] == training["ResourceConfig"]
    for member in (
        "RoleArn", "StoppingCondition", "VpcConfig", "EnableNetworkIsolation", "Environment",
        "EnableInterContainerTrafficEncryption",
    ):  # fmt: skip
        assert trial[member] == training[member], member
    assert trial["OutputDataConfig"]["KmsKeyId"] == training["OutputDataConfig"]["KmsKeyId"]
    assert (
        trial["AlgorithmSpecification"]["MetricDefinitions"]
        == (training["AlgorithmSpecification"]["MetricDefinitions"])
    )
    own = {"sagemaker_program", "sagemaker_submit_directory"}
    tuned = {"learning-rate", "batch-size", "label-smoothing"}
    assert trial["StaticHyperParameters"].keys() - own == training["HyperParameters"].keys() - tuned
    spot = steps(compiled(tune=2, spot=True))["Tune-baseline"]["Arguments"]["TrainingJobDefinition"]
    assert spot["EnableManagedSpotTraining"] is True
    assert "MaxWaitTimeInSeconds" in spot["StoppingCondition"]


def test_the_form_offers_only_what_the_roles_allow():
    """Where roles of a stack run the jobs: another value would be refused in the last step."""
    from pipeline.definition.sdk_parameters import make_parameters

    offered = (("ModelApprovalStatus", STATUSES), ("ModelPackageGroupName", ("fashion-mnist",)))
    made = make_parameters(replace(local_settings(ACCOUNT, REGION), offered=offered))
    assert made["ModelApprovalStatus"].enum_values == ["PendingManualApproval", "Rejected"]
    assert made["ModelPackageGroupName"].enum_values == ["fashion-mnist"]
    assert made["MustBeatChampion"].enum_values == ["true", "false"]


def test_compiling_twice_gives_identical_bytes(compiled, compile_again):
    assert compile_again() == compiled()


def test_another_checkout_of_the_same_code_compiles_to_identical_bytes(
    compiled, compile_again, tmp_path, monkeypatch
):
    """Else its trainings could reuse nothing of this one's."""
    for name in ("training", "processing"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(f"pipeline.definition.builder.{name.upper()}_CODE", tmp_path / name)
    assert compile_again() == compiled()


def test_each_folder_of_code_is_looked_for_once(compile_again, boto_session):
    asked = []

    def note(params, **_):
        asked.append(params["query_string"]["prefix"].rpartition("/sha256-")[0])

    boto_session.events.register("before-call.s3.ListObjectsV2", note)
    text = compile_again(candidates=("baseline", "cnn-3x3"), seeds=(0, 1, 2))
    boto_session.events.unregister("before-call.s3.ListObjectsV2", note)
    assert sum(name.startswith("Train-") for name in steps(text)) == 6
    assert sorted(asked) == [
        f"fashion-mnist/code/{each}" for each in ("processing", "training/code", "training/sm_drivers")
    ]


def test_it_is_valid_for_the_service_model_and_the_rules(compiled):
    check_definition(
        json.loads(compiled(candidates=("baseline", "cnn-3x3", "cnn-5x5"), seeds=tuple(range(5))))
    )


def test_every_candidate_is_trained_under_every_seed(compiled):
    names = steps(compiled(candidates=("cnn-3x3", "baseline"), seeds=(0, 1)))
    trained = [name for name in names if name.startswith("Train-")]
    assert trained == ["Train-cnn-3x3-0", "Train-baseline-0", "Train-cnn-3x3-1", "Train-baseline-1"]


def test_a_candidate_with_fewer_seeds_is_trained_and_compared_under_the_first_of_them(compiled):
    found = steps(
        compiled(
            candidates=("cnn-3x3", "baseline"), seeds=(0, 1, 2), fewer_seeds=(("cnn-3x3", 1), ("baseline", 2))
        )
    )
    trained = [name for name in found if name.startswith("Train-")]
    assert trained == ["Train-cnn-3x3-0", "Train-baseline-0", "Train-baseline-1"]
    text = json.dumps(found["Evaluate"])
    assert all(name in text for name in trained)
    assert "baseline-2" not in text


def test_more_instances_change_how_many_hosts_a_training_has_and_nothing_else(compiled):
    one, two = steps(compiled()), steps(compiled(training_instance_count=2))
    for name, step in two.items():
        if name.startswith("Train-"):
            assert step["Arguments"]["ResourceConfig"].pop("InstanceCount") == 2
            assert one[name]["Arguments"]["ResourceConfig"].pop("InstanceCount") == 1
    assert two == one


def test_a_precision_is_a_hyperparameter_of_every_training_and_changes_nothing_else(compiled):
    plain, exact = steps(compiled()), steps(compiled(precision="float32"))
    trained = [name for name in exact if name.startswith("Train-")]
    assert len(trained) == 3
    for name in trained:
        assert exact[name]["Arguments"]["HyperParameters"].pop("precision") == "float32"
    assert exact == plain


def test_candidates_differ_in_hyperparameters_tags_and_checkpoint_folder_alone(compiled):
    by_name = steps(compiled())
    small, large = by_name["Train-cnn-3x3-0"]["Arguments"], by_name["Train-cnn-5x5-0"]["Arguments"]
    differing = {key for key in small if small[key] != large[key]}
    assert differing == {"HyperParameters", "CheckpointConfig", "Tags"}
    hyperparameters = small["HyperParameters"]
    assert {k for k, v in hyperparameters.items() if large["HyperParameters"][k] != v} == {
        "candidate",
        "kernel-size",
    }


def test_the_sdk_sends_no_telemetry_and_the_defaults_are_gpu_instances(compiled):
    defaults = {item["Name"]: item["DefaultValue"] for item in json.loads(compiled())["Parameters"]}
    assert defaults["TrainingInstanceType"] == "ml.g5.xlarge"
    assert defaults["ProcessingInstanceType"] == "ml.m5.xlarge"
    assert "2.21.0-gpu" in defaults["TrainingImageUri"]
    assert defaults["ModelApprovalStatus"] == "PendingManualApproval"


def test_only_outputs_carry_the_execution_id(compiled):
    for step in json.loads(compiled())["Steps"]:
        if step["Type"] not in ("Processing", "Training"):
            continue
        arguments = dict(step["Arguments"])
        for key in ("ProcessingOutputConfig", "OutputDataConfig"):
            arguments.pop(key, None)
        assert "PipelineExecutionId" not in json.dumps(arguments), step["Name"]


def arguments_by_kind(text: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The arguments of NormalizeData, of a training step and of Evaluate."""
    by_name = steps(text)
    normalize, train, evaluate = (by_name[name] for name in ("NormalizeData", "Train-cnn-3x3-0", "Evaluate"))
    return normalize["Arguments"], train["Arguments"], evaluate["Arguments"]


def test_all_options_at_once_are_valid_and_compile_to_identical_bytes(compiled, compile_again):
    text = compiled(**EVERYTHING)
    check_definition(json.loads(text))
    assert compile_again(**EVERYTHING) == text


def test_the_options_change_no_step_s_cache_key(compiled):
    """As AWS documents it: what these options set is not compared, so that switching them on reuses results."""
    key = {
        "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
        "Training": (
            "AlgorithmSpecification",
            "CheckpointConfig",
            "Environment",
            "HyperParameters",
            "InputDataConfig",
        ),
    }
    plain, all_on = steps(compiled()), steps(compiled(**EVERYTHING))
    for name, step in plain.items():
        for part in key.get(step["Type"], ()):
            assert all_on[name]["Arguments"].get(part) == step["Arguments"].get(part), (name, part)


def test_spot_training_waits_longer_than_it_runs_and_keeps_checkpoints(compiled):
    normalize, train, _ = arguments_by_kind(compiled(spot=True))
    assert train["EnableManagedSpotTraining"] is True
    assert train["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert train["CheckpointConfig"]["S3Uri"].startswith("s3://")
    assert "MaxWaitTimeInSeconds" not in normalize["StoppingCondition"]


def test_a_warm_pool_is_the_training_jobs_own(compiled):
    text = compiled(warm_pool_seconds=600)
    check_definition(json.loads(text))
    assert arguments_by_kind(text)[1]["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600


def test_a_vpc_is_for_every_job(compiled):
    vpc = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    text = compiled(**VPC)
    check_definition(json.loads(text))
    normalize, train, evaluate = arguments_by_kind(text)
    assert normalize["NetworkConfig"]["VpcConfig"] == train["VpcConfig"] == vpc
    assert evaluate["NetworkConfig"] == {"EnableNetworkIsolation": False, "VpcConfig": vpc}


def test_evaluate_which_calls_the_registry_is_never_isolated(compiled):
    text = compiled(network_isolation=True)
    check_definition(json.loads(text))
    normalize, train, evaluate = arguments_by_kind(text)
    assert normalize["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert train["EnableNetworkIsolation"] is True
    assert "NetworkConfig" not in evaluate


def test_an_isolated_evaluate_would_be_refused(compiled):
    definition = json.loads(compiled(network_isolation=True))
    step = next(step for step in definition["Steps"] if step["Name"] == "Evaluate")
    step["Arguments"]["NetworkConfig"] = {"EnableNetworkIsolation": True}
    with pytest.raises(DefinitionError, match="isolated-jobs-reach-nothing"):
        check_definition(definition)


def test_traffic_between_hosts_is_encrypted_when_asked(compiled):
    train = arguments_by_kind(compiled(encrypt_traffic=True, training_instance_count=2))[1]
    assert train["EnableInterContainerTrafficEncryption"] is True


def test_outputs_have_the_key_and_volumes_where_there_are_any(compiled):
    normalize, train, evaluate = arguments_by_kind(compiled(kms_key=KEY))
    assert train["OutputDataConfig"]["KmsKeyId"] == KEY
    assert "VolumeKmsKeyId" not in train["ResourceConfig"]  # ml.g5.xlarge
    for step in (normalize, evaluate):
        assert step["ProcessingOutputConfig"]["KmsKeyId"] == KEY
        assert step["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == KEY


def test_the_instance_types_that_are_announced_decide_about_volume_keys(compiled):
    values = {"TrainingInstanceType": "ml.m5.xlarge", "ProcessingInstanceType": "ml.r5d.xlarge"}
    text = compiled(
        kms_key=KEY, training_instance_type="ml.m5.xlarge", processing_instance_type="ml.r5d.xlarge"
    )
    normalize, train, _ = arguments_by_kind(text)
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert "VolumeKmsKeyId" not in normalize["ProcessingResources"]["ClusterConfig"]
    check_definition(json.loads(text), values)
    with pytest.raises(DefinitionError, match="volume-key-needs-a-volume"):
        check_definition(json.loads(text))


def test_jobs_carry_tags_that_a_bill_can_be_split_by(compiled):
    normalize, train, evaluate = arguments_by_kind(compiled(tags=(("CostCenter", "1234"),)))
    tags = [{tag["Key"]: tag["Value"] for tag in step["Tags"]} for step in (normalize, train, evaluate)]
    own = {"Project": "fashion-mnist", "Pipeline": "fashion-mnist", "CostCenter": "1234"}
    assert tags[0] == own | {"Step": "NormalizeData"}
    assert tags[1] == own | {"Step": "Train-cnn-3x3-0", "Candidate": "cnn-3x3"}
    assert tags[2] == own | {"Step": "Evaluate"}


def test_every_job_is_tried_again_without_capacity_and_above_the_quota(compiled):
    for step in steps(compiled()).values():
        if step["Type"] in ("Processing", "Training"):
            types = {name for policy in step["RetryPolicies"] for name in policy["ExceptionType"]}
            assert {"SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"} < types


def test_no_experiment_is_made(compiled):
    assert json.loads(compiled())["PipelineExperimentConfig"] is None
