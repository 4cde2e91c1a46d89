"""Windows of steps cover a sequence once; test_agreement.py runs through them with graphs that only launch again."""

import pytest
import torch

from seqmodels.engine.cuda import graphs


@pytest.mark.parametrize("steps", [1, 16, 31, 32, 33, 100])
def test_windows_follow_each_other_to_the_end(steps):
    windows = graphs._windows(steps)
    assert [start for start, _ in windows] == [sum(size for _, size in windows[:i]) for i in range(len(windows))]
    assert sum(size for _, size in windows) == steps
    assert all(size <= graphs.LONGEST and size & (size - 1) == 0 for _, size in windows)


def test_few_steps_and_other_devices_need_no_graph(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    gpu = torch.device("cuda")
    assert graphs.are_worthwhile(gpu, 16)
    assert not graphs.are_worthwhile(gpu, 15)
    assert not graphs.are_worthwhile(torch.device("cpu"), 16)
    monkeypatch.setenv("SEQMODELS_CUDA_GRAPHS", "0")
    assert not graphs.are_worthwhile(gpu, 16)


def test_buffers_made_in_inference_serve_later_calls():
    steps = graphs.Steps(lambda *_: None, False, ahead=set(), within=set(), read={"step_0"}, written={"new_0"})
    buffers = {"step_0": torch.ones(4, 2, 3), "new_0": torch.zeros(4, 2, 3), "state_0": torch.zeros(2, 3)}
    with torch.inference_mode():
        window = graphs.Window(steps, buffers, 2)
    with torch.no_grad():
        window._enter(buffers, 0, 4)
    assert torch.equal(window.own["step_0"][:4], buffers["step_0"])


def test_a_graph_of_the_user_is_launched_into(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert not graphs.are_worthwhile(torch.device("cuda"), 16)
