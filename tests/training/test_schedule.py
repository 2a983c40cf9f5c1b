from schedule import learning_rate_schedule


def rates(total: int) -> list[float]:
    schedule = learning_rate_schedule(0.01, total)
    return [float(schedule(step)) for step in range(total + 1)]


def test_the_rate_warms_up_to_the_peak_and_falls_to_zero() -> None:
    found = rates(200)
    peak = found.index(max(found))
    assert peak == 10
    assert abs(found[peak] - 0.01) < 1e-8
    assert found[:peak] == sorted(found[:peak])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[0] > 0
    assert abs(found[200]) < 1e-8


def test_a_training_of_one_step_has_a_rate() -> None:
    assert abs(rates(1)[0] - 0.01) < 1e-8
