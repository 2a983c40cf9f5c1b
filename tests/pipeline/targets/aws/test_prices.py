from __future__ import annotations

from pipeline.definition.parameters import PARAMETERS
from pipeline.targets.aws.prices import FROM_LIST, FROM_TABLE, TABLE_USD, Price, Prices
from tests.pipeline.targets.aws.cloud.account import product
from tests.pipeline.targets.aws.stubbed import REGION, Stubbed


def lists(stubbed: Stubbed, *products: str) -> None:
    stubbed.on(
        "pricing",
        "get_products",
        {"PriceList": list(products)},
        ServiceCode="AmazonSageMaker",
        Filters=[
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": REGION},
            {"Type": "TERM_MATCH", "Field": "instanceName", "Value": "ml.g5.xlarge"},
        ],
    )


def test_the_price_of_that_kind_of_job_is_taken_from_the_list_once(stubbed: Stubbed) -> None:
    lists(
        stubbed,
        product("ml.g5.xlarge", "Hosting", 9.0),
        product("ml.g5.xlarge", "Training", 1.5),
        product("ml.g5.xlarge", "Training", 0.0),
    )
    prices = Prices(stubbed.account())
    assert prices.hourly("ml.g5.xlarge", "Training") == Price(1.5, FROM_LIST)
    assert prices.hourly("ml.g5.xlarge", "Training") == Price(1.5, FROM_LIST)


def test_without_permission_the_table_serves_and_says_so(stubbed: Stubbed) -> None:
    stubbed.fails("pricing", "get_products", "AccessDeniedException")
    price = Prices(stubbed.account()).hourly("ml.g5.xlarge", "Training")
    assert price == Price(TABLE_USD["ml.g5.xlarge"], FROM_TABLE)
    assert "2024" in FROM_TABLE


def test_an_instance_that_nobody_knows_has_no_price(stubbed: Stubbed) -> None:
    stubbed.on("pricing", "get_products", {"PriceList": []})
    assert Prices(stubbed.account()).hourly("ml.z9.huge", "Training") is None


def test_the_table_has_the_default_instance_types() -> None:
    defaults = {parameter.default for parameter in PARAMETERS if parameter.name.endswith("InstanceType")}
    assert defaults <= TABLE_USD.keys()
