import json

import numpy as np
import pytest

from cluster import ALONE, Cluster, read_cluster
from training_failure import UsageError

HOSTS = {"SM_HOSTS": '["algo-1", "algo-2", "algo-3"]', "SM_CURRENT_HOST": "algo-2"}


def test_a_job_without_hosts_is_one_host() -> None:
    assert read_cluster({}).size == 1
    assert read_cluster({"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}).size == 1
    assert ALONE.is_chief


def test_on_sagemaker_hosts_meet_at_their_names() -> None:
    cluster = read_cluster({**HOSTS, "SM_MASTER_ADDR": "algo-1", "SM_MASTER_PORT": "7777"})
    assert cluster.addresses == ("algo-1:7777", "algo-2:7778", "algo-3:7779")
    assert cluster.rank == 1
    assert not cluster.is_chief
    assert read_cluster(HOSTS) == cluster


def test_hosts_on_one_machine_meet_there_at_ports_of_their_own() -> None:
    cluster = read_cluster({**HOSTS, "SM_MASTER_ADDR": "127.0.0.1", "SM_MASTER_PORT": "23456"})
    assert cluster.addresses == ("127.0.0.1:23456", "127.0.0.1:23457", "127.0.0.1:23458")


def test_tensorflow_is_told_the_cluster_in_its_own_format() -> None:
    assert json.loads(Cluster(("a:1", "b:2"), 1).tf_config()) == {
        "cluster": {"worker": ["a:1", "b:2"]},
        "task": {"type": "worker", "index": 1},
    }


@pytest.mark.parametrize(("size", "count"), [(1, 5), (2, 128), (2, 33), (3, 128), (3, 1)])
def test_shares_are_even_and_make_up_the_batch(size: int, count: int) -> None:
    batch = np.random.default_rng(0).permutation(count)
    shares = [Cluster(("host",) * size, rank).share(batch) for rank in range(size)]
    assert sorted(np.concatenate(shares)) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("size", "count", "batch_size", "least"),
    [
        (1, 1, 128, None),
        (2, 55_000, 128, None),
        (2, 66, 64, None),
        (3, 3, 128, None),
        (2, 65, 64, 1),
        (2, 55_000, 1, 1),
        (5, 4, 128, 4),
        (9, 55_000, 8, 8),
    ],
)
def test_a_host_without_an_image_is_refused(
    size: int, count: int, batch_size: int, least: int | None
) -> None:
    cluster = Cluster(("host",) * size)
    batches = [range(count)[at : at + batch_size] for at in range(0, count, batch_size)]
    assert (min(map(len, batches)) < size) is (least is not None)
    if least is None:
        cluster.expect_shares(count, batch_size)
        return
    with pytest.raises(
        UsageError, match=f"on {size} hosts: .* a batch of {least}, which leaves a host without"
    ):
        cluster.expect_shares(count, batch_size)


@pytest.mark.parametrize(
    "environ",
    [
        {"SM_HOSTS": "algo-1,algo-2"},
        {"SM_HOSTS": "[]"},
        {"SM_HOSTS": "3"},
        {"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-2"},
        {**HOSTS, "SM_MASTER_PORT": "many"},
    ],
)
def test_variables_that_contradict_each_other_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"SM_HOSTS must be .*\(.*\)\. Correct"):
        read_cluster(environ)
