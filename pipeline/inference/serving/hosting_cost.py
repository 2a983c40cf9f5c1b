"""What an endpoint costs, told before it is made; nobody is surprised by one that runs for a month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipeline.errors import UsageError
from pipeline.inference.serving.hosting import Hosting
from pipeline.targets.aws.cost import dollars
from pipeline.targets.aws.plan import Kind
from pipeline.targets.aws.prices import FROM_LIST, Price

HOURS_OF_A_MONTH = 730


class HostingPrices(Protocol):
    """Looks up what an hour of an instance costs; see pipeline.targets.aws.prices."""

    def hourly(self, instance_type: str, kind: Kind) -> Price | None:
        """The on-demand price; None when it is not known."""
        ...


def say_hosting_cost(hosting: Hosting, prices: HostingPrices) -> str:
    """What it costs, in a sentence."""
    if hosting.instance_type is None:
        return (
            "Costs nothing while idle; each request is billed by its milliseconds and the memory of "
            f"{hosting.memory_mb} MB (https://aws.amazon.com/sagemaker/pricing/)."
        )
    price = prices.hourly(hosting.instance_type, "Hosting")
    if price is None:
        return (
            f"What {hosting} cost an hour is not known here (see https://aws.amazon.com/sagemaker/pricing/); it "
            "is billed until undeploy, used or not."
        )
    hour = price.usd * hosting.instances
    more = ""
    if hosting.max_instances:
        most = price.usd * hosting.max_instances
        month = dollars(most * HOURS_OF_A_MONTH)
        more = f"; with all {hosting.max_instances} instances {most:.4g} USD an hour, {month} a month"
    guess = "" if price.source == FROM_LIST else ": a guess"
    return (
        f"Costs {hour:.4g} USD an hour, {dollars(hour * HOURS_OF_A_MONTH)} a month{more}, by "
        f"{price.source}{guess}; billed "
        "until undeploy, used or not."
    )


def agree(question: str, doing: str, *, certain: bool, ask: Callable[[str], str] | None) -> None:
    """Returns when somebody agrees. `certain`: they did already (--yes); `ask` None: nobody is there.

    Raises UsageError when nobody agrees: nothing was changed.
    """
    if certain:
        return
    if ask is None:
        raise UsageError(f"{doing}: there is no terminal to ask at. Nothing was changed. Agree with --yes.")
    if ask(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError(f"{doing}: cancelled. Nothing was changed.")
