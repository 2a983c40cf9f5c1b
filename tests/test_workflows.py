"""The workflows of GitHub Actions: pinned, with the least permissions, no secrets, and commands that there are."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.specifiers import SpecifierSet

from infra.template import load_template
from pipeline.cli.parser import build_parser
from pipeline.targets.aws.stack import ENVIRONMENTS

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# What a job of the workflow may have beside reading the repository.
MORE_PERMISSIONS = {name: {"id-token": "write"} for name in ("deploy.yml", "promote.yml")}
# What variables in commands are at run time.
VARIABLES = {'"$VERSION"': "3", '"$ENVIRONMENT"': "staging"}
KEYS_OF_AWS = {"aws-access-key-id", "aws-secret-access-key", "aws-session-token"}


def load(path: Path) -> dict[str, Any]:
    # "on" is a boolean of YAML 1.1; GitHub reads it as text.
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in workflow.items()}


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = load(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(path).values():
        yield from job["steps"]


def commands(path: Path) -> Iterator[str]:
    """Each line of each run block."""
    for step in steps(path):
        yield from step.get("run", "").splitlines()


def test_there_is_one_for_checking_one_for_running_and_one_for_promoting() -> None:
    assert [path.name for path in WORKFLOWS] == ["check.yml", "deploy.yml", "promote.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestEveryWorkflow:
    def test_has_no_permission_that_it_does_not_need(self, path: Path) -> None:
        assert load(path)["permissions"] in ({}, {"contents": "read"})
        allowed = {"contents": "read"} | MORE_PERMISSIONS.get(path.name, {})
        for name, job in jobs(path).items():
            assert job.get("permissions", {}).items() <= allowed.items(), name

    def test_runs_actions_of_a_fixed_commit_with_their_version_beside(self, path: Path) -> None:
        lines = [line for line in path.read_text().splitlines() if re.match(r"\s*(- )?uses:", line)]
        assert lines
        assert len(lines) == len([step for step in steps(path) if "uses" in step])
        for line in lines:
            action, _, comment = line.partition("uses:")[2].partition("#")
            assert PINNED.fullmatch(action.strip()), line
            assert re.fullmatch(r" v\d+\.\d+\.\d+", comment), line

    def test_leaves_no_token_in_the_clone(self, path: Path) -> None:
        clones = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
        assert [step.get("with", {}).get("persist-credentials") for step in clones] == [False] * len(
            jobs(path)
        )

    def test_knows_no_secret_and_no_key(self, path: Path) -> None:
        assert not re.search(r"\bsecrets\b", path.read_text())
        assert not re.search(r"AKIA|ASIA|arn:aws|\b\d{12}\b", path.read_text())
        for step in steps(path):
            assert not KEYS_OF_AWS & set(step.get("with", {}))

    def test_puts_nothing_that_others_typed_into_a_command(self, path: Path) -> None:
        assert [command for command in commands(path) if "${{" in command] == []

    def test_does_not_run_strangers_code_with_a_token(self, path: Path) -> None:
        assert not set(load(path)["on"]) & {"pull_request_target", "workflow_run", "issue_comment"}

    def test_ends_in_time_and_does_not_overtake_itself(self, path: Path) -> None:
        assert load(path)["concurrency"]["group"]
        for name, job in jobs(path).items():
            assert 0 < job["timeout-minutes"] <= 120, name
            assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"]), "not ubuntu-latest, which moves"

    def test_calls_commands_that_there_are(self, path: Path) -> None:
        known = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert known is not None
        for command in commands(path):
            first, *words = command.split()
            if first == "make":
                assert words[0] in known[1].split(), command
            elif first == ".venv/bin/python":
                assert words[:2] == ["-m", "pipeline"], command
                known_words = [VARIABLES.get(word, word) for word in words[2:]]
                flags = [word for word in known_words if not word.startswith('"$')]
                build_parser().parse_args([*flags, *(["--param=Epochs=1"] if "run" in flags else [])])
            elif first != "read":
                assert os.access(ROOT / first, os.X_OK), command


def test_checking_is_what_a_developer_runs() -> None:
    assert list(commands(WORKFLOWS[0])) == [".ci/run"]
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("\nmake check")
    assert set(load(WORKFLOWS[0])["on"]) == {"push", "pull_request"}


def test_checking_uses_the_oldest_and_the_newest_python() -> None:
    (job,) = jobs(WORKFLOWS[0]).values()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = [
        f"3.{minor}" for minor in range(30) if f"3.{minor}" in SpecifierSet(project["requires-python"])
    ]
    assert job["strategy"]["matrix"]["python"] == [supported[0], supported[-1]]


def test_the_shards_of_checking_are_all_tests() -> None:
    (job,) = jobs(WORKFLOWS[0]).values()
    shards = job["strategy"]["matrix"]["shard"]
    assert shards == list(range(1, len(shards) + 1))
    (given,) = (step["env"]["ARGS"] for step in job["steps"] if step.get("run") == ".ci/run")
    assert given == f"--shard ${{{{ matrix.shard }}}}/{len(shards)}"
    makefile = (ROOT / "Makefile").read_text()
    assert " test " in re.findall(r"^check:(.*)##", makefile, re.MULTILINE)[0]
    assert "$(ARGS)" in re.findall(r"^test:.*\n(?:\t.*\n)+", makefile, re.MULTILINE)[0]


def test_deploying_is_asked_for_by_hand_and_agreed_to_by_others() -> None:
    assert set(load(WORKFLOWS[1])["on"]) == {"workflow_dispatch"}
    assert all(job["environment"] == "production" for job in jobs(WORKFLOWS[1]).values())
    assert load(WORKFLOWS[1])["concurrency"]["cancel-in-progress"] is False


def test_deploying_takes_the_role_that_the_stack_makes_for_it() -> None:
    (credentials,) = (
        step for step in steps(WORKFLOWS[1]) if "configure-aws-credentials" in step.get("uses", "")
    )
    assert credentials["with"]["role-to-assume"] == "${{ vars.AWS_DEPLOYER_ROLE }}"
    template = load_template()
    text = WORKFLOWS[1].read_text()
    for name in ("Region", "DeployerRoleArn"):
        assert name in text
        assert name in template["Outputs"]
    for name in ("GitHubRepository", "GitHubSubject", "GitHubOidcProviderArn"):
        assert name in text
        assert name in template["Parameters"]
    subject = re.search(r"GitHubSubject=(\S+?)\"", text)
    assert subject is not None
    assert re.fullmatch(template["Parameters"]["GitHubSubject"]["AllowedPattern"], subject[1])
    assert subject[1] == "environment:" + jobs(WORKFLOWS[1])["run-pipeline"]["environment"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", ""),
        ("Epochs=1  MinAccuracy=0.8", "<--param=Epochs=1><--param=MinAccuracy=0.8>"),
        ("Epochs=$(touch /tmp/x) `id`;id", "<--param=Epochs=$(touch><--param=/tmp/x)><--param=`id`;id>"),
    ],
)
def test_what_is_typed_into_the_form_becomes_words_and_no_command(
    tmp_path: Path, typed: str, words: str
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nfor each; do printf '<%s>' \"$each\"; done\n")
    python.chmod(0o755)
    (script,) = (step["run"] for step in steps(WORKFLOWS[1]) if "PARAMETERS" in step.get("env", {}))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PARAMETERS": typed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"<-m><pipeline><run><--target><sagemaker><--yes>{words}"


def test_promoting_goes_to_staging_first_and_each_environment_has_its_own_stack() -> None:
    promote = WORKFLOWS[2]
    assert list(jobs(promote)) == ["staging", "production"] == list(ENVIRONMENTS)
    assert jobs(promote)["production"]["needs"] == "staging"
    assert set(load(promote)["on"]) == {"workflow_dispatch"}
    assert load(promote)["concurrency"]["cancel-in-progress"] is False
    for name, job in jobs(promote).items():
        assert job["environment"] == name
        (deploying,) = (step for step in job["steps"] if "deploy" in step.get("run", ""))
        # ENVIRONMENT names the stack, too.
        assert deploying["env"] == {"VERSION": "${{ inputs.version }}", "ENVIRONMENT": name}
        words = deploying["run"].split()
        assert {"--smoke", "--stage", "--yes"} <= set(words)
        assert ("--instances" in words) == (name == "production")
    outputs, parameters = (load_template()[part] for part in ("Outputs", "Parameters"))
    text = promote.read_text()
    for name in ("Account", "KeyArn"):
        assert name in text
        assert name in outputs
    for name in ("ModelsProject", "ModelsAccountId", "ModelsKeyId", "GitHubOidcProviderArn", "GitHubSubject"):
        assert name in text
        assert name in parameters
