"""README and docs: their commands are taken by what they are for; their files, parameters and sums are right.

What the commands do is tested elsewhere: here, that no example is one that a user's terminal would refuse.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from infra.cli import build_parser as infra_parser
from infra.template import load_template
from pipeline.cli.parser import build_parser
from pipeline.definition.parameters import PARAMETERS
from pipeline.definition.settings import local_settings
from pipeline.targets.aws.cost import LIMIT_USD
from pipeline.targets.aws.plan import plan_jobs
from pipeline.targets.aws.prices import TABLE_USD, TABLE_YEAR
from tests.processes import environment_of_make

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMANDS, AWS, STUDIO = (ROOT / "docs" / name for name in ("commands.md", "aws.md", "studio.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_LINES = 150
# What stands for a value in an example; the parsers are given one.
STAND_INS = {
    "ID": "8f3a",
    "STEP": "Evaluate",
    "V": "1",
    "IMAGE": "a.png",
    "FILE": "f.json",
    "NAME": "n",
    "N": "2",
}
# Commands of the machine, not of this project, each read by eye.
OF_THE_MACHINE = {"git", "cd", "sudo", "apt-get", "docker", "mkdir", "curl"}
parser, parser_of_infra = cache(build_parser), cache(infra_parser)


def blocks(page: Path) -> list[str]:
    """The lines of the page's shell examples, without their comments."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for block in found for line in block.splitlines())
    return [line for line in lines if line]


def examples() -> list[str]:
    return list(dict.fromkeys(line for page in PAGES for line in blocks(page)))


def inline(page: Path) -> list[str]:
    """What is set as code within the text."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(each.split()).replace("\\|", "|") for each in re.findall(r"`([^`]+)`", text)]


def refusal(
    parser: argparse.ArgumentParser, words: list[str], capsys: pytest.CaptureFixture[str]
) -> str | None:
    """What the parser says against the words; None when it takes them."""
    try:
        parser.parse_args(words)
    except SystemExit as ended:
        return None if ended.code == 0 else str(capsys.readouterr().err)
    return None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What make would run: a function from a command to lists of words."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("Makefile", "requirements.lock", "infra/requirements.lock"):
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_bytes((ROOT / name).read_bytes())

    def run(command: str) -> list[list[str]]:
        for environment in (".venv", ".venv-infra"):  # each time, as one of the commands is make clean
            python = clone / environment / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text('#!/bin/sh\nfor each; do printf "%s\\t" "$each"; done; echo\n')
            python.chmod(0o755)
            (clone / environment / "stamp").touch()
        done = subprocess.run(
            command,
            shell=True,
            cwd=clone,
            env=environment_of_make(),
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("\t")[:-1] for line in done.stdout.splitlines()]

    return run


def test_there_are_examples() -> None:
    assert len(examples()) > 12


@pytest.mark.parametrize("line", examples())
def test_an_examples_words_are_taken(line: str, made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first = shlex.split(line)[0]
    if first == "make":
        runs = made(line)
        if line not in ("make clean",):
            assert runs, "make runs nothing"
        for words in runs:
            check_words(words, capsys)
    elif first.endswith("python"):
        check_words(shlex.split(line)[1:], capsys)
    elif first == "aws":
        check_aws(shlex.split(line)[1:])
    else:
        assert first in OF_THE_MACHINE, f"an example that nothing checks: {line}"


def check_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The words after `python`."""
    if words[:2] == ["-m", "pipeline"]:
        assert refusal(parser(), words[2:], capsys) is None
    elif words[:2] == ["-m", "infra"]:
        assert refusal(parser_of_infra(), words[2:], capsys) is None
        given = [word for flag, word in pairwise(words) if flag == "--param"]
        assert {word.partition("=")[0] for word in given} <= set(load_template()["Parameters"])
    elif words[0] == "-m":
        assert words[1] in ("pytest", "ruff", "mypy", "infra.check"), words
    else:
        assert (ROOT / words[0]).is_file(), words


def check_aws(words: list[str]) -> None:
    """`aws SERVICE OPERATION --parameter VALUE…`: the service has them."""
    service, operation, *rest = words
    if service == "configure":
        return
    model = botocore.session.get_session().get_service_model(service)
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(by_name[operation]).input_shape.members
    for flag, value in zip(rest[::2], rest[1::2], strict=True):
        shape = members[next(name for name in members if f"--{xform_name(name, '-')}" == flag)]
        for part in re.findall(r"(\w+)=(?:\{(\w+)=)?", value):
            assert part[0] in shape.members, value
            assert not part[1] or part[1] in shape.members[part[0]].members, value


@cache
def subcommands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    found: dict[str, argparse.ArgumentParser] = dict(action.choices)
    return found


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    linked = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#:]+)", text)}
    assert {page.name for page in PAGES if page not in linked | {README}} == set()


def test_every_command_is_in_the_table() -> None:
    text = " ".join(inline(COMMANDS))
    assert {name for name in subcommands() if not re.search(rf"\b{name}\b", text)} == set()


def rows_of_commands() -> list[tuple[str, str]]:
    """Command and whole row, of the table of commands."""
    rows = re.findall(
        r"^\| `python -m pipeline ([\w-]+)[^|]*\|.*\|$", COMMANDS.read_text(), flags=re.MULTILINE
    )
    whole = re.findall(r"^\| `python -m pipeline .*\|$", COMMANDS.read_text(), flags=re.MULTILINE)
    return list(zip(rows, whole, strict=True))


@pytest.mark.parametrize(("command", "row"), rows_of_commands())
def test_flags_in_the_table_of_commands_belong_to_their_command(command: str, row: str) -> None:
    options = subcommands()[command].format_help()
    if command == "image":  # what the image is for
        row = row.replace("`--launcher container`", "")
    for flag in re.findall(r"--[a-z][a-z-]+", row):
        assert re.search(rf"{flag}\b", options), f"{command} has no {flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_within_the_text_are_taken(
    page: Path, made: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for code in inline(page):
        if re.match(r"make [a-z]", code) and "/path/" not in code:
            for words in made(code):
                check_words(words, capsys)
        if re.match(r"(\S+/)?python -m pipeline ", code) and not re.search(r"[\[…/|]", code):
            words = [
                STAND_INS.get(word, word) for word in shlex.split(code.partition("python -m pipeline ")[2])
            ]
            assert refusal(parser(), words, capsys) is None, code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_the_text_exist(page: Path) -> None:
    names = [
        code for code in inline(page) if re.fullmatch(r"\.?[\w.-]+(/[\w.-]+)+\.(py|md|yaml|yml|ipynb)", code)
    ]
    names += [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
    for name in names:
        assert (ROOT / name).exists() or (page.parent / name).exists(), name


def test_the_table_of_parameters_is_whole() -> None:
    table = COMMANDS.read_text().split("## Parameters\n")[1].split("\n## ")[0]
    first = " ".join(re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first)) == {parameter.name for parameter in PARAMETERS}


def test_what_a_run_costs_at_most_is_what_the_command_line_works_out() -> None:
    jobs = plan_jobs(local_settings("123456789012", "us-east-1"), {})
    most = sum(TABLE_USD[job.instance_type] * job.instances * job.max_seconds / 3600 for job in jobs)
    some = sum(TABLE_USD[job.instance_type] * job.instances * 5 / 60 for job in jobs)
    text = " ".join(AWS.read_text().split())
    assert f"**{most:.2f} USD**" in text
    assert f"× 5/60 = {some:.2f} USD" in text
    assert f"a table of {TABLE_YEAR}" in text
    assert f"Above {LIMIT_USD:g} USD the command asks" in text
    for instance_type in ("ml.g5.xlarge", "ml.m5.xlarge"):
        assert f"{TABLE_USD[instance_type]} " in text


def test_the_notebooks_settings_are_those_that_the_page_names() -> None:
    cells = json.loads((ROOT / "pipeline" / "studio.ipynb").read_text())["cells"]
    settings = "".join(next(cell["source"] for cell in cells if cell["id"] == "settings"))
    section = STUDIO.read_text()
    for name in ("TARGET", "DECISION"):
        assert re.search(rf"^{name} = ", settings, flags=re.MULTILINE)
        assert name in section
