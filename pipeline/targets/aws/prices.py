"""What an hour of an instance costs: AWS's price list, or, where that cannot be read, a table of known age.

The table holds on-demand prices in USD an hour in us-east-1, where training and processing cost the same. They were
collected on 2026-11-25 from tables in public repositories that quote https://aws.amazon.com/sagemaker/pricing/ (for
g4dn and p3 for example goerlitz/nlp-classification, notebooks/10kGNAD/sagemaker/README.md), which agree with each
other and date from 2022 to 2024; AWS itself was not asked. Other regions cost up to about twice as much. So a
ceiling that rests on the table is a guess, and is called one wherever it is shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.targets.aws.account import Account
from pipeline.targets.aws.answers import OddAnswerError
from pipeline.targets.aws.aws_errors import AWS_ERRORS
from pipeline.targets.aws.plan import Kind

TABLE_YEAR = "2024"
TABLE_USD: Mapping[str, float] = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g5.xlarge": 1.4084,
    "ml.g5.2xlarge": 1.515,
    "ml.g6.2xlarge": 1.222,
    "ml.p3.2xlarge": 3.825,
}
FROM_LIST = "AWS's price list"
FROM_TABLE = f"a table of {TABLE_YEAR} for us-east-1"


@dataclass(frozen=True)
class Price:
    """USD an hour of one instance, and where that is from."""

    usd: float
    source: str


class Prices:
    """Looks prices up, each once."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[tuple[str, Kind], Price | None] = {}

    def hourly(self, instance_type: str, kind: Kind) -> Price | None:
        """The on-demand price; None when neither the list nor the table has one in USD."""
        key = instance_type, kind
        if key not in self._known:
            self._known[key] = self._listed(instance_type, kind) or tabled(instance_type)
        return self._known[key]

    def _listed(self, instance_type: str, kind: Kind) -> Price | None:
        if not self._account.price_regions:
            return None
        fields = {"regionCode": self._account.region, "instanceName": instance_type}
        try:
            client = self._account.client("pricing", self._account.price_regions[0])
            pages = client.get_paginator("get_products").paginate(
                ServiceCode="AmazonSageMaker",
                Filters=[
                    {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()
                ],
            )
            found = [usd for page in pages for text in page["PriceList"] for usd in prices_in(text, kind)]
        except AWS_ERRORS:
            return None  # Not permitted, or away: then the table has to do.
        # More than one would be a surprise; for a ceiling the highest is right.
        return Price(max(found), FROM_LIST) if found else None


def prices_in(text: str, kind: Kind) -> Iterator[float]:
    """The on-demand prices in USD in one product of the price list, if it is an hour of such a job's instance.

    Raises OddAnswerError when the text is none of the list's.
    """
    try:
        document: Any = json.loads(text)
        if document["product"]["attributes"].get("component") != kind:
            return
        for term in document.get("terms", {}).get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                usd = float(dimension["pricePerUnit"].get("USD", 0))
                if 0 < usd < math.inf:
                    yield usd
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OddAnswerError("GetProducts", f"a product of its list lacks {error}") from error


def tabled(instance_type: str) -> Price | None:
    """The price out of the table."""
    usd = TABLE_USD.get(instance_type)
    return None if usd is None else Price(usd, FROM_TABLE)
