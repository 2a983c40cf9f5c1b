"""`image`: build this project's image for jobs in containers."""

from __future__ import annotations

import argparse

from pipeline.console import say
from pipeline.local.jobs.launchers.containers.engine import find_engine
from pipeline.targets.job_image import DEFAULT_BASE, build_image, make_base


def main(args: argparse.Namespace) -> int:
    """Builds the image and prints its tag."""
    find_engine()
    base = make_base() if args.debootstrap else args.base or DEFAULT_BASE
    say(f"Building the image for jobs in containers on {base} …")
    print(build_image(base))
    return 0
