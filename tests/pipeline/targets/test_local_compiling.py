"""When a definition that was compiled before is taken, and when it is compiled again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.definition.settings import Settings, local_settings
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.targets.local_compiling import ROOT, CompiledDefinitions, digest_of_inputs

SETTINGS = local_settings("123456789012", "us-east-1")
CODE = "fashion-mnist/code/processing/0123456789abcdef"


class Compiler:
    """Compiles as the SDK does: uploads the code and names it."""

    def __init__(self, home: Home, store: Store) -> None:
        self.objects = Objects(home, store)
        self.definitions = CompiledDefinitions(home, store)
        self.times = 0

    def get(self, settings: Settings = SETTINGS) -> str:
        return self.definitions.get(settings, self.compile)

    def compile(self) -> str:
        self.times += 1
        self.objects.put(SETTINGS.bucket, f"{CODE}/normalize.py", [b"print()"])
        return f'{{"Steps": [{{"S3Uri": "s3://{SETTINGS.bucket}/{CODE}/"}}]}}'


@pytest.fixture
def compiler(tmp_path: Path) -> Iterator[Compiler]:
    home = Home.open(tmp_path / "home")
    with Store(home) as store:
        yield Compiler(home, store)


def test_nothing_changed_nothing_is_compiled(compiler: Compiler) -> None:
    assert compiler.get() == compiler.get()
    assert compiler.times == 1


def test_other_settings_are_compiled(compiler: Compiler) -> None:
    compiler.get()
    compiler.get(local_settings("123456789012", "us-east-1", candidates=("baseline",)))
    assert compiler.times == 2


@pytest.mark.parametrize("fault", ["removed", "damaged", "deleted"])
def test_code_that_is_no_longer_there_is_uploaded_again(compiler: Compiler, fault: str) -> None:
    compiler.get()
    (stored,) = compiler.objects.under(f"s3://{SETTINGS.bucket}/{CODE}/")
    file = compiler.objects.path(stored)
    if fault == "deleted":
        compiler.objects.forget(stored.bucket, [stored.key])
    elif fault == "damaged":
        file.chmod(0o644)
        file.write_bytes(b"pr1nt()")
    else:
        file.unlink()
    compiler.get()
    assert compiler.times == 2
    compiler.get()
    assert compiler.times == 2


def test_only_the_latest_are_kept(compiler: Compiler) -> None:
    for seed in range(25):
        compiler.get(local_settings("123456789012", "us-east-1", seeds=(seed,)))
    compiler.get(local_settings("123456789012", "us-east-1", seeds=(24,)))
    assert compiler.times == 25
    compiler.get(local_settings("123456789012", "us-east-1", seeds=(0,)))
    assert compiler.times == 26


def test_the_inputs_digest_is_the_same_every_time_and_depends_on_the_settings() -> None:
    assert digest_of_inputs(SETTINGS) == digest_of_inputs(local_settings("123456789012", "us-east-1"))
    assert digest_of_inputs(SETTINGS) != digest_of_inputs(local_settings("123456789012", "eu-west-1"))


def test_a_change_of_any_module_that_compiles_is_seen(tmp_path: Path) -> None:
    for folder in ("pipeline", "processing", "training"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = digest_of_inputs(SETTINGS, tmp_path)
    assert before == digest_of_inputs(SETTINGS)
    code = "import sys, pipeline.definition.compiling, pipeline.definition.builder; print(*sys.modules)"
    # Importing the SDK asks for a region.
    environment = os.environ | {"AWS_DEFAULT_REGION": "us-east-1"}
    listed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    imported = [
        tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        for name in listed.stdout.split()
        if name.startswith("pipeline.")
    ]
    modules = [path for path in imported if path.exists()]
    assert len(modules) > 5
    for path in modules:
        content = path.read_bytes()
        path.write_bytes(content + b"# changed\n")
        assert digest_of_inputs(SETTINGS, tmp_path) != before, path
        path.write_bytes(content)
