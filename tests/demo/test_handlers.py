"""Handlers turn mistakes into one line."""

import pytest

from seqmodels.demo.handlers import calmly, calmly_streaming
from seqmodels.errors import InputError


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
