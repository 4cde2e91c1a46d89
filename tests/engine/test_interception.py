"""A function in the engine's place."""

import pytest
import torch

from seqmodels import RNN, engine


def test_it_decides_what_a_layer_gives():
    rnn = RNN("gru", 2, 3)

    def doubled(layer, backend):
        result = engine.run(layer, "reference")
        return result._replace(output=2 * result.output)

    x = torch.randn(5, 2, 2)
    with engine.intercept(doubled):
        output, _ = rnn(x)
    assert torch.allclose(output, 2 * rnn(x)[0], atol=1e-6)


def test_it_ends_with_its_block_also_by_an_error():
    def fail(layer, backend):
        raise ValueError("seen")

    rnn = RNN("elman", 2, 3)
    with pytest.raises(ValueError, match="seen"), engine.intercept(fail):
        rnn(torch.zeros(2, 1, 2))
    assert rnn(torch.zeros(2, 1, 2))[0].shape == (2, 1, 3)


def test_inner_ones_take_over_for_their_block():
    seen = []

    def look(name):
        def run(layer, backend):
            seen.append(name)
            return engine.run(layer, backend)

        return run

    rnn, x = RNN("elman", 2, 3), torch.zeros(2, 1, 2)
    with engine.intercept(look("outer")):
        rnn(x)
        with engine.intercept(look("inner")):
            rnn(x)
        rnn(x)
    assert seen == ["outer", "inner", "outer"]
