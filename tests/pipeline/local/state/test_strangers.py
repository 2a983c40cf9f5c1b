"""Nobody but the run's own user gets at the local S3: another user of the machine, and pages in a real browser."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Nobody's number, on every Linux.
OTHER_USER = 65534
CODE = b"print('as it was')"


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that is not made yet, in a folder that every user can enter: pytest's own are closed."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def aws(state: Path) -> Iterator[LocalAws]:
    home = Home.open(state)
    with Store(home) as store, LocalAws(home, store) as aws:
        aws.client("s3").put_object(Bucket=aws.BUCKET, Key="code/train.py", Body=CODE)
        yield aws
        assert aws.client("s3").get_object(Bucket=aws.BUCKET, Key="code/train.py")["Body"].read() == CODE
        assert [item["Key"] for item in aws.client("s3").list_objects_v2(Bucket=aws.BUCKET)["Contents"]] == [
            "code/train.py"
        ]


# What another user can try with nothing but an interpreter. Prints what came of each attempt.
ATTEMPTS = r"""
import hashlib, hmac, http.client, json, os, sys, time
port, bucket, key, secret, server, job, *files = sys.argv[1:]

def ask(method, path, body=b"", sign=None):
    host = "127.0.0.1:" + port
    headers = {"Host": host}
    if sign:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest()
        headers |= {"x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = "host;x-amz-content-sha256;x-amz-date"
        signed = ["host:" + host, "x-amz-content-sha256:" + digest, "x-amz-date:" + stamp]
        canonical = "\n".join([method, path, "", *signed, "", names, digest]).encode()
        scope = [stamp[:8], "us-east-1", "s3", "aws4_request"]
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(canonical).hexdigest()])
        with_key = ("AWS4" + sign[1]).encode()
        for word in [*scope, text]:
            with_key = hmac.new(with_key, word.encode(), "sha256").digest()
        headers["Authorization"] = (
            "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s"
            % (sign[0], "/".join(scope), names, with_key.hex())
        )
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("latin-1")
    except OSError as error:
        return type(error).__name__

train = f"/{bucket}/code/train.py"
print(json.dumps({
    "user": os.getuid(),
    "key": ask("GET", train, sign=(key, secret)) if secret else None,
    "unsigned": ask("PUT", train, b"bad"),
    "dummy": ask("PUT", train, b"bad", sign=("LOCALONLYNOTREAL0000", "local-only-not-a-real-secret-key")),
    "guess": ask("PUT", train, b"bad", sign=(key, "guess")),
    "reset": ask("POST", "/moto-api/reset"),
    "command lines": read(f"/proc/{server}/cmdline") + read(f"/proc/{job}/cmdline"),
    "environments": [read(f"/proc/{server}/environ"), read(f"/proc/{job}/environ")],
    "files": [read(path) for path in files],
}))
"""


AS_OTHER_USER = ("setpriv", f"--reuid={OTHER_USER}", f"--regid={OTHER_USER}", "--clear-groups")


def system_python() -> str:
    """An interpreter that every user can run; the tests' own may lie in a closed folder."""
    for python in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        command = [*AS_OTHER_USER, python, "-c", "import hashlib"]
        if subprocess.run(command, capture_output=True, cwd="/", check=False).returncode == 0:
            return python
    pytest.skip("NOT TESTED: ANOTHER USER OF THE MACHINE. There is no Python that every user can run.")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="NOT TESTED: ANOTHER USER OF THE MACHINE. It takes root, and setpriv.",
)
def test_another_user_of_the_machine_can_do_nothing(aws: LocalAws, state: Path) -> None:
    python = system_python()
    assert aws._server is not None
    server = aws._server.process.pid
    files = [path for path in state.rglob("*") if path.is_file()]
    assert {"state.sqlite3", "server.log"} <= {path.name for path in files}
    job = subprocess.Popen(["sleep", "60"], env=aws.job_environment(), stdin=subprocess.DEVNULL)

    def attempt(secret: str) -> dict[str, Any]:
        port = aws.endpoint_url.rpartition(":")[2]
        told = (port, aws.BUCKET, aws.credentials.access_key, secret, str(server), str(job.pid))
        command = [*AS_OTHER_USER, python, "-c", ATTEMPTS, *told, *map(str, files)]
        tried = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
        return dict(json.loads(tried.stdout))

    try:
        tried = attempt("")
        # The same program with the secret gets in: nothing else stopped it.
        assert attempt(aws.credentials.secret_key)["key"] == 200
    finally:
        job.kill()
        job.wait()
    assert tried["user"] == OTHER_USER
    assert (tried["unsigned"], tried["dummy"], tried["guess"], tried["reset"]) == (403, 403, 403, 403)
    assert "moto_process" in tried["command lines"]
    assert aws.credentials.secret_key not in json.dumps(tried)
    assert tried["environments"] == ["PermissionError"] * 2
    assert set(tried["files"]) == {"PermissionError"}


class Page:
    """A site whose page tries to reach the local S3, with requests that would harm nothing."""

    def __init__(self, target: str) -> None:
        script = f"""
          window.came = [];
          const url = {json.dumps(target)};
          const tell = (what, how) => window.came.push(what + ': ' + how);
          const tries = [
            ['fetch', url, {{}}], ['no-cors', url, {{mode: 'no-cors'}}],
            ['post', url, {{method: 'POST', body: 'harmless'}}],
            ['preflight', url, {{method: 'PUT', body: 'harmless', headers: {{'x-harmless': '1'}}}}],
            ['no-cors post', url, {{method: 'POST', mode: 'no-cors', body: 'harmless'}}],
            ['reset', new URL('/moto-api/data.json', url), {{}}]];
          const done = tries.map(([what, where, options]) => fetch(where, options).then(
            async answer => tell(what, answer.type + ' ' + (await answer.text())), error => tell(what, 'refused')));
          done.push(new Promise(next => {{
            const image = new Image();
            image.onload = () => {{ tell('img', 'loaded'); next(); }};
            image.onerror = () => {{ tell('img', 'refused'); next(); }};
            image.src = url;
          }}));
          Promise.all(done).then(() => {{
            document.querySelector('form').submit();
            document.querySelector('iframe').onload = () => {{ window.finished = true; }};
          }});
        """
        page = (
            f'<!doctype html><iframe name="f"></iframe><form method="post" target="f" action="{target}">'
            f'<input name="harmless" value="1"></form><script>{script}</script>'
        ).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="NOT TESTED: PAGES IN A BROWSER. No playwright.")
    with sync.sync_playwright() as started:
        yield started


def browser(playwright: Any, *arguments: str) -> Any:
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"NOT TESTED: PAGES IN A BROWSER. None of {', '.join(BROWSERS)} is on the PATH.")
    return playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])


@pytest.mark.parametrize("rebound", [False, True])
def test_a_page_in_a_browser_reads_and_changes_nothing(aws: LocalAws, playwright: Any, rebound: bool) -> None:
    port = aws.endpoint_url.rpartition(":")[2]
    path = f"/{aws.BUCKET}/code/train.py"
    # A page whose name was made to lead here, which makes both one site to the browser; else one of another site.
    rules = ["--host-resolver-rules=MAP page.example 127.0.0.1"] if rebound else []
    target = f"http://page.example:{port}{path}" if rebound else f"{aws.endpoint_url}{path}"
    page = Page(target)
    launched = browser(playwright, *rules)
    try:
        opened = launched.new_page()
        answers: list[tuple[str, int]] = []
        opened.on("response", lambda answer: answers.append((answer.url, answer.status)))
        opened.goto(page.url)
        opened.wait_for_function("window.finished === true", timeout=30_000)
        came = opened.evaluate("window.came")
        if rebound:
            # And as the rebound site's own page would: the same origin, so that the answer can be read.
            direct = opened.goto(target)
            assert direct.status == 403
            text = opened.content() + opened.evaluate("fetch(location.href).then(answer => answer.text())")
            assert "not one of this server" in text
            assert "as it was" not in text
    finally:
        launched.close()
        page.close()
    assert len(came) == 7
    assert "as it was" not in str(came)
    assert {line for line in came if "refused" not in line} <= {"no-cors: opaque ", "no-cors post: opaque "}
    seen = {status for url, status in answers if f":{port}/" in url}
    assert seen == {403}
