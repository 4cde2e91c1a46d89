"""Handlers take turns, and turn mistakes into one line."""

import threading
import time

import pytest

from seqmodels.demo.handlers import calmly, calmly_streaming
from seqmodels.errors import InputError


def run_together(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_models_are_used_by_one_thread_at_a_time():
    running, most = [], []

    def work():
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()

    @calmly
    def answer():
        work()

    @calmly_streaming
    def write():
        for _ in range(5):
            work()
            yield "text"

    run_together(lambda: list(write()), answer, lambda: list(write()), answer)
    assert len(most) == 12
    assert max(most) == 1


def test_others_get_their_turn_while_a_text_is_written():
    @calmly_streaming
    def write():
        yield from "abc"

    shown = write()
    assert next(shown) == "a"
    assert calmly(lambda: "answer")() == "answer"
    assert list(shown) == ["b", "c"]


@pytest.mark.parametrize("streams", [False, True])
def test_a_mistake_is_a_warning_of_one_line_and_what_was_shown_stays(streams):
    gradio = pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")

    def refuse():
        raise InputError("no <b>")

    def write():
        yield "text"
        refuse()

    with pytest.warns(UserWarning, match="no &lt;b&gt;"):
        found = list(calmly_streaming(write)()) if streams else [calmly(refuse)()]
    assert found == [*["text"] * streams, gradio.skip()]


def test_our_own_bugs_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        calmly(lambda: 1 / 0)()
