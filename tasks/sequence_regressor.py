"""Sequence regression: read it all, then give numbers."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanSquaredError, Metric

from seqmodels.cell import Cell
from seqmodels.errors import InputError
from seqmodels.tasks.sequence_reader import SequenceReader


class SequenceRegressor(SequenceReader):
    """Numbers that belong to a sequence: any cell reads it, pooling makes one vector of what it says.

    Trained on :class:`seqmodels.data.sequences.SequenceBatch` with targets [B, output_size], or [B] where that is 1, by
    mean squared error and AdamW. Logs of validation and test: ``loss`` and ``mse``, which are the same.

    Args:
        input_size: Features of each step; with ``embedding_size``, the number of different tokens.
        output_size: Numbers to give.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state; a list has one a layer.
        num_layers: Layers of the network.
        embedding_size: Input is tokens [T, B], which get vectors of this size; if not given, it is features [T, B, I].
        dropout: On embeddings, between layers and before the last linear map.
        rnn_options: Further options of RNN and of the cell, such as ``{"bidirectional": True}``.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        pooling: What the numbers are told from: the "last" output (backwards: the first), their "mean", their "max", or
            a weighted mean by "attention"; see :class:`seqmodels.tasks.pooling.Pooling`.

    Raises:
        OptionError: If an option is out of range.
        InputError: While training, if the targets have another shape.

    Example:
        >>> import torch
        >>> from seqmodels.tasks import SequenceRegressor
        >>> model = SequenceRegressor(input_size=2, cell="gru", hidden_size=8)
        >>> model(torch.rand(30, 5, 2)).shape
        torch.Size([5, 1])
    """

    shown = "mse"

    def __init__(
        self,
        input_size: int,
        output_size: int = 1,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int | list[int] = 128,
        num_layers: int = 1,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        pooling: Literal["last", "mean", "max", "attention"] = "last",
    ) -> None:
        super().__init__(output_size, {k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def _metrics(self) -> dict[str, Metric]:
        return {"mse": MeanSquaredError()}

    def _paired(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if target.dim() == 1 and output.shape[1] == 1:
            target = target[:, None]
        if target.shape != output.shape:
            raise InputError(
                f"SequenceRegressor: target has the shape {list(target.shape)}, but the model gives "
                f"{list(output.shape)}; set output_size to the numbers of a target"
            )
        return output, target

    def _loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return F.mse_loss(output, target, reduction="sum"), torch.tensor(target.numel(), device=target.device)
