"""Ports at which the hosts of a job meet, which here are processes of one machine."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator

from pipeline.errors import StepFailed

# Below the ports that systems choose for outgoing connections (from 32768 on Linux, 49152 on macOS).
_FIRST, _LAST = 20_000, 32_767
_ATTEMPTS = 200

_lock = threading.Lock()
_reserved: set[int] = set()


@contextlib.contextmanager
def reserve_ports(count: int) -> Iterator[int]:
    """The first of `count` ports in a row that nothing listens at; no other job of this process gets them.

    Raises:
        StepFailed: none were found.
    """
    with _lock:
        ports = _find(count)
        _reserved.update(ports)
    try:
        yield ports[0]
    finally:
        with _lock:
            _reserved.difference_update(ports)


def _find(count: int) -> range:
    for _ in range(_ATTEMPTS):
        # At random, so that another command line is not likely to look at the same ones now.
        first = random.randint(_FIRST, _LAST - count + 1)
        ports = range(first, first + count)
        if _reserved.isdisjoint(ports) and all(map(_is_free, ports)):
            return ports
    raise StepFailed(
        f"Could not find {count} free ports in a row between {_FIRST} and {_LAST}, at which the hosts can "
        f"meet, in {_ATTEMPTS} attempts. End other programs that listen there."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("", port))
        except OSError:
            return False
    return True
