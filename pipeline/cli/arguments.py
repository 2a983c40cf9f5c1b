"""What the command lines' parsers have beside argparse's: a fault mended, and earlier names of flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.near_match import did_you_mean


class Parser(argparse.ArgumentParser):
    """Refuses `--flag=--`, of which argparse makes an empty list where a flag takes one value (Python 3.11).

    Also a `--` after which no command comes, of which argparse says nothing: a variable in a script was empty.

    What it does not know it refuses in the name of the command that was given it, with the flag that may be meant.
    The beginning of a flag is none: `--seed 3` is more likely one seed's number than short for `--seeds 3`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's. Exits with status 2 where a flag that takes one value has none, and for unknown words."""
        found, rest = super().parse_known_args(args, namespace)
        for action in self._actions:
            value: Any = getattr(found, action.dest, None)
            values = value or () if isinstance(action, argparse._AppendAction) else [value]
            if action.nargs in (None, "?") and any(each == [] for each in values):
                self.error(f"argument {'/'.join(action.option_strings)}: expected one argument (got --)")
            takes_command = action.nargs in ("*", argparse.REMAINDER)
            if takes_command and value in ([], ["--"]) and args is not None and list(args[-1:]) == ["--"]:
                self.error("no command follows --; name one, or leave -- out")
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(rest[0])}")
        return found, rest

    def _meant(self, word: str) -> str:
        """The flag that `word` may stand for, in a sentence; its first letter is rarely what is wrong."""
        flag, first = word.partition("=")[0], word[:3]
        shown = (each for each in self._actions if each.help != argparse.SUPPRESS)
        known = [option for each in shown for option in each.option_strings if option.startswith(first)]
        begun = next((option for option in known if option.startswith(flag)), flag)
        near = did_you_mean(begun, known) if len(first) == 3 else ""
        return f".{near}" if near else ""


class EarlierName(argparse.Action):
    """Takes a value under a flag's earlier name, and says the name that it has `now`. Not in --help."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, now: str, type: Callable[[str], Any] | None = None
    ) -> None:
        super().__init__(option_strings, dest, default=argparse.SUPPRESS, type=type, help=argparse.SUPPRESS)
        self.now = now

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Sets the value; the remark goes to standard error."""
        setattr(namespace, self.dest, values)
        print(f"{option_string} is {self.now} now; the next release takes that alone.", file=sys.stderr)


def parser_of(only: str | None) -> Any:
    """The `parser_class` of subparsers of which only the one of that name is asked for; None: all of them.

    The flags of some thirty commands take longer to add than one command's to parse.
    """

    def make(*, prog: str, **options: Any) -> Any:
        return Parser(prog=prog, **options) if only is None or prog.endswith(f" {only}") else _Unasked()

    return make


class _Unasked:
    """In the place of the parser of a command that was not given: takes what is said of it, and forgets it."""

    def __getattr__(self, _: str) -> Callable[..., _Unasked]:
        return lambda *words, **options: self
