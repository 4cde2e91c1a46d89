"""Truncated backpropagation through time for any LightningModule."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.trainer.states import TrainerFn
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from seqmodels.errors import CheckpointError, InputError, OptionError
from seqmodels.training.random_state import gather_from_ranks, get_random_state, set_random_state
from seqmodels.training.split_loop import SplitEpochLoop

CHECKPOINT_KEY = "truncated_bptt"


class TruncatedBPTT:
    """Mixin that gives a LightningModule the split-batch hooks of Lightning 1.9; it stands before it in the bases.

    Set :attr:`truncated_bptt_steps` and give ``training_step`` a third argument. Each batch is cut along time; each
    split is one training step, one backward pass and one optimizer step, and the ``hiddens`` that a step returns,
    detached, enter the next. Optimization stays automatic: the Trainer's clipping, precision, strategies, accumulation
    (over splits), logging, ``global_step`` and schedules (counted in splits), limits and progress bar (in batches) keep
    their meaning.

    ``validation_step`` and ``test_step`` are cut and given hiddens in the same way if they have an argument
    ``hiddens``.

    With several processes, the batch of one may have fewer splits than that of another. It then takes part in the steps
    that remain with a loss of zero (see :meth:`tbptt_stand_in`). As ever, DDP divides the sum of gradients by the
    number of all processes, those that have nothing to add among them.

    With :attr:`carry_hiddens`, hiddens also pass from batch to batch within an epoch: "carry hidden states forward for
    ever, but backpropagate k steps only". Then the batches must be consecutive windows of the same streams.

    The checkpoint holds the carried state and the random state of every rank, so that a run goes on from it bitwise as
    if it had not been stopped, given a loader that restores its position, as those of seqmodels.data do. Only a
    gradient that was still being accumulated (``accumulate_grad_batches``) is lost.

    Attributes:
        truncated_bptt_steps: k, the time steps of a split; 0 leaves batches whole.
        tbptt_time_dim: The time dimension of the tensors of a batch, for the default :meth:`tbptt_split_batch`.
        carry_hiddens: Whether hiddens pass from one batch to the next.

    Source: Williams and Peng 1990; Lightning 1.9, ``LightningModule.tbptt_split_batch``.

    Example:
        >>> import torch, lightning
        >>> from seqmodels import RNN
        >>> from seqmodels.training import TruncatedBPTT
        >>> class Model(TruncatedBPTT, lightning.LightningModule):
        ...     truncated_bptt_steps = 4
        ...
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.rnn = RNN("gru", 1, 8, batch_first=True)
        ...
        ...     def training_step(self, batch, batch_idx, hiddens):
        ...         output, hiddens = self.rnn(batch, hiddens)
        ...         return {"loss": output.pow(2).mean(), "hiddens": hiddens}
        ...
        ...     def configure_optimizers(self):
        ...         return torch.optim.Adam(self.parameters())
        >>> trainer = lightning.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, accelerator="cpu",
        ...                             enable_progress_bar=False, enable_model_summary=False)
        >>> trainer.fit(Model(), torch.utils.data.DataLoader(torch.randn(4, 12, 1), batch_size=2))
        >>> trainer.global_step  # 2 batches of 12 steps, in splits of 4
        6
    """

    truncated_bptt_steps: int = 0
    tbptt_time_dim: int = 1
    carry_hiddens: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bases = cls.__mro__
        if pl.LightningModule in bases and bases.index(pl.LightningModule) < bases.index(TruncatedBPTT):
            raise OptionError(
                f"{cls.__name__}: LightningModule's hooks hide those of TruncatedBPTT; write "
                f"class {cls.__name__}(TruncatedBPTT, ..., LightningModule)"
            )
        for name, stage in (("validation_step", "validate"), ("test_step", "test")):
            step = cls.__dict__.get(name)
            if step is not None and "hiddens" in inspect.signature(step).parameters:
                setattr(cls, name, _split_step(step, stage))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hiddens: dict[str, Any] = {}  # by stage: what enters its next split
        self._hiddens_spoiled = False
        self._restored_random_state: dict[str, Any] | None = None

    # --- what a module may override -----------------------------------------------------------------------------

    def tbptt_split_batch(self, batch: Any, split_size: int) -> list[Any]:
        """Cuts a batch into splits of ``split_size`` time steps; the last one may be shorter.

        Every tensor in the batch that has the dimension :attr:`tbptt_time_dim` is cut along it; all must have the same
        length. What else is in the batch is in every split as it is. Lists of sequences, which Lightning 1.9 cut too,
        are refused. Override it for other batches.

        Raises:
            OptionError: If the tensors of the batch don't agree on their number of time steps, or it holds a list of
                sequences.
        """
        self._refuse_lists_of_sequences(batch)
        lengths: set[int] = set()
        apply_to_collection(
            batch, Tensor, lambda t: lengths.add(t.shape[self.tbptt_time_dim]) if self._has_time(t) else 0
        )
        if len(lengths) != 1:
            found = ", ".join(map(str, sorted(lengths))) or "none"
            raise OptionError(
                f"{type(self).__name__}: the tensors of a batch must agree on their steps along dimension "
                f"{self.tbptt_time_dim}, found: {found}; override tbptt_split_batch"
            )
        (steps,) = lengths

        def cut(start: int) -> Callable[[Tensor], Tensor]:
            size = min(split_size, steps - start)
            return lambda t: t.narrow(self.tbptt_time_dim, start, size) if self._has_time(t) else t

        return [apply_to_collection(batch, Tensor, cut(start)) for start in range(0, steps, split_size)]

    def tbptt_stand_in(self, split: Any) -> Any:
        """What a process trains on while others have more splits: its batch's last split again.

        Its loss is multiplied by zero and its hiddens are dropped; only what the step logs or counts remains. Override
        it if the step shares a count with other processes, to give a split that counts nothing.
        """
        return split

    # --- what the loops use ----------------------------------------------------------------------------------------

    def tbptt_splits(self, batch: Any) -> Sequence[Any]:
        """The splits of a batch: one, the batch itself, if :attr:`truncated_bptt_steps` is 0."""
        size = self.truncated_bptt_steps
        if not isinstance(size, int) or size < 0:
            raise OptionError(f"{type(self).__name__}: truncated_bptt_steps must be 0 or more, not {size!r}")
        splits = self.tbptt_split_batch(batch, size) if size else [batch]
        if not splits:
            raise InputError(f"{type(self).__name__}: a batch has no time steps; leave it out")
        return splits

    def hiddens(self, stage: str) -> Any:
        """What enters the next split of a stage ("train", "validate", "test"); None at the start."""
        return self._hiddens.get(stage)

    def keep_hiddens(self, stage: str, outputs: Any) -> None:
        """Takes ``hiddens`` out of what a step returned, cut off from its graph, for the next split."""
        if not isinstance(outputs, dict) or "hiddens" not in outputs:
            raise OptionError(
                f"{type(self).__name__}: with hiddens as an argument, a step must return a dictionary with the keys "
                "'loss' and 'hiddens'"
            )
        hiddens = apply_to_collection(outputs.pop("hiddens"), Tensor, lambda t: t.detach())
        self._hiddens[stage] = None if self._hiddens_spoiled else hiddens
        self._hiddens_spoiled = False

    def on_step_skipped(self) -> None:
        """Called by NonFiniteGuard: the step was not finite, so neither may be its hiddens; the next starts anew."""
        self._hiddens_spoiled = True

    def drop_hiddens(self) -> None:
        """After a stand-in, whose hiddens enter nothing: those of the last split stay, were the step skipped or not."""
        self._hiddens_spoiled = False

    def begin_batch(self, stage: str) -> None:
        """Forgets the hiddens of the last batch unless they are carried."""
        if not self.carry_hiddens:
            self._hiddens.pop(stage, None)

    def forget_hiddens(self, stage: str) -> None:
        """Lets a stage begin anew, as at an epoch."""
        self._hiddens = {key: value for key, value in self._hiddens.items() if key.partition("/")[0] != stage}

    def _has_time(self, tensor: Tensor) -> bool:
        return tensor.dim() > self.tbptt_time_dim

    def _refuse_lists_of_sequences(self, batch: Any) -> None:
        """They would stay whole beside the tensors that are cut."""
        entries = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, list | tuple) else ()
        for entry in entries:
            if type(entry) in (list, tuple) and any(map(self._is_uncut_sequence, entry)):
                raise OptionError(
                    f"{type(self).__name__}: a batch holds a list of sequences, which is not cut along time; make it a "
                    "tensor, or override tbptt_split_batch"
                )

    def _is_uncut_sequence(self, value: Any) -> bool:
        if isinstance(value, Tensor):
            return value.dim() > 0 and not self._has_time(value)
        return isinstance(value, list | tuple) and any(isinstance(item, int | float) for item in value)

    # --- Lightning's hooks -------------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        super().setup(stage)  # type: ignore[misc]
        trainer = _trainer(self)
        if stage == TrainerFn.FITTING and trainer is not None:
            SplitEpochLoop.install(trainer)

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()  # type: ignore[misc]
        self.forget_hiddens("validate")

    def on_test_epoch_start(self) -> None:
        super().on_test_epoch_start()  # type: ignore[misc]
        self.forget_hiddens("test")

    def on_train_start(self) -> None:
        super().on_train_start()  # type: ignore[misc]
        if self._restored_random_state is not None:
            # Not earlier: building loaders and sanity checks may draw numbers. Not later: so may the dataset, for the
            # first batch, and a validation that was cut short and is made again.
            set_random_state(self._restored_random_state)
            self._restored_random_state = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)  # type: ignore[misc]
        hiddens = move_data_to_device(self._hiddens.get("train"), torch.device("cpu"))
        checkpoint[CHECKPOINT_KEY] = gather_from_ranks({"hiddens": hiddens, "random_state": get_random_state()})

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)  # type: ignore[misc]
        trainer, ranks = _trainer(self), checkpoint.get(CHECKPOINT_KEY)
        if trainer is None or trainer.state.fn != TrainerFn.FITTING or ranks is None:
            return
        if len(ranks) != trainer.world_size:
            raise CheckpointError(
                f"this checkpoint holds the streams of {len(ranks)} processes and can't go on in {trainer.world_size}: "
                f"resume with devices={len(ranks)}, or start a new run from its weights"
            )
        mine = ranks[trainer.global_rank]
        self._hiddens["train"] = move_data_to_device(mine["hiddens"], trainer.strategy.root_device)
        self._restored_random_state = mine["random_state"]


def _trainer(module: Any) -> pl.Trainer | None:
    """The trainer a module is attached to, if any; the property ``trainer`` raises where there is none."""
    return getattr(module, "_trainer", None)


def _split_step(step: Callable[..., Any], stage: str) -> Callable[..., Any]:
    """An evaluation step over whole batches, from one over splits that takes and returns hiddens."""

    @functools.wraps(step)
    def whole(self: Any, batch: Any, batch_idx: int = 0, dataloader_idx: Any = 0, **given: Any) -> Any:
        if not isinstance(dataloader_idx, int):  # as in the step's own signature, where hiddens are the third
            given["hiddens"] = dataloader_idx
        if given:  # called by a person, who says what the hiddens are
            return step(self, batch, batch_idx, **given)
        outputs: Any = None
        key = stage if dataloader_idx == 0 else f"{stage}/{dataloader_idx}"
        self.begin_batch(key)
        for split in self.tbptt_splits(batch):
            outputs = step(self, split, batch_idx, hiddens=self.hiddens(key))
            self.keep_hiddens(key, outputs)
        return outputs

    return whole
