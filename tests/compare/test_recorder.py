"""What a recorder counts."""

from types import SimpleNamespace

import pytest
import torch
from trials import trial

from seqmodels.compare import Point, Result
from seqmodels.compare.recorder import TrialRecorder


@pytest.fixture
def train(problem, training, tmp_path, monkeypatch):
    """``train(state, steps)``: a process that goes on with a trial; a step takes a second, its first one a minute."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    trainer = SimpleNamespace(world_size=1, should_stop=False)

    def run(state: dict | None, steps: int) -> TrialRecorder:
        recorder, batch = TrialRecorder(problem, training, tmp_path), torch.zeros(5, 4)
        if state is not None:
            recorder.load_state_dict(state)
        for number in range(steps):
            recorder.on_train_batch_start(trainer, None, batch, number)
            now[0] += 1.0 if number else 60.0
            recorder.on_train_batch_end(trainer, None, None, batch, number)
        return recorder

    return run


def speed(recorder: TrialRecorder) -> float:
    point = Point(recorder.step, recorder.seconds, recorder.tokens, 0.5)
    return Result(trial(), "finished", (point,)).tokens_per_second


def test_the_first_step_of_a_trial_is_not_counted(train) -> None:
    recorder = train(None, 10)
    assert recorder.seconds == 9
    assert speed(recorder) == pytest.approx(20)


def test_stopping_gives_a_trial_no_time_and_no_speed(train) -> None:
    recorder = train(None, 10)
    for _ in range(3):
        recorder = train(recorder.state_dict(), 2)
    assert recorder.seconds == pytest.approx(15)
    assert speed(recorder) == pytest.approx(20)


def test_where_there_is_no_step_to_go_by_the_first_is_counted_as_it_was(train) -> None:
    recorder = train(train(None, 1).state_dict(), 1)
    assert recorder.seconds == 60
