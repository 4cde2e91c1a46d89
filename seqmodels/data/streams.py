"""One long sequence of tokens as parallel streams, read window by window."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, Integer
from torch import Tensor
from torch.nn import functional as F

from seqmodels.data.position import TEXT, ResumableIterable, check_positive, check_rank, check_seed
from seqmodels.data.window_lengths import fixed_lengths, random_lengths
from seqmodels.errors import DataError, InputError

NOT_SCORED = -100  # what torch's cross_entropy ignores


class Window(NamedTuple):
    """T steps of B streams."""

    input: Int64[Tensor, "T B"]
    target: Int64[Tensor, "T B"]
    """The token after each input; -100 where there is none."""
    reset: Bool[Tensor, "T B"] | None
    """Where a document begins, so that the state before this step must be the initial one; None: nowhere."""

    @property
    def token_count(self) -> int:
        """Tokens that are read."""
        return self.input.numel()


class StreamLoader(ResumableIterable):
    """Consecutive windows of contiguous streams, so that a state carried from window to window reads on.

    The sequence is cut into ``batch_size * world_size`` equally long streams; rank r has streams ``r * batch_size`` to
    ``(r + 1) * batch_size - 1``, and every rank the same number of windows.

    Args:
        tokens: [N], of any integer type; only the window at hand becomes int64.
        batch_size: B, the streams of this rank.
        steps: T of a window.
        drop_last: True, for training: windows are full, and what doesn't fill one is left out (the same every epoch:
            less than ``steps`` tokens of each stream and less than one token a stream at the end). False, for
            evaluation: each token but the first, which nothing precedes, is a target exactly once; the last window
            may be shorter, and targets beyond the end are -100 (for a short text even all of a rank's window).
        document_starts: positions in ``tokens`` where a document begins; fills ``Window.reset``.
        random_steps: windows of random length, different every epoch, as in AWD-LSTM (see ``random_lengths``); then
            nothing but the rest at the end is left out.
        seed: of the random lengths.
        source: what to call the sequence in an error.

    Raises:
        DataError: the sequence is shorter than one window a stream (training) or than two tokens (evaluation).
        OptionError: a size, rank or seed out of range.
        InputError: ``tokens`` is not a vector of integers.

    Example:
        >>> loader = StreamLoader(torch.arange(9), batch_size=2, steps=3)
        >>> for window in loader:
        ...     print(window.input.tolist(), window.target.tolist())
        [[0, 4], [1, 5], [2, 6]] [[1, 5], [2, 6], [3, 7]]
        >>> loader = StreamLoader(torch.arange(8), batch_size=2, steps=3, drop_last=False)
        >>> [window.target.tolist() for window in loader]
        [[[1, 5], [2, 6], [3, 7]], [[4, -100]]]
    """

    def __init__(
        self,
        tokens: Integer[Tensor, " N"],
        batch_size: int,
        steps: int,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = True,
        document_starts: Integer[Tensor, " D"] | None = None,
        random_steps: bool = False,
        seed: int = 0,
        source: str = "the text",
    ) -> None:
        super().__init__()
        check_positive(batch_size=batch_size, steps=steps)
        check_rank(rank, world_size)
        check_seed(seed)
        if tokens.dim() != 1 or tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise InputError(
                f"tokens has shape {tuple(tokens.shape)} and type {tokens.dtype}; give a vector of integers"
            )
        self.batch_size, self.steps, self.world_size = batch_size, steps, world_size
        self.drop_last, self.random_steps, self.seed = drop_last, random_steps, seed
        self._tokens, self._checksum = len(tokens), zlib.crc32(tokens.contiguous().numpy().data)
        targets, streams = len(tokens) - 1, batch_size * world_size
        if drop_last and targets < streams * steps:
            raise DataError(
                f"{source} has {len(tokens)} tokens, fewer than the {streams * steps + 1} that {streams} streams of "
                f"{steps} steps need; use a smaller batch_size or steps, or a longer text"
            )
        if targets < 1:
            raise DataError(f"{source} has {len(tokens)} tokens, too few to predict one; give a longer text")

        self._stream_length = targets // streams if drop_last else -(-targets // streams)
        size = batch_size * self._stream_length
        first = rank * size
        own = tokens[first : first + size + 1]
        own = F.pad(own, (0, size + 1 - len(own)))
        self._inputs = own[:-1].view(batch_size, -1).T
        self._targets = own[1:].view(batch_size, -1).T
        # Number of each stream's targets that exist; all of them but for the last streams of an evaluation.
        begins = first + self._stream_length * torch.arange(batch_size)
        self._available = (targets - begins).clamp(0, self._stream_length)
        self._resets = None
        if document_starts is not None:
            resets = torch.zeros(size, dtype=torch.bool)
            resets[document_starts[(document_starts >= first) & (document_starts < first + size)] - first] = True
            self._resets = resets.view(batch_size, -1).T
        self._windows = len(self._lengths(epoch=0))

    def __len__(self) -> int:
        return self._windows

    def _lengths(self, epoch: int) -> list[int]:
        if self.random_steps:
            return random_lengths(self._stream_length, self.steps, self.seed, epoch)
        return fixed_lengths(self._stream_length, self.steps, self.drop_last)

    def _batches(self, start: int) -> Iterator[Window]:
        lengths = self._lengths(self.epoch)
        begin = sum(lengths[:start])
        for length in lengths[start:]:
            yield self._window(slice(begin, begin + length))
            begin += length

    def _window(self, steps: slice) -> Window:
        target = _copy(self._targets[steps])
        missing = torch.arange(steps.start, steps.stop)[:, None] >= self._available
        return Window(
            input=_copy(self._inputs[steps]),
            target=target.masked_fill_(missing, NOT_SCORED),
            reset=None if self._resets is None else self._resets[steps].contiguous(),
        )

    def _identity(self) -> dict[str, int]:
        return {
            "tokens": self._tokens,
            TEXT: self._checksum,  # of all of it: a checkpoint has the state of the first rank
            "batch_size": self.batch_size,
            "steps": self.steps,
            "world_size": self.world_size,
            "random_steps": int(self.random_steps),
            "seed": self.seed,
        }


def _copy(part: Integer[Tensor, "T B"]) -> Int64[Tensor, "T B"]:
    return part.to(torch.int64, copy=True, memory_format=torch.contiguous_format)
