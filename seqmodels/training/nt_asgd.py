"""Non-monotonically triggered averaged SGD (Merity, Keskar and Socher 2018, algorithm 1)."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


class NTASGD(Optimizer):
    """SGD that begins to average its weights once the validation loss stops improving.

    Averaging starts when a recorded validation loss is worse than the best of all but the last ``patience`` before it.
    From then on :meth:`use_averages` puts the averages in place of the weights for validation, and
    :meth:`use_weights` puts the weights back for training. What is not in place is in the optimizer's state, so a
    checkpoint written in either position continues exactly.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        weight_decay: L2 penalty.
        patience: The paper's n, in validations.

    Source: "Regularizing and optimizing LSTM language models", arXiv 1708.02182, algorithm 1; T and the logging
    interval are replaced by whenever a validation loss is recorded, as in the authors' code.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.ones(1))
        >>> optimizer = NTASGD([weight], lr=0.5, patience=1)
        >>> for loss in (3.0, 2.0, 2.5, 2.6):
        ...     optimizer.record_validation(loss)
        >>> optimizer.averages
        True
    """

    def __init__(
        self, params: Iterable[nn.Parameter] | Iterable[dict], lr: float, weight_decay: float = 0.0, patience: int = 5
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        # In a param group, because that is the part of an optimizer's state_dict that isn't tied to a parameter.
        self.param_groups[0].update(patience=patience, losses=[], steps_averaged=None, averages_in_place=False)

    @property
    def averages(self) -> bool:
        """Whether averaging has begun."""
        return self.param_groups[0]["steps_averaged"] is not None

    def record_validation(self, loss: float) -> None:
        """Tells the loss of a validation; may begin the averaging."""
        shared = self.param_groups[0]
        earlier = shared["losses"][: -shared["patience"]] if shared["patience"] else shared["losses"]
        # min with a NaN in it depends on the order.
        if not self.averages and loss > min(filter(math.isfinite, earlier), default=math.inf):
            shared["steps_averaged"] = 0
        shared["losses"] = [*shared["losses"], float(loss)]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of SGD, and of the average; none where no parameter has a gradient, as where a step is skipped."""
        self.use_weights()
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        pairs = [(parameter, group) for group in self.param_groups for parameter in group["params"]]
        moved = [(parameter, group) for parameter, group in pairs if parameter.grad is not None]
        for parameter, group in moved:
            gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
            parameter.sub_(gradient, alpha=group["lr"])
        if moved and self.averages:
            self._average([parameter for parameter, _ in pairs])
        return loss

    def _average(self, parameters: list[nn.Parameter]) -> None:
        """Takes the weights after a step into their means, also those that did not move."""
        shared = self.param_groups[0]
        shared["steps_averaged"] += 1
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["average"] = parameter.clone()
            state["average"].lerp_(parameter, 1 / shared["steps_averaged"])

    def use_averages(self) -> None:
        """Puts the averages in place of the weights, once there are any."""
        self._put(averages=True)

    def use_weights(self) -> None:
        """Puts the weights back."""
        self._put(averages=False)

    @torch.no_grad()
    def _put(self, averages: bool) -> None:
        shared = self.param_groups[0]
        if shared["averages_in_place"] == averages or not shared["steps_averaged"]:
            return
        for parameter, state in self.state.items():
            weights = parameter.clone()
            parameter.copy_(state["average"])
            state["average"] = weights
        shared["averages_in_place"] = averages
