"""What the lines of a run (pipeline.view.plain) say about each step: its state, and where its training is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.execution import STEP_ENDS
from pipeline.view.states import REUSED, STATES, State

_LINE = re.compile(r"\d\d:\d\d:\d\d (?P<step>\S+): (?P<words>.+)")
_BY_WORD = {state.word: state for state in (*STATES.values(), REUSED)}
WAITING = STATES["Pending"]
_ENDED = {REUSED, *(STATES[status] for status in STEP_ENDS)}


@dataclass
class Progress:
    """The steps of an execution, by name: their states, and the latest words on each."""

    states: dict[str, State] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: Iterable[str]) -> Progress:
        """All steps waiting."""
        return cls(dict.fromkeys(steps, WAITING))

    def hear(self, line: str) -> bool:
        """Takes in one line of the run; returns whether it changed anything."""
        found = _LINE.fullmatch(line)
        if found is None or found["step"] not in self.states:
            return False
        step, words = found["step"], found["words"]
        state = next((known for word, known in _BY_WORD.items() if re.match(rf"{word}\b", words)), None)
        if state is not None:
            self.states[step] = state
        elif self.states[step] in _ENDED:
            return False  # AWS's logs come after its states: the end is what counts
        self.words[step] = words
        return True
