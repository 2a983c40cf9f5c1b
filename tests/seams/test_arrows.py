"""Who may import what: the arrows of the design, read from the source."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = sorted((ROOT / "pipeline").rglob("*.py"))
CONTAINERS = {folder: sorted((ROOT / folder).glob("*.py")) for folder in ("training", "processing")}
EVERYTHING = [*PIPELINE, *CONTAINERS["training"], *CONTAINERS["processing"]]
# What a container's image holds besides Python.
IN_THE_IMAGE = {"numpy", "tensorflow", "keras", "boto3", "botocore"}
# Importing the SDK takes seconds: one module more that does is a decision, taken here or by its name (sdk_…).
SDK_IMPORTERS = {
    "pipeline/definition/compiling.py",
    "pipeline/definition/builder.py",
    "pipeline/definition/trainer.py",
    "pipeline/definition/tuner.py",
    *(path.relative_to(ROOT).as_posix() for path in PIPELINE if path.name.startswith("sdk_")),
}
# The command line ends with an error's message; what runs steps makes it a reason, a warning, or another attempt.
CATCHERS = ("pipeline/cli/main.py", "pipeline/local/")


class OutsideFunctions(ast.NodeTransformer):
    """Leaves what importing a module runs: no functions' bodies, nothing for type checkers or scripts alone."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.If | None:
        alone = ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
        return None if alone else node


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def at_import(path: Path) -> ast.Module:
    module: ast.Module = OutsideFunctions().visit(parse(path))
    return module


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted name of every module imported anywhere in `tree`, and of what is taken out of each."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports here are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def imported_by(path: Path) -> frozenset[str]:
    """The names that the file imports anywhere."""
    return frozenset(imported(parse(path)))


def packages(path: Path) -> set[str]:
    """The top-level packages and modules that the file imports anywhere."""
    return {name.partition(".")[0] for name in imported_by(path)}


@functools.cache
def files_imported_by(path: Path) -> set[Path]:
    """The files of pipeline/ that importing the one at `path` imports itself."""
    bases = [ROOT.joinpath(*name.split(".")) for name in imported(at_import(path))]
    candidates = {file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py")}
    return candidates & set(PIPELINE)


def imported_anywhere(path: Path) -> set[Path]:
    """The files of pipeline/ that the one at `path` imports, also within functions."""
    bases = [ROOT.joinpath(*name.split(".")) for name in imported_by(path)]
    return {file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py")} & set(
        PIPELINE
    )


def stems(folder: str) -> set[str]:
    return {path.stem for path in CONTAINERS[folder]}


def loaded_with(path: Path) -> set[str]:
    """The files of pipeline/ that importing the one at `path` loads, itself included."""
    loaded: set[Path] = set()
    waiting = {path}
    while waiting:
        file = waiting.pop()
        loaded.add(file)
        waiting |= files_imported_by(file) - loaded
    return {relative(file) for file in loaded}


def test_the_pipeline_imports_nothing_of_what_runs_in_containers() -> None:
    foreign = {"training", "processing"} | stems("training") | stems("processing")
    assert {relative(path): found for path in PIPELINE if (found := packages(path) & foreign)} == {}


@pytest.mark.parametrize("folder", CONTAINERS)
def test_a_containers_code_needs_only_its_own_folder_and_the_image(folder: str) -> None:
    allowed = stems(folder) | set(sys.stdlib_module_names) | IN_THE_IMAGE
    assert {path.name: found for path in CONTAINERS[folder] if (found := packages(path) - allowed)} == {}


@pytest.mark.parametrize("folder", CONTAINERS)
def test_a_containers_folder_is_flat(folder: str) -> None:
    assert sorted((ROOT / folder).rglob("*.py")) == CONTAINERS[folder]


def test_modules_of_containers_have_names_of_their_own() -> None:
    """They are top-level modules there, and here all at once: none may hide another."""
    taken = set(sys.stdlib_module_names) | IN_THE_IMAGE | {"pipeline", "tests", "infra"}
    assert stems("training") & stems("processing") == set()
    assert (stems("training") | stems("processing")) & taken == set()


def test_the_sdk_is_imported_where_the_definition_is_made_and_nowhere_else() -> None:
    assert {relative(path) for path in PIPELINE if "sagemaker" in packages(path)} <= SDK_IMPORTERS


def test_the_local_engine_runs_without_the_sdk() -> None:
    engine = [path for path in PIPELINE if path.is_relative_to(ROOT / "pipeline" / "local")]
    assert len(engine) > 20
    assert {relative(path): found for path in engine if (found := loaded_with(path) & SDK_IMPORTERS)} == {}


# The rooms, bottom up: each may import those before it, and what everybody uses.
ROOMS = (
    "spec",
    "local/state",
    "local/jobs",
    "local/engine",
    "local/endpoint",
    "local",
    "dataset",
    "analysis",
    "definition",
    "view",
    "report",
    "targets",
    "inference",
    "monitoring",
    "study",
    "tracking",
    "cli",
)
# Modules at the root of the package that know neither a target nor Fashion-MNIST.
EVERYBODYS = {
    f"pipeline/{name}.py"
    for name in (
        "__init__", "botocore_errors", "code_address", "errors", "execution", "formatting", "loopback_requests",
        "near_match", "plain_files", "printable", "shown",
    )
}  # fmt: skip
# Those that what runs any definition does without.
OURS = {f"pipeline/{name}.py" for name in ("console", "interrupts", "registry", "trials")}


def room_of(name: str) -> str:
    """The room that a file of pipeline/ lies in, the innermost one; an empty text for the root."""
    inside = [room for room in ROOMS if name.startswith(f"pipeline/{room}/")]
    return max(inside, key=len, default="")


def test_every_folder_is_a_room_that_says_what_it_is_for() -> None:
    folders = {path.parent.name for path in (ROOT / "pipeline").glob("*/*.py")}
    assert folders == {room.partition("/")[0] for room in ROOMS}
    for room in ROOMS:
        docstring = ast.get_docstring(parse(ROOT / "pipeline" / room / "__init__.py"))
        assert len(docstring or "") > 60, room
        assert "import" in str(docstring).lower(), f"{room} does not say what it may import"
        assert "egin " in str(docstring) or "The map:" in str(docstring), (
            f"{room} does not say where to begin"
        )


def test_at_the_root_is_only_what_everybody_uses() -> None:
    root = {relative(path) for path in (ROOT / "pipeline").glob("*.py")}
    assert root == EVERYBODYS | OURS | {"pipeline/__main__.py"}
    of_rooms = {
        name: found
        for name in sorted(EVERYBODYS | OURS)
        if (found := {other for other in map(relative, imported_anywhere(ROOT / name)) if room_of(other)})
    }
    assert of_rooms == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_floor_above_it(room: str) -> None:
    files = [path for path in PIPELINE if room_of(relative(path)) == room]
    assert len(files) > 3
    below = {*ROOMS[: ROOMS.index(room) + 1]}
    if room.startswith("local"):  # its own __init__ says what the whole is for
        below.add("local")
    shared = EVERYBODYS if room == "spec" or room.startswith("local") else EVERYBODYS | OURS
    found = {
        relative(path): wrong
        for path in files
        if (
            wrong := {
                name
                for name in map(relative, imported_anywhere(path))
                if room_of(name) not in below and name not in shared
            }
        )
    }
    assert found == {}


def test_what_runs_locally_knows_no_real_account() -> None:
    rooms = [ROOT / "pipeline" / room for room in ("local", "spec")]
    local = [path for path in PIPELINE if any(path.is_relative_to(room) for room in rooms)]
    local += [ROOT / "pipeline" / "targets" / f"{name}.py" for name in ("local", "local_outcome")]
    real = {relative(path) for path in PIPELINE if path.parent.name == "aws"} | {
        "pipeline/targets/sagemaker.py"
    }
    assert len(real) > 10
    assert {relative(path): found for path in local if (found := loaded_with(path) & real)} == {}


def test_commands_load_the_sdk_only_when_they_compile() -> None:
    commands = (ROOT / "pipeline" / "cli" / "commands").glob("*.py")
    at_once = SDK_IMPORTERS - {"pipeline/definition/compiling.py"}  # that one imports it inside its function
    assert {path.name: found for path in commands if (found := loaded_with(path) & at_once)} == {}
    assert "sagemaker" not in {
        name.partition(".")[0] for name in imported(at_import(ROOT / "pipeline/definition/compiling.py"))
    }


def test_only_the_command_line_and_what_runs_steps_catch_every_error_of_ours() -> None:
    def catches_all(path: Path) -> bool:
        handlers = (node.type for node in ast.walk(parse(path)) if isinstance(node, ast.ExceptHandler))
        names = (name for type_ in handlers if type_ is not None for name in ast.walk(type_))
        return any(isinstance(name, ast.Name) and name.id == "FashionError" for name in names)

    found = {relative(path) for path in PIPELINE if catches_all(path)}
    assert "pipeline/cli/main.py" in found
    assert {name for name in found if not name.startswith(CATCHERS)} == set()


def test_importing_a_module_reads_neither_environment_nor_arguments() -> None:
    def reads(path: Path) -> set[str]:
        attributes = (node for node in ast.walk(at_import(path)) if isinstance(node, ast.Attribute))
        return {ast.unparse(node) for node in attributes} & {"os.environ", "os.getenv", "sys.argv"}

    assert {relative(path): found for path in EVERYTHING if (found := reads(path))} == {}
