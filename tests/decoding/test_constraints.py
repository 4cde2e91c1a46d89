"""Rules on what is written, in every decoder."""

import pytest
import torch
from decoding.references import every_hypothesis, markov, same
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.decoding import Constraints, beam_search, diverse_beam_search, greedy, sample
from seqmodels.errors import OptionError

LOGITS = torch.tensor([0.4, 1.0, 0.2, 1.5]).double().expand(4, 4)  # the end is the likeliest, then 1
STEP = markov(LOGITS)
START = torch.tensor([0, 1])


def texts(constraints, length, end=3):
    """What each decoder writes, without ends."""
    options = {"end": end, "constraints": constraints}
    generator = torch.Generator().manual_seed(0)
    likeliest = greedy(STEP, None, START, length, **options)
    drawn = sample(STEP, None, START, length, generator=generator, **options)
    for row in [*likeliest.tolist(), *drawn.tolist()]:
        yield tuple(row[: row.index(end)] if end in row else row)
    for found in (
        *beam_search(STEP, None, START, beam_size=4, max_length=length, **options),
        *diverse_beam_search(STEP, None, START, beam_size=4, groups=2, max_length=length, **options),
    ):
        yield from (hypothesis.tokens for hypothesis in found)


def test_nothing_ends_before_its_least_length():
    found = list(texts(Constraints(min_length=3), 6))
    assert min(len(text) for text in found) == 3


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_ngram_is_written_twice(n):
    for text in texts(Constraints(no_repeat_ngram=n, banned=[3]), 9):
        ngrams = [text[k : k + n] for k in range(len(text) - n + 1)]
        assert len(set(ngrams)) == len(ngrams)


def test_banned_tokens_are_never_written():
    for text in texts(Constraints(banned=(1, 3)), 6):
        assert len(text) == 6
        assert set(text) <= {0, 2}


def test_forced_tokens_are_written_first():
    found = list(texts(Constraints(forced=(2, 2, 0), no_repeat_ngram=1), 5))
    assert {text[:3] for text in found} == {(2, 2, 0)}
    assert {len(text) for text in found} == {3, 4}  # only 1 is left, and the end


def test_forced_tokens_cost_what_the_model_gives_them():
    [[best]] = beam_search(
        STEP, None, START[:1], beam_size=1, max_length=2, end=3, constraints=Constraints(forced=[2, 2])
    )
    assert best.log_probability == pytest.approx(2 * float(LOGITS[0].log_softmax(0)[2]))


@settings(max_examples=30)
@given(
    st.integers(0, 10**6),
    st.sampled_from(
        [
            Constraints(min_length=2),
            Constraints(no_repeat_ngram=1),
            Constraints(no_repeat_ngram=2, min_length=1),
            Constraints(banned=[0]),
            Constraints(banned=[2], no_repeat_ngram=1),
            Constraints(forced=[1, 1], no_repeat_ngram=2),
        ]
    ),
    st.sampled_from([0.0, 1.0]),
)
def test_a_wide_beam_finds_all_that_the_rules_allow(seed, rules, length_penalty):
    step = markov(torch.randn(3, 3, dtype=torch.double, generator=torch.Generator().manual_seed(seed)))

    def allows(written, token):
        if len(written) < len(rules.forced):
            return token == rules.forced[len(written)]
        n = rules.no_repeat_ngram or 99
        text = [*written, token]
        ngrams = [tuple(text[k : k + n]) for k in range(len(text) - n + 1)]
        repeats = token != 2 and ngrams[-1:] and ngrams[-1] in ngrams[:-1]
        return not (repeats or token in rules.banned or (token == 2 and len(written) < rules.min_length))

    options = {"end": 2, "max_length": 4, "length_penalty": length_penalty}
    [found] = beam_search(step, None, torch.tensor([0]), beam_size=81, constraints=rules, **options)
    same(found, every_hypothesis(step, 0, allows=allows, **options))


def test_what_can_not_go_on_stops_as_it_is():
    """Three tokens, none twice, and no end before the fourth."""
    rules = Constraints(no_repeat_ngram=1, banned=[3])
    assert greedy(STEP, None, START, 6, end=3, constraints=rules).tolist() == [[1, 0, 2, 3, 3, 3]] * 2
    for found in beam_search(STEP, None, START, beam_size=9, max_length=6, end=3, constraints=rules):
        assert len(found) == 6
        assert all(len(h.tokens) == 3 and not h.ended for h in found)


def test_what_has_ended_remains_where_the_rest_can_not_go_on():
    rules = Constraints(no_repeat_ngram=1, banned=[0])
    [found] = beam_search(STEP, None, START[:1], beam_size=9, max_length=6, end=3, constraints=rules)
    assert all(h.ended for h in found)
    assert {h.tokens for h in found} == {(), (1,), (2,), (1, 2), (2, 1)}


@pytest.mark.parametrize("end", [None, 3])
def test_rules_that_leave_no_first_token_are_one_line(end, one_line):
    rules = Constraints(banned=[0, 1, 2, 3])
    with one_line(OptionError, "sequence 0", "first token"):
        beam_search(STEP, None, START, beam_size=2, max_length=3, end=end, constraints=rules)
    with one_line(OptionError, "sequence 0: no token may follow the 0 that are written"):
        greedy(STEP, None, START, 3, end=end, constraints=rules)


def test_without_an_end_greedy_can_not_stop(one_line):
    with one_line(OptionError, "sequence 0: no token may follow the 4 that are written", "give end"):
        greedy(STEP, None, START, 6, constraints=Constraints(no_repeat_ngram=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_length": -1}, "min_length must be a whole number, 0 or more, not -1"),
        ({"no_repeat_ngram": 0}, "no_repeat_ngram must be a whole number, 1 or more, not 0"),
        ({"banned": [-1]}, "a token of banned must be a whole number"),
        ({"banned": [1, 2], "forced": [2]}, "token 2 is both banned and forced"),
        ({"banned": [4]}, "banned: there is no token 4, the model has 4"),
        ({"forced": [9]}, "forced: there is no token 9"),
        ({"forced": [1, 3]}, "forced: 3 is the end token"),
        ({"forced": [1] * 6}, "forced has 6 tokens, but 5 may be written"),
        ({"min_length": 6}, "min_length 6 is more than the 5 tokens"),
    ],
)
def test_rules_that_can_not_be_kept_are_one_line(options, message, one_line):
    with one_line(OptionError, message):
        beam_search(STEP, None, START, beam_size=2, max_length=5, end=3, constraints=Constraints(**options))
    with one_line(OptionError, message):
        greedy(STEP, None, START, 5, end=3, constraints=Constraints(**options))


def test_a_least_length_needs_an_end(one_line):
    with one_line(OptionError, "min_length needs an end"):
        greedy(STEP, None, START, 5, constraints=Constraints(min_length=1))


def test_the_models_logits_stay_as_they_are():
    given = []

    def step(tokens, state):
        given.append(torch.zeros(len(tokens), 4))
        return given[-1], state

    rules = Constraints(min_length=2, no_repeat_ngram=1, banned=[0])
    options = {"max_length": 3, "end": 3, "constraints": rules}
    diverse_beam_search(step, None, START, beam_size=2, groups=2, diversity=1.0, **options)
    greedy(step, None, START, 3, end=3, constraints=rules)
    assert len(given) == 6
    assert not any(logits.any() for logits in given)
