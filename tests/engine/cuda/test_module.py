"""A text becomes a module whose functions show their source, as Triton and tracebacks read it."""

import inspect
import linecache

from seqmodels.engine.cuda import module

SOURCE = "FACTOR = 3\n\n\ndef triple(x):\n    return FACTOR * x\n"


def test_a_function_shows_its_source():
    made = module.load(SOURCE)
    linecache.checkcache()
    assert made.triple(2) == 6
    assert inspect.getsource(made.triple) == "def triple(x):\n    return FACTOR * x\n"


def test_equal_texts_are_one_module_and_others_are_others():
    assert module.load(SOURCE) is module.load(SOURCE)
    assert module.load(SOURCE.replace("3", "4")).triple(2) == 8
    assert module.load(SOURCE).triple(2) == 6
