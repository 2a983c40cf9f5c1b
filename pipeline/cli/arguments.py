"""The command lines' parser: argparse's, but for a fault of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class Parser(argparse.ArgumentParser):
    """Refuses `--flag=--`, of which argparse makes an empty list where a flag takes one value (Python 3.11)."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's. Exits with status 2 where a flag that takes one value has none."""
        found, rest = super().parse_known_args(args, namespace)
        for action in self._actions:
            value: Any = getattr(found, action.dest, None)
            values = value or () if isinstance(action, argparse._AppendAction) else [value]
            if action.nargs in (None, "?") and any(each == [] for each in values):
                self.error(f"argument {'/'.join(action.option_strings)}: expected one argument (got --)")
        return found, rest
