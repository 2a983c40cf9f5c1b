"""Requests of web pages to a server on this machine are told from its user's own."""

import socket

import pytest

from pipeline.loopback_requests import foreign_request, names_of

NAMES = names_of("127.0.0.1")


def environ(method="GET", **headers):
    return {"REQUEST_METHOD": method, **{f"HTTP_{name.upper()}": value for name, value in headers.items()}}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8501",
        "[::1]:8501",
        "localhost",
        "LOCALHOST:8501",
        "bucket.localhost:1",
        "10.0.0.7",
    ],
)
def test_a_request_to_this_machine_by_its_own_names_is_answered(host):
    assert foreign_request(environ(host=host), NAMES) is None


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:8501",
        "127.0.0.1.rebound.example",
        "notlocalhost",
        "localhost.rebound.example",
        "user@127.0.0.1",
        "127.0.0.1,rebound.example",
        "127.0.0.1/x",
        "127.0.0.1:port",
        "[::1",
        "",
    ],
)
def test_a_name_that_could_be_rebound_is_refused(host):
    assert "is not one of this server's names" in (foreign_request(environ(host=host), NAMES) or "")


def test_the_name_that_was_given_as_host_is_answered():
    assert foreign_request(environ(host="Model-Box.lan:8501"), names_of("model-box.lan")) is None
    assert foreign_request(environ(host="other.lan:8501"), names_of("model-box.lan")) is not None


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_a_server_on_every_interface_is_called_by_the_machines_name(everywhere):
    assert foreign_request(environ(host=f"{socket.gethostname()}:1"), names_of(everywhere)) is None
    assert foreign_request(environ(host="host.docker.internal:1"), names_of(everywhere)) is None
    assert foreign_request(environ(host="rebound.example"), names_of(everywhere)) is not None


def test_a_page_of_the_server_itself_is_answered():
    assert foreign_request(environ("POST", host="127.0.0.1:5", origin="http://127.0.0.1:5"), NAMES) is None
    assert foreign_request(environ("POST", host="localhost", origin="http://localhost:80"), NAMES) is None
    assert foreign_request(environ(host="localhost:5", sec_fetch_site="same-origin"), NAMES) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://site.example",
        "https://127.0.0.1",
        "http://127.0.0.1:6",
        "http://localhost:5",
        "null",
        "",
        "x\x1b[2J",
    ],
)
def test_a_page_of_another_site_is_refused(origin):
    refusal = foreign_request(environ("POST", host="127.0.0.1:5", origin=origin), NAMES)
    assert refusal is not None
    assert "Requests from pages of other sites are not answered" in refusal
    assert refusal.isprintable()


def test_a_picture_or_script_of_another_site_is_refused_and_a_link_is_not():
    there = {"host": "127.0.0.1:5", "sec_fetch_site": "cross-site"}
    assert foreign_request(environ(**there, sec_fetch_mode="no-cors"), NAMES) is not None
    assert foreign_request(environ("POST", **there, sec_fetch_mode="navigate"), NAMES) is not None
    assert foreign_request(environ(**there, sec_fetch_mode="navigate"), NAMES) is None


def test_what_is_no_browser_is_answered():
    assert foreign_request(environ("POST"), NAMES) is None
