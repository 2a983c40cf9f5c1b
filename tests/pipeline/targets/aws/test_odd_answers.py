"""Whatever answers in AWS's place, and however: every command ends, with one message and without a traceback."""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import infra.cli
from infra.aws import Aws
from pipeline.cli import main as cli
from pipeline.errors import AwsError, FashionError
from pipeline.targets.aws import answers
from pipeline.targets.aws.account import Account, open_account
from pipeline.targets.aws.aws_errors import translate_errors
from tests.pipeline.targets.aws.odd_aws import ACCOUNT, REGION, OddAws

ON = ("--target", "sagemaker")
COMMANDS: dict[str, tuple[str, ...]] = {
    "executions": ("executions", *ON),
    "executions-json": ("executions", "--json", *ON),
    "show": ("show", *ON),
    "show-json": ("show", "--json", *ON),
    "logs": ("logs", "abc", "Train-baseline-0", *ON),
    "stop": ("stop", "abc", *ON),
    "resume": ("resume", "abc", "--plain", *ON),
    "report": ("report", *ON),
    "registry-list": ("registry", "list", *ON),
    "registry-show": ("registry", "show", "1", *ON),
    "registry-reject": ("registry", "reject", "1", *ON),
    "run": ("run", "--param", "TrainingImageUri=none", *ON),
    "deploy": ("deploy", "--yes"),
    "undeploy": ("undeploy", "--yes"),
    "invoke": ("invoke", "IMAGE"),
    "infra-status": ("infra", "status"),
    "infra-status-json": ("infra", "status", "--json"),
    "infra-plan": ("infra", "plan"),
    "infra-deploy": ("infra", "deploy", "--yes"),
    "infra-destroy": ("infra", "destroy", "--yes", "--delete-data"),
}


@pytest.fixture(scope="module")
def odd() -> Iterator[OddAws]:
    aws = OddAws()
    yield aws
    aws.close()


@pytest.fixture(scope="module")
def account(odd: OddAws) -> Iterator[Account]:
    """Opened once: clients take longer to make than all that they are asked here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in odd.environment.items():
            patch.setenv(name, value)
        patch.setattr("pipeline.targets.aws.account.ATTEMPTS", 1)
        patch.setattr("pipeline.targets.aws.account.READ_SECONDS", 1)
        yield open_account(odd.environment)


@pytest.fixture
def command(
    odd: OddAws, account: Account, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], int]:
    """Runs one of COMMANDS in this process; returns its exit status."""
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.targets.sagemaker.open_account", lambda _environ: account)
    monkeypatch.setattr("pipeline.targets.aws.account.open_account", lambda _environ: account)
    for limit in ("follow.PATIENCE", "stopping.STOP", "stopping.RESTART"):
        monkeypatch.setattr(f"pipeline.targets.aws.{limit}_SECONDS", -1)
    monkeypatch.setattr("pipeline.inference.serving.endpoints.PATIENCE_SECONDS", -1)
    monkeypatch.setattr("infra.stack.IDLE_LOOKS", 2)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def run(name: str) -> int:
        words = [str(image) if word == "IMAGE" else word for word in COMMANDS[name]]
        try:
            if words[0] == "infra":
                aws = Aws(ACCOUNT, REGION, "me", account.client)
                return infra.cli.main(words[1:], lambda _profile, _region: aws)
            return cli.main(words)
        finally:
            odd.asked.clear()

    return run


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    file = tmp_path_factory.mktemp("image") / "shirt.png"
    Image.new("L", (28, 28), 200).save(file)
    return file


@pytest.fixture(autouse=True)
def no_faults(odd: OddAws) -> Iterator[None]:
    yield
    odd.faults.clear()
    odd.raw.clear()


# What stands in the place of a member; DROP: nothing does.
DROP = object()
ODD: tuple[Any, ...] = (
    DROP,
    None,
    "",
    "x",
    "\x00",
    -1,
    0,
    1e308,
    True,
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    "NaN",
    float("nan"),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that is in an answer."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def changed(answer: Any, which: int, odd: Any) -> Any:
    """The answer with something odd in one of its places."""
    paths = list(places(answer))
    if not paths:
        return odd if odd is not DROP else answer
    answer = copy.deepcopy(answer)
    *way, last = paths[which % len(paths)]
    inner = answer
    for key in way:
        inner = inner[key]
    if odd is DROP:
        del inner[last]
    else:
        inner[last] = odd
    return answer


def ends_in_order(
    name: str, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    status = command(name)
    said = capsys.readouterr().err
    assert status in (0, 1, 2)
    assert "Traceback" not in said
    assert status == 0 or said or name == "infra-status"
    return status, said


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.sampled_from(sorted(COMMANDS)),
    nth=st.integers(0, 12),
    which=st.integers(0, 400),
    value=st.sampled_from(ODD),
)
def test_an_answer_with_something_odd_in_it_ends_in_words(
    name: str,
    nth: int,
    which: int,
    value: Any,
    odd: OddAws,
    command: Callable[[str], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    counter = itertools.count()
    odd.faults["*"] = lambda answer: changed(answer, which, value) if next(counter) == nth else answer
    ends_in_order(name, command, capsys)


BODIES: dict[str, Callable[[bytes], bytes | None]] = {
    "nothing": lambda _content: b"",
    "a page": lambda _content: b"<!DOCTYPE html><html><body>Sign in to the network</body></html>",
    "null": lambda _content: b"null",
    "a list": lambda _content: b"[]",
    "half": lambda content: content[: len(content) // 2],
    "another XML": lambda _content: b"<a><b/></a>",
    "bytes": lambda _content: b"\xff\xfe\x00",
    "deep": lambda _content: b'{"a":' * 5000,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", ["show", "deploy", "invoke", "run", "infra-plan"])
def test_a_body_that_is_none_of_awss_ends_in_words(
    name: str, body: str, odd: OddAws, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    odd.raw["*"] = BODIES[body]
    status, said = ends_in_order(name, command, capsys)
    assert status in (1, 2)
    assert "Correct what it names" not in said or "Read" in said


@pytest.mark.parametrize("body", BODIES)
def test_an_account_cannot_be_opened_with_a_body_that_is_none_of_awss(
    body: str, odd: OddAws, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in odd.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr("pipeline.targets.aws.account.ATTEMPTS", 1)
    odd.raw["*"] = BODIES[body]
    with pytest.raises(FashionError, match="Opening the AWS account"):
        open_account(odd.environment)


def test_who_accepts_and_never_answers_is_given_up(
    odd: OddAws, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    odd.raw["ListServiceQuotas"] = lambda _content: None
    session = answers.guard(boto3.Session("key", "secret", region_name=REGION))
    patient = Config(read_timeout=0.2, retries={"mode": "adaptive", "total_max_attempts": 10})
    client = session.client("service-quotas", endpoint_url=odd.url, config=patient)
    told = r"Listing: could not reach AWS: there was no answer to ListServiceQuotas within 0 s"
    with pytest.raises(AwsError, match=told), translate_errors("Listing"):
        client.list_service_quotas(ServiceCode="sagemaker")
    assert odd.asked.count("ListServiceQuotas") == 1


@pytest.mark.parametrize("tokens", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_pages_whose_tokens_repeat_come_to_an_end(
    tokens: list[str], odd: OddAws, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    endless = itertools.cycle(tokens)
    odd.faults["ListPipelineExecutions"] = lambda answer: {**answer, "NextToken": next(endless)}
    status, said = ends_in_order("executions", command, capsys)
    assert status == 1
    assert "ListPipelineExecutions" in said
    assert "the token of its next page is an earlier page's" in said


@pytest.mark.parametrize(
    ("name", "operation"), [("executions", "ListPipelineExecutions"), ("infra-plan", "DescribeChangeSet")]
)
def test_pages_without_an_end_come_to_one(
    name: str,
    operation: str,
    odd: OddAws,
    command: Callable[[str], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "MOST_PAGES", 20)
    odd.faults[operation] = lambda answer: {**answer, "NextToken": str(uuid.uuid4())}
    odd.faults["DescribeChangeSet"] = lambda answer: {**answer, "NextToken": str(uuid.uuid4())}
    status, said = ends_in_order(name, command, capsys)
    assert status == 1
    assert f"{operation} is not one of AWS's: it has more than 20 pages" in said


def test_a_log_that_goes_on_without_a_line_ends(odd: OddAws, command: Callable[[str], int]) -> None:
    odd.faults["GetLogEvents"] = lambda _answer: {"events": [], "nextForwardToken": str(uuid.uuid4())}
    assert command("logs") == 0


def test_a_member_that_is_missing_is_named_with_its_operation(
    odd: OddAws, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    odd.faults["DescribePipelineExecution"] = lambda answer: {**answer, "PipelineExecutionStatus": None}
    assert ends_in_order("show", command, capsys) == (
        1,
        "error: Reading the execution abcdefabcdef: The answer to DescribePipelineExecution is not one of AWS's: "
        "it has no PipelineExecutionStatus. Is it AWS that answers there? Look at proxies and AWS_ENDPOINT_URL.\n",
    )


def test_a_member_of_the_wrong_type_is_named_with_its_place(
    odd: OddAws, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    odd.faults["ListModelPackages"] = lambda _answer: {"ModelPackageSummaryList": [{"ModelPackageArn": 5}]}
    _, said = ends_in_order("registry-list", command, capsys)
    assert "ModelPackageSummaryList[0].ModelPackageArn should be a text, and is 5." in said


def test_an_account_whose_answers_are_in_order_is_worked_with(
    odd: OddAws, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("executions", "show", "logs", "registry-list", "invoke", "infra-status", "infra-deploy"):
        assert ends_in_order(name, command, capsys)[0] == 0, name
