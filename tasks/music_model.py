"""Modelling of polyphonic music: which notes sound next."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric

from seqmodels.cell import Cell
from seqmodels.data.sequences import SequenceBatch
from seqmodels.dropout import probability
from seqmodels.rnn import RNN
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_bidirectional, refuse_options


class MusicModel(RecurrentTask):
    """Predicts each frame of a piano roll from all before it; given those, each key is independent of the others.

    Trained on the batches of :class:`seqmodels.data.PolyphonicMusic` with Adam. The first frame is predicted too: from
    the initial state and an input of zeros. Logs of validation and test: ``nll``, the negative log-likelihood of a
    frame, summed over its keys, in nats; the mean over all frames of all sequences. That is the measure of
    Boulanger-Lewandowski et al. 2012 and of Jozefowicz et al. 2015, Table 2. And ``loss``, which is the same.

    Args:
        input_size: Keys of a frame.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state; a list has one a layer.
        num_layers: Layers of the network.
        dropout: Between layers and before the output.
        rnn_options: Further options of RNN and of the cell, such as ``{"forget_bias": 0}``.
        learning_rate: Of Adam.
        truncated_bptt_steps: Frames after which the gradient is cut, with an optimizer step each; 0: never.

    Raises:
        OptionError: If an option is out of range.

    Source: Boulanger-Lewandowski, Bengio and Vincent 2012 (the "RNN" of Table 1).

    Example:
        >>> import torch
        >>> from seqmodels.tasks import MusicModel
        >>> model = MusicModel(cell="gru", hidden_size=8)
        >>> logits, state = model(torch.zeros(20, 3, 88))
        >>> logits.shape, state.shape
        (torch.Size([20, 3, 88]), torch.Size([1, 3, 8]))
    """

    def __init__(
        self,
        input_size: int = 88,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int | list[int] = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
        truncated_bptt_steps: int = 0,
    ) -> None:
        settings = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__()
        check_numbers("MusicModel", settings, by_layer=True)
        self.save_hyperparameters(cell_record("MusicModel", settings))
        self.truncated_bptt_steps = truncated_bptt_steps
        self._dropout = probability("dropout", dropout)
        options = rnn_options or {}
        refuse_options("MusicModel", options)
        refuse_bidirectional("a music model", options)
        self.rnn = RNN(cell, input_size, hidden_size, num_layers, dropout=dropout, **options)
        self.decoder = nn.Linear(self.rnn.output_size, input_size)
        self.validation_nll, self.test_nll = MeanMetric(), MeanMetric()

    def forward(
        self, frames: Float[Tensor, "T B K"], state: Any = None, lengths: Int[Tensor, " B"] | None = None
    ) -> tuple[Float[Tensor, "T B K"], Any]:
        """Log-odds of each key in the frame after each frame, and the state after the last.

        Args:
            frames: 1 where a key sounds.
            state: State before the first, as :class:`RNN` gives it; its initial state if not given.
            lengths: Frames of each sequence; all of them if not given.
        """
        output, state = self.rnn(frames, state, lengths=lengths)
        return self.decoder(F.dropout(output, self._dropout, self.training)), state

    def tbptt_split_batch(self, batch: SequenceBatch, split_size: int) -> list[SequenceBatch]:
        """Cuts a batch into splits of so many frames; a sequence that has ended has the length 0."""
        lengths = _lengths(batch)
        return [
            SequenceBatch(
                batch.input[start : start + split_size],
                batch.target[start : start + split_size],
                (lengths - start).clamp(0, split_size),
            )
            for start in range(0, len(batch.input), split_size)
        ]

    def tbptt_stand_in(self, split: SequenceBatch) -> SequenceBatch:
        """A split whose sequences have all ended: it counts no frame."""
        assert split.lengths is not None
        return split._replace(lengths=torch.zeros_like(split.lengths))

    def training_step(self, batch: SequenceBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean negative log-likelihood of the frames (over all ranks' frames)."""
        total, frames, state = self._nll(batch, hiddens)
        loss = self._mean_over_ranks(total, frames)
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(batch.input))
        return {"loss": loss, "hiddens": state}

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("val", batch, self.validation_nll)

    def test_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("test", batch, self.test_nll)

    def _evaluate(self, stage: str, batch: SequenceBatch, metric: MeanMetric) -> None:
        total, frames, _ = self._nll(batch, None)
        metric.update(total / frames, frames)
        for name in ("loss", "nll"):
            self.log(f"{stage}_{name}", metric, prog_bar=name == "nll", on_epoch=True, batch_size=len(batch.input))

    def _nll(self, batch: SequenceBatch, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Summed negative log-likelihood, the number of frames, and the state after the last."""
        lengths = _lengths(batch)
        logits, state = self(batch.input, state, lengths)
        nats = F.binary_cross_entropy_with_logits(logits, batch.target, reduction="none").sum(-1)
        real = torch.arange(len(nats), device=nats.device)[:, None] < lengths
        return torch.where(real, nats, 0.0).sum(), lengths.sum(), state


def _lengths(batch: SequenceBatch) -> Tensor:
    steps, sequences = batch.input.shape[:2]
    if batch.lengths is not None:
        return batch.lengths
    return torch.full((sequences,), steps, device=batch.input.device)
