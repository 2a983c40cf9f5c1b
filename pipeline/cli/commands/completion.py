"""`completion`: print what makes a shell complete commands, flags and their choices."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.cli.parser import build_parser

# `-o default`: where there is nothing to propose, files are. zsh takes the same by bashcompinit.
SCRIPT = """\
_fashion_pipeline() {{
  COMPREPLY=()
  [ "${{COMP_WORDS[*]:1:2}}" = "-m pipeline" ] && [ "$COMP_CWORD" -ge 3 ] || return 0
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[3]}}" words=
  if [ "$COMP_CWORD" -eq 3 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$current"))
    return 0
  fi
  case "$command $before" in
{values}
    *)
      case "$command $current" in
{words}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _fashion_pipeline python python3
"""


def main(args: argparse.Namespace) -> int:
    """Prints the script for the shell that is named."""
    print(completion(args.shell), end="")
    return 0


def completion(shell: str) -> str:
    """The script: what follows `python -m pipeline` is completed."""
    (commands,) = (
        action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    parsers = commands.choices.items()
    script = SCRIPT.format(
        commands=" ".join(commands.choices),
        values="\n".join(line for name, parser in parsers for line in _values(name, parser)),
        words="\n".join(line for name, parser in parsers for line in _words(name, parser)),
    )
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script


def _values(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """What may follow each flag that takes a value: its choices, or a file."""
    for action in parser._actions:
        if action.option_strings and action.nargs not in (0, "?"):
            given = "|".join(f'"{name} {flag}"' for flag in action.option_strings)
            yield f'    {given}) words="{_choices(action)}" ;;'


def _words(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """The command's flags after a hyphen, else what its positional arguments may be."""
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    flags = " ".join(flag for action in shown for flag in action.option_strings)
    yield f'        "{name} -"*) words="{flags}" ;;'
    if places := " ".join(_choices(action) for action in shown if not action.option_strings).strip():
        yield f'        "{name} "*) words="{places}" ;;'


def _choices(action: argparse.Action) -> str:
    return " ".join(map(str, action.choices or ()))
