"""Downloads against a server that fails in every way that counts, and Debian packages good and bad."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest

from pipeline.dataset.sources import download, unpack_debian_package
from pipeline.errors import DataError

NAMES = ("images.gz", "labels.gz")
BODY = b"0123456789" * 1000


class Mirror:
    """A web server on loopback. `script` holds what it does with the next requests; after that it serves BODY."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.paths: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.paths.append(self.path)
                fault = mirror.script.pop(0) if mirror.script else "none"
                self.send_response(int(fault) if fault.isdigit() else 200)
                self.send_header("Content-Length", str(len(BODY)))
                if fault == "gzip in transfer" and "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(BODY[:100] if fault == "break off" else BODY)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data/"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    thread = threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


def fetch(mirror: str, folder: Path) -> list[str]:
    said: list[str] = []
    download(NAMES, mirror, folder, progress=said.append, pauses=(0.0, 0.0))
    return said


def test_a_download_fetches_each_file_and_says_so(mirror: Mirror, tmp_path: Path) -> None:
    said = fetch(mirror.url, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(NAMES, BODY)
    assert said == [f"Downloading {mirror.url}{name}" for name in NAMES]


@pytest.mark.parametrize("fault", ["500", "503", "429", "break off"])
def test_a_passing_fault_is_tried_again(mirror: Mirror, tmp_path: Path, fault: str) -> None:
    mirror.script = [fault, fault]
    said = fetch(mirror.url, tmp_path)
    assert (tmp_path / NAMES[0]).read_bytes() == BODY
    assert mirror.paths == ["/data/images.gz"] * 3 + ["/data/labels.gz"]
    assert sum("trying again" in line for line in said) == 2


@pytest.mark.parametrize(
    ("fault", "reason"), [("500", "500 Server Error"), ("break off", "100 bytes read, 9900 more expected")]
)
def test_a_fault_that_stays_is_reported_after_three_attempts(
    mirror: Mirror, tmp_path: Path, fault: str, reason: str
) -> None:
    mirror.script = [fault] * 9
    with pytest.raises(DataError, match=rf"images\.gz: .*{reason}"):
        fetch(mirror.url, tmp_path)
    assert len(mirror.paths) == 3


def test_a_file_that_the_mirror_does_not_have_is_not_asked_for_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.script = ["404"]
    with pytest.raises(DataError, match=r"images\.gz: 404 Client Error"):
        fetch(mirror.url, tmp_path)
    assert len(mirror.paths) == 1


def test_a_refused_connection_is_reported_in_plain_words(mirror: Mirror, tmp_path: Path) -> None:
    mirror.server.server_close()
    with pytest.raises(DataError, match=r"^images\.gz: \[Errno \d+\] Connection refused$"):
        fetch(mirror.url, tmp_path)


def test_a_server_that_calls_gzip_a_transfer_encoding_gets_no_chance(mirror: Mirror, tmp_path: Path) -> None:
    mirror.script = ["gzip in transfer"] * 2
    fetch(mirror.url, tmp_path)
    assert (tmp_path / NAMES[0]).read_bytes() == BODY


def make_package(path: Path, compression: Literal["xz", "gz"] = "xz") -> None:
    """Writes a Debian package of NAMES, with a neighbour of odd size and a path that leads outside."""
    data = io.BytesIO()
    mode: Literal["w:xz", "w:gz"] = "w:xz" if compression == "xz" else "w:gz"
    with tarfile.open(fileobj=data, mode=mode) as tar:
        for name in (*(f"./usr/share/{name}" for name in NAMES), "./usr/share/README", "../../escaped"):
            member = tarfile.TarInfo(name)
            member.size = len(BODY)
            tar.addfile(member, io.BytesIO(BODY))
        link = tarfile.TarInfo("./usr/share/a-link")
        link.type, link.linkname = tarfile.SYMTYPE, "images.gz"
        tar.addfile(link)
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",
        f"data.tar.{compression}": data.getvalue(),
    }
    content = b"!<arch>\n"
    for name, body in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
        content += header + body + b"\n" * (len(body) % 2)
    path.write_bytes(content)


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """A folder with a program `apt-get`, which writes down its arguments and copies `package.deb` from there."""
    folder = tmp_path / "apt"
    folder.mkdir()
    script = folder / "apt-get"
    script.write_text(
        f"#!/bin/sh\ncd '{folder}'\necho \"$*\" >> calls\n"
        'if [ -e broken ]; then echo "W: noise" >&2; echo "E: $(cat broken)" >&2; exit 100; fi\n'
        'case "$*" in *download*) cp package.deb "$OLDPWD" ;; esac\n'
    )
    script.chmod(0o755)
    return folder


def unpack(apt: Path, folder: Path) -> None:
    folder.mkdir()
    unpack_debian_package(NAMES, folder, progress=lambda _: None, apt_get=str(apt / "apt-get"))


needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb on this system")


@needs_dpkg
@pytest.mark.parametrize("compression", ["xz", "gz"])
def test_of_a_package_only_what_is_asked_for_is_unpacked(
    apt: Path, tmp_path: Path, compression: Literal["xz", "gz"]
) -> None:
    make_package(apt / "package.deb", compression)
    unpack(apt, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == dict.fromkeys(
        NAMES, BODY
    )
    assert not (tmp_path / "escaped").exists()


@needs_dpkg
def test_a_package_that_dpkg_built_is_unpacked(apt: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n"
    )
    for name in (*NAMES, "README"):
        (tree / name).write_bytes(BODY)
    subprocess.run(["dpkg-deb", "--build", tree, apt / "package.deb"], check=True, capture_output=True)
    unpack(apt, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == dict.fromkeys(
        NAMES, BODY
    )


@needs_dpkg
@pytest.mark.parametrize("end", [0, 7, 100, 400])
def test_a_damaged_package_is_refused(apt: Path, tmp_path: Path, end: int) -> None:
    make_package(apt / "package.deb")
    (apt / "package.deb").write_bytes((apt / "package.deb").read_bytes()[:end])
    with pytest.raises(DataError, match="package"):
        unpack(apt, tmp_path / "out")


@needs_dpkg
def test_apt_is_asked_again_with_lists_of_its_own(apt: Path, tmp_path: Path) -> None:
    (apt / "broken").write_text("Unable to locate package")
    with pytest.raises(DataError, match=r"^apt-get download .*: E: Unable to locate package$"):
        unpack(apt, tmp_path / "out")
    first, second = (apt / "calls").read_text().splitlines()
    assert first.endswith("download dataset-fashion-mnist")
    assert second.endswith("update")
    assert f"Dir::State::lists={tmp_path}/out/" in second
    assert list((tmp_path / "out").iterdir()) == []


@needs_dpkg
def test_the_folder_may_be_relative(apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(apt / "package.deb")
    monkeypatch.chdir(tmp_path)
    unpack(apt, Path("out"))
    assert (tmp_path / "out" / NAMES[0]).read_bytes() == BODY
    (apt / "broken").write_text("no")
    with pytest.raises(DataError):
        unpack(apt, Path("again"))
    assert f"Dir::State::lists={tmp_path}/again/" in (apt / "calls").read_text()


def test_a_system_without_apt_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere was not found: not a Debian or Ubuntu system"):
        unpack_debian_package(NAMES, tmp_path, progress=lambda _: None, apt_get="nowhere")
