"""Writing with a language model: drawn, likeliest and by beam search, to an end and by rules."""

import itertools
import math

import pytest
import torch
from small_language_models import fit, model

from seqmodels import decoding
from seqmodels.data import StreamLoader, build_tokenizer
from seqmodels.decoding import Constraints
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import LanguageModel


def test_the_lectures_example_learns_hello():
    """Vocabulary h e l o, one-hot input, 3 hidden units, trained by teacher forcing on "hello"."""
    torch.manual_seed(0)
    lm = LanguageModel(
        build_tokenizer("character", "hello"), cell="elman", hidden_size=3, embedding_size=0, learning_rate=0.1,
        carry_state=False,
    )  # fmt: skip
    fit(lm, StreamLoader(lm.tokenizer.encode("hello"), batch_size=1, steps=4), max_epochs=100)
    assert lm.generate("h", length=4, temperature=0) == "ello"


def test_argmax_writes_what_is_likeliest():
    lm = model().eval()
    tokens = [lm.tokenizer.encode("the ").tolist()]
    for _ in range(5):
        logits, _ = lm(torch.tensor(tokens[-1])[:, None])
        tokens.append([*tokens[-1], int(logits[-1, 0].argmax())])
    assert lm.generate("the ", length=5, temperature=0) == lm.tokenizer.decode(tokens[-1][4:])


def test_a_seed_writes_the_same_text_and_touches_no_global_random_state():
    lm = model()
    state = torch.get_rng_state()
    first = lm.generate("the", length=30, seed=5)
    assert first == lm.generate("the", length=30, seed=5)
    assert first != lm.generate("the", length=30, seed=6)
    assert torch.equal(state, torch.get_rng_state())
    assert lm.training


def test_without_a_seed_the_text_follows_from_torchs_random_state():
    lm = model()
    torch.manual_seed(3)
    first, other, seed = lm.generate("the", length=30), lm.generate("the", length=30), torch.initial_seed()
    assert first != other
    assert seed == 3
    torch.manual_seed(3)
    assert lm.generate("the", length=30) == first


def test_cold_or_narrow_sampling_is_argmax():
    lm = model()
    likeliest = lm.generate("the", length=20, temperature=0)
    assert lm.generate("the", length=20, temperature=1e-6, seed=1) == likeliest
    assert lm.generate("the", length=20, top_k=1, seed=1) == likeliest
    assert lm.generate("the", length=20, top_p=1e-9, seed=1) == likeliest
    assert lm.generate("the", length=20, min_p=1.0, seed=1) == likeliest


def test_min_p_draws_only_what_is_that_probable_beside_the_likeliest():
    lm = model().eval()
    with torch.no_grad():
        scores = lm(lm.tokenizer.encode("the")[:, None])[0][-1, 0]
    allowed = {lm.tokenizer.decode([k]) for k in (scores >= scores.max() + math.log(0.9)).nonzero().flatten().tolist()}
    drawn = {lm.generate("the", length=1, min_p=0.9, seed=seed) for seed in range(40)}
    assert drawn == allowed
    assert 1 < len(allowed) < len(lm.tokenizer)


@pytest.mark.parametrize("cell", ["lstm", "gru"])  # states that are two tensors, and one
@pytest.mark.parametrize("sizes", [{"hidden_size": 12, "num_layers": 2}, {"hidden_size": [12, 9]}], ids=str)
def test_a_beam_as_wide_as_the_vocabulary_writes_the_likeliest_text(cell, sizes):
    lm = LanguageModel(build_tokenizer("character", "abcd"), cell=cell, initial_scale=2, **sizes)
    texts = ["".join(letters) for letters in itertools.product("abcd", repeat=3)]
    tokens = torch.stack([lm.tokenizer.encode("ab" + text) for text in texts], 1)
    with torch.no_grad():
        scores = lm.eval()(tokens[:-1])[0].log_softmax(-1)
    likelihood = scores.gather(2, tokens[1:, :, None])[1:].sum(0).flatten()
    assert lm.generate("ab", length=3, beam_size=64) == texts[int(likelihood.argmax())]
    assert lm.generate("ab", length=3, beam_size=1) == lm.generate("ab", length=3, temperature=0)


def test_beam_search_writes_what_seqmodels_decoding_finds():
    lm = model(num_layers=2, initial_scale=1.0).eval()
    *before, last = lm.tokenizer.encode("the ")
    state = lm(torch.tensor(before)[:, None])[1]
    options = {"beam_size": 6, "groups": 3, "diversity": 2.0, "constraints": Constraints(no_repeat_ngram=2)}
    ((best, *_),) = decoding.diverse_beam_search(lm.step, state, last[None], max_length=12, batch_dim=1, **options)
    assert lm.generate("the ", length=12, **options) == lm.tokenizer.decode(best.tokens)
    assert lm.generate("the ", length=0, **options) == ""


WAYS = ({"seed": 1}, {"temperature": 0}, {"beam_size": 3}, {"beam_size": 4, "groups": 2})


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_way_of_writing_keeps_the_rules(way):
    lm = model()
    e, o = lm.tokenizer.encode("eo").tolist()
    rules = Constraints(banned=(e,), forced=(o,), no_repeat_ngram=1)
    written = lm.generate("the", length=15, constraints=rules, **way)
    assert written[0] == "o"
    assert "e" not in written
    assert len(set(written)) == len(written) == 15


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("unit", ["character", "byte", "word", "subword"])
def test_writing_stops_before_the_end(unit, way):
    tokenizer = build_tokenizer(unit, "a b\n" * 10, 300 if unit == "subword" else None)
    lm = LanguageModel(tokenizer, hidden_size=8)
    with torch.no_grad():
        lm.decoder.bias[tokenizer.line_end_id] += 20
    assert lm.generate("a", length=9, end="\n", **way) == ""
    (a,) = tokenizer.encode("a").tolist()
    begun = lm.generate("a", length=9, end="\n", constraints=Constraints(forced=(a,)), **way)
    assert begun.strip() == "a"
    rules = Constraints(forced=(a,), min_length=3)
    at_least = lm.generate("a", length=9, end="\n", constraints=rules, **way)
    assert "\n" not in at_least
    assert at_least[0] == "a"
    assert len(at_least) >= 2, "three tokens, of which several may be the bytes of one character"
    assert lm.generate("a", length=3, **way).count("\n") == 3, "without an end all of the length is written"


def test_a_length_penalty_favours_longer_texts():
    lm = LanguageModel(build_tokenizer("character", "ab."), hidden_size=8)
    with torch.no_grad():
        lm.decoder.weight.zero_()
        lm.decoder.bias.copy_(torch.tensor([0.5, 0.1, 0.4]).log())  # of ".", "a" and "b"
    assert lm.generate("a", length=6, end=".", beam_size=4) == ""
    assert len(lm.generate("a", length=6, end=".", beam_size=4, length_penalty=3.0)) > 1


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("the €", {}, "€"),
        ("", {"length": -1}, "length must be 0 or more"),
        ("", {"temperature": -0.1}, "temperature must be 0 or more"),
        ("", {"top_k": 0}, "top_k must be 1 or more"),
        ("", {"top_p": 1.5}, "top_p must be above 0 and at most 1"),
        ("", {"min_p": 0.0}, "min_p must be above 0 and at most 1"),
        ("", {"beam_size": 0}, "beam_size must be a whole number, 1 or more"),
        ("", {"beam_size": 3, "groups": 2}, "beam_size 3 can't be divided into 2 equal groups"),
        ("", {"beam_size": 3, "temperature": 0.8}, "give either temperature or beam_size"),
        ("", {"beam_size": 3, "top_k": 5}, "give either top_k or beam_size"),
        ("", {"beam_size": 3, "top_p": 0.9}, "give either top_p or beam_size"),
        ("", {"beam_size": 3, "min_p": 0.1}, "give either min_p or beam_size"),
        ("", {"beam_size": 3, "seed": 0}, "give either seed or beam_size"),
        ("", {"groups": 3}, "groups is an option of beam search; give beam_size, too"),
        ("", {"diversity": 1.0}, "diversity is an option of beam search"),
        ("", {"length_penalty": 1.0}, "length_penalty is an option of beam search"),
        ("", {"end": "€"}, "end must be one character that the model has seen, such as a line end, not '€'"),
        ("", {"end": "the"}, "end must be one character that the model has seen"),
        ("", {"constraints": Constraints(min_length=3)}, "min_length needs an end token"),
        ("", {"beam_size": 2, "constraints": Constraints(banned=(99,))}, "banned: there is no token 99"),
    ],
)
def test_wrong_requests_are_one_line(prompt, options, message):
    with pytest.raises((InputError, OptionError), match=message) as raised:
        model().generate(prompt, **options)
    assert "\n" not in str(raised.value)
