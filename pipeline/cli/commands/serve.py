"""`serve`: a registered model behind TensorFlow Serving's REST API, on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.interrupts import stop_on_signals
from pipeline.local.state.state_dir import Home, home_from
from pipeline.loopback_requests import names_of

if TYPE_CHECKING:
    from pipeline.inference.predicting.choice import LoadedModel
    from pipeline.inference.serving.capture import Capture

VARIANT = "AllTraffic"  # as of the endpoints that deploy makes
DRAIN_SECONDS = 10.0
SIGNAL_SECONDS = 0.2


def main(args: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM; requests that are being answered then are finished."""
    from pipeline.inference.serving.server import bound_socket, serving

    check_capture(args)
    home = home_from(os.environ)
    with bound_socket(args.host, args.port) as listening:  # before the seconds that loading takes
        from pipeline.inference.predicting.choice import loaded_model
        from pipeline.inference.predicting.sources import open_models
        from pipeline.inference.serving.application import Application

        with open_models(args.target, home, args.group) as models:
            loaded = loaded_model(models, args.model, home, say)
            s3 = models.s3
        address, port = listening.getsockname()[:2]
        host = f"[{address}]" if ":" in address else address
        if not ipaddress.ip_address(address).is_loopback:
            say(
                f"Note: anyone who can reach {host} can use the model: there is no password and no encryption."
            )
        stop = threading.Event()
        told = (lambda _: None) if args.quiet else say
        with capturing(args, home, loaded, s3) as capture:
            application = Application(
                loaded.saved_model,
                loaded.group,
                loaded.package.version,
                say,
                names_of(args.host),
                witness=None if capture is None else capture.offer,
            )
            with stop_on_signals(stop), serving(listening, application, told) as server:
                url = f"http://{host}:{port}/v1/models/{loaded.group}:predict"
                say(f"Serving {loaded.name} at {url}; Ctrl-C ends it.")
                # Not without a limit: the system may hand the signal to another thread, which wakes nobody, and
                # Python runs its handler only when this one goes on.
                while not stop.wait(SIGNAL_SECONDS):
                    pass
            drained = server.drain(DRAIN_SECONDS)
        if capture is not None:
            say(capture.summary)
    if not drained:
        say(f"Ended; requests that took more than {DRAIN_SECONDS:.0f} s were not finished.")
        return 1
    say("Ended.")
    return 0


def check_capture(args: argparse.Namespace) -> None:
    """Raises UsageError for what cannot be captured so."""
    if args.capture is None:
        for flag, value in {"percent": args.capture_percent, "limit": args.capture_limit}.items():
            if value is not None:
                raise UsageError(f"--capture-{flag} needs --capture DIR-OR-S3, which says where to.")
        return
    if not args.capture:
        raise UsageError("--capture is empty. Name a folder, or s3://BUCKET/PREFIX.")
    if "://" in args.capture and not args.capture.startswith("s3://"):
        raise UsageError(f"Could not capture in {args.capture}. Name a folder, or s3://BUCKET/PREFIX.")
    if args.capture_percent is not None and not 1 <= args.capture_percent <= 100:
        raise UsageError(f"--capture-percent must be from 1 to 100 (got {args.capture_percent}).")
    if args.capture_limit is not None and args.capture_limit < 1:
        raise UsageError(f"--capture-limit must be at least 1 MiB (got {args.capture_limit}).")


@contextmanager
def capturing(
    args: argparse.Namespace, home: Home, loaded: LoadedModel, s3: Any | None
) -> Iterator[Capture | None]:
    """What captures requests while the block lasts, in a bucket by `s3`; None where nobody wants it."""
    if args.capture is None:
        yield None
        return
    from pipeline.inference.serving.capture import DEFAULT_MEBIBYTES, Capture
    from pipeline.inference.serving.capture_places import open_place

    limit = DEFAULT_MEBIBYTES if args.capture_limit is None else args.capture_limit
    percent = 100 if args.capture_percent is None else args.capture_percent
    with open_place(args.capture, loaded.package.version, home, s3) as place:
        say(f"Capturing {percent} % of the requests in {place.name}")
        with Capture(place, f"local-{loaded.group}", VARIANT, percent, limit << 20, say) as capture:
            yield capture
