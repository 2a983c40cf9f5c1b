"""`image`: build the container image of TARGET=docker."""

from __future__ import annotations

import argparse

from pipeline.console import say
from pipeline.docker.engine import require_engine
from pipeline.docker.image import DEFAULT_BASE, build_image, make_base


def main(args: argparse.Namespace) -> int:
    """Builds the image and prints its tag."""
    require_engine()
    base = make_base() if args.debootstrap else args.base or DEFAULT_BASE
    say(f"Building the image for TARGET=docker on {base} …")
    print(build_image(base))
    return 0
