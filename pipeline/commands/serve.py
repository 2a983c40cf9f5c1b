"""`serve`: a registered model behind TensorFlow Serving's REST API, on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import os
import threading

from pipeline.console import say
from pipeline.interrupts import stop_on_signals
from pipeline.local.state.state_dir import home_from
from pipeline.loopback_requests import names_of

DRAIN_SECONDS = 10.0
SIGNAL_SECONDS = 0.2


def main(args: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM; requests that are being answered then are finished."""
    from pipeline.serving.server import bound_socket, serving

    home = home_from(os.environ)
    with bound_socket(args.host, args.port) as listening:  # before the seconds that loading takes
        from pipeline.predicting.choice import loaded_model
        from pipeline.predicting.sources import open_models
        from pipeline.serving.application import Application

        with open_models(args.target, home, args.group) as models:
            loaded = loaded_model(models, args.model, home, say)
        application = Application(
            loaded.saved_model, loaded.group, loaded.package.version, say, names_of(args.host)
        )
        address, port = listening.getsockname()[:2]
        host = f"[{address}]" if ":" in address else address
        if not ipaddress.ip_address(address).is_loopback:
            say(f"Note: whoever reaches {host} can ask the model: there is no password and no encryption.")
        stop = threading.Event()
        told = (lambda _: None) if args.quiet else say
        with stop_on_signals(stop), serving(listening, application, told) as server:
            say(
                f"Serving {loaded.name} at http://{host}:{port}/v1/models/{loaded.group}:predict; Ctrl-C ends it."
            )
            # Not without a limit: the system may hand the signal to another thread, which wakes nobody, and Python
            # runs its handler only when this one goes on.
            while not stop.wait(SIGNAL_SECONDS):
                pass
    if not server.drain(DRAIN_SECONDS):
        say(f"Ended; requests that took more than {DRAIN_SECONDS:.0f} s were not finished.")
        return 1
    say("Ended.")
    return 0
