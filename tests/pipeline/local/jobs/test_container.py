"""Paths of the container are mapped wherever a request names them, and nothing leads out of its folder."""

from pathlib import Path

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import Container
from pipeline.local.state.removing import remove_tree
from tests.folders import make_deep

ROOT = Path("/state/job")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/ml/model", "/state/job/opt/ml/model"),
        ("/opt/ml", "/state/job/opt/ml"),
        ("--model-dir=/opt/ml/model", "--model-dir=/state/job/opt/ml/model"),
        (
            "chmod +x /opt/ml/a.sh && /opt/ml/a.sh",
            "chmod +x /state/job/opt/ml/a.sh && /state/job/opt/ml/a.sh",
        ),
        ("cat '/opt/ml/a';ls \"/opt/ml/b\"", "cat '/state/job/opt/ml/a';ls \"/state/job/opt/ml/b\""),
        ("/usr/bin:/opt/ml/bin", "/usr/bin:/state/job/opt/ml/bin"),
        ('{"dir": "/opt/ml/x"}', '{"dir": "/state/job/opt/ml/x"}'),
        ("/data/in/x.csv", "/state/job/data/in/x.csv"),
        ("/data/in", "/state/job/data/in"),
        ("s3://bucket/opt/ml/model", "s3://bucket/opt/ml/model"),
        ("/opt/mlflow/x", "/opt/mlflow/x"),
        ("/opt/ml-data", "/opt/ml-data"),
        ("/data/input", "/data/input"),
        ("/mnt/opt/ml/x", "/mnt/opt/ml/x"),
        ("plain", "plain"),
    ],
)
def test_paths_are_mapped_where_they_are_whole_paths(text: str, expected: str) -> None:
    assert Container(ROOT, ("/data/in",)).localize(text) == expected


def test_a_root_that_lies_under_opt_ml_itself_is_mapped_once() -> None:
    container = Container(Path("/opt/ml/home/job"))
    assert container.localize("/opt/ml/model") == "/opt/ml/home/job/opt/ml/model"


def test_texts_are_mapped_at_any_depth_and_keys_are_not() -> None:
    value = {"/opt/ml/key": ["/opt/ml/a", {"x": "/opt/ml/b"}, 3, None, True]}
    mapped = {"/opt/ml/key": ["/state/job/opt/ml/a", {"x": "/state/job/opt/ml/b"}, 3, None, True]}
    assert Container(ROOT).localize(value) == mapped


@pytest.mark.parametrize("inside", ["/", "relative/x", "/opt/ml/../../../etc", "", "//"])
def test_a_path_that_leads_out_is_refused(inside: str) -> None:
    with pytest.raises(StepFailed, match=r"must be absolute, below /.*, not "):
        Container(ROOT).path(inside)


def test_a_new_container_has_the_contracts_folders_and_its_mounts_and_nothing_old(tmp_path: Path) -> None:
    old = Container.create(tmp_path / "c")
    old.path("/opt/ml/model/stale").write_text("stale")
    new = Container.create(tmp_path / "c", ("/data/in",))
    assert list(new.path("/opt/ml/model").iterdir()) == []
    for folder in (
        "/opt/ml/input/config",
        "/opt/ml/input/data",
        "/opt/ml/output/data",
        "/opt/ml/checkpoints",
        "/tmp",
        "/data/in",
    ):
        assert new.path(folder).is_dir()


def test_a_tree_with_folders_that_a_job_locked_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "locked" / "deep").mkdir(parents=True)
    (folder / "locked" / "deep" / "file").write_text("x")
    (folder / "outside").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir(mode=0o500)
    (folder / "locked" / "deep").chmod(0)
    (folder / "locked").chmod(0)
    remove_tree(folder)
    assert not folder.exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("name", ["d", "d" * 40])
def test_a_tree_of_many_levels_is_removed(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    make_deep(folder, name)
    remove_tree(folder)
    assert not folder.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()


def test_removing_a_tree_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
