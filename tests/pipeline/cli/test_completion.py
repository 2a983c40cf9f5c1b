"""What bash proposes after `python -m pipeline`."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from pipeline.cli.commands.completion import completion
from pipeline.cli.main import main


def proposed(line: str) -> list[str]:
    """What bash proposes at the end of `line`; an empty last word where that ends in a space."""
    words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
    script = (
        f"{completion('bash')}COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}\n"
        '_fashion_pipeline; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-u", "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python -m pipeline re", ["resume", "rebuild", "report", "registry"]),
        ("python -m pipeline local", ["local-sagemaker"]),
        ("python -m pipeline run --target ", ["local", "docker", "sagemaker"]),
        ("python -m pipeline run --launcher s", ["sandbox"]),
        ("python -m pipeline study --launcher c", []),
        ("python -m pipeline run --no", ["--no-cache"]),
        ("python -m pipeline show --j", ["--json"]),
        ("python -m pipeline run --js", []),
        ("python -m pipeline registry ", ["list", "show", "approve", "reject", "promote"]),
        ("python -m pipeline registry promote 3 --to s", ["staging"]),
        ("python -m pipeline run --data /u", []),
        ("python -m pipeline predict ", []),
        ("python -m pytest re", []),
        ("python -m ", []),
        ("python ", []),
    ],
)
def test_bash_proposes_what_the_parser_takes(line: str, words: list[str]) -> None:
    assert proposed(line) == words


def test_every_command_has_its_flags() -> None:
    for command in proposed("python -m pipeline "):
        assert "--help" in proposed(f"python -m pipeline {command} --h"), command


def test_zsh_gets_the_same_by_its_own_emulation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert (first, rest) == ("autoload -U +X bashcompinit && bashcompinit", completion("bash"))
