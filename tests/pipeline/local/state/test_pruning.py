"""Old executions go with what only they have; what anything that stays refers to is there afterwards, unharmed."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from pipeline.cli.main import main
from pipeline.errors import StateError
from pipeline.execution import StepRecord
from pipeline.local.state.cache import CachedResult, StepCache
from pipeline.local.state.decisions import Decisions, digest_of_key
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.objects import Objects
from pipeline.local.state.pruning import carry_out, plan
from pipeline.local.state.rebuilding import rebuild
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.folders import contents, make_deep
from tests.pipeline.local.kept_state import DEFINITION, FakeRegistry, execution, package, state_of
from tests.processes import ended_process

KEYS = ("processed/train.npz", "models/job/output/model.tar.gz", "evaluation/report.html")


def address(number: int, key: str = "") -> str:
    return f"s3://bucket/fashion-mnist/executions/exec{number:08d}/{key}".rstrip("/")


def write_execution(home: Home, store: Store, number: int, *, reuses: int | None = None) -> None:
    """An execution with three objects, a log, and one result, which is its own or that of another execution."""
    objects = Objects(home, store)
    names = KEYS if reuses is None else KEYS[1:]
    for key in names:
        objects.put("bucket", address(number, key).removeprefix("s3://bucket/"), [f"{number} {key}".encode()])
    place = address(number if reuses is None else reuses, "processed")
    properties = {"ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": place}}]}}
    step = StepRecord("NormalizeData", "Processing", "Succeeded", 1.0, 2.0, properties=properties)
    # Every execution names the folder of all of them.
    record = replace(
        execution(number), steps=(step,), parameters={"OutputUri": "s3://bucket/fashion-mnist/executions"}
    )
    store.save_execution(record, DEFINITION)
    document = f'["p", "NormalizeData", {number if reuses is None else reuses}]'
    if reuses is None:
        StepCache(home, store).record(digest_of_key(document), record.execution_id, properties)
    Decisions(store).note(record.execution_id, "NormalizeData", document, "reused" if reuses else "no result")
    log = home.step_log(record.execution_id, "NormalizeData")
    log.parent.mkdir(parents=True)
    log.write_text("a log\n" * 1000)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Executions 0 to 3; 3 reuses what 1 has processed, and the model of 0 is registered."""
    opened = Home.open(tmp_path / "state")
    with Store(opened) as store:
        for number in range(3):
            write_execution(opened, store, number)
        write_execution(opened, store, 3, reuses=1)
        Objects(opened, store).put("bucket", "raw/images", [b"uploaded"])
        registered = package(1)
        registered["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] = address(0, KEYS[1])
        RegistryState(store).persist(FakeRegistry([registered]))
    return opened


def prune(home: Home, keep: int) -> int:
    with Store(home) as store:
        planned = plan(home, store, keep, pytest.fail)
        carry_out(home, store, planned)
        return planned.freed


def uris(home: Home) -> set[str]:
    with Store(home) as store:
        return {each.uri for each in Objects(home, store).under("s3://bucket/")}


def test_what_remains_is_what_something_that_stays_refers_to(home):
    before = {path.name for path in home.objects.rglob("*") if path.is_file()}
    freed = prune(home, keep=1)
    assert (
        uris(home)
        == {
            address(0, KEYS[1]),  # registered
            address(1, KEYS[0]),  # reused
            *(address(3, key) for key in KEYS[1:]),
            "s3://bucket/raw/images",
        }
    )
    with Store(home) as store:
        assert [each.execution_id for each in store.executions()] == ["exec00000003"]
        for stored in Objects(home, store).under("s3://bucket/"):
            assert Objects(home, store).damage(stored) is None
        document = '["p", "NormalizeData", 1]'
        found = StepCache(home, store).find(digest_of_key(document), None)
        assert isinstance(found, CachedResult)
        assert found.outputs  # a later run reuses it, too
        assert store.database.rows("SELECT document FROM keys") == [(document,)]
    after = {path.name for path in home.objects.rglob("*") if path.is_file()}
    assert len(before) - len(after) == 7  # of eleven and an upload
    assert [path.name for path in home.executions.iterdir()] == ["exec00000003"]
    assert list(home.temporary.iterdir()) == []
    assert freed >= 10 * 512  # seven contents and three logs have a block each, at least


def test_nothing_comes_back_when_the_database_is_rebuilt(home):
    prune(home, keep=1)
    said = state_of(home)
    home.database.unlink()
    rebuild(home)
    assert state_of(home) == said


def test_a_second_time_removes_nothing(home):
    prune(home, keep=2)
    before = contents(home.root)
    assert prune(home, keep=2) == 0
    after = contents(home.root)
    assert {name for name in before if not name.startswith("state.sqlite3")} == {
        name for name in after if not name.startswith("state.sqlite3")
    }


def test_what_a_removed_execution_had_reused_goes_with_it(home):
    prune(home, keep=1)
    prune(home, keep=0)
    assert uris(home) == {address(0, KEYS[1]), "s3://bucket/raw/images"}
    with Store(home) as store:
        assert store.database.rows("SELECT key FROM cache") == []


@pytest.mark.parametrize("name", ["d", "d" * 40])
def test_an_execution_whose_job_left_many_levels_goes_whole(home, name):
    with Store(home) as store:
        ids = [record.execution_id for record in store.executions()]
    for each in ids:
        home.execution(each).mkdir(parents=True, exist_ok=True)
        make_deep(home.execution(each) / "container", name)
    assert prune(home, keep=0) > 0
    assert not any(home.execution(each).exists() for each in ids)
    assert list(home.temporary.iterdir()) == []


@pytest.mark.parametrize("keep", [4, 100])
def test_all_stay_where_there_are_no_more(home, keep):
    said = state_of(home)
    assert prune(home, keep) == 0
    assert state_of(home) == said


def test_one_that_is_under_way_stays(home):
    with Store(home) as store:
        old = store.load_execution("exec00000000")
        store.save_execution(replace(old, status="Executing", ended_at=None), DEFINITION)
    prune(home, keep=0)
    with Store(home) as store:
        assert [each.execution_id for each in store.executions()] == ["exec00000000"]
    assert {address(0, key) for key in KEYS} <= uris(home)


@pytest.mark.parametrize("moment", ["_remove_rows", "_shorten_journal"])
def test_killed_in_between_it_goes_on_the_next_time(home, monkeypatch, moment):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"pipeline.local.state.pruning.{moment}", die)
        with pytest.raises(Killed):
            prune(home, keep=1)
    rebuild(home)
    prune(home, keep=1)
    assert address(2, KEYS[0]) not in uris(home)
    with Store(home) as store:
        assert [each.execution_id for each in store.executions()] == ["exec00000003"]
        for stored in Objects(home, store).under("s3://bucket/"):
            assert Objects(home, store).damage(stored) is None


def test_somebody_elses_files_among_the_contents_stay(home):
    theirs = home.objects / "notes.txt"
    theirs.write_text("mine")
    folder = home.objects / "zz"
    folder.mkdir()
    (folder / ("zz" + "0" * 62)).write_text("no digest")
    prune(home, keep=0)
    assert theirs.read_text() == "mine"
    assert (folder / ("zz" + "0" * 62)).exists()


FOLDERS = ("a b/c, d", "Größe/日本", "it's (one)", 'a "b"\\c', "plain")


@pytest.mark.parametrize("place", ["parameter", "text", "embedded", "definition", "model"])
def test_what_is_named_stays_whatever_its_name_holds(home, place):
    """In a parameter or a definition, in words, in JSON within JSON, and for a registered model."""
    named = [address(1, folder) for folder in FOLDERS]
    with Store(home) as store:
        for folder in (*named, address(1, "other")):
            Objects(home, store).put(
                "bucket", f"{folder}/file".removeprefix("s3://bucket/"), [folder.encode()]
            )
        last = store.load_execution("exec00000003")
        if place == "parameter":
            store.save_execution(replace(last, parameters={"In": named}), DEFINITION)
        elif place == "text":
            words = " ".join(f"--from '{each}' --to x" for each in named)
            store.save_execution(replace(last, parameters={"In": words}), DEFINITION)
        elif place == "embedded":
            value = json.dumps({"in": [f"{each}/" for each in named]})
            store.save_execution(replace(last, parameters={"In": json.dumps([value])}), DEFINITION)
        elif place == "definition":
            text = json.dumps({"Steps": [{"Arguments": {"S3Uri": each}} for each in named]})
            store.save_execution(replace(last, execution_id="exec00000009", parameters={}), text)
        else:
            registered = package(2)
            containers = [{"ModelDataUrl": f"{each}/file"} for each in named]
            registered["InferenceSpecification"]["Containers"] = containers
            RegistryState(store).persist(FakeRegistry([*RegistryState(store).packages(), registered]))
    prune(home, keep=2 if place == "definition" else 1)
    assert {f"{each}/file" for each in named} <= uris(home)
    assert address(1, "other/file") not in uris(home)


def test_what_an_execution_names_stays_while_its_record_cannot_be_read(home):
    with Store(home) as store, store.database.transaction() as connection:
        connection.execute("UPDATE executions SET crc = 0 WHERE id = 'exec00000003'")
    told: list[str] = []
    with Store(home) as store:
        carry_out(home, store, plan(home, store, 0, told.append))
    assert len(told) == 1
    assert address(1, KEYS[0]) in uris(home)


def test_the_journal_stays_whole_where_the_disk_has_no_room_for_a_new_one(home, monkeypatch):
    before = (home.root / "journal.jsonl").read_bytes()

    def full(path: Path, mode: str = "r", **others: object) -> IO[Any]:
        if path.parent == home.temporary:
            with path_open(path, "wb") as file:
                file.write(before[:40])
            raise OSError(errno.ENOSPC, "No space left on device")
        return path_open(path, mode, **others)

    path_open: Callable[..., IO[Any]] = Path.open
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        prune(home, keep=1)
    assert (home.root / "journal.jsonl").read_bytes().startswith(before)
    assert list(home.temporary.iterdir()) == []
    said, had = state_of(home), uris(home)
    home.database.unlink()
    rebuild(home)
    assert uris(home) == had
    again = state_of(home)
    assert [again[kind] for kind in ("executions", "packages")] == [
        said[kind] for kind in ("executions", "packages")
    ]


def test_a_dry_run_says_what_would_go_and_removes_nothing(home, monkeypatch, capsys):
    monkeypatch.setenv("FASHION_HOME", str(home.root))
    said = state_of(home)
    assert main(["prune", "--keep", "1", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Would remove 3 executions and 7 objects: ")
    assert "exec00000002  Failed" in err
    assert state_of(home) == said
    assert main(["prune", "--keep", "1"]) == 0
    assert capsys.readouterr().out.startswith("Removed 3 executions and 7 objects: ")


def test_a_negative_number_is_refused(home, monkeypatch, capsys):
    monkeypatch.setenv("FASHION_HOME", str(home.root))
    assert main(["prune", "--keep", "-1"]) == 2
    assert "cannot be negative" in capsys.readouterr().err


def test_what_cannot_be_removed_is_counted_and_named_and_goes_the_next_time(home, monkeypatch, capsys):
    """As where somebody has made a file immutable."""
    monkeypatch.setenv("FASHION_HOME", str(home.root))
    with Store(home) as store:
        firm = plan(home, store, 1, pytest.fail).contents[0]
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == firm:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        patched.setattr("pipeline.local.state.pruning.remove_tree", lambda folder: None)
        assert main(["prune", "--keep", "1"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("Removed 3 executions and 7 objects: ")
    assert "Could not remove 10 files of theirs, which nothing uses any more: " in err
    assert f"{home.executions}/fashion-" in err
    assert " and 7 more. They may be another user's, or immutable" in err
    [aside] = [path for path in home.executions.iterdir() if path.name.startswith("fashion-")]
    aside.rename(home.executions / aside.name.replace(str(ProcessIdentity.mine()), str(ended_process())))
    rebuild(home)
    assert main(["prune", "--keep", "1"]) == 0
    assert [path.name for path in home.executions.iterdir()] == ["exec00000003"]
    assert not firm.exists()


def test_executions_on_another_disk_are_pruned(home, tmp_path):
    """A rename to another disk fails, also by a link."""
    elsewhere = tmp_path / "elsewhere"
    home.executions.rename(elsewhere)
    home.executions.symlink_to(elsewhere)
    assert prune(home, keep=1) > 0
    assert [path.name for path in elsewhere.iterdir()] == ["exec00000003"]
    with Store(home) as store:
        assert [each.execution_id for each in store.executions()] == ["exec00000003"]


def test_where_a_folder_cannot_be_moved_no_execution_is_removed(home, monkeypatch):
    before, said = contents(home.executions), state_of(home)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path == home.execution("exec00000000"):
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        with pytest.raises(
            StateError, match=r"exec00000000: Operation not permitted\. No execution was removed"
        ):
            prune(home, keep=0)
    assert contents(home.executions) == before
    assert state_of(home) == said
