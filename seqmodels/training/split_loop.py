"""The part of Lightning's training loop that Lightning 2 removed: several optimizer steps along one batch.

Automatic optimization runs once a batch in Lightning. Here it runs once a split, and all that Lightning counts in
optimizer steps (global_step, max_steps, accumulation, step-wise schedules, step-wise logging) counts splits; what it
counts in batches (limits, progress bar, batch_idx, validation interval, epochs) counts batches.
"""

from collections import OrderedDict
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loops.fetchers import _DataFetcher
from lightning.pytorch.loops.optimization.automatic import ClosureResult, _AutomaticOptimization
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.loops.utilities import _is_max_limit_reached
from torch.optim import Optimizer
from typing_extensions import override


class SplitEpochLoop(_TrainingEpochLoop):
    """An epoch whose batches are split."""

    automatic_optimization: "SplitOptimization"  # type: ignore[assignment]

    def __init__(self, trainer: pl.Trainer, min_steps: int | None = None, max_steps: int = -1) -> None:
        super().__init__(trainer, min_steps, max_steps)
        self.automatic_optimization = SplitOptimization(trainer)
        self._step_is_split = False

    @classmethod
    def install(cls, trainer: pl.Trainer) -> None:
        """Puts this loop in place of the trainer's own, unless it is there already."""
        fit_loop = trainer.fit_loop
        if not isinstance(fit_loop.epoch_loop, cls):
            old = fit_loop.epoch_loop
            fit_loop.epoch_loop = cls(trainer, old.min_steps, old.max_steps)
            # One validation loop, whoever has a reference to it.
            fit_loop.epoch_loop.val_loop = old.val_loop

    @property
    @override
    def batch_idx(self) -> int:
        # Schedules with interval "step" and a frequency ask the index of the step, and that is the split's.
        return self.automatic_optimization.splits_ready - 1 if self._step_is_split else super().batch_idx

    @override
    def _accumulated_batches_reached(self) -> bool:
        return self.automatic_optimization.splits_ready % self.trainer.accumulate_grad_batches == 0

    @override
    def _num_ready_batches_reached(self) -> bool:
        return super()._num_ready_batches_reached() and self.automatic_optimization.on_last_split

    @override
    def update_lr_schedulers(self, interval: str, update_plateau_schedulers: bool) -> None:
        self._step_is_split = interval == "step"
        try:
            super().update_lr_schedulers(interval, update_plateau_schedulers)
        finally:
            self._step_is_split = False

    @override
    def _should_check_val_fx(self, data_fetcher: _DataFetcher) -> bool:
        # Resumed from the validation at an epoch's end: Lightning passes over it, and so to the next epoch, only if the
        # number of batches is still the same.
        at_end = self.restarting and self.restarted_on_last and self.batch_progress.is_last_batch
        return at_end or super()._should_check_val_fx(data_fetcher)

    @override
    def reset(self) -> None:
        super().reset()
        if self.restarted_on_train_batch_end and self.batch_progress.is_last_batch:
            # Resumed from an epoch's last batch: Lightning begins the next epoch only if that has as few batches.
            for progress in (self.batch_progress, self.scheduler_progress, self.automatic_optimization.optim_progress):
                progress.reset_on_run()
            self.val_loop.batch_progress.total.reset()
        # Lightning calls nothing else where it resumes from an epoch's last batch and so begins the next epoch.
        if self.batch_progress.current.ready == 0:
            self.automatic_optimization.splits_ready = 0
            module: Any = self.trainer.lightning_module
            module.forget_hiddens("train")  # the streams begin anew

    @override
    def on_save_checkpoint(self) -> dict:
        return {**super().on_save_checkpoint(), "splits_ready": self.automatic_optimization.splits_ready}

    @override
    def on_load_checkpoint(self, state_dict: dict) -> None:
        super().on_load_checkpoint(state_dict)
        self.automatic_optimization.splits_ready = state_dict.get("splits_ready", 0)

    def after_split(self) -> None:
        """What Lightning does at the end of a batch, for a split that isn't its batch's last."""
        self.update_lr_schedulers("step", update_plateau_schedulers=False)
        connector = self.trainer._logger_connector
        connector.on_batch_end()
        connector.update_train_step_metrics()
        if not self._should_accumulate():
            self._batches_that_stepped += 1


class SplitOptimization(_AutomaticOptimization):
    """Training step, backward pass and optimizer step of every split of a batch.

    All processes take equally many steps, as each of them waits for the gradients of all: those whose batch has fewer
    splits than another's take the last ones with a stand-in and a loss of zero.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        super().__init__(trainer)
        self.splits_ready = 0  # in this epoch
        self.on_last_split = True
        self._stands_in = False

    @override
    def run(self, optimizer: Optimizer, batch_idx: int, kwargs: OrderedDict) -> dict[str, Any]:
        trainer = self.trainer
        module: Any = trainer.lightning_module  # a TruncatedBPTT
        epoch_loop = trainer.fit_loop.epoch_loop
        assert isinstance(epoch_loop, SplitEpochLoop)
        outputs: dict[str, Any] = {}
        splits = module.tbptt_splits(kwargs["batch"])
        own, steps = len(splits), self._steps_of_all_processes(len(splits))
        if own < steps:
            splits = [*splits, *[module.tbptt_stand_in(splits[-1])] * (steps - own)]
        module.begin_batch("train")
        for number, split in enumerate(splits):
            self._stands_in = number >= own
            self.on_last_split = number == steps - 1
            self.splits_ready += 1
            trainer._logger_connector.on_batch_start(split)
            step = OrderedDict(batch=split, batch_idx=batch_idx, hiddens=module.hiddens("train"))
            found = super().run(optimizer, batch_idx, step)
            if self._stands_in:
                module.drop_hiddens()
            else:
                outputs = found
                if outputs:  # empty if the training step returned None
                    module.keep_hiddens("train", outputs)
            if not self.on_last_split:
                if _is_max_limit_reached(epoch_loop.global_step, epoch_loop.max_steps):
                    self.on_last_split = True
                    break
                epoch_loop.after_split()
        return outputs

    def _steps_of_all_processes(self, own: int) -> int:
        """The most splits that the batch of any process has."""
        if self.trainer.world_size == 1:
            return own
        strategy = self.trainer.strategy
        return int(strategy.reduce(torch.tensor(own, device=strategy.root_device), reduce_op="max"))

    @override
    def _training_step(self, kwargs: OrderedDict) -> ClosureResult:
        result = super()._training_step(kwargs)
        if self._stands_in and result.closure_loss is not None:
            result.closure_loss = result.closure_loss * 0
        return result

    @override
    def _make_zero_grad_fn(self, batch_idx: int, optimizer: Optimizer) -> Any:
        # Gradients accumulate over splits, so they are cleared before the first split of each accumulation.
        return super()._make_zero_grad_fn(self.splits_ready - 1, optimizer)
