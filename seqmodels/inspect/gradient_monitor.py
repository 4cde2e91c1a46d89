"""Gradients through time, watched while a model trains."""

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from seqmodels import engine
from seqmodels.engine import LayerPass, LayerResult
from seqmodels.errors import OptionError
from seqmodels.inspect.layers import layers_of
from seqmodels.inspect.watched_layer import WatchedLayer
from seqmodels.training.nonfinite import gradient_scaler

HOLD = "clip gradients (gradient_clip_val), lower the learning rate, or start from smaller recurrent matrices"
KEEP = "use a cell with gates, a larger forget_bias, or shorter windows"


class GradientFlow(Callback):
    """Log how gradients flow back through the RNNs of a model, every n-th step, and warn when they vanish or explode.

    The step is the training's own: its layers' inputs and the gradients that arrive at their outputs are kept, and each
    layer alone is run forwards and backwards once more, at the engine's full speed. Weights, gradients and random
    numbers stay bitwise as they are without it. All loggers get, under ``gradient_flow/`` and whatever
    ``log_every_n_steps`` is:

    - ``rnn.layers.0/h/10_back``: the norm of dL/dh 10 steps before the last of the window, over the whole batch, for
      each layer, state and distance. L is the loss that is backpropagated. A backwards layer ends at the first step.
    - ``rnn.layers.0/over_window``: what of the last step's gradient reaches the first step, by way of the layer's
      states: the ratio of the norms. Unlike the norms it isn't refreshed by the losses of the steps between.
    - ``rnn.layers.0/largest_singular_value``: of the layer's recurrent matrices, gate by gate; by a few
      rounds of block Krylov iteration, as a rule within 2 %, never too large.
    - ``rnn.layers.0/spectral_radius``: the largest absolute eigenvalue of the same matrices, a complex pair's too; by
      the growth of their powers up to the 256th, as a rule within 0.3 %. Left out where no matrix is square.
    - ``rnn.layers.0/saturated``: the share of results of sigmoid below 0.1 or above 0.9 and of tanh beyond 0.9, at the
      last step.
    - ``total_norm``: of the gradient of all parameters, before clipping.
    - ``clipped``: the share of steps since the last time in which it was above ``gradient_clip_val``, if that is set.

    A layer that is called several times in a step is measured the first time. One that is called token by token, as a
    decoder with attention, and what torch.compile compiles, is not. Zoneout draws other masks for the measurement than
    for the step. Under DDP the values are those of the first rank's part of the batch.

    Args:
        every_n_steps: how often to measure; a measurement takes about as long as a few steps of training.
        distances: steps back from the last of the window; those beyond its first are left out.
        vanishes_below: warn once if ``over_window`` is less.
        explodes_above: warn once if ``over_window`` is more, or a gradient isn't finite.

    Raises:
        OptionError: an option is out of its range.

    Source: Pascanu, Mikolov and Bengio 2013.

    >>> trainer = Trainer(callbacks=[GradientFlow(every_n_steps=50)], logger=False, enable_checkpointing=False)
    """

    def __init__(
        self,
        every_n_steps: int = 100,
        distances: tuple[int, ...] = (0, 1, 10, 100),
        vanishes_below: float = 1e-6,
        explodes_above: float = 1e3,
    ) -> None:
        if every_n_steps < 1:
            raise OptionError(f"GradientFlow: every_n_steps is {every_n_steps}: give 1 or more")
        if any(distance < 0 for distance in distances):
            raise OptionError(f"GradientFlow: distances are {tuple(distances)}: give steps back, 0 or more each")
        if not 0 <= vanishes_below < explodes_above:
            raise OptionError(
                f"GradientFlow: vanishes_below is {vanishes_below}, explodes_above {explodes_above}: give 0 or more, "
                "the first less than the second"
            )
        self.every_n_steps = every_n_steps
        self.distances = tuple(distances)
        self.vanishes_below = vanishes_below
        self.explodes_above = explodes_above
        self._watched: dict[str, WatchedLayer] = {}
        self._values: dict[str, float] = {}  # of this step, until it is logged
        self._steps = 0  # since the last time
        self._above: Tensor | int = 0  # how many of them had a norm to clip
        self._warned: set[str] = set()
        self._interception: Any = None

    # --- what the layers run -------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        layers = layers_of(pl_module)

        def watch(layer: LayerPass, backend: str) -> LayerResult:
            result = engine.run(layer, backend)
            if id(layer.cell) in layers and self._measures(trainer) and torch.is_grad_enabled():
                place = layers[id(layer.cell)][0]
                if place not in self._watched and len(layer.input) > 1:
                    self._watched[place] = WatchedLayer(layer, backend, result)
            return result

        self._interception = engine.intercept(watch)
        self._interception.__enter__()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._interception is not None:
            self._interception.__exit__(None, None, None)
            self._interception = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.on_train_end(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._watched.clear()  # of a step that had no backward pass

    def _measures(self, trainer: Trainer) -> bool:
        """Whether this step is one to measure, and is not measured yet: it may have several batches."""
        return trainer.training and _step(trainer) % self.every_n_steps == 0 and not self._values

    # --- measuring -----------------------------------------------------------------------------------------------

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not (trainer.is_global_zero and self._measures(trainer)):
            return
        watched, self._watched = self._watched, {}
        if not watched:
            self._warn_once("nothing", "GradientFlow: the step ran no RNN over several time steps: nothing to measure")
        scale = float(scaler.get_scale()) if (scaler := gradient_scaler(trainer)) else 1.0
        root = trainer.strategy.root_device
        found: dict[str, Tensor] = {}
        with (
            torch.random.fork_rng([root] if root.type == "cuda" else []),
            trainer.precision_plugin.forward_context(),
            engine.intercept(None),
        ):
            for place, layer in watched.items():
                values = layer.measure(self.distances, scale)
                found |= {f"gradient_flow/{place}/{name}": value for name, value in values.items()}
        if found:
            numbers = torch.stack([value.float() for value in found.values()]).tolist()  # waits for the device once
            self._values = dict(zip(found, numbers, strict=True))
        for place, layer in watched.items():
            self._look_for_trouble(place, layer.steps - 1, _step(trainer))

    def _look_for_trouble(self, place: str, distance: int, step: int) -> None:
        own = {name: value for name, value in self._values.items() if name.startswith(f"gradient_flow/{place}/")}
        ratio = own.get(f"gradient_flow/{place}/over_window", math.nan)
        where = f"GradientFlow: step {step}, {place}"
        if not all(math.isfinite(value) for name, value in own.items() if name.endswith("_back")):
            self._warn_once("explode", f"{where}: the gradient is NaN or infinite: {HOLD}")
        elif ratio > self.explodes_above:
            self._warn_once("explode", f"{where}: the gradient grows {ratio:.1e}-fold over {distance} steps: {HOLD}")
        elif ratio < self.vanishes_below:
            self._warn_once("vanish", f"{where}: {ratio:.1e} of the gradient is left after {distance} steps: {KEEP}")

    def _warn_once(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            rank_zero_warn(message)

    # --- logging -------------------------------------------------------------------------------------------------

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if not trainer.is_global_zero:
            return
        bound = trainer.gradient_clip_val if trainer.gradient_clip_algorithm in (None, "norm") else None
        is_logged = _step(trainer) % self.every_n_steps == 0
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients and (bound or is_logged):
            norm = get_total_norm(gradients)
            self._steps += 1
            self._above = self._above + (norm > bound if bound else 0)
            if is_logged:
                self._values["gradient_flow/total_norm"] = float(norm)
        if is_logged:
            self._log(trainer, bool(bound))

    def _log(self, trainer: Trainer, is_clipped: bool) -> None:
        values, self._values = self._values, {}
        if is_clipped and self._steps:
            values["gradient_flow/clipped"] = float(self._above) / self._steps
        self._steps, self._above = 0, 0
        for logger in trainer.loggers:
            logger.log_metrics(values, step=_step(trainer))


def _step(trainer: Trainer) -> int:
    """The step by which Lightning's loggers count."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped
