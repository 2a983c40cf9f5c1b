"""What an execution can cost at most, told before anything is started, and asked about above a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.formatting import duration
from pipeline.targets.aws.plan import Job, Kind
from pipeline.targets.aws.prices import FROM_LIST, Price, Prices

LIMIT_VARIABLE = "FASHION_MAX_COST"
LIMIT_USD = 10.0
HOUR = 3600


@dataclass(frozen=True)
class Line:
    """Equal jobs: so many, of one kind, on so many instances of one type for at most so long each."""

    kind: Kind
    instance_type: str
    jobs: int
    instances: int
    max_seconds: int
    price: Price | None

    @property
    def usd(self) -> float | None:
        """The most that all of them can cost; None when the price is not known."""
        if self.price is None:
            return None
        return self.price.usd * self.jobs * self.instances * self.max_seconds / HOUR

    def __str__(self) -> str:
        number = f"{self.jobs} {self.kind.lower()} job{'s' if self.jobs > 1 else ''}"
        hosts = f"{self.instances} × {self.instance_type}" if self.instances > 1 else self.instance_type
        each = f"{number} of at most {duration(self.max_seconds)} on {hosts}"
        if self.price is None:
            return f"{each}: price unknown"
        return f"{each} at {self.price.usd:.4g} USD/h: {dollars(self.usd or 0.0)}"


@dataclass(frozen=True)
class Ceiling:
    """The most that an execution can cost if no job is tried again; without storage, which is cents."""

    lines: tuple[Line, ...]

    @property
    def usd(self) -> float:
        """The sum, in USD; infinite when a price is unknown."""
        return sum(math.inf if line.usd is None else line.usd for line in self.lines)

    @property
    def source(self) -> str:
        """Where the prices are from."""
        sources = dict.fromkeys(line.price.source for line in self.lines if line.price is not None)
        text = " and ".join(sources)
        return text if set(sources) <= {FROM_LIST} else f"{text}: a guess"


def ceiling(jobs: Iterable[Job], prices: Prices) -> Ceiling:
    """Instance price × longest run (and the warm pool after it) × jobs, equal jobs in one line.

    Of a job that may run on several types of instances it is the dearest's, or one's whose price is not known.
    """
    grouped: dict[tuple[Kind, str, int, int], int] = {}
    for job in jobs:
        kind = job.instance_type
        if job.others:
            kind = max(job.types, key=lambda each: _hour(prices.hourly(each, job.kind)))
        key = job.kind, kind, job.instances, job.max_seconds + job.kept_seconds
        grouped[key] = grouped.get(key, 0) + job.count
    return Ceiling(
        tuple(
            Line(kind, instance_type, number, instances, seconds, prices.hourly(instance_type, kind))
            for (kind, instance_type, instances, seconds), number in grouped.items()
        )
    )


def _hour(price: Price | None) -> float:
    return math.inf if price is None else price.usd


def cost_limit(given: float | None, environ: Mapping[str, str]) -> float:
    """The USD above which to ask: --max-cost, else FASHION_MAX_COST, else LIMIT_USD.

    Raises UsageError for what is no amount of money.
    """
    if given is not None:
        text, name = str(given), "--max-cost"
    elif environ.get(LIMIT_VARIABLE):
        text, name = environ[LIMIT_VARIABLE], LIMIT_VARIABLE
    else:
        return LIMIT_USD
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not limit >= 0:
        raise UsageError(
            f"{name} must be a number of USD, at least 0, not {text}. For example: --max-cost 20"
        )
    return limit


def say_cost(cost: Ceiling, say: Callable[[str], None]) -> None:
    """Tells what an execution can cost, line by line."""
    for line in cost.lines:
        say(f"  {line}")
    if not cost.lines:
        say("Runs no jobs, and so costs nothing.")
    elif math.isinf(cost.usd):
        say("What this can cost is not known: a price is missing.")
    else:
        say(f"Costs at most {dollars(cost.usd)}, by {cost.source}; less where steps are reused or end early.")


def confirm(cost: Ceiling, limit: float, *, certain: bool, ask: Callable[[str], str] | None) -> None:
    """Returns when the cost is within the limit, or somebody agrees to it.

    `certain`: whoever started the command did already (--yes). `ask` puts a question; None: nobody is there.

    Raises UsageError when nobody agrees: nothing was started.
    """
    if certain or cost.usd <= limit:
        return
    most = "an unknown amount" if math.isinf(cost.usd) else f"up to {dollars(cost.usd)}"
    doing = f"Starting an execution that may cost {most}"
    if ask is None:
        raise UsageError(
            f"{doing}: that is above {dollars(limit)}, and there is no terminal to ask at. Nothing was "
            f"started. Agree with --yes, or raise the limit with --max-cost or {LIMIT_VARIABLE}."
        )
    if ask(f"This may cost {most}. Start it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError(f"{doing}: cancelled. Nothing was started.")


def dollars(usd: float) -> str:
    """An amount of money: "4.48 USD", or "less than 0.01 USD"."""
    if 0 < usd < 0.005:
        return "less than 0.01 USD"
    return f"{usd:,.2f} USD"
