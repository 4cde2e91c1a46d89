"""How often each gate of a language model is all but shut, and all but open, while it reads a text."""

from collections.abc import Collection

import torch
from torch import Tensor

from seqmodels.inspect.reading import read_windows
from seqmodels.inspect.recording import gates_of, tokens_of
from seqmodels.inspect.saturation import GateSaturation, gate_saturation
from seqmodels.tasks import LanguageModel


def text_saturation(
    model: LanguageModel, text: str, layers: Collection[str] | None = None, window: int = 1000
) -> dict[str, dict[str, GateSaturation]]:
    """The shares of a text's tokens at which each gate is below 0.1, and above 0.9; see :func:`gate_saturation`.

    Gates are what a sigmoid gives, as :func:`seqmodels.inspect.record` names it. Their values are counted window by
    window and let go, so that a long text takes no more memory than a window.

    Args:
        model: A trained one, or not.
        text: What to read, of the length T.
        layers: The layers to look at, by place or pattern; all, if not given.
        window: Tokens that are read at once; the state goes on from window to window.

    Returns:
        Layer -> gate -> shares of its U units. Empty for a cell without gates, such as Elman's.

    Raises:
        InputError: If the text is empty, or has something that the model has no token for; if there is no such layer.

    Source: Karpathy, Johnson and Fei-Fei 2015, "Visualizing and understanding recurrent networks", Figure 3.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="lstm", hidden_size=3)
        >>> found = text_saturation(model, "hell")
        >>> list(found["rnn.layers.0"]), found["rnn.layers.0"]["sigmoid(f)"].right.shape
        (['sigmoid(f)', 'sigmoid(i)', 'sigmoid(o)'], torch.Size([3]))
    """
    tokens = tokens_of(model, text)
    gates = {name for names in gates_of(model).values() for name in names}
    if not gates:
        return {}
    counts: dict[str, dict[str, Tensor]] = {}
    for recording in read_windows(model, tokens, gates, layers, window):
        for layer in recording.layers:
            of_layer = counts.setdefault(layer.place, {})
            for name, values in layer.items():
                saturated = len(values) * torch.stack(gate_saturation(values))
                of_layer[name] = of_layer.get(name, 0) + saturated
    return {
        place: {name: GateSaturation(*(count / len(tokens))) for name, count in of_layer.items()}
        for place, of_layer in counts.items()
    }
