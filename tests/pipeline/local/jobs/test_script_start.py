"""Training jobs in script mode run their archive's program as the toolkit does."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from tests.pipeline.local.jobs.test_layer import wheel
from tests.pipeline.local.workbench import Workbench

SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "module": os.environ["SM_MODULE_NAME"],
                  "beside": os.listdir(), "checkpoints": os.environ["SM_CHECKPOINT_DIR"]}))
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("w")
"""


def packed(files: Mapping[str, str]) -> bytes:
    """A .tar.gz of `files`."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def script(
    bench: Workbench, files: Mapping[str, str], program: str = "train.py", **more: str
) -> dict[str, Any]:
    """A request in script mode that runs `program` of an archive of `files`; `more` hyperparameters."""
    uri = bench.put("code", {"sourcedir.tar.gz": packed(files)}) + "sourcedir.tar.gz"
    request = bench.training("")
    request["InputDataConfig"] = []
    del request["AlgorithmSpecification"]["ContainerEntrypoint"]
    del request["AlgorithmSpecification"]["ContainerArguments"]
    # As the SDK 2 writes them: JSON in texts.
    own = {"sagemaker_program": json.dumps(program), "sagemaker_submit_directory": json.dumps(uri)}
    return request | {"HyperParameters": own | more}


def shown(bench: Workbench) -> dict[str, Any]:
    """What SHOW printed."""
    found: dict[str, Any] = json.loads(next(line for line in bench.lines if line.startswith("{")))
    return found


def test_the_program_of_the_archive_runs_with_the_other_hyperparameters_as_flags(either: Workbench) -> None:
    outcome = either.run(
        "Training", script(either, {"train.py": SHOW, "beside.py": ""}, epochs="3", flag="true")
    )
    assert shown(either) == {
        "argv": ["--epochs", "3", "--flag", "True"],
        "cwd": either.seen("/opt/ml/code"),
        "module": "train",
        "beside": shown(either)["beside"],
        "checkpoints": either.seen("/opt/ml/checkpoints"),
    }
    assert set(shown(either)["beside"]) == {"train.py", "beside.py"}
    assert outcome.properties["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


def test_a_program_in_a_folder_finds_the_modules_at_the_top(either: Workbench) -> None:
    files = {"src/train.py": "import beside; print('found', beside.VALUE)", "beside.py": "VALUE = 7"}
    either.run("Training", script(either, files, "src/train.py"))
    assert "found 7" in either.lines


def test_a_shell_script_needs_no_permission_and_installs_nothing(either: Workbench) -> None:
    files = {"train.sh": 'echo "args $*"', "requirements.txt": "no-such-package-at-all"}
    either.run("Training", script(either, files, "train.sh", epochs="3"))
    assert "args --epochs 3" in either.lines


@pytest.mark.parametrize("form", ["script mode", "driver"])
def test_requirements_are_installed_for_the_job_alone(either: Workbench, tmp_path: Path, form: str) -> None:
    wheel(tmp_path, "1")
    text = "import tiny; print('installed', tiny.__file__)"
    code = {"train.py": text, "requirements.txt": "tiny"}
    if form == "script mode":
        request = script(either, code)
    else:
        request = either.training(text, source_code={"requirements": "requirements.txt"})
        either.put("training-code", code)
    request["Environment"] = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/opt/ml/input/data/wheels"}
    wheels = either.put("wheels", {path.name: path.read_bytes() for path in tmp_path.iterdir()})
    request["InputDataConfig"].append(
        {"ChannelName": "wheels", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": wheels}}}
    )
    either.run("Training", request)
    place = next(line for line in either.lines if line.startswith("installed "))
    assert place.startswith(f"installed {either.seen('/.venv')}/")


def test_a_package_that_cannot_be_had_is_named_in_the_reason(either: Workbench) -> None:
    request = script(either, {"train.py": SHOW, "requirements.txt": "no-such-package-at-all"})
    request["Environment"] = {"PIP_NO_INDEX": "1"}
    with pytest.raises(StepFailed) as failure:
        either.run("Training", request)
    first = str(failure.value).splitlines()[0]
    assert first.startswith(
        "exit status 1: Could not install what the job's code asks for (pip install -r req"
    )
    assert "no-such-package-at-all" in str(failure.value)


@pytest.mark.parametrize(
    ("files", "more", "message"),
    [
        ({"other.py": ""}, {}, "there is no train.py in the code .* holds other.py"),
        ({"train.py": ""}, {"sagemaker_mpi_enabled": "true"}, "not as sagemaker_mpi_enabled asks"),
        ({"train.py": ""}, {"sagemaker_submit_directory": "/opt/ml/code"}, "must be the s3:// address"),
    ],
)
def test_what_cannot_be_started_is_named(
    bench: Workbench, files: dict[str, str], more: dict[str, str], message: str
) -> None:
    with pytest.raises(StepFailed, match=message):
        bench.run("Training", script(bench, files, **more))


def test_an_address_of_several_objects_is_refused(bench: Workbench) -> None:
    request = script(bench, {"train.py": ""})
    bench.put("code", {"sourcedir.tar.gz.md5": ""})
    with pytest.raises(StepFailed, match=r"must name one \.tar\.gz, and 2 objects lie at s3://"):
        bench.run("Training", request)


def test_an_archive_that_leads_out_of_its_folder_is_refused(bench: Workbench) -> None:
    with pytest.raises(StepFailed, match=r"Could not unpack s3://.*outside"):
        bench.run("Training", script(bench, {"../../escaped.py": ""}))
