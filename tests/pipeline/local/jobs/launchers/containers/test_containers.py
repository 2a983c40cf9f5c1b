"""Jobs in real containers: what they find, how they end, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import resume_execution
from pipeline.local.jobs.launchers.containers import sweep
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.images import parse_image
from pipeline.local.jobs.launchers.containers.launcher import Containers, sweep_gone
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.store import Store
from pipeline.targets.job_image import image_tag
from tests.pipeline.local.engine.test_sdk2_steps import function_step
from tests.pipeline.local.engine.test_start import Watcher, document, get, join, start, statuses, step
from tests.pipeline.local.jobs.test_sdk_bundles import framework_step, put, session  # noqa: F401 (a fixture)
from tests.pipeline.local.jobs.transform.test_transform_job import SERVER, archive, request
from tests.pipeline.local.workbench import QUICK, Workbench

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[6]


def left(engine: Engine, bench: Workbench) -> list[str]:
    """The containers of the bench that there are, running or not."""
    # Not by a filter for the value: podman splits it at commas.
    return [each for each in labelled(engine, sweep.FOLDER) if each == str(bench.container())]


def labelled(engine: Engine, label: str) -> list[str]:
    """What the containers that there are have as that label."""
    form = f'{{{{index .Config.Labels "{label}"}}}}'
    there = engine("ps", "--all", "--quiet", "--filter", f"label={label}").splitlines()
    return [engine.quietly("inspect", "--format", form, each) for each in there]


def test_a_script_with_built_in_paths_runs_in_its_image(contained: Workbench, engine: Engine) -> None:
    given = contained.put("given", {"word": "hello, “world”"})
    script = """
import json, os, pathlib, socket, sys
text = pathlib.Path("/opt/ml/processing/input/word").read_text()
pathlib.Path("/opt/ml/processing/output/out/file.json").write_text(json.dumps({
    "text": text, "python": sys.executable, "host": socket.gethostname(), "user": os.getuid(),
    "home": os.environ["HOME"], "mine": os.environ["MINE"], "twice": os.environ["TWICE"],
    "endpoint": os.environ["AWS_ENDPOINT_URL"], "words": sys.argv[1:],
    "from_outside": sorted({"FASHION_HOME", "VIRTUAL_ENV", "PYTEST_VERSION"} & os.environ.keys()),
}))
"""
    request = contained.processing(
        script,
        arguments=["--a", "b c"],
        inputs={"/opt/ml/processing/input": given},
        outputs=["out"],
        environment={"MINE": "1=2", "TWICE": "one\ntwo", "HOME": "/somewhere"},
    )
    contained.run("Processing", request)
    found = json.loads(contained.get(contained.uri("out", "file.json")))
    endpoint = contained.aws.job_environment(in_container=True)["AWS_ENDPOINT_URL"]
    assert found == {
        "text": "hello, “world”",
        "python": "/opt/venv/bin/python3",
        "host": "algo-1",
        "user": 0,
        "home": "/somewhere",
        "mine": "1=2",
        "twice": "one\ntwo",
        "endpoint": endpoint,
        "words": ["--a", "b c"],
        "from_outside": [],
    }
    assert f"in a container of {image_tag()} in the place of an-image" in contained.log()
    assert left(engine, contained) == []
    assert not contained.container().exists()


def test_a_job_reaches_the_local_s3_with_the_runs_key_which_its_command_line_does_not_tell(
    contained: Workbench,
) -> None:
    launcher = contained.launcher
    assert isinstance(launcher, Containers)
    seen: list[str] = []
    run = launcher.program

    def watched(*args: object, **options: object) -> object:
        program = run(*args, **options)  # type: ignore[arg-type]
        seen.extend(program.command)
        return program

    launcher.program = watched  # type: ignore[assignment, method-assign]
    bucket, key = contained.uri("put").removeprefix("s3://").split("/", 1)
    script = (
        f"import boto3; boto3.client('s3').put_object(Bucket={bucket!r}, Key={key!r}, Body=b'from inside')"
    )
    contained.run("Processing", contained.processing(script))
    assert contained.get(contained.uri("put")) == b"from inside"
    assert "AWS_SECRET_ACCESS_KEY" in seen
    assert contained.aws.credentials.secret_key not in " ".join(seen)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys; sys.exit(3)", "exit status 3"),
        (
            "open('/opt/ml/output/message', 'w').write('no rows'); raise SystemExit(1)",
            "exit status 1: no rows",
        ),
    ],
    ids=["status", "message"],
)
def test_a_failure_has_the_jobs_own_status(
    contained: Workbench, engine: Engine, script: str, reason: str
) -> None:
    with pytest.raises(StepFailed, match=reason):
        contained.run("Processing", contained.processing(script))
    assert left(engine, contained) == []


def test_a_program_that_the_image_lacks_is_said_to_be_missing_there(contained: Workbench) -> None:
    request = contained.processing("pass")
    request["AppSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    with pytest.raises(StepFailed, match=rf"no-such-program is not in the image {image_tag()}\."):
        contained.run("Processing", request)


SAVES = """
import pathlib, signal, sys, time
def save(*_):
    pathlib.Path("/opt/ml/checkpoints/last").write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_stop_reaches_a_script_below_a_shell_whose_checkpoint_is_kept(
    contained: Workbench, engine: Engine
) -> None:
    request = contained.training(
        SAVES,
        source_code={"command": "trap : TERM; python3 train.py; echo ended"},
        CheckpointConfig={"S3Uri": contained.uri("checkpoints")},
    )
    contained.stop_at = "ready"
    with pytest.raises(StepStopped):
        contained.run("Training", request)
    assert contained.get(contained.uri("checkpoints", "last")) == b"saved"
    assert left(engine, contained) == []


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(contained: Workbench, engine: Engine) -> None:
    script = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(90)"
    )
    contained.give(replace(QUICK, stop=0.5))
    contained.stop_at = "ready"
    with pytest.raises(StepStopped):
        contained.run("Processing", contained.processing(script))
    assert left(engine, contained) == []


def test_a_job_that_takes_too_long_is_ended(contained: Workbench, engine: Engine) -> None:
    with pytest.raises(StepFailed, match="ran longer than MaxRuntimeInSeconds=2"):
        contained.run("Processing", contained.processing("import time; time.sleep(90)", limit=2))
    assert left(engine, contained) == []


@pytest.fixture(scope="module")
def entry_image(engine: Engine) -> Iterator[str]:
    """An image whose entry point writes what it is given, in a working directory of its own."""
    name = f"pipeline-tests:{uuid.uuid4().hex[:12]}"
    text = "import os, sys; open(os.environ['TO'], 'w').write(' '.join([os.getcwd(), *sys.argv[1:]]))"
    entry = json.dumps(["python3", "-c", text])
    recipe = f'FROM {image_tag()}\nWORKDIR /made\nENTRYPOINT {entry}\nCMD ["by-itself"]\n'
    subprocess.run(
        [engine.program, "build", "--quiet", "--tag", name, "-"], input=recipe.encode(), check=True
    )
    yield name
    engine.quietly("image", "rm", name)


def test_an_images_own_entry_point_runs_with_what_the_service_gives_it(
    contained: Workbench, entry_image: str
) -> None:
    unpacked = {"S3OutputPath": contained.uri("models"), "CompressionType": "NONE"}
    request = contained.training("", OutputDataConfig=unpacked, Environment={"TO": "/opt/ml/model/words"})
    request["AlgorithmSpecification"] = {"TrainingImage": entry_image, "TrainingInputMode": "File"}
    request["InputDataConfig"] = []
    contained.run("Training", request, step="Fit")
    assert contained.get(contained.uri("models", "job-1", "output", "model", "words")) == b"/made train"
    to = {"TO": "/opt/ml/processing/output/out/words"}
    request = contained.processing("pass", outputs=["out"], environment=to)
    request["AppSpecification"] = {"ImageUri": entry_image}
    contained.run("Processing", request, step="Clean")
    assert contained.get(contained.uri("out", "words")) == b"/made by-itself"


@pytest.fixture
def serving_image(engine: Engine, tmp_path: Path) -> Iterator[str]:
    """An image that serves a model as SageMaker asks it."""
    name = f"pipeline-tests:{uuid.uuid4().hex[:12]}"
    served = Path(SERVER).read_text().replace("127.0.0.1", "0.0.0.0")
    (tmp_path / "serve.py").write_text(served)
    entry = json.dumps(["python3", "/srv/serve.py"])
    (tmp_path / "Dockerfile").write_text(f"FROM {image_tag()}\nCOPY serve.py /srv/\nENTRYPOINT {entry}\n")
    subprocess.run([engine.program, "build", "--quiet", "--tag", name, str(tmp_path)], check=True)
    yield name
    engine.quietly("image", "rm", name)


def test_a_transforms_model_is_served_by_its_image(
    contained: Workbench, engine: Engine, serving_image: str
) -> None:
    uri = contained.put("models", {"model.tar.gz": archive(factor="2")}) + "model.tar.gz"
    contained.models["adder"] = [{"Image": serving_image, "ModelDataUrl": uri}]
    contained.run("Transform", request(contained, {"a.csv": "1,2\n3,4\n"}))
    assert contained.get(contained.uri("out", "a.csv.out")) == b"6\n14\n"
    assert f"in a container of {serving_image}" in contained.log()
    assert left(engine, contained) == []


@pytest.mark.filterwarnings("ignore")  # The SDK's own.
def test_a_framework_processor_installs_its_requirements_in_its_image(
    contained: Workbench,
    session: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    request, objects = framework_step(session, tmp_path / "source")
    put(contained, objects)
    request["AppSpecification"]["ImageUri"] = "an-image"
    contained.run("Processing", request)
    assert "tiny 1 ['--a', 'b']" in contained.lines


def start_contained(
    bench: Workbench, store: Store, text: str, watcher: Watcher, *images: str
) -> ExecutionRecord:
    chosen = [parse_image(image) for image in images]
    return start(bench, store, text, watcher, launcher="container", images=chosen)


def test_functions_that_are_steps_run_in_their_image(contained: Workbench, containers_store: Store) -> None:
    watcher, output = Watcher(), "Steps.double.OutputDataConfig.S3OutputPath"
    first = function_step(contained, "double", "Parameters.Number", "4")
    last = function_step(contained, "add", output, join(get(output)), after="double")
    text = document(last, first)
    record = start_contained(contained, containers_store, text, watcher, f"*/python:*={image_tag()}")
    assert record.status == "Succeeded", record.failure_reason
    assert {step.launcher for step in record.steps} == {"container"}
    place = contained.uri("steps", record.execution_id, "double")
    said = [line for name, line in watcher.lines if name == "add" and line.startswith("step add")]
    assert said[0].endswith(f"--property_references {output} {place}")
    assert ("add", "requirements.txt") in watcher.lines


def test_resume_goes_on_with_another_image(
    contained: Workbench, containers_store: Store, entry_image: str
) -> None:
    request = contained.processing("import os; assert os.path.isdir('/made')")
    fine = contained.processing("pass")
    text = document(step("Look", "Processing", request), step("Fine", "Processing", fine))
    images = [f"{name}={image_tag()}" for name in ("Look", "Fine")]
    failed = start_contained(contained, containers_store, text, Watcher(), *images)
    assert statuses(failed) == {"Look": "Failed", "Fine": "Succeeded"}
    record = resume_execution(
        failed.execution_id,
        home=contained.home,
        aws=contained.aws,
        store=containers_store,
        observer=Watcher(),
        stop=threading.Event(),
        images=[parse_image(f"Look={entry_image}")],
    )
    assert statuses(record) == {"Look": "Succeeded", "Fine": "Succeeded"}, record.failure_reason
    assert record.images == {"Look": entry_image, "Fine": image_tag()}


def test_several_hosts_find_each_other_by_name(contained: Workbench, engine: Engine) -> None:
    if engine.address.network is not None:
        pytest.skip("the hosts share this machine's network, as podman's do")
    script = """
import json, os, socket, time
others = json.loads(os.environ["SM_HOSTS"])
end = time.monotonic() + 30
while True:
    try:
        found = {name: socket.gethostbyname(name) for name in others}
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
assert len(set(found.values())) == 2, found
assert os.environ["SM_MASTER_ADDR"] == "algo-1"
open(f"/opt/ml/model/{socket.gethostname()}", "w").write("1")
time.sleep(2)
"""
    unpacked = {"S3OutputPath": contained.uri("models"), "CompressionType": "NONE"}
    request = contained.training(script, OutputDataConfig=unpacked)
    request["ResourceConfig"]["InstanceCount"] = 2
    contained.run("Training", request)
    assert contained.keys(contained.uri("models/")) == [f"job-1/output/model/algo-{i}" for i in (1, 2)]
    assert engine("network", "ls", "--quiet", "--filter", f"label={sweep.OWNER}") == ""


def test_only_containers_of_processes_that_are_gone_are_swept(engine: Engine, tmp_path: Path) -> None:
    mine = ProcessIdentity.mine()
    gone = ProcessIdentity(mine.pid, mine.started + 1, mine.place, mine.machine)
    elsewhere = ProcessIdentity(mine.pid, mine.started, "0" * 12)
    made = {}
    for owner in (mine, gone, elsewhere, "somebody"):
        label = f"{sweep.OWNER}={owner}"
        made[owner] = engine("create", "--label", label, "--entrypoint", "true", image_tag())
    try:
        sweep_gone(engine)
        there = engine("ps", "--all", "--quiet", "--no-trunc").splitlines()
        assert {owner: identity in there for owner, identity in made.items()} == {
            mine: True,
            gone: False,
            elsewhere: True,
            "somebody": True,
        }
    finally:
        sweep.remove(engine.program, *made.values())


def definition_that_sleeps(folder: Path) -> Path:
    resources = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}}
    arguments = {
        "ProcessingResources": resources,
        "AppSpecification": {
            "ImageUri": image_tag(),
            "ContainerEntrypoint": [
                "python3",
                "-c",
                "import time; print('asleep', flush=True); time.sleep(300)",
            ],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    step = {"Name": "Sleep", "Type": "Processing", "Arguments": arguments}
    file = folder / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    return file


@pytest.mark.parametrize("how", ["KILL", "INT"])
def test_a_command_that_is_ended_leaves_no_container(engine: Engine, tmp_path: Path, how: str) -> None:
    home = tmp_path / "state"
    words = [
        "run",
        "--launcher",
        "container",
        "--plain",
        "--definition",
        str(definition_that_sleeps(tmp_path)),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words],
        cwd=ROOT,
        env={**os.environ, "FASHION_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def mine() -> list[str]:
        return [owner for owner in labelled(engine, sweep.OWNER) if owner.startswith(f"{process.pid}.")]

    def logged() -> bool:
        return any("asleep" in log.read_text() for log in home.glob("executions/*/logs/Sleep.log"))

    try:
        wait_until(logged)
        assert len(mine()) == 1
    finally:
        subprocess.run(["kill", f"-{how}", str(process.pid)], check=True)
        status = process.wait(60)
    assert status == (130 if how == "INT" else -9)
    wait_until(lambda: mine() == [])


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
