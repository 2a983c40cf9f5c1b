import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from job_failure import JobError
from tar_extraction import TarError, extract_tar_gz


def member(
    name: str, content: bytes = b"content", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> Callable[..., None]:
    def add(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = link
        info.size = len(content) if kind == tarfile.REGTYPE else 0
        info.mode = 0o7777
        tar.addfile(info, io.BytesIO(content) if info.size else None)

    return add


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    def write(*members: Callable[..., None]) -> Path:
        path = tmp_path / "model.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for add in members:
                add(tar)
        return path

    return write


def everything_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_files_and_folders_are_unpacked(tmp_path: Path, archive: Callable[..., Path]) -> None:
    path = archive(
        member("./1", kind=tarfile.DIRTYPE), member("./1/saved_model.pb", b"abc"), member("a/b/c", b"deep")
    )
    folder = tmp_path / "model"
    assert extract_tar_gz(path, folder, "m") == {"1/saved_model.pb", "a/b/c"}
    assert (folder / "1/saved_model.pb").read_bytes() == b"abc"
    assert (folder / "a/b/c").read_bytes() == b"deep"
    assert (folder / "a/b/c").stat().st_mode & 0o7111 == 0  # no mode is taken over


@pytest.mark.parametrize(
    "hostile",
    [
        member("../escaped"),
        member("a/../../escaped"),
        member("/tmp/escaped-by-absolute-path"),
        member("..\\escaped"),
        member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("link", kind=tarfile.SYMTYPE, link=".."),
        member("link", kind=tarfile.LNKTYPE, link="../outside"),
        member("pipe", kind=tarfile.FIFOTYPE),
        member("device", kind=tarfile.CHRTYPE),
        member("disk", kind=tarfile.BLKTYPE),
    ],
)
def test_what_no_artifact_holds_is_refused_and_nothing_gets_outside(
    tmp_path: Path, archive: Callable[..., Path], hostile: Callable[..., None]
) -> None:
    (tmp_path / "outside").write_text("untouched")
    path = archive(member("innocent"), hostile, member("link/escaped"))
    before = everything_under(tmp_path)
    with pytest.raises(TarError, match=r"cnn-0.*Do not use it"):
        extract_tar_gz(path, tmp_path / "model", "cnn-0")
    assert everything_under(tmp_path) - before == {"model", "model/innocent"}
    assert (tmp_path / "outside").read_text() == "untouched"
    assert not Path("/tmp/escaped-by-absolute-path").exists()


def test_a_path_twice_is_refused(tmp_path: Path, archive: Callable[..., Path]) -> None:
    with pytest.raises(TarError, match=r"has the path 'a' twice"):
        extract_tar_gz(archive(member("a"), member("./a")), tmp_path / "model", "m")


@pytest.mark.parametrize(
    "members",
    [
        [member("a"), member("a/b")],
        [member("a/b"), member("a")],
        [member(".")],
    ],
)
def test_a_path_that_is_both_file_and_folder_is_refused(
    tmp_path: Path, archive: Callable[..., Path], members: list[Callable[..., None]]
) -> None:
    with pytest.raises(TarError, match="both a file and a folder"):
        extract_tar_gz(archive(*members), tmp_path / "model", "m")


def test_an_archive_that_unpacks_to_too_much_is_stopped_in_time(
    tmp_path: Path, archive: Callable[..., Path]
) -> None:
    path = archive(member("zeros", bytes(20_000_000)))
    assert path.stat().st_size < 50_000
    with pytest.raises(TarError, match="unpacks to more than the limit"):
        extract_tar_gz(path, tmp_path / "model", "m", max_bytes=1_000_000)
    assert (tmp_path / "model" / "zeros").stat().st_size <= 1_000_000


def test_a_header_that_announces_gigabytes_of_extended_attributes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type = tarfile.XHDTYPE
    info.size = 1 << 33
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf() + bytes(4_000_000)))
    with pytest.raises(TarError):
        extract_tar_gz(path, tmp_path / "model", "m", max_bytes=1_000_000)


def test_too_many_members_are_refused(tmp_path: Path, archive: Callable[..., Path]) -> None:
    path = archive(*(member(f"d{i}", kind=tarfile.DIRTYPE) for i in range(11)))
    with pytest.raises(TarError, match="more than 10 members"):
        extract_tar_gz(path, tmp_path / "model", "m", max_members=10)


@pytest.mark.parametrize("keep", [0, 10, 100, -20])
def test_a_truncated_archive_is_refused_with_its_name(
    tmp_path: Path, archive: Callable[..., Path], keep: int
) -> None:
    path = archive(member("a", bytes(range(256)) * 100))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TarError, match=r"cnn-0 is not a whole \.tar\.gz archive"):
        extract_tar_gz(path, tmp_path / "model", "cnn-0")


def test_a_folder_that_exists_is_not_mixed_with(tmp_path: Path, archive: Callable[..., Path]) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(JobError, match="File exists"):
        extract_tar_gz(archive(member("a")), tmp_path / "model", "m")
