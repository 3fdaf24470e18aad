"""The health of an engine whose clients send requests all the time."""

from inferfleet_supervisor.health import Health, look


def observe(health: Health, count: int) -> tuple[Health, bool]:
    """Return the health after a second for each of `count` steps of progress, and whether it wants a completion."""
    for _ in range(count):
        health = look(health, 1.0, (health.counters or 0) + 5, 2, under_way=False, status=None)
    return health, health.wants_completion(15)


def test_new_engine_gets_a_completion_although_clients_use_it() -> None:
    assert observe(Health(), 5)[1]


def test_engine_that_failed_gets_a_completion_although_clients_use_it() -> None:
    assert observe(Health(answered=True, failures=1), 5)[1]


def test_engine_that_answered_gets_none_while_clients_use_it() -> None:
    assert not observe(Health(answered=True), 30)[1]
