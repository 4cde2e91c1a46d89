"""Leaving in an orderly way when told to: SIGTERM (clusters) and Ctrl-C, on any rank.

Lightning's own handler of SIGTERM talks to the other ranks inside the signal handler; that meets whatever collective
they are in, and they hang. Here the handler sets a flag. At the end of a batch all ranks ask each other for it; then
all of them, at the same place, write one checkpoint and leave.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn, cast

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

from seqmodels.errors import OptionError
from seqmodels.training.random_state import gather_from_ranks, get_random_state, set_random_state

_SECONDS_TO_LEAVE = 20


class GracefulTermination(Callback):
    """On SIGTERM to any rank, or Ctrl-C: finish the batch, write ``last.ckpt``, leave with exit code 143 or 130.

    The checkpoint goes to the folder of the trainer's `ModelCheckpoint`, or to ``checkpoints`` in its
    ``default_root_dir``. A signal during validation is served between its batches; resuming repeats that validation
    from its start (a `TruncatedBPTT` with the random state it had). One after the last batch ends a training with its
    checkpoint, too, and a test once it is done. A second Ctrl-C ends at once, without a checkpoint.
    Handlers that were there before are called too, and put back afterwards.

    If the main process of a job that Lightning started itself is killed, its other ranks leave too, within 20 s.

    Args:
        every_n_batches: ask the other ranks after every n-th batch only; one process always looks at once.
        checkpoint: write ``last.ckpt``; False where others are written, from which the run goes on.

    Raises:
        OptionError: ``every_n_batches`` is less than 1.

    >>> trainer = Trainer(callbacks=[GracefulTermination()], logger=False, enable_checkpointing=False)
    """

    def __init__(self, every_n_batches: int = 1, checkpoint: bool = True) -> None:
        if every_n_batches < 1:
            raise OptionError(f"GracefulTermination: every_n_batches is {every_n_batches}: give 1 or more")
        self.every_n_batches, self.checkpoint = every_n_batches, checkpoint
        self._signal = 0  # the first one received by this rank
        self._interrupted = False  # by Ctrl-C, whatever came first
        self._running = False  # batches are running, so that a flag will be seen
        self._leaving = False
        self._pid = os.getpid()
        self._previous_sigint: Any = None
        self._group: Any = None
        self._random_state: dict[str, Any] | None = None
        self._batches_to_ask_after = 0.0

    # Signals

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._signal, self._interrupted, self._running, self._leaving = 0, False, False, False
        self._pid = os.getpid()
        if dist.is_available() and dist.is_initialized() and trainer.world_size > 1:
            # A group of its own, on the CPU: no device is waited for, no other collective can be met.
            self._group = dist.new_group(backend="gloo")
            _leave_with_main_process()
        # Lightning registers this method as handler and puts the previous one back; only what it does changes.
        trainer._signal_connector._sigterm_notifier_fn = self._on_sigterm  # type: ignore[method-assign,assignment]
        if threading.current_thread() is threading.main_thread() and self._previous_sigint is None:
            self._trainer = trainer
            # Before data loaders start: their workers inherit it, and so live on until the batch is finished.
            self._previous_sigint = signal.signal(signal.SIGINT, self._on_sigint)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A broadcast from rank 0 before every batch, with a device synchronisation, that ours makes superfluous.
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]

    def _on_sigterm(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            self._signal = self._signal or signum

    def _on_sigint(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # a worker of a data loader: its parent decides
        if self._interrupted:
            self._leave_at_once()
        if not self._running:
            self._call_previous_sigint(signum, frame)
            return
        self._interrupted = True
        self._signal = self._signal or signum
        if self._trainer.is_global_zero:
            _say("Ctrl-C: finishing this batch, then writing a checkpoint. Press again to stop at once without one.")
        if self._previous_sigint is not signal.default_int_handler:
            self._call_previous_sigint(signum, frame)

    def _call_previous_sigint(self, signum: int, frame: FrameType | None) -> None:
        if callable(self._previous_sigint):
            self._previous_sigint(signum, frame)
        elif self._previous_sigint == signal.SIG_DFL:
            signal.default_int_handler(signum, frame)

    def _leave_at_once(self) -> None:
        launcher = self._trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        show_cursor = "\033[?25h" if sys.stderr.isatty() else ""  # progress bars hide it
        _say(f"{show_cursor}Ctrl-C again: stopped without a checkpoint.")
        sys.stdout.flush()
        os._exit(128 + signal.SIGINT)

    def _restore(self, trainer: Trainer) -> None:
        self._running = False
        if self._previous_sigint is not None:
            signal.signal(signal.SIGINT, self._previous_sigint)
            # Lightning noted our handler as the one to put back.
            trainer._signal_connector._original_handlers.pop(signal.SIGINT, None)
            self._previous_sigint = None
        for owner, name in (
            (trainer._signal_connector, "_sigterm_notifier_fn"),
            (trainer.fit_loop.epoch_loop, "_broadcast_sigterm_tensor"),
        ):
            owner.__dict__.pop(name, None)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore(trainer)
        if signum := self._told(trainer):  # since the last batch of an evaluation, or the end of training
            self._leave(trainer, signum, " at the end")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore(trainer)

    # The places to leave from, the same on all ranks

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._running = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._running = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if validation_follows(trainer):
            # Left to the validation: a checkpoint made now would skip it on resuming.
            self._random_state = get_random_state()
        elif self._group is None or (trainer.fit_loop.total_batch_idx + 1) % self.every_n_batches == 0:
            self._leave_if_told(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._leave_if_told(trainer)
        self._running = False

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start_evaluation(trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start_evaluation(trainer.num_test_batches)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start_evaluation(trainer.num_predict_batches)

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._end_evaluation_batch(trainer)

    def on_test_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._end_evaluation_batch(trainer)

    def on_predict_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._end_evaluation_batch(trainer)

    def _start_evaluation(self, numbers_of_batches: Any) -> None:
        self._running = True
        # Ranks may have different numbers of batches, and must ask each other equally often.
        self._batches_to_ask_after = self._reduce(float(sum(numbers_of_batches)), dist.ReduceOp.MIN)

    def _end_evaluation_batch(self, trainer: Trainer) -> None:
        self._batches_to_ask_after -= 1
        if self._batches_to_ask_after >= 0:
            self._leave_if_told(trainer)

    # Leaving

    def _told(self, trainer: Trainer) -> int:
        """The signal that any rank has received, and that no rank has left for yet; 0 without one."""
        signum = int(self._reduce(float(self._signal), dist.ReduceOp.MAX))
        return 0 if self._leaving else signum

    def _leave_if_told(self, trainer: Trainer) -> None:
        if not (signum := self._told(trainer)):
            return
        self._leaving = True
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            self._leave(trainer, signum, "; no checkpoint, as nothing was trained")
        if not self.checkpoint:
            self._leave(trainer, signum, f" after step {trainer.global_step}")
        path = _checkpoint_path(trainer)
        if trainer.validating and self._random_state is not None:
            set_random_state(self._random_state)
        trainer.save_checkpoint(path, weights_only=False)
        self._leave(trainer, signum, f" after step {trainer.global_step}; resume with ckpt_path={path}")

    def _leave(self, trainer: Trainer, signum: int, when: str) -> NoReturn:
        _stop_watching_children()
        if trainer.is_global_zero:
            _say(f"{'Ctrl-C' if signum == signal.SIGINT else 'SIGTERM'}: stopped{when}")
        raise SystemExit(128 + signum)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._leaving and trainer.validating and "loops" in checkpoint:
            # "Before the end of the first batch": Lightning then starts this validation again on resuming.
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]
            for counts in (progress["total"], progress["current"]):
                counts.update(ready=1, started=1, processed=0, completed=0)
            progress["is_last_batch"] = False

    def _reduce(self, value: float, operation: Any) -> float:
        if self._group is None:
            return value
        tensor = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(tensor, operation, group=self._group)
        return float(tensor)


def validation_follows(trainer: Trainer) -> bool:
    """Whether a validation begins after this training batch. From a checkpoint made now, it would be left out."""
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    return bool(fetcher is not None and loop._should_check_val_fx(fetcher) and sum(loop.val_loop.max_batches) > 0)


def _checkpoint_path(trainer: Trainer) -> str:
    # Joined as text: a Path would make "s3:/bucket" of "s3://bucket".
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath:
            return os.path.join(callback.dirpath, "last.ckpt")
    return os.path.join(trainer.default_root_dir, "checkpoints", "last.ckpt")


def _stop_watching_children() -> None:
    """Lightning's observer kills the main process when another rank leaves with an exit code: here that is meant."""
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            cast(Any, thread)._child_processes = []


def _leave_with_main_process() -> None:
    """In a rank that another rank started: don't wait for ever for one that was killed."""
    parent = os.getppid()
    if (socket.gethostname(), parent) not in gather_from_ranks((socket.gethostname(), os.getpid())):
        return  # started by something else, which watches its processes itself

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        time.sleep(_SECONDS_TO_LEAVE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="main-process-observer").start()


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())  # printing is not safe inside a signal handler
