"""Transform jobs whose model is a small server: what is sent, what is kept, and what fails with which words."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.programs import Programs
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.jobs.stand_in import StandIn
from tests.pipeline.local.workbench import Workbench

SERVER = str(Path(__file__).with_name("adding_server.py"))


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def prepare(bench: Workbench, **environment: str) -> Workbench:
    """A bench with the model `adder`, whose factor is 2, and its server."""
    uri = bench.put("models", {"model.tar.gz": archive(factor="2")}) + "model.tar.gz"
    bench.models["adder"] = [{"Image": "1.dkr/adder:1", "ModelDataUrl": uri, "Environment": environment}]
    bench.stand_in(StandIn("*/adder:*", ("python3", SERVER)))
    return bench


def request(bench: Workbench, files: Mapping[str, str | bytes], **more: Any) -> dict[str, Any]:
    """A CreateTransformJob request for the objects `files`; `more` are members of it, and of its input."""
    own = ("SplitType", "CompressionType", "ContentType")
    given = {"SplitType": "Line", "ContentType": "text/csv"} | {
        key: more.pop(key) for key in own if key in more
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": bench.put("in", files)} | more.pop("source", {})
    return {
        "ModelName": "adder",
        "TransformInput": {"DataSource": {"S3DataSource": source}, **given},
        "TransformOutput": {"S3OutputPath": bench.uri("out"), "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        **more,
    }


def asked(bench: Workbench) -> list[list[str]]:
    """What the server was asked, with ContentType and Accept."""
    said = (line.partition("asked ") for line in bench.lines)
    return [json.loads(text) for _, found, text in said if found]


def outputs(bench: Workbench) -> dict[str, str]:
    return {key: bench.get(bench.uri("out", key)).decode() for key in bench.keys(f"{bench.uri('out')}/")}


def test_each_object_becomes_one_in_the_order_of_its_records(either: Workbench) -> None:
    bench = prepare(either, LEVEL="3")
    given = request(
        bench,
        {"a.csv": "1,2\n3,4\n", "deep/b.csv": "5,6"},
        Environment={"WANTED_PARAMETERS": ""},
        MaxPayloadInMB=3,
        BatchStrategy="MultiRecord",
    )
    properties = bench.run("Transform", given).properties
    assert outputs(bench) == {"a.csv.out": "6\n14\n", "deep/b.csv.out": "22\n"}
    assert asked(bench) == [["1,2\n3,4\n", "text/csv", "text/csv"], ["5,6", "text/csv", "text/csv"]]
    assert given.items() <= properties.items()
    assert properties["TransformJobName"] == "job-1"
    assert properties["TransformJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:transform-job/job-1"
    assert properties["TransformJobStatus"] == "Completed"
    assert properties["CreationTime"] <= properties["TransformStartTime"] <= properties["TransformEndTime"]
    assert "PrimaryContainer" not in properties
    (served,) = [json.loads(line.partition(" ")[2]) for line in bench.lines if line.startswith("serving ")]
    assert served == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_BIND_TO_PORT": "",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
    }
    assert not bench.container().exists()


def test_single_records_and_joins(bench: Workbench) -> None:
    prepare(bench)
    wanted = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    given = request(bench, {"a.csv": "x,1,2\ny,3,4\n"}, BatchStrategy="SingleRecord", DataProcessing=wanted)
    bench.run("Transform", given)
    assert outputs(bench) == {"a.csv.out": "x,6\ny,14\n"}
    assert [each[0] for each in asked(bench)] == ["1,2\n", "3,4\n"]


def test_without_split_and_types_an_object_is_sent_as_it_is(bench: Workbench) -> None:
    prepare(bench)
    given = request(bench, {"a": "1\n2\n"}, SplitType="None")
    del given["TransformInput"]["ContentType"], given["TransformOutput"]["Accept"]
    given["TransformOutput"]["AssembleWith"] = "None"
    bench.run("Transform", given)
    assert outputs(bench) == {"a.out": "2\n4"}
    assert asked(bench) == [["1\n2\n", None, None]]


def test_the_server_says_how_it_wants_to_be_asked_and_the_request_wins(bench: Workbench) -> None:
    wanted = json.dumps({"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 9})
    prepare(bench, WANTED_PARAMETERS=wanted)
    rows = "".join(f"{number}\n" for number in range(20))
    bench.run("Transform", request(bench, {"a.csv": rows, "b.csv": "1\n"}, MaxPayloadInMB=2))
    assert "[local] MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=SingleRecord" in bench.lines
    # Asked side by side, and kept in order all the same.
    assert outputs(bench)["a.csv.out"] == "".join(f"{2 * number}\n" for number in range(20))
    assert len(asked(bench)) == 21


def test_a_manifest_and_several_hosts(bench: Workbench) -> None:
    prepare(bench)
    uri = bench.put("data", {f"{name}.csv": "1\n" for name in "abc"})
    manifest = bench.put("list", {"m.json": json.dumps([{"prefix": uri}, "a.csv", "c.csv"])}) + "m.json"
    given = request(bench, {}, source={"S3DataType": "ManifestFile", "S3Uri": manifest})
    given["TransformResources"]["InstanceCount"] = 2
    bench.run("Transform", given)
    assert outputs(bench) == {"a.csv.out": "2\n", "c.csv.out": "2\n"}
    hosts = [line[:8] for line in bench.lines if "asked" in line]
    assert sorted(hosts) == ["[algo-1]", "[algo-2]"]


def test_a_bad_record_fails_its_object_and_the_job_and_not_the_others(bench: Workbench) -> None:
    prepare(bench)
    files = {"a.csv": "1\nstatus 400\n3\n", "b.csv": "1\n", "c.csv": "1\nx,2\n"}
    wanted = {"InputFilter": "$[0]", "JoinSource": "Input"}
    given = request(bench, files, BatchStrategy="SingleRecord", DataProcessing=wanted)
    bench.put("in", {"c.csv": '1\n"\n'})
    with pytest.raises(StepFailed) as failed:
        bench.run("Transform", given)
    reason = str(failed.value)
    place = bench.uri("in")
    assert "2 of 3 objects could not be transformed:" in reason
    assert f"{place}/a.csv, line 2: the model answered 400: 'refused status 400'" in reason
    assert f"{place}/c.csv, line 2: it is not CSV: unexpected end of data" in reason
    assert f"What came of the other one is in {bench.uri('out')}." in reason
    assert outputs(bench) == {"b.csv.out": "1,2\n"}


def test_a_batch_that_fails_is_named_by_its_lines(bench: Workbench) -> None:
    prepare(bench)
    with pytest.raises(
        StepFailed, match=r"a\.csv, lines 1 to 3: the model answered 415: 'refused status 415'"
    ):
        bench.run("Transform", request(bench, {"a.csv": "1\n2\nstatus 415\n"}))


def test_what_fails_for_the_moment_is_asked_again(bench: Workbench) -> None:
    prepare(bench)
    bench.run("Transform", request(bench, {"a.csv": "once 503\n"}))
    assert outputs(bench) == {"a.csv.out": "0\n"}
    bench.lines.clear()
    config = {"InvocationsMaxRetries": 1, "InvocationsTimeoutInSeconds": 30}
    given = request(bench, {"a.csv": "status 500\n"}, ModelClientConfig=config)
    with pytest.raises(StepFailed, match="line 1: the model answered 500"):
        bench.run("Transform", given, name="job-2")
    assert len(asked(bench)) == 2


def test_a_model_that_does_not_answer_in_time_is_given_up(bench: Workbench) -> None:
    prepare(bench)
    config = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 1}
    with pytest.raises(StepFailed, match="line 1: the model did not answer within 1 s"):
        bench.run("Transform", request(bench, {"a.csv": "slow\n"}, ModelClientConfig=config))


@pytest.mark.parametrize(
    ("word", "reason"),
    [("die", "killed by signal 9"), ("end", "The server of the model ended by itself, with exit status 0")],
)
def test_a_server_that_ends_is_the_reason(bench: Workbench, word: str, reason: str) -> None:
    prepare(bench)
    with pytest.raises(StepFailed, match=reason) as failed:
        bench.run("Transform", request(bench, {"a.csv": f"1\n{word}\n"}, BatchStrategy="SingleRecord"))
    assert f"Its folder is kept: {bench.container()}" in str(failed.value)


def test_a_server_that_does_not_start_is_the_reason(bench: Workbench) -> None:
    prepare(bench)
    bench.stand_in(StandIn("*/adder:*", ("python3", "-c", "raise SystemExit('no model')")))
    with pytest.raises(StepFailed, match=r"(?s)exit status 1.*no model"):
        bench.run("Transform", request(bench, {"a.csv": "1\n"}))


def test_a_stop_ends_server_and_job(bench: Workbench) -> None:
    prepare(bench)
    bench.stop_at = 'asked ["slow\\n", "text/csv", "text/csv"]'
    with pytest.raises(StepStopped):
        bench.run("Transform", request(bench, {"a.csv": "slow\n"}))
    assert outputs(bench) == {}


def test_a_model_that_nobody_made_needs_a_stand_in_for_the_step(bench: Workbench) -> None:
    given = request(bench, {"a.csv": "1\n"}) | {"ModelName": "unknown"}
    with pytest.raises(
        StepFailed, match=r"made the model 'unknown'\. Say what to run: --stand-in \"Step=python3"
    ):
        bench.run("Transform", given)
    text = Path(SERVER).read_text().replace("float(Path(", "2.0 or (Path(")
    bench.stand_in(StandIn("Step", ("python3", "-c", text)))
    bench.run("Transform", given, name="job-2")
    assert outputs(bench) == {"a.csv.out": "2\n"}


def test_an_image_without_a_stand_in_and_several_containers_are_refused(bench: Workbench) -> None:
    bench.models["adder"] = [{"Image": "1.dkr/adder:1"}]
    bench.run_programs(Programs())
    given = request(bench, {"a.csv": "1\n"})
    with pytest.raises(
        StepFailed, match=r"its model is served by the image 1\.dkr/adder:1\. Say what to run"
    ):
        bench.run("Transform", given)
    bench.models["adder"] *= 2
    with pytest.raises(StepFailed, match="its model has 2 containers, and one is served here"):
        bench.run("Transform", given, name="job-2")


def test_artifacts_that_are_no_archives_lie_as_they_are(bench: Workbench) -> None:
    prepare(bench)
    source = {
        "S3Uri": bench.put("plain", {"factor": "10"}),
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }
    bench.models["adder"][0] = {"Image": "1.dkr/adder:1", "ModelDataSource": {"S3DataSource": source}}
    bench.run("Transform", request(bench, {"a.csv": "1\n"}))
    assert outputs(bench) == {"a.csv.out": "10\n"}


def test_the_artifact_is_one_object(bench: Workbench) -> None:
    prepare(bench)
    uri = bench.models["adder"][0]["ModelDataUrl"]
    bench.put("models", {"model.tar.gz.old": b"no archive"})
    bench.run("Transform", request(bench, {"a.csv": "1\n"}))
    assert outputs(bench) == {"a.csv.out": "2\n"}
    bench.models["adder"][0]["ModelDataUrl"] = uri.removesuffix("z")
    with pytest.raises(
        StepFailed, match=r"no object .*model\.tar\.g in the local S3, only some whose names begin"
    ):
        bench.run("Transform", request(bench, {"a.csv": "1\n"}), name="job-2")


def test_what_parameters_have_put_together_wrongly_is_refused_before_the_server_starts(
    bench: Workbench,
) -> None:
    prepare(bench)
    given = request(bench, {"a.csv": "1\n"}, DataProcessing={"InputFilter": "$[0]"}, SplitType="None")
    with pytest.raises(
        StepFailed, match=r"TransformInput\.SplitType: filters and joins of text/csv need Line"
    ):
        bench.run("Transform", given)
    assert not any(line.startswith("serving") for line in bench.lines)
