"""Text to text with a trained encoder-decoder."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqmodels import decoding
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import InputError
from seqmodels.tasks.encoder_decoder import EncoderDecoder
from seqmodels.tasks.writing import without_unknown


class Translation(NamedTuple):
    """What a source was rewritten as."""

    text: str
    log_probability: float
    """Sum over its tokens, in nats, that of ending included."""
    score: float
    """What it was ranked by: the log-probability, divided by length ** length_penalty."""
    group: int = 0
    """Of diverse beam search."""
    attention: Tensor | None = None
    """[target tokens, source tokens], if asked for: where each token written looked; rows sum to 1."""
    target_tokens: tuple[str, ...] = ()
    """Of its rows, the end included, ..."""
    source_tokens: tuple[str, ...] = ()
    """... and of its columns."""


class Writer:
    """Texts to tokens, through the network, and back.

    Args:
        network: Trained.
        tokenizer: Of targets.
        source_tokenizer: Of sources.
    """

    def __init__(self, network: EncoderDecoder, tokenizer: Tokenizer, source_tokenizer: Tokenizer) -> None:
        self.network, self.tokenizer, self.source_tokenizer = network, tokenizer, source_tokenizer

    def translate(
        self, texts: Sequence[str], batch_size: int, attention: bool, **options: Any
    ) -> list[list[Translation]]:
        """Translations of each text; ``options`` are those of the search."""
        sources = [self._read(text, number) for number, text in enumerate(texts)]
        # Those of similar length together, so that there is little padding.
        order = sorted(range(len(texts)), key=lambda number: len(sources[number]))
        found: dict[int, list[Translation]] = {}
        for first in range(0, len(order), batch_size):
            numbers = order[first : first + batch_size]
            batch = [sources[number] for number in numbers]
            written = self.write(self._begin(batch), len(batch), **options)
            for number, source, hypotheses in zip(numbers, batch, written, strict=True):
                found[number] = [self._translation(one, source, attention) for one in hypotheses]
        return [found[number] for number in range(len(texts))]

    def write(self, state: dict[str, Any], count: int, **options: Any) -> list[list[decoding.Hypothesis]]:
        """The best targets of each of the ``count`` sources that were read; ``options`` are those of the search."""
        end = self.tokenizer.line_end_id
        start = torch.full((count,), end, device=self._device)
        search = decoding.diverse_beam_search if "groups" in options else decoding.beam_search
        return search(self._step, state, start, end=end, batch_dim=self.network.batch_dim, **options)

    def text(self, tokens: Sequence[int]) -> str:
        """What the tokens of a target stand for."""
        return self.tokenizer.decode(tokens).strip() if len(tokens) else ""

    def _read(self, text: str, number: int) -> Tensor:
        line = text.strip()
        if not line:
            raise InputError(f"text {number} is empty; give something to translate")
        if "\n" in line:
            raise InputError(f"text {number} has several lines; give each as a text of its own")
        end = torch.tensor([self.source_tokenizer.line_end_id])
        return torch.cat([self.source_tokenizer.encode(line), end]).to(self._device)

    @property
    def _device(self) -> torch.device:
        return self.network.softmax.weight.device

    def _begin(self, sources: list[Tensor]) -> dict[str, Any]:
        lengths = torch.tensor([len(source) for source in sources], device=sources[0].device)
        return self.network.begin(pad_sequence(sources), lengths)

    def _step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self.network.step(tokens, state)
        return without_unknown(logits, self.tokenizer), state

    def _translation(self, found: decoding.Hypothesis, source: Tensor, attention: bool) -> Translation:
        plain = Translation(self.text(found.tokens), found.log_probability, found.score, found.group)
        return self._with_attention(plain, list(found.tokens), found.ended, source) if attention else plain

    def _with_attention(self, plain: Translation, tokens: list[int], ended: bool, source: Tensor) -> Translation:
        end = self.tokenizer.line_end_id
        read = torch.tensor([end, *tokens], device=source.device)
        written = [*tokens, end] if ended else tokens
        _, weights = self.network(read[: len(written), None], self._begin([source]))
        assert weights is not None  # the caller knows
        return plain._replace(
            attention=weights[:, 0].cpu(),
            target_tokens=_shown(self.tokenizer, written),
            source_tokens=_shown(self.source_tokenizer, source.tolist()),
        )


def _shown(tokenizer: Tokenizer, tokens: Sequence[int]) -> tuple[str, ...]:
    names = tokenizer.tokens
    return tuple(names[token] for token in tokens)
