"""A NaN or infinite loss or gradient never reaches a parameter."""

import math
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from seqmodels.errors import NonFiniteLoss, OptionError


class NonFiniteGuard(Callback):
    """Look at the loss and the gradients before each optimizer step, and take none with a NaN or infinity.

    All ranks decide alike. With a gradient scaler (``precision="16-mixed"``) infinite gradients are part of its search
    for a scale, and it skips such steps by itself; then only the loss is looked at.

    A module that carries something from step to step, such as a recurrent state, may have a method
    ``on_step_skipped()``; it is called when a step is skipped. The Euclidean norm of the gradients is left in the
    module's attribute ``gradient_norm``, so that clipping need not compute it again.

    Args:
        policy: "stop" raises `NonFiniteLoss`. "skip" leaves parameters and optimizer as they are (its momenta and
            weight decay too) and goes on; skipped steps count in ``global_step``.
        limit: with "skip", how many steps in a row may be skipped; one more raises `NonFiniteLoss`.

    Attributes:
        skipped: how many steps have been skipped in all.

    Raises:
        OptionError: an option has another value.

    >>> trainer = Trainer(callbacks=[NonFiniteGuard("skip", limit=5)], logger=False, enable_checkpointing=False)
    """

    def __init__(self, policy: str = "stop", limit: int = 10) -> None:
        if policy not in ("stop", "skip"):
            raise OptionError(f"NonFiniteGuard: policy is {policy!r}: give 'stop' or 'skip'")
        if limit < 0:
            raise OptionError(f"NonFiniteGuard: limit is {limit}: give 0 or more")
        self.policy = policy
        self.limit = limit
        self.skipped = 0
        self._in_a_row = 0
        self._loss: Tensor | None = None  # 0, or NaN if a loss since the last step was not finite
        self._batch_idx = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._batch_idx = batch_idx

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        # Times 0: finite becomes 0, all else NaN. Nothing is read back from the device here.
        loss_or_nan = (loss.detach() * 0).sum()
        self._loss = loss_or_nan if self._loss is None else self._loss + loss_or_nan

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        loss, self._loss = self._loss, None
        if self._all_finite(trainer, loss, [] if gradient_scaler(trainer) else [p.grad for p in parameters]):
            self._in_a_row = 0
            return
        where = f"epoch {trainer.current_epoch}, batch {self._batch_idx}, step {trainer.global_step}"
        what = _what(pl_module, loss)
        if self.policy == "stop":
            raise NonFiniteLoss(f"{where}: {what}: lower the learning rate, clip gradients, or look at that batch")
        self._in_a_row += 1
        if self._in_a_row > self.limit:
            raise NonFiniteLoss(
                f"{where}: {what}, {self._in_a_row} steps in a row: lower the learning rate, clip gradients, or look at"
                " the data"
            )
        self.skipped += 1
        rank_zero_warn(f"{where}: {what}; step skipped")
        for parameter in parameters:
            # None, not 0: with a zero gradient momentum and weight decay would still move it.
            parameter.grad = None
        if callable(on_step_skipped := getattr(pl_module, "on_step_skipped", None)):
            on_step_skipped()

    def state_dict(self) -> dict[str, Any]:
        return {"skipped": self.skipped, "in_a_row": self._in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.skipped, self._in_a_row = state_dict["skipped"], state_dict["in_a_row"]

    @staticmethod
    def _all_finite(trainer: Trainer, loss: Tensor | None, gradients: list[Any]) -> bool:
        bad = torch.zeros((), dtype=torch.bool, device=trainer.strategy.root_device)
        if loss is not None:
            bad |= ~torch.isfinite(loss)
        if gradients:
            # Quick, and not finite if an element isn't. It may overflow though all are: then look closer.
            norm = get_total_norm(gradients)
            if bool(torch.isfinite(norm)):
                trainer.lightning_module.gradient_norm = norm
            else:
                bad |= ~torch.isfinite(get_total_norm(gradients, math.inf))
        if trainer.world_size > 1 and dist.is_available() and dist.is_initialized():
            flag = bad.to(torch.int32)
            dist.all_reduce(flag, dist.ReduceOp.MAX)
            return not bool(flag)
        return not bool(bad)


def gradient_scaler(trainer: Trainer) -> Any:
    """What scales the loss up and its gradients down with ``precision="16-mixed"``; None otherwise."""
    return getattr(trainer.precision_plugin, "scaler", None)


def _what(module: LightningModule, loss: Tensor | None) -> str:
    """Say what is not finite, the loss before the gradients, and name the first parameter concerned."""
    problems = [] if loss is None or bool(torch.isfinite(loss)) else ["the loss"]
    for name, parameter in module.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            problems.append(f"the gradient of {name}")
            break
    return f"{' and '.join(problems) or 'the loss of another rank'} is NaN or infinite"
