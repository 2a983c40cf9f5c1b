import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import normalize
from job_failure import run_job
from processed_data import open_processed

SCRIPT = Path(normalize.__file__)
REAL_DATA = Path("/usr/share/datasets/fashion-mnist")
KIBIBYTES_PER_MEBIBYTE = 1024
WriteSet = Callable[..., Path]


def run(*argv: object) -> int:
    return run_job(normalize.parse_args, normalize.main, [str(one) for one in argv])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_processed_format_is_written(tmp_path: Path, write_set: WriteSet) -> None:
    raw, output = write_set(tmp_path / "raw"), tmp_path / "processed"
    assert run("--input", raw, "--output", output) == 0
    assert set(digests(output)) == {"manifest.json"} | {
        f"{split}/{name}.npy" for split in ("train", "validation", "test") for name in ("images", "labels")
    }
    data = open_processed(output)
    assert data.manifest.splits["train"].class_counts == (22,) * 10
    assert data.manifest.splits["validation"].class_counts == (2,) * 10
    assert data.manifest.splits["test"].class_counts == (6,) * 10
    assert float(data.splits["train"].images.mean(dtype=np.float64)) == pytest.approx(0, abs=1e-6)
    assert float(data.splits["train"].images.std(dtype=np.float64)) == pytest.approx(1, abs=1e-6)


def test_every_image_keeps_its_label_and_its_pixels(tmp_path: Path, write_set: WriteSet) -> None:
    raw, output = write_set(tmp_path / "raw"), tmp_path / "processed"
    run("--input", raw, "--output", output)
    source = gzip.decompress((raw / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((raw / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    expected = sorted((source[784 * i : 784 * (i + 1)], labels[i]) for i in range(240))
    data = open_processed(output)
    found = []
    for name in ("train", "validation"):
        pixels = data.manifest.normalization.restore(data.splits[name].images)
        found += [(one.tobytes(), label) for one, label in zip(pixels, data.splits[name].labels, strict=True)]
    assert sorted(found) == expected


def test_the_same_input_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, write_set: WriteSet
) -> None:
    packed = write_set(tmp_path / "packed")
    plain = write_set(tmp_path / "plain", compress=False)
    run("--input", packed, "--output", tmp_path / "a")
    run("--input", plain, "--output", tmp_path / "b")
    run("--input", packed, "--output", tmp_path / "c", "--split-seed", 1)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["train/images.npy"] != digests(tmp_path / "c")["train/images.npy"]


def test_statistics_come_from_the_training_split_alone(tmp_path: Path, write_set: WriteSet) -> None:
    run("--input", write_set(tmp_path / "raw"), "--output", tmp_path / "a")
    white = np.full((60, 28, 28), 255, np.uint8)
    run("--input", write_set(tmp_path / "raw2", test_pixels=white), "--output", tmp_path / "b")
    assert (
        open_processed(tmp_path / "a").manifest.normalization
        == open_processed(tmp_path / "b").manifest.normalization
    )


def test_class_counts_are_printed(
    tmp_path: Path, write_set: WriteSet, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--input", write_set(tmp_path / "raw"), "--output", tmp_path / "processed")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["class", "train", "validation", "test"] in lines
    assert ["Sneaker", "22", "2", "6"] in lines
    assert ["Ankle", "boot", "22", "2", "6"] in lines
    assert ["all", "220", "20", "60"] in lines


def test_bad_input_gives_one_message_and_leaves_an_earlier_result_whole(
    tmp_path: Path, write_set: WriteSet, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, output = write_set(tmp_path / "raw"), tmp_path / "processed"
    run("--input", raw, "--output", output)
    before = digests(output)
    path = raw / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    capsys.readouterr()
    assert run("--input", raw, "--output", output, "--exit-message", tmp_path / "message") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: Could not read {path}: its gzip data are truncated or damaged (")
    assert (tmp_path / "message").read_text() == error.removeprefix("error: ").rstrip("\n")
    assert digests(output) == before


def test_a_second_run_replaces_the_first(tmp_path: Path, write_set: WriteSet) -> None:
    run("--input", write_set(tmp_path / "raw"), "--output", tmp_path / "processed")
    run("--input", write_set(tmp_path / "raw2", train=120), "--output", tmp_path / "processed")
    assert open_processed(tmp_path / "processed").manifest.splits["train"].count == 110


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--validation-one-in", "1"], "at least 2, not '1'"),
        (["--validation-one-in", "2.5"], "at least 2, not '2.5'"),
        (["--split-seed", "-1"], "at least 0, not '-1'"),
        (["--inptu", "x"], "unrecognized arguments: --inptu x"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_a_message(
    tmp_path: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*flags, "--exit-message", tmp_path / "message") == 2
    assert message in capsys.readouterr().err
    assert message in (tmp_path / "message").read_text()


# Runs the script sys.argv[1:] between two statements.
RUN = """
import pathlib, re, resource, runpy, sys
sys.path.insert(0, str(pathlib.Path(sys.argv[1]).parent))
del sys.argv[0]
{before}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    {after}
"""
# A limit on the size of files fails a write in the middle, as a full disk does.
LIMITED = RUN.format(before="resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))", after="pass")
# The peak that Linux keeps for a program; what `getrusage` tells includes the memory of the test that forks it.
MEASURED = RUN.format(
    before="",
    after=r"""print(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])""",
)


def run_script(code: str, *argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(SCRIPT), *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_disk_that_fills_up_is_named_and_nothing_half_written_stays(
    tmp_path: Path, write_set: WriteSet
) -> None:
    raw, output = write_set(tmp_path / "raw"), tmp_path / "processed"
    message = tmp_path / "message"
    done = run_script(LIMITED, "--input", raw, "--output", output, "--exit-message", message)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"Could not write the processed data to {output}" in done.stderr
    assert "The disk is full" in message.read_text()
    assert list(output.iterdir()) == []


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder that the rest of the test, which does not run as root, may look for but not into."""
    folder = Path("/tmp") / f"unreadable-{os.getpid()}"
    folder.mkdir(mode=0o000)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_folder_without_permission_is_no_bug(
    unprivileged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--input", unprivileged, "--output", "/tmp/nothing-is-written") == 1
    error = capsys.readouterr().err
    assert str(unprivileged) in error
    assert "Permission denied" in error
    assert not Path("/tmp/nothing-is-written").exists()


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the published data set is not installed")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")
def test_the_published_set_is_normalized_in_a_quarter_of_the_memory_allowed(tmp_path: Path) -> None:
    done = run_script(MEASURED, "--input", REAL_DATA, "--output", tmp_path)
    assert done.returncode == 0
    assert int(done.stdout.split()[-1]) < 256 * KIBIBYTES_PER_MEBIBYTE

    data = open_processed(tmp_path)
    assert {name: split.count for name, split in data.manifest.splits.items()} == {
        "train": 55_000,
        "validation": 5_000,
        "test": 10_000,
    }
    assert data.manifest.splits["validation"].class_counts == (500,) * 10
    assert data.manifest.normalization.mean == pytest.approx(0.28583, abs=1e-5)
    assert data.manifest.normalization.std == pytest.approx(0.35289, abs=1e-5)
    # The split, the statistics and the format in one number: if it changes, every cached step and every resumable
    # training of every user is lost. Change it knowingly.
    assert data.manifest.digest == "b5c27276739ea59226b41c710432af2a2b975b58e8de7f970397b80f0566c63b"
    assert data.manifest.digest in done.stdout
