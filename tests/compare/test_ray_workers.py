"""Workers of a Ray cluster on this machine."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jobs
import pytest
from patience import PATIENCE

from seqmodels.compare import RayWorkers
from seqmodels.errors import OptionError

pytest.importorskip("ray", reason="needs pip install 'seqmodels[ray]'")


@pytest.fixture(scope="module")
def workers() -> Iterator[RayWorkers]:
    before = signal.getsignal(signal.SIGTERM)
    with RayWorkers(2) as made:
        yield made
    assert signal.getsignal(signal.SIGTERM) is before, "a training after the study must still end in order"


def drain(workers: RayWorkers) -> dict[str, object]:
    found = {}
    while (outcome := workers.wait()) is not None:
        found[outcome.key] = outcome.error or outcome.value
    return found


def test_jobs_and_errors_come_back(workers: RayWorkers) -> None:
    assert workers.capacity == 2
    workers.submit("bad", jobs.fail, "no\nluck")
    workers.submit("good", jobs.add, 1, 2)
    assert drain(workers) == {"bad": "ValueError: no luck", "good": 3}


def test_the_job_of_a_killed_process_is_run_again(workers: RayWorkers, tmp_path: Path) -> None:
    workers.submit("job", jobs.die_at_first, str(tmp_path), 2)
    assert drain(workers) == {"job": 3}


def test_a_job_whose_process_always_dies_is_given_up(workers: RayWorkers, tmp_path: Path) -> None:
    workers.submit("job", jobs.die_at_first, str(tmp_path), 99)
    outcome = workers.wait()
    assert outcome is not None
    assert outcome.died
    assert "died 3 times" in outcome.error
    assert "\n" not in outcome.error
    workers.submit("job", jobs.die_at_first, str(tmp_path), 5)
    assert drain(workers) == {"job": 6}  # given again, it is tried as often


def test_waiting_ends_after_the_timeout(workers: RayWorkers) -> None:
    workers.submit("long", jobs.process_id, 1.0)
    assert workers.wait(0.05) is None
    assert workers.wait() is not None


def test_a_cluster_that_is_too_small_is_left_as_if_it_had_not_been_asked(one_line) -> None:
    import ray

    if ray.is_initialized():
        ray.shutdown()
    before = signal.getsignal(signal.SIGTERM)
    with one_line(OptionError, "the Ray cluster has", "give fewer threads or devices"):
        RayWorkers(1, gpus=99)
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is before


def test_jobs_that_are_given_up_come_to_nothing() -> None:
    with RayWorkers(1) as made:
        give_up_the_first_of_two(made)


def test_ray_is_told_again_of_a_job_that_goes_on_though_it_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    told = []
    cancel = ray.cancel

    def deaf_at_first(job: Any, force: bool) -> None:
        told.append(job)
        if len(told) > 1:
            cancel(job, force=force)

    monkeypatch.setattr(ray, "cancel", deaf_at_first)
    with RayWorkers(1) as made:
        give_up_the_first_of_two(made)


def give_up_the_first_of_two(workers: RayWorkers) -> None:
    begin = time.monotonic()
    workers.submit("long", jobs.process_id, 600)
    workers.submit("next", jobs.add, 1, 2)
    workers.cancel(["long"])
    assert drain(workers) == {"next": 3}
    assert time.monotonic() - begin < PATIENCE  # nobody has waited for the long one


def test_an_address_where_nobody_is_is_one_line(one_line) -> None:
    import ray

    if ray.is_initialized():
        ray.shutdown()
    with one_line(OptionError, "127.0.0.1:1", "ray start --head"):
        RayWorkers(1, address="127.0.0.1:1")
