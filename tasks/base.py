"""What every task has: truncated BPTT, guards against faults, and checkpoints that say what they hold."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.plugins.precision import Precision
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_
from torch.optim import Optimizer

from seqmodels import registry
from seqmodels.cell import Cell
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import CheckpointError
from seqmodels.restoring import restoring
from seqmodels.training import GracefulTermination, NonFiniteGuard, SafeCheckpointIO, TruncatedBPTT, read_checkpoint

CHECKPOINT_KEY = "seqmodels"
# Not typing.Self, which the run-time type checks of the tests don't understand in a method.
AnyTask = TypeVar("AnyTask", bound="Task")


class Task(TruncatedBPTT, pl.LightningModule):
    """A LightningModule around cells of the registry.

    A checkpoint of a task records the task and the cell, with the distribution that the cell comes from; it is written
    in one piece, digested, and read with ``weights_only=True``, whatever the Trainer or the environment say.
    """

    gradient_norm: Tensor | None = None
    kept: ClassVar[tuple[str, ...]] = ()
    """Arguments that a checkpoint holds, but not among the hyper-parameters that loggers show: they may be long."""

    def used_cell(self) -> Cell:
        """The cell whose identity the checkpoint records."""
        raise TypeError(f"{type(self).__name__} must define used_cell()")

    def configure_callbacks(self) -> list[pl.Callback]:
        """Guards that every run has; a Trainer's own callback of the same class wins."""
        wanted = [GracefulTermination(), NonFiniteGuard()]
        present = {type(callback) for callback in self.trainer.callbacks}  # type: ignore[attr-defined]
        return [callback for callback in wanted if type(callback) not in present]

    def setup(self, stage: str) -> None:
        super().setup(stage)
        strategy = self.trainer.strategy
        if type(strategy.checkpoint_io) is TorchCheckpointIO:  # Lightning's default, not somebody's choice
            strategy.checkpoint_io = SafeCheckpointIO()

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clips by the norm that NonFiniteGuard has computed already, where that is the norm to clip by."""
        norm, self.gradient_norm = self.gradient_norm, None
        by_norm = gradient_clip_val and gradient_clip_algorithm in (None, "norm")
        by_all_gradients = type(self.trainer.precision_plugin).clip_grad_by_norm is Precision.clip_grad_by_norm
        if norm is None or not (by_norm and by_all_gradients):
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
        clip_grads_with_norm_(parameters, gradient_clip_val, norm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        for name in self.kept:
            value = getattr(self, name)
            described = value.to_dict() if isinstance(value, Tokenizer) else value
            checkpoint[self.CHECKPOINT_HYPER_PARAMS_KEY][name] = described
        checkpoint[CHECKPOINT_KEY] = {"task": registry.path_of(type(self)), "cell": _identity(type(self.used_cell()))}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        recorded = checkpoint.get(CHECKPOINT_KEY)
        if recorded is None:
            raise CheckpointError(f"not a checkpoint of seqmodels.tasks: it has no key {CHECKPOINT_KEY!r}")
        if recorded["task"] != registry.path_of(type(self)):
            raise CheckpointError(
                f"this checkpoint is of {recorded['task']}, not of {registry.path_of(type(self))}; load it with "
                "seqmodels.tasks.load"
            )
        _check_identity(recorded["cell"], _identity(type(self.used_cell())))
        present = self.state_dict()
        for name, value in checkpoint["state_dict"].items():
            if name not in present or present[name].shape != value.shape:
                shape = list(present[name].shape) if name in present else "missing"
                raise CheckpointError(
                    f"the checkpoint does not fit: its {name} is {list(value.shape)}, here it is {shape}; give the "
                    "options it was trained with (config.yaml of its run)"
                )

    def _mean_over_ranks(self, total: Tensor, count: Tensor) -> Tensor:
        """The mean over the items of all ranks, scaled so that DDP's mean of gradients is its gradient.

        A mean of each rank's own mean would weigh items of short batches more.
        """
        if self._trainer is None or self.trainer.world_size == 1:
            return total / count.clamp(min=1)
        counts = self.all_gather(count)
        assert isinstance(counts, Tensor)
        return total * self.trainer.world_size / counts.sum().clamp(min=1)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls: type[AnyTask], checkpoint_path: Any, map_location: Any = "cpu", **options: Any
    ) -> AnyTask:
        """The trained task, from a file or URL; reads tensors and plain values only, and checks their digest.

        Of the module of a cell that is neither built in nor installed as a cell, it runs nothing: import it before.

        Args:
            checkpoint_path: A file, or an ``http(s)://`` or other fsspec address.
            map_location: Where the tensors go, as in :func:`torch.load`, and so the task.
            **options: Arguments of the task that take the place of those in the checkpoint; the weights must fit.

        Returns:
            The task, in evaluation mode.

        Raises:
            CheckpointError: If the file is missing, damaged, unsafe, or of another task or cell.
            UnknownCell: If its cell isn't there.

        Example:
            >>> from seqmodels.tasks import LanguageModel
            >>> LanguageModel.load_from_checkpoint("nowhere.ckpt", learning_rate=1e-3)
            Traceback (most recent call last):
            ...
            seqmodels.errors.CheckpointError: nowhere.ckpt: there is no such file: check the path
        """
        options.pop("weights_only", None)
        checkpoint = read_checkpoint(str(checkpoint_path), map_location)
        return cls._from_checkpoint(checkpoint, str(checkpoint_path), options)

    @classmethod
    def _from_checkpoint(cls: type[AnyTask], checkpoint: dict[str, Any], path: str, options: dict[str, Any]) -> AnyTask:
        try:
            with restoring():
                model = cls(**{**checkpoint["hyper_parameters"], **options})
            model.on_load_checkpoint(checkpoint)
            model.load_state_dict(checkpoint["state_dict"])
        except KeyError as error:
            raise CheckpointError(f"{path}: not a checkpoint of seqmodels.tasks: it has no key {error}") from error
        except (RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{path}: does not fit {cls.__name__}: {reason}") from error
        model.to(next(iter(checkpoint["state_dict"].values())).device)
        return model.eval()


def load(path: str | Path, map_location: Any = "cpu") -> Task:
    """The trained task in a checkpoint, whichever of seqmodels.tasks it is.

    Of the module of a cell that is neither built in nor installed as a cell, it runs nothing: import it before.

    Args:
        path: A file, or an ``http(s)://`` or other fsspec address.
        map_location: Where the tensors go, as in :func:`torch.load`, and so the task.

    Returns:
        The task, in evaluation mode.

    Raises:
        CheckpointError: If the file is missing, damaged, unsafe, or holds no task of this package.
        UnknownCell: If its cell isn't there.

    Example:
        >>> load("nowhere.ckpt")
        Traceback (most recent call last):
        ...
        seqmodels.errors.CheckpointError: nowhere.ckpt: there is no such file: check the path
    """
    checkpoint = read_checkpoint(str(path), map_location)
    recorded = checkpoint.get(CHECKPOINT_KEY) or {}
    module, _, name = str(recorded.get("task", "")).partition(":")
    # A checkpoint may name a class of this package, never one to import from elsewhere.
    if not module.startswith("seqmodels.tasks."):
        raise CheckpointError(f"{path}: holds no task of seqmodels.tasks; load it with its own class")
    task = getattr(_module(module), name, None)
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise CheckpointError(f"{path}: is of {recorded['task']}, which this version of seqmodels doesn't have")
    return task._from_checkpoint(checkpoint, str(path), {})


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):  # one that it imports
            raise
        return None


def _identity(cell: type[Cell]) -> dict[str, str | None]:
    """Where a cell comes from, in plain strings."""
    distribution, version = registry.distribution_of(cell) or (None, None)
    return {"path": registry.path_of(cell), "distribution": distribution, "version": version}


def _check_identity(recorded: dict[str, str | None], present: dict[str, str | None]) -> None:
    for key in ("path", "distribution"):
        if recorded[key] != present[key]:
            raise CheckpointError(
                f"the checkpoint's cell has the {key} {recorded[key]}, but here it is {present[key]}; give the options "
                "that it was trained with, too, such as --config .../config.yaml"
            )
    # Our own cells keep their equations and parameter names from version to version; a stranger's need not.
    if recorded["version"] != present["version"] and recorded["distribution"] != "seqmodels":
        wanted = f"{recorded['distribution']}=={recorded['version']}"
        raise CheckpointError(
            f"the checkpoint's cell comes from {wanted}, but {present['version']} is installed: pip install {wanted}"
        )


def parameter_count(module: torch.nn.Module) -> int:
    """Number of trained values of a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
