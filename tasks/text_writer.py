"""How a language model writes."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqmodels import decoding
from seqmodels.data import Tokenizer
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.tasks.writing import check_way_of_writing, generator_of, without_unknown


class TextWriter(nn.Module):
    """Lets a model write that gives scores [T, B, V] and its state for tokens [T, B] and a state."""

    tokenizer: Tokenizer
    device: Any

    def generate(
        self,
        prompt: str = "",
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        *,
        min_p: float | None = None,
        beam_size: int | None = None,
        groups: int = 1,
        diversity: float = 0.5,
        length_penalty: float = 0.0,
        end: str | None = None,
        constraints: decoding.Constraints | None = None,
    ) -> str:
        """What the model writes after ``prompt``; the prompt itself is not repeated.

        There are three ways to write: to draw tokens from the model's distribution (the usual one), to take the
        likeliest token each time (``temperature`` 0), and to search for a text that is likely as a whole
        (``beam_size``).

        Args:
            prompt: Text to go on from; a line end if empty, or the first token of the vocabulary where there is none.
            length: Number of tokens to write.
            temperature: Below 1 safer, above 1 wilder; 0 for the likeliest token each time (argmax).
            top_k: Draw from the k likeliest tokens only.
            top_p: Draw from the likeliest tokens that make up this probability only.
            seed: Of the random draws; the same seed writes the same text. None: one that torch's generator gives.
            min_p: Draw from the tokens that are at least this many times as probable as the likeliest only.
            beam_size: Beams of beam search; nothing is drawn, so none of the options of drawing may be given.
            groups: Of diverse beam search, which must divide ``beam_size``; 1 is plain beam search.
            diversity: Nats that a group loses for each choice of a token that those before it have made.
            length_penalty: Texts are ranked by log-probability / length ** length_penalty; matters with ``end`` only.
            end: A text of one token, such as a line end, before which writing stops; None: it stops at ``length``.
            constraints: Tokens to avoid or begin with, n-grams not to repeat; a least length, with ``end``.

        Raises:
            InputError: If the prompt has a character or word that the model has never seen.
            OptionError: If an option is out of range, belongs to another way of writing, or leaves no token to write.

        Example:
            >>> from seqmodels.data import build_tokenizer
            >>> from seqmodels.decoding import Constraints
            >>> from seqmodels.tasks import LanguageModel
            >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="elman", hidden_size=3)
            >>> written = model.generate("h", length=4, beam_size=5, constraints=Constraints(no_repeat_ngram=1))
            >>> len(set(written))
            4
        """
        check_way_of_writing(locals())
        if length < 0:
            raise OptionError(f"length must be 0 or more, not {length}")
        if temperature < 0:
            raise OptionError(f"temperature must be 0 or more, not {temperature}")
        rules: dict[str, Any] = {"end": self._end_token(end), "constraints": constraints}
        with evaluating(self):
            begun = self.read_prompt(prompt)
            if beam_size is not None:
                rules |= {"groups": groups, "diversity": diversity, "length_penalty": length_penalty}
                written = self._search(*begun, length, beam_size, rules)
            elif temperature == 0:
                written = decoding.greedy(self.step, *begun, length, **rules)[0].tolist()
            else:
                rules |= {"top_k": top_k, "top_p": top_p, "min_p": min_p, "generator": generator_of(seed)}
                written = decoding.sample(self.step, *begun, length, temperature, **rules)[0].tolist()
        ended = written.index(rules["end"]) if rules["end"] in written else len(written)
        return self.tokenizer.decode(written[:ended])

    def _search(self, state: Any, start: Tensor, length: int, beam_size: int, options: dict[str, Any]) -> Sequence[int]:
        """The tokens of the best beam; of one group, diverse beam search is the plain one."""
        if length == 0:
            return ()
        ((best,),) = decoding.diverse_beam_search(
            self.step, state, start, beam_size=beam_size, max_length=length, n_best=1, batch_dim=1, **options
        )
        return best.tokens

    def read_prompt(self, prompt: str) -> tuple[Any, Int[Tensor, "1"]]:
        """The state before the last token of the prompt, and this token.

        Raises:
            InputError: If the prompt has a character or word that the model has never seen.
        """
        tokens = self._prompt_tokens(prompt).to(self.device)[:, None]
        return self(tokens[:-1])[1] if len(tokens) > 1 else None, tokens[-1]

    def _end_token(self, end: str | None) -> int | None:
        if end is None:
            return None
        tokens = self.tokenizer.encode(end).tolist() if self.tokenizer.unknown_in(end) is None else []
        if len(tokens) != 1:
            unit = self.tokenizer.unit
            raise OptionError(f"end must be one {unit} that the model has seen, such as a line end, not {end!r}")
        return int(tokens[0])

    def _prompt_tokens(self, prompt: str) -> Tensor:
        if (unknown := self.tokenizer.unknown_in(prompt)) is not None:
            unit = self.tokenizer.unit
            raise InputError(f"prompt: the model has never seen the {unit} {unknown!r}; write the prompt without it")
        if prompt:
            return self.tokenizer.encode(prompt)
        try:
            return torch.tensor([self.tokenizer.line_end_id])
        except InputError:
            return torch.zeros(1, dtype=torch.long)

    def step(self, tokens: Int[Tensor, " N"], state: Any) -> tuple[Float[Tensor, "N V"], Any]:
        """One token further: the form that ``seqmodels.decoding`` takes."""
        logits, state = self(tokens[None], state)
        return without_unknown(logits[0], self.tokenizer), state
