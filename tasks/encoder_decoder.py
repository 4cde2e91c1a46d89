"""Two networks: one reads a sequence whole, the other then writes one."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.tasks.attentional_decoder import AttentionalDecoder
from seqmodels.tasks.encoder import Bridge, Encoder


class EncoderDecoder(nn.Module):
    """Scores the next token of a target, given a source and the target so far.

    Args:
        encoder: Reads the source.
        decoder: Writes the target.
        embedding: Of the target's V tokens; may be the encoder's own.
        tie_weights: The softmax has the embedding's matrix (Press and Wolf 2017), whose size the features then have.
        dropout: On the embedded tokens and before the softmax.
    """

    def __init__(
        self, encoder: Encoder, decoder: AttentionalDecoder, embedding: nn.Embedding, tie_weights: bool, dropout: float
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.embedding = encoder, decoder, embedding
        self.bridge = Bridge(encoder.rnn, decoder.rnn)
        self.softmax = nn.Linear(decoder.features, embedding.num_embeddings)
        self._dropout = dropout
        # The range of Luong et al. 2015. torch's N(0, 1) would make a tied softmax start with the wildest guesses.
        for one in (encoder.embedding, embedding):
            nn.init.uniform_(one.weight, -0.1, 0.1)
        if tie_weights:
            self.softmax.weight = embedding.weight

    def begin(self, source: Int[Tensor, "S B"], lengths: Int[Tensor, " B"]) -> dict[str, Any]:
        """The decoder's state before the first token, having read the source; where its batch is, see ``batch_dim``."""
        output, state = self.encoder(source, lengths)
        mask = torch.arange(len(source), device=source.device) < lengths[:, None]
        return self.decoder.begin(output.transpose(0, 1), mask, self.bridge(self.encoder.rnn, self.decoder.rnn, state))

    @property
    def batch_dim(self) -> dict[str, int]:
        """Where the batch is in each part of the decoder's state."""
        return self.decoder.batch_dim

    def forward(
        self, tokens: Int[Tensor, "T B"], state: dict[str, Any]
    ) -> tuple[Float[Tensor, "T B R"], Float[Tensor, "T B S"] | None]:
        """What :meth:`scores` takes, after each token, and the weights of the attention, if there is one."""
        return self.decoder(self._embed(tokens), state)

    def step(self, tokens: Int[Tensor, " B"], state: dict[str, Any]) -> tuple[Float[Tensor, "B V"], dict[str, Any]]:
        """One token further: the form that ``seqmodels.decoding`` takes."""
        features, state, _ = self.decoder.step(self._embed(tokens), state)
        return self.scores(features), state

    def scores(self, features: Float[Tensor, "*N R"]) -> Float[Tensor, "*N V"]:
        """Logits of the next token; the largest product of all, so ask only where they are needed."""
        return self.softmax(self._drop(features))

    def _embed(self, tokens: Tensor) -> Tensor:
        return self._drop(self.embedding(tokens))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)
