"""What the SDK's local mode does, without a container: the rows of docs/differences.md that are the SDK's."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.local.state.local_aws import LocalAws

Heard = list[tuple[str, ...]]


class Listener:
    """Notes what the SDK's executor does."""

    def __init__(self) -> None:
        self.heard: Heard = []

    def step_started(self, name: str) -> None:
        self.heard.append(("started", name))

    def step_succeeded(self, name: str, properties: Any) -> None:
        self.heard.append(("succeeded", name, str(properties.get("Outcome"))))

    def step_failed(self, name: str, reason: str) -> None:
        self.heard.append(("failed", name, reason))


@pytest.fixture(scope="module")
def workflow(sdk: ModuleType) -> ModuleType:
    """sagemaker.mlops.workflow, with the modules that are needed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sagemaker.mlops.workflow as package
        import sagemaker.mlops.workflow.callback_step
        import sagemaker.mlops.workflow.condition_step
        import sagemaker.mlops.workflow.fail_step
        import sagemaker.mlops.workflow.pipeline
        import sagemaker.mlops.workflow.step_dependency  # noqa: F401
    module: ModuleType = package
    return module


@pytest.fixture(scope="module")
def session(sdk: ModuleType, aws: LocalAws) -> Any:
    aws.ensure_bucket("bkt-local-mode")
    return sdk.ComposeSession(aws.endpoint_url, aws.credentials, "bkt-local-mode")


def execute(
    sdk: ModuleType, session: Any, workflow: ModuleType, folder: Path, *steps: Any, **options: Any
) -> Heard:
    """What happens to a pipeline of `steps`. Nothing is asked of any service."""
    session.connect(folder, lambda create, job_name, request: None)
    pipeline = workflow.pipeline.Pipeline(
        name="local-mode",
        steps=list(steps),
        parameters=options.get("parameters", []),
        sagemaker_session=session,
    )
    listener = Listener()
    sdk.execute_pipeline(pipeline, session, "abcdef123456", options.get("given", {}), listener)
    return listener.heard


def decide(
    sdk: ModuleType, session: Any, workflow: ModuleType, folder: Path, condition: Any, **options: Any
) -> Heard:
    step = workflow.condition_step.ConditionStep("Decide", conditions=[condition])
    return execute(sdk, session, workflow, folder, step, **options)


def said(sdk: ModuleType, session: Any, workflow: ModuleType, folder: Path, text: Any) -> str:
    """What a Fail step says whose message is `text`."""
    heard = execute(sdk, session, workflow, folder, workflow.fail_step.FailStep("Say", error_message=text))
    assert heard[-1][:2] == ("failed", "Say")
    return heard[-1][2]


def test_the_first_failure_ends_the_execution(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    steps = [workflow.fail_step.FailStep(name, error_message="as told") for name in ("One", "Two")]
    heard = execute(sdk, session, workflow, tmp_path, *steps)
    assert [kind for kind, *_ in heard] == ["started", "failed"]


def test_a_whole_number_is_not_compared_with_a_float(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    from sagemaker.core.workflow.conditions import ConditionEquals
    from sagemaker.core.workflow.parameters import ParameterInteger

    epochs = ParameterInteger("Epochs", default_value=1)
    heard = decide(sdk, session, workflow, tmp_path, ConditionEquals(epochs, 1.0), parameters=[epochs])
    assert heard[-1][:2] == ("failed", "Decide")
    assert "are not of the same type" in heard[-1][2]


def test_in_takes_true_for_one(sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path) -> None:
    from sagemaker.core.workflow.conditions import ConditionIn

    assert decide(sdk, session, workflow, tmp_path, ConditionIn(True, [1])) == [
        ("started", "Decide"),
        ("succeeded", "Decide", "True"),
    ]


def test_join_writes_booleans_as_python_does(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    from sagemaker.core.workflow.functions import Join

    assert said(sdk, session, workflow, tmp_path, Join(on="-", values=["a", True, 1e-07])) == "a-True-1e-07"


def test_arns_are_names(sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path) -> None:
    from sagemaker.core.workflow.execution_variables import ExecutionVariables

    assert said(sdk, session, workflow, tmp_path, ExecutionVariables.PIPELINE_ARN) == "local-mode"
    assert said(sdk, session, workflow, tmp_path, ExecutionVariables.PIPELINE_EXECUTION_ARN) == "abcdef123456"


def test_a_step_of_another_type_is_refused(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    step = workflow.callback_step.CallbackStep("Ask", sqs_queue_url="queue", inputs={}, outputs=[])
    with pytest.raises(Exception, match="Step type Callback is not supported in local mode"):
        execute(sdk, session, workflow, tmp_path, step)


def test_waiting_for_a_failure_is_refused(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    dependency = workflow.step_dependency
    first = workflow.fail_step.FailStep("First")
    after = workflow.fail_step.FailStep(
        "After", depends_on=[dependency.StepDependency(first, dependency.TriggerCondition.FAILED)]
    )
    with pytest.raises(ValueError, match="run condition"):
        execute(sdk, session, workflow, tmp_path, first, after)


def test_a_loop_is_refused(sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path) -> None:
    callback = workflow.callback_step.CallbackStep("Ask", sqs_queue_url="queue", inputs={}, outputs=[])
    step = workflow.for_each_step.ForEachStep("Each", ["a"], 1, [callback])
    with pytest.raises(Exception, match="Step type ForEach is not supported in local mode"):
        execute(sdk, session, workflow, tmp_path, step)


def test_a_parameter_cannot_be_empty_or_of_another_type(
    sdk: ModuleType, session: Any, workflow: ModuleType, tmp_path: Path
) -> None:
    from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString

    text, rate = ParameterString("Text", default_value="a"), ParameterFloat("Rate", default_value=0.5)
    for given, message in (({"Text": ""}, "too short"), ({"Rate": 1}, "Unexpected type")):
        with pytest.raises(Exception, match=message):
            execute(sdk, session, workflow, tmp_path, parameters=[text, rate], given=given)


def test_a_manifest_is_copied_itself(session: Any, aws: LocalAws) -> None:
    from sagemaker.core.local.data import S3DataSource

    aws.client("s3").put_object(
        Bucket="bkt-local-mode",
        Key="lists/all.manifest",
        Body=b'[{"prefix": "s3://bkt-local-mode/in/"}, "b"]',
    )
    root = Path(S3DataSource("bkt-local-mode", "lists/all.manifest", session).get_root_dir())
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["all.manifest"]


def test_names_below_a_prefix_are_cut(session: Any, aws: LocalAws) -> None:
    from sagemaker.core.local.data import S3DataSource

    for key in ("in/a.txt", "in/abc/x", "in/a/y", "in/b"):
        aws.client("s3").put_object(Bucket="bkt-local-mode", Key=key, Body=b"1")
    root = Path(S3DataSource("bkt-local-mode", "in/a", session).get_root_dir())
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert found == {".txt", "bc/x", "y"}
