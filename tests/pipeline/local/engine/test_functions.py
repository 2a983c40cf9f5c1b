"""Lambda and Callback steps: what the user's function is given, what it returns, and what is refused."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DefinitionError, UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import resume_execution
from pipeline.local.jobs.functions.handler import Handler, parse_handler
from pipeline.local.jobs.interpreter import this_interpreter
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher, document, get, start, statuses
from tests.pipeline.local.workbench import QUICK, Workbench

ARN = "arn:aws:lambda:us-east-1:123456789012:function:deploy"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/answers"
HANDLERS = """
import json, os, time
import beside

def double(event, context):
    print("doubling", event["n"])
    assert context.get_remaining_time_in_millis() > 500_000
    name, arn = context.function_name, context.invoked_function_arn
    return {"n": event["n"] * 2, "name": name, "arn": arn, "word": beside.WORD}

def types(event, context):
    return {"s": 200, "i": 3, "b": True, "f": 2, "more": None}

def approve(message):
    return {"seen": json.dumps(message, sort_keys=True)}

def fails(event, context=None):
    raise ValueError("no such endpoint")

def exits(event, context):
    raise SystemExit("bye")

def nothing(event, context):
    pass

def odd(event, context):
    return {"o": {1, 2}}

def sleeps(event, context):
    print("sleeping", flush=True)
    time.sleep(60)

def fails_once(event, context):
    if not os.path.exists(event["flag"]):
        raise ValueError("not yet")
    return {}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("WORD = 'imported'")
    (tmp_path / "handlers.py").write_text(HANDLERS)
    return tmp_path / "handlers.py"


def outputs(**types: str) -> list[dict[str, str]]:
    return [{"OutputName": name, "OutputType": kind} for name, kind in types.items()]


def calling(
    name: str = "L", declared: list[dict[str, str]] | None = None, **arguments: Any
) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Lambda",
        "FunctionArn": ARN,
        "Arguments": arguments,
        "OutputParameters": declared or [],
    }


def asking(name: str, declared: list[dict[str, str]], **arguments: Any) -> dict[str, Any]:
    step = calling(name, declared, **arguments)
    del step["FunctionArn"]
    return {**step, "Type": "Callback", "SqsQueueUrl": get("Parameters.Queue")}


QUEUE_PARAMETER = ({"Name": "Queue", "DefaultValue": QUEUE},)


def test_a_lambda_step_calls_the_users_function_and_hands_on_what_it_returns(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    declared = outputs(n="Integer", name="String", arn="String", word="String")
    first = calling("L", declared, n=4)
    second = calling("M", declared, n=get("Steps.L.OutputParameters['n']"))
    for launcher in ("auto", "process"):
        watcher = Watcher()
        record = start(
            bench,
            local_store,
            document(first, second),
            watcher,
            handlers=[Handler(ARN, file, "double")],
            launcher=launcher,
        )
        assert statuses(record) == {"L": "Succeeded", "M": "Succeeded"}, record.failure_reason
        assert record.step("M").properties == {
            "OutputParameters": {"n": 16, "name": "deploy", "arn": ARN, "word": "imported"}
        }
        assert ("M", "doubling 8") in watcher.lines
        assert record.step("L").launcher is not None


def test_a_callback_step_asks_the_users_function_with_the_message_of_the_queue(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    text = document(asking("C", outputs(seen="String"), a="b"), parameters=QUEUE_PARAMETER)
    record = start(bench, local_store, text, handlers=[Handler(QUEUE, file, "approve")])
    assert record.status == "Succeeded", record.failure_reason
    message = json.loads(record.step("C").properties["OutputParameters"]["seen"])
    assert message.pop("token")
    assert message == {
        "arguments": {"a": "b"},
        "pipelineExecutionArn": (
            f"arn:aws:sagemaker:us-east-1:{bench.aws.ACCOUNT}:pipeline/small/execution/{record.execution_id}"
        ),
        "status": "Executing",
    }


def test_outputs_have_the_types_that_the_step_declares(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    declared = outputs(s="String", i="Integer", b="Boolean", f="Float")
    record = start(
        bench, local_store, document(calling("L", declared)), handlers=[Handler("L", file, "types")]
    )
    # SageMaker's own examples return the number 200 for a String.
    assert record.step("L").properties["OutputParameters"] == {"s": "200", "i": 3, "b": True, "f": 2}


@pytest.mark.parametrize(
    ("function", "declared", "reason"),
    [
        ("fails", {}, "exit status 1: ValueError: no such endpoint"),
        ("exits", {}, "exit status 1: SystemExit: bye"),
        # Not known before: the file writes to its globals().
        ("absent", {}, "exit status 1: AttributeError: handlers.py has no function absent"),
        ("odd", {}, "odd returned what cannot be written as JSON"),
        (
            "nothing",
            {"o": "String"},
            "handlers.py:nothing must return an object with the outputs o, not None.",
        ),
        (
            "types",
            {"o": "String"},
            "handlers.py:types returned no 'o', which is in the OutputParameters of L.",
        ),
        (
            "types",
            {"b": "Integer"},
            "handlers.py:types returned True for the output 'b', whose OutputType is Int",
        ),
        ("types", {"i": "Boolean"}, "returned 3 for the output 'i', whose OutputType is Boolean."),
        ("types", {"more": "String"}, "returned None for the output 'more', whose OutputType is String."),
    ],
)
def test_a_function_that_fails_or_returns_something_else_fails_the_step_by_name(
    bench: Workbench, local_store: Store, file: Path, function: str, declared: dict[str, str], reason: str
) -> None:
    file.write_text(f"{HANDLERS}\nglobals()['more'] = fails")
    text = document(calling("L", outputs(**declared)))
    record = start(bench, local_store, text, handlers=[Handler("L", file, function)])
    assert record.status == "Failed"
    assert reason in str(record.failure_reason)


def test_a_file_with_a_syntax_error_is_refused_with_its_line(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    file.write_text("def f(event, context):\n    return event[\n")
    text, handlers = document(calling("L")), [Handler("L", file, "f")]
    with pytest.raises(UsageError) as caught:
        start(bench, local_store, text, handlers=handlers)
    assert f"Could not use the handler of L: {file}, line 2: '[' was never closed: return event[" in str(
        caught.value
    )
    # Another Python may know more, or less: then the step says it, in Python's own lines about the file alone.
    record = start(bench, local_store, text, handlers=handlers, python=this_interpreter())
    assert "exit status 1: SyntaxError: '[' was never closed (handlers.py, line 2)" in str(
        record.failure_reason
    )
    log = bench.home.step_log(record.execution_id, "L").read_text()
    assert f'File "{file}", line 2' in log
    assert not [line for line in log.splitlines() if "importlib" in line or "call_function" in line]


def test_the_log_of_a_function_that_raises_begins_with_its_own_lines(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    (file.parent / "beside.py").write_text("raise KeyError('in beside')")
    record = start(bench, local_store, document(calling("L")), handlers=[Handler("L", file, "fails")])
    log = bench.home.step_log(record.execution_id, "L").read_text().splitlines()
    places = [line.strip().split(",")[0] for line in log if line.startswith("  File ")]
    assert places == [f'File "{file}"', f'File "{file.parent / "beside.py"}"']
    assert log[-2:] != []
    assert "KeyError: 'in beside'" in log


def test_nothing_returned_is_right_where_nothing_is_declared(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    record = start(bench, local_store, document(calling("L")), handlers=[Handler("L", file, "nothing")])
    assert record.status == "Succeeded", record.failure_reason


def test_a_stop_ends_the_function(bench: Workbench, local_store: Store, file: Path) -> None:
    watcher, stop = Watcher(), threading.Event()

    def stopping() -> None:
        watcher.seen.wait(60)
        stop.set()

    threading.Thread(target=stopping, daemon=True).start()
    handlers = [Handler("L", file, "sleeps")]
    record = start(bench, local_store, document(calling("L")), watcher, stop=stop, handlers=handlers)
    assert statuses(record) == {"L": "Stopped"}


def test_steps_without_a_handler_are_refused_all_at_once_and_told_how_to_name_one(
    bench: Workbench, local_store: Store
) -> None:
    text = document(calling("L"), asking("C", []), parameters=QUEUE_PARAMETER)
    with pytest.raises(UsageError) as caught:
        start(bench, local_store, text)
    message = str(caught.value)
    assert f"  L (Lambda, calls {ARN})\n  C (Callback, calls {QUEUE})" in message
    assert message.endswith("--handler L=handlers.py:function")


def test_a_handler_for_nothing_is_refused(bench: Workbench, local_store: Store, file: Path) -> None:
    with pytest.raises(UsageError, match=r"Could not use --handler Deplyo=…: .* Did you mean .Deploy"):
        start(
            bench,
            local_store,
            document(calling("Deploy")),
            handlers=[Handler("Deplyo", file, "double")],
        )


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({**calling(), "FunctionArn": 3}, "$.Steps[0].FunctionArn: must be a string"),
        ({key: value for key, value in calling().items() if key != "FunctionArn"}, "FunctionArn: missing"),
        ({**calling(), "FunctionArn": get("Parameters.No")}, "there is no parameter 'No'"),
        (calling("L", outputs(o="Text")), "OutputParameters[0].OutputType: must be one of String, Integer"),
        (
            calling("L", [*outputs(o="Float"), *outputs(o="Float")]),
            "the name 'o' is used twice",
        ),
        (
            calling("L", outputs(o="Float"), x=get("Steps.L.OutputParameters['p']")),
            "only OutputParameters['o']",
        ),
        ({**calling(), "RetryPolicies": []}, "$.Steps[0].RetryPolicies: not supported here"),
    ],
)
def test_malformed_members_are_refused(
    bench: Workbench, local_store: Store, step: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        start(bench, local_store, document(step))
    assert problem in str(caught.value)


def test_a_result_is_reused_until_the_file_the_arguments_or_the_outputs_change(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    def cached(step: dict[str, Any]) -> bool:
        text = document({**step, "CacheConfig": {"Enabled": True}})
        record = start(bench, local_store, text, handlers=[Handler(ARN, file, "double")])
        assert record.status == "Succeeded", record.failure_reason
        return record.step(step["Name"]).cached

    name = f"L{os.getpid()}"
    step = calling(name, outputs(n="Integer"), n=1)
    assert [cached(step), cached(step)] == [False, True]
    assert not cached(calling(name, outputs(n="Float"), n=1))
    assert not cached(calling(name, outputs(n="Integer"), n=2))
    file.write_text(f"{HANDLERS}\n# changed")
    assert not cached(step)


def test_resume_calls_the_same_function_and_asks_for_a_file_that_is_gone(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    flag = file.parent / "flag"
    handlers = [Handler("L", file, "fails_once"), Handler("Done", file, "nothing")]
    text = document(calling("Done"), calling("L", flag=str(flag)))
    failed = start(bench, local_store, text, handlers=handlers)
    assert statuses(failed) == {"Done": "Succeeded", "L": "Failed"}
    flag.touch()

    def resume() -> ExecutionRecord:
        return resume_execution(
            failed.execution_id,
            home=bench.home,
            aws=bench.aws,
            store=local_store,
            observer=Watcher(),
            stop=threading.Event(),
            graces=QUICK,
        )

    moved = file.rename(file.with_name("moved.py"))
    with pytest.raises(UsageError, match=r"the handler of L: there is no file .*handlers\.py"):
        resume()
    moved.rename(file)
    assert resume().status == "Succeeded"


@pytest.mark.parametrize("text", ["L", "L=f.py", "L=:f", "=f.py:f", "L=f.py:", "L=f.py:no-name", "L=f.py:1"])
def test_a_handler_without_all_its_parts_is_refused_with_an_example(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Could not read --handler .*--handler Deploy=handlers.py:deploy"):
        parse_handler(text, tmp_path)


def test_a_handler_is_read(file: Path) -> None:
    assert parse_handler(f"{ARN}=handlers.py:double", file.parent) == Handler(ARN, file, "double")
    with pytest.raises(UsageError, match=r"there is no file .*none\.py"):
        parse_handler("L=none.py:double", file.parent)
    with pytest.raises(
        UsageError, match=r"the handler of L: .*handlers\.py defines no duble\. Did you mean .double"
    ):
        parse_handler("L=handlers.py:duble", file.parent)


def test_the_children_of_a_loop_call_what_the_step_of_its_body_calls(
    bench: Workbench, local_store: Store, file: Path
) -> None:
    body = calling("L", outputs(n="Integer"), n=get("ForEach.CurrentItem"))
    arguments = {"IterableItems": [1, 2], "MaxConcurrency": 2, "ForEachBody": [body]}
    text = document({"Name": "Loop", "Type": "ForEach", "Arguments": arguments})
    with pytest.raises(UsageError, match=r"L \(Lambda, calls arn"):
        start(bench, local_store, text)
    record = start(bench, local_store, text, handlers=[Handler("L", file, "double")])
    assert record.status == "Succeeded", record.failure_reason
    made = [record.step(f"L-{index}").properties["OutputParameters"] for index in (0, 1)]
    assert made == [{"n": 2}, {"n": 4}]
