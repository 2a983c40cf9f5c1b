"""How `make test` shares the tests among processes, and that nothing is lost on the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers import (
    BYTES_A_WORKER,
    LONGEST,
    TOGETHER,
    files_of,
    in_order,
    shard_of,
    unit_of,
    workers_for,
)

ROOT = Path(__file__).parents[1]
THIS = Path(__file__)
PLENTY = 100 * BYTES_A_WORKER


@pytest.mark.parametrize(
    ("files", "most", "free", "expected"),
    [
        (300, 4, PLENTY, 4),
        (1, 4, PLENTY, 0),
        (2, 4, PLENTY, 2),
        (300, 1, PLENTY, 0),
        (300, 4, 3 * BYTES_A_WORKER - 1, 2),
        (300, 4, BYTES_A_WORKER - 1, 0),
    ],
)
def test_there_is_a_worker_per_core_as_far_as_files_and_memory_go(
    files: int, most: int, free: int, expected: int
) -> None:
    assert workers_for(files, most, free) == expected


def test_the_files_of_a_command_line_are_counted_once(tmp_path: Path) -> None:
    for name in ("test_a.py", "sub/test_b.py", "sub/other.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    words = [str(tmp_path), f"{tmp_path}/test_a.py::test_one", f"{tmp_path}/test_a.py"]
    assert files_of(words) == {tmp_path / "test_a.py", tmp_path / "sub" / "test_b.py"}
    assert files_of(words[1:]) == {tmp_path / "test_a.py"}


def test_a_file_stays_together_and_so_does_what_shares_an_engine() -> None:
    assert unit_of("tests/training/test_fitting.py::test_a[x::y]") == "tests/training/test_fitting.py"
    containers = "tests/pipeline/local/jobs/launchers/containers"
    assert unit_of(f"{containers}/test_a.py::test_a") == unit_of(f"{containers}/test_b.py::test_b")


def test_all_that_run_containers_stay_together() -> None:
    marked = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if "mark.docker" in path.read_text() and path != THIS
    ]
    assert len(marked) > 1
    assert len({unit_of(f"{path.relative_to(ROOT).as_posix()}::test") for path in marked}) == 1


def test_what_takes_longest_comes_first_and_all_else_keeps_its_order() -> None:
    longest, shortest = max(LONGEST, key=LONGEST.__getitem__), min(LONGEST, key=LONGEST.__getitem__)
    tests = ["tests/a.py::b", "tests/a.py::a", f"{shortest}::a", f"{longest}::a"]
    assert in_order(tests) == [tests[3], tests[2], tests[0], tests[1]]
    assert all((ROOT / path).exists() for path in LONGEST)


def test_a_shuffle_keeps_files_together_and_is_the_same_for_a_seed() -> None:
    tests = [f"tests/{file}.py::{test}" for file in "abcd" for test in range(9)]
    one, other = in_order(tests, 1), in_order(tests, 2)
    assert one == in_order(tests, 1)
    assert sorted(one) == sorted(other) == tests
    assert one not in (tests, other)
    files = [test.partition("::")[0] for test in one]
    assert all(len(set(files[at : at + 9])) == 1 for at in range(0, len(files), 9))
    assert [test for test in one if test.startswith("tests/a.py")] != tests[:9]


def test_shards_are_all_tests_each_once_and_keep_together_what_shares_an_engine() -> None:
    files = ("a", "sdk_local_mode/test_b", "c", "sdk_local_mode/test_d", "f")
    tests = [f"tests/{file}.py::{test}" for file in files for test in "xyz"]
    shards = [shard_of(tests, number, 3) for number in (1, 2, 3)]
    assert sorted(test for shard in shards for test in shard) == sorted(tests)
    assert all(shards)
    for shard in shards:
        assert not {unit_of(test) for test in shard} & {unit_of(test) for test in set(tests) - shard}
    assert shard_of(tests, 1, 1) == set(tests)


@pytest.mark.parametrize("given", ["0/3", "4/3", "3", "a/b", "1/0"])
def test_a_shard_that_there_is_not_is_refused(given: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "--shard", given, str(THIS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    assert f"must be as 1/3 (got {given})" in done.stderr


@pytest.mark.parametrize("place", TOGETHER)
def test_what_stays_together_is_there(place: str) -> None:
    assert (ROOT / place).is_file() or list((ROOT / place).glob("test_*.py"))


@pytest.mark.parametrize(("workers", "kept"), [(["-n", "2", "--dist", "loadfile"], 2), ([], 1)])
def test_workers_run_every_test_share_what_is_dear_and_their_coverage_adds_up(
    tmp_path: Path, workers: list[str], kept: int
) -> None:
    (tmp_path / "product.py").write_text(
        "import os\n\n\ndef first():\n    return os.getpid()\n\n\ndef second():\n    return os.getpid()\n"
    )
    shutil.copy(ROOT / "tests" / "workers.py", tmp_path / "conftest.py")
    shutil.copy(ROOT / "tests" / "shared.py", tmp_path / "shared.py")
    for name in ("first", "second"):
        (tmp_path / f"test_{name}.py").write_text(
            f"import pathlib, pytest, product, shared\n\n"
            f"def make(folder):\n"
            f"    assert list(folder.iterdir()) == []\n"
            f"    with open('made', 'a') as file:\n"
            f"        print('{name}', file=file)\n"
            f"    (folder / 'file').write_text('dear')\n"
            f"    return [str(folder)]\n\n"
            f"@pytest.mark.parametrize('number', range(3))\n"
            f"def test_it(number, tmp_path_factory):\n"
            f"    (folder,) = shared.made_once(tmp_path_factory, 'thing', make)\n"
            f"    assert pathlib.Path(folder, 'file').read_text() == 'dear'\n"
            f"    with open('pids', 'a') as file:\n"
            f"        print(product.{name}(), file=file)\n"
        )
    for name in "abcdef":
        (tmp_path / f"test_{name}.py").write_text(
            f"import os\n\n"
            f"with open(os.environ.get('PYTEST_XDIST_WORKER', 'alone'), 'a') as file:\n"
            f"    print('{name}', file=file)\n"
        )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *workers, "--cov=product", "--cov-report=term", "--units", "1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout.splitlines()[-1]
    assert [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("product.py")] == [
        "100%"
    ]
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 6
    assert len(set(pids)) == kept
    assert len((tmp_path / "made").read_text().split()) == 1
    # Each worker reads all of them, in an order of its own.
    orders = [
        path.read_text().split() for path in (tmp_path / "alone", *tmp_path.glob("gw*")) if path.exists()
    ]
    assert len({tuple(order) for order in orders}) == len(orders) == kept
    assert all(sorted(order) == list("abcdef") for order in orders)
    assert re.search(r"^ +[0-9.]+ test_(first|second)\.py$", done.stdout, re.MULTILINE)
