"""A job with several instances: what each is told, what it gets, what becomes of what it leaves, how it ends."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.hosts import make_hosts
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.ports import reserve_ports
from pipeline.local.jobs.runner import StepStopped
from tests.pipeline.local.workbench import Workbench

# Every script starts with it.
WHO = """
import json, os, pathlib, signal, sys, time
(path,) = pathlib.Path(root, "opt/ml").glob("**/config/resourceconfig.json")
resources = json.loads(path.read_text())
me, hosts = resources["current_host"], resources["hosts"]
"""
PROCESSING = "root = '.'" + WHO
TRAINING = "import os\nroot = os.environ['HOME']" + WHO
WAIT = "print('waiting', flush=True)\ntime.sleep(60)\n"


def processing(bench: Workbench, script: str, count: int = 2, **more: Any) -> dict[str, Any]:
    request = bench.processing(PROCESSING + script, **more)
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = count
    return request


def training(bench: Workbench, script: str, count: int = 2, **more: Any) -> dict[str, Any]:
    request = bench.training(TRAINING + script, **more)
    request["ResourceConfig"]["InstanceCount"] = count
    return request


def shown(bench: Workbench) -> dict[str, Any]:
    """What the hosts printed as JSON after the word “shown”, by host."""
    found = {}
    for line in bench.lines:
        host, _, text = line.partition("] shown ")
        if text:
            found[host.removeprefix("[")] = json.loads(text)
    return dict(sorted(found.items()))


def test_each_processing_host_has_its_name_its_folder_and_the_list_of_all(either: Workbench) -> None:
    script = "print('shown', json.dumps([resources, os.getcwd(), os.environ['SM_NUM_CPUS']]))"
    either.run("Processing", processing(either, script, count=3), cores=7)
    names = ["algo-1", "algo-2", "algo-3"]
    assert shown(either) == {
        name: [
            {
                "current_host": name,
                "current_instance_type": "ml.m5.xlarge",
                "hosts": names,
                "network_interface_name": "eth0",
            },
            either.seen("/", name),
            "2",
        ]
        for name in names
    }
    assert not either.container().exists()


def test_each_training_host_has_its_configuration_variables_and_share(either: Workbench) -> None:
    script = """
variables = {name: value for name, value in os.environ.items() if len(value) < 200}
print("shown", json.dumps([resources, variables, sys.argv[1:]]))
"""
    hyperparameters = {"out": "/opt/ml/model/x"}
    either.run("Training", training(either, script, hyperparameters=hyperparameters), cores=4)
    found = shown(either)
    assert list(found) == ["algo-1", "algo-2"]
    for rank, (name, (resources, environment, argv)) in enumerate(found.items()):
        root = either.seen("/opt/ml", name)
        assert resources == {
            "current_host": name,
            "current_instance_type": "ml.g5.xlarge",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.g5.xlarge",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "eth0",
        }
        expected = {
            "SM_CURRENT_HOST": name,
            "SM_HOSTS": '["algo-1", "algo-2"]',
            "SM_HOST_COUNT": "2",
            "SM_CURRENT_HOST_RANK": str(rank),
            "SM_NUM_CPUS": "2",
            "OMP_NUM_THREADS": "2",
            "SM_OUTPUT_DIR": f"{root}/output",
            "SM_MASTER_ADDR": "127.0.0.1",
        }
        assert expected.items() <= environment.items()
        assert environment["HOME"] == either.seen("/", name)
        assert argv == ["--out", f"{root}/model/x"]
    ports = {environment["SM_MASTER_PORT"] for _, environment, _ in found.values()}
    assert len(ports) == 1


def test_the_hosts_run_at_once_and_reach_each_other(bench: Workbench) -> None:
    script = """
import socket
place = (os.environ["SM_MASTER_ADDR"], int(os.environ["SM_MASTER_PORT"]))
if me == hosts[0]:
    with socket.create_server(place) as server:
        print("heard", server.accept()[0].recv(9).decode())
else:
    while True:
        try:
            socket.create_connection(place).sendall(me.encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
"""
    bench.run("Training", training(bench, script))
    assert "[algo-1] heard algo-2" in bench.lines


def test_inputs_are_replicated_or_sharded_by_key(bench: Workbench) -> None:
    data = bench.put("data", {"b": "1", "a": "1", "e/": "", "d/x": "1", "c": "1", "d/y": "1"})
    script = """
for name in ("all", "shared"):
    folder = pathlib.Path(f"opt/ml/processing/{name}")
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    print("shown", json.dumps(found)) if name == "shared" else print(*found)
"""
    inputs = {"/opt/ml/processing/all": data, "/opt/ml/processing/shared": data}
    request = processing(bench, script, inputs=inputs)
    request["ProcessingInputs"][2]["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"
    bench.run("Processing", request)
    assert shown(bench) == {"algo-1": ["a", "c", "d/y"], "algo-2": ["b", "d/x"]}
    assert [f"[{host}] a b c d/x d/y" in bench.lines for host in ("algo-1", "algo-2")] == [True, True]


def test_a_sharded_channel_says_so_and_may_leave_a_host_with_nothing(bench: Workbench) -> None:
    data = bench.put("data", {"only": "1"})
    script = """
config = json.loads(pathlib.Path(root, "opt/ml/input/config/inputdataconfig.json").read_text())
files = os.listdir(os.environ["SM_CHANNEL_TRAIN"])
print("shown", json.dumps([files, config["train"]["S3DistributionType"], config["code"]["S3DistributionType"]]))
"""
    request = training(bench, script, channels={"train": data})
    request["InputDataConfig"][2]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    bench.run("Training", request)
    assert shown(bench) == {
        "algo-1": [["only"], "ShardedByS3Key", "FullyReplicated"],
        "algo-2": [[], "ShardedByS3Key", "FullyReplicated"],
    }


def test_outputs_of_all_hosts_are_one_output(bench: Workbench) -> None:
    script = """
folder = pathlib.Path("opt/ml/processing/output/out")
(folder / me).mkdir()
(folder / me / "part").write_text(me)
(folder / "same").write_text(me)
pathlib.Path("opt/ml/output/message").write_text("")
if me == "algo-2":
    pathlib.Path("opt/ml/output/message").write_text("two parts")
"""
    properties = bench.run("Processing", processing(bench, script, outputs=["out"])).properties
    assert bench.keys(bench.uri("out/")) == ["algo-1/part", "algo-2/part", "same"]
    assert bench.get(bench.uri("out/same")) == b"algo-1"
    assert any("out/same was written by more than one host" in line for line in bench.lines)
    assert properties["ExitMessage"] == "two parts"


def test_models_of_all_hosts_are_one_artifact(bench: Workbench) -> None:
    script = """
for variable in ("SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR"):
    pathlib.Path(os.environ[variable], "shards").mkdir()
    pathlib.Path(os.environ[variable], "shards", me).write_text(me)
"""
    bench.run("Training", training(bench, script))
    for name in ("model", "output"):
        content = io.BytesIO(bench.get(bench.uri(f"models/job-1/output/{name}.tar.gz")))
        with tarfile.open(fileobj=content) as archive:
            assert archive.getnames() == ["shards", "shards/algo-1", "shards/algo-2"]


def test_checkpoints_of_one_host_reach_all_at_the_next_start(bench: Workbench) -> None:
    script = """
folder = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"])
print("shown", json.dumps(sorted(p.name for p in folder.iterdir())))
if me == "algo-2":
    (folder / "state").write_text("1")
"""
    for expected in ([], ["state"]):
        request = training(bench, script, CheckpointConfig={"S3Uri": bench.uri("checkpoints")})
        bench.run("Training", request)
        assert shown(bench) == {"algo-1": expected, "algo-2": expected}


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("sys.exit(3)", "host algo-2: exit status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "host algo-2: killed by signal 9 (out of memory?)"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_host_that_fails_ends_the_others_and_is_named(bench: Workbench, end: str, told: str) -> None:
    script = f"if me == 'algo-2':\n    print('my own words', flush=True)\n    {end}\n"
    started = time.monotonic()
    with pytest.raises(StepFailed) as failure:
        bench.run("Processing", processing(bench, script + WAIT, count=3, outputs=["out"]))
    assert time.monotonic() - started < 20
    reason = str(failure.value)
    assert told in reason
    assert "  my own words" in reason
    assert "waiting" not in reason
    assert reason.startswith("host algo-2: ")
    assert bench.keys(bench.uri("out")) == []


def test_the_first_failure_is_the_reason_and_what_follows_from_it_is_not(bench: Workbench) -> None:
    script = """
if me == "algo-2":
    pathlib.Path("opt/ml/output/message").write_text("the cause")
    sys.exit(1)
def lost(*_):
    pathlib.Path("opt/ml/output/message").write_text("lost the other host")
    sys.exit(9)
signal.signal(signal.SIGTERM, lost)
"""
    with pytest.raises(StepFailed, match=r"^host algo-2: exit status 1: the cause\n"):
        bench.run("Processing", processing(bench, script + WAIT))


def test_a_host_that_is_done_early_ends_nothing(bench: Workbench) -> None:
    script = "if me == 'algo-1': sys.exit(0)\ntime.sleep(0.5)\nprint('done late')"
    bench.run("Processing", processing(bench, script))
    assert "[algo-2] done late" in bench.lines


# Not by print, which fails when the signal comes within another print.
GRACEFUL = """
def end(*_):
    os.write(1, b"told to stop\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
"""


def test_a_stop_reaches_every_host(bench: Workbench) -> None:
    bench.stop_at = ("[algo-1] waiting", "[algo-2] waiting")
    with pytest.raises(StepStopped):
        bench.run("Processing", processing(bench, GRACEFUL + WAIT))
    assert {"[algo-1] told to stop", "[algo-2] told to stop"} <= set(bench.lines)


def test_the_time_limit_reaches_every_host(bench: Workbench) -> None:
    with pytest.raises(StepFailed, match=r"^ran longer than MaxRuntimeInSeconds=5\n"):
        bench.run("Processing", processing(bench, GRACEFUL + WAIT, limit=5))
    assert {"[algo-1] told to stop", "[algo-2] told to stop"} <= set(bench.lines)


def test_ports_are_not_given_twice_at_once() -> None:
    taken: list[range] = []
    with reserve_ports(3) as one, reserve_ports(3) as two:
        taken = [range(first, first + 3) for first in (one, two)]
    assert set(taken[0]).isdisjoint(taken[1])


def test_many_jobs_can_reserve_ports_at_once() -> None:
    found: list[int] = []
    meeting = threading.Barrier(8)

    def reserve() -> None:
        with reserve_ports(4) as first:
            meeting.wait(timeout=10)
            found.extend(range(first, first + 4))

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 32


@pytest.mark.parametrize(
    ("visible", "count", "shares"),
    [
        ("0,1,2,3,4", 2, [("0", "1"), ("2", "3")]),
        ("GPU-a,GPU-b", 2, [("GPU-a",), ("GPU-b",)]),
        ("0", 2, [(), ()]),
        ("0,1", 1, [("0", "1")]),
    ],
)
def test_gpus_are_shared_out_evenly(
    tmp_path: Path, visible: str, count: int, shares: list[tuple[str, ...]]
) -> None:
    user = {"CUDA_VISIBLE_DEVICES": visible}
    with JobLog(tmp_path / "log", lambda line: None) as log:
        hosts = make_hosts(tmp_path / "container", (), count=count, cores=1, log=log, user=user)
    assert [host.gpus for host in hosts] == shares
    assert [host.cores for host in hosts] == [1] * count
