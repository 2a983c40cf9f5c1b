"""A real browser: pages of other sites get no answer from `serve`, its own pages do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from pipeline.inference.serving.application import Application
from pipeline.inference.serving.server import bound_socket, serving
from tests.pipeline.browsers import browser_program, start_chromium
from tests.pipeline.inference.serving.half_plus_three import HalfPlusThree

# What a page learns of a request that it makes: the status, and the body as far as it may read it.
ASK = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return [answer.type, answer.status, await answer.text()];
  } catch (error) { return ['failed', 0, String(error)]; }
}"""
BODY = '{"instances": [1.0]}'
PREDICT = "/v1/models/half:predict"


@contextmanager
def served(model: HalfPlusThree, lines: list[str]) -> Iterator[int]:
    listening = bound_socket("127.0.0.1", 0)
    port: int = listening.getsockname()[1]
    with serving(listening, Application(model, "half", 1, print), lines.append):
        yield port


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """Another site's server: a page at every path."""
    server = make_server(
        "127.0.0.1", 0, Response("<!doctype html><title>a site</title>", mimetype="text/html")
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Names below .example lead to this machine, as a rebound name does."""
    program = browser_program("SERVE IN A BROWSER")
    with start_chromium(program, "--host-resolver-rules=MAP *.example 127.0.0.1") as browser:
        yield browser


def page_at(browser: Any, url: str) -> Any:
    page = browser.new_context().new_page()
    page.goto(url)
    return page


def test_a_page_of_another_site_reaches_no_model(browser: Any, site: int) -> None:
    model, lines = HalfPlusThree(), list[str]()
    with served(model, lines) as port:
        page = page_at(browser, f"http://site.example:{site}/")
        for address in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
            plain = {"method": "POST", "body": BODY, "mode": "no-cors"}
            assert page.evaluate(ASK, [address + PREDICT, plain])[0] in ("opaque", "failed")
            assert page.evaluate(ASK, [address + PREDICT, {"method": "POST", "body": BODY}])[0] == "failed"
            assert page.evaluate(ASK, [f"{address}/v1/models/half", {}])[0] == "failed"
    assert model.asked == []
    assert all(line.endswith("→ 403") for line in lines), lines


def test_a_rebound_name_reaches_no_model(browser: Any) -> None:
    """The page's own name leads to the server: for the browser it is one site, and may read all."""
    model, lines = HalfPlusThree(), list[str]()
    with served(model, lines) as port:
        page = page_at(browser, f"http://rebound.example:{port}/ping")
        answer = page.evaluate(ASK, [PREDICT, {"method": "POST", "body": BODY}])
        assert answer[:2] == ["basic", 403]
        assert "rebound.example" in answer[2]
    assert model.asked == []
    assert all(line.endswith("→ 403") for line in lines), lines


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_the_server_itself_is_answered(name: str, browser: Any) -> None:
    model = HalfPlusThree()
    with served(model, []) as port:
        page = page_at(browser, f"http://{name}:{port}/v1/models/half")
        kind, status, text = page.evaluate(ASK, [PREDICT, {"method": "POST", "body": BODY}])
    assert (kind, status) == ("basic", 200)
    assert "3.5" in text
    assert len(model.asked) == 1
