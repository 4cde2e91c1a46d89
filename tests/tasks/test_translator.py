"""Translators: attention, padding, decoding, scores and checkpoints, with any cell."""

import logging
import random

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import QUIET, given
from torch.nn.utils.rnn import pad_sequence

from seqmodels import decoding
from seqmodels.data import build_tokenizer
from seqmodels.data.pair_data import PairBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.tasks import load, translation_scores
from seqmodels.tasks.translation_scores import TranslationScores
from seqmodels.tasks.translator import Translator
from seqmodels.trees import sequence_cells

DIGITS = build_tokenizer("character", "0123456789\n")
LETTERS = build_tokenizer("character", "abcdefghij\n")
PAIRS = [("abcd", "4321"), ("b", "77"), ("ghij", "05"), ("ca", "1")]
WAYS = {
    "none": {"attention": "none"},
    "additive": {"attention": "additive"},
    "dot": {"attention": "dot"},
    "general": {"attention": "general"},
    "fed": {"attention": "general", "input_feeding": True},
}


def collated(pairs, source=LETTERS, target=DIGITS):
    """A batch as PairData makes it."""
    (end,), (start,) = (torch.tensor([one.line_end_id])[None] for one in (source, target))
    sources = [torch.cat([source.encode(one), end]) for one, _ in pairs]
    targets = [target.encode(one) for _, one in pairs]
    return PairBatch(
        pad_sequence(sources),
        torch.tensor([len(one) for one in sources]),
        pad_sequence([torch.cat([start, one]) for one in targets]),
        pad_sequence([torch.cat([one, start]) for one in targets], padding_value=NOT_SCORED),
        *(tuple(side) for side in zip(*pairs, strict=True)),
    )


def make(**options):
    torch.manual_seed(0)
    small = {"cell": "gru", "hidden_size": 8, "embedding_size": 6, "attention_size": 5, "dropout": 0.0, "max_length": 9}
    return Translator(DIGITS, LETTERS, **{**small, **options})


def scored(model, batch):
    return model(batch.source, batch.source_lengths, batch.input)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", sequence_cells())
def test_steps_one_by_one_score_as_the_whole_sequence(cell, way):
    backend = "auto" if way == "general" else "reference"  # which needs nothing compiled
    model = make(cell=cell, num_layers=2, rnn_options={"backend": backend}, **WAYS[way]).eval()
    batch = collated(PAIRS)
    with torch.no_grad():
        together = scored(model, batch)
        state = model.network.begin(batch.source, batch.source_lengths)
        for tokens, expected in zip(batch.input, together, strict=True):
            scores, state = model.network.step(tokens, state)
            torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_padding_of_sources_changes_nothing(way):
    model, batch = make(cell="lstm", **WAYS[way]).eval(), collated(PAIRS)
    with torch.no_grad():
        together = scored(model, batch)
        padded = batch._replace(source=torch.cat([batch.source, torch.full((3, len(PAIRS)), 7)]))
        torch.testing.assert_close(scored(model, padded), together)
        for row, pair in enumerate(PAIRS):
            alone = scored(model, collated([pair]))
            torch.testing.assert_close(together[: len(alone), row], alone[:, 0])


@pytest.mark.parametrize("way", WAYS)
def test_every_parameter_learns_and_every_token_of_the_source_counts(way):
    model, batch = make(num_layers=2, tie_weights=False, **WAYS[way]), collated(PAIRS)
    scores = scored(model, batch)
    scores.softmax(-1)[..., 0].sum().backward()
    assert [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()] == []
    grad = model.network.encoder.embedding.weight.grad
    assert set(grad.abs().sum(1).nonzero()[:, 0].tolist()) == set(batch.source.flatten().tolist()) | {0}


@pytest.mark.parametrize(
    ("encoder", "decoder", "same"),
    [
        ({"encoder_cell": "gru"}, {"cell": "lstm"}, False),
        ({"encoder_cell": "peephole", "encoder_size": 3}, {"cell": "lstm"}, False),
        ({"encoder_cell": "lstm"}, {"cell": "mut1"}, False),
        ({}, {"cell": "lstm"}, True),
        ({"bidirectional": False}, {"cell": "gru"}, True),
    ],
)
@torch.no_grad()
def test_the_decoder_begins_where_the_encoder_ended(encoder, decoder, same):
    model, batch = make(num_layers=2, attention="none", **encoder, **decoder).eval(), collated(PAIRS)
    state = model.network.begin(batch.source, batch.source_lengths)["rnn"]
    _, read = model.network.encoder(batch.source, batch.source_lengths)
    states, read = (cell.pack_state(s) for cell, s in ((model.rnn.cell, state), (model.network.encoder.rnn.cell, read)))
    assert all(one.shape == (2, 4, 8) for one in states)
    assert (len(model.network.bridge.maps) == 0) == same
    if same and not encoder:
        for one, before in zip(states, read, strict=True):
            torch.testing.assert_close(one[1], torch.cat([before[2], before[3]], -1))


def test_a_vocabulary_of_both_sides_has_one_embedding():
    model = Translator(DIGITS, cell="gru", hidden_size=4, embedding_size=4)
    assert model.network.encoder.embedding is model.network.embedding
    assert model.network.softmax.weight is model.network.embedding.weight
    other = make(tie_weights=False)
    assert other.network.encoder.embedding is not other.network.embedding
    assert other.network.softmax.weight is not other.network.embedding.weight


@pytest.mark.parametrize("way", WAYS)
def test_a_translations_score_is_the_models_own_log_probability(way):
    model = make(**WAYS[way]).eval()
    for groups in (1, 2):
        (found,) = model.translate("cab", beam_size=4, n_best=4, max_length=5, groups=groups, length_penalty=0.5)
        assert {one.group for one in found} == set(range(groups))
        for one in found:
            batch = collated([("cab", one.text)])
            with torch.no_grad():
                nats = scored(model, batch).log_softmax(-1)[:5, 0].gather(1, batch.target[:5])
            assert one.log_probability == pytest.approx(float(nats.sum()), abs=1e-4)
            assert one.score == pytest.approx(one.log_probability / len(nats) ** 0.5)


@pytest.mark.parametrize("way", WAYS)
def test_one_beam_is_greedy_and_sampling_goes_through_the_same_step(way):
    model = make(**WAYS[way]).eval()
    batch, end = collated(PAIRS), DIGITS.line_end_id
    state, start = model.network.begin(batch.source, batch.source_lengths), torch.full((4,), end)
    with torch.no_grad():
        likeliest = decoding.greedy(model.network.step, state, start, 9, end=end)
        generator = torch.Generator().manual_seed(0)
        drawn = decoding.sample(model.network.step, state, start, 9, generator=generator, end=end)
    texts = [model.translate(source, beam_size=1)[0][0].text for source, _ in PAIRS]
    assert texts == [DIGITS.decode(row).split("\n")[0] for row in likeliest]
    assert not torch.equal(drawn, likeliest)


def test_many_texts_come_back_in_their_order():
    model = make()
    texts = ["abcdefghij" * (k % 4 + 1) + "abc"[: k % 3] for k in range(11)]
    together = model.translate(texts, batch_size=3, n_best=2)
    for text, found in zip(texts, together, strict=True):
        (alone,) = model.translate(text, n_best=2)
        assert [one.text for one in found] == [one.text for one in alone]
        assert [one.score for one in found] == pytest.approx([one.score for one in alone], abs=1e-5)
    assert model.translate([]) == []


@pytest.mark.parametrize("way", [way for way in WAYS if way != "none"])
def test_attention_is_given_for_every_token(way):
    (found,) = make(**WAYS[way]).translate("badge", attention=True, n_best=2)
    for one in found:
        assert one.source_tokens == ("b", "a", "d", "g", "e", "\\n")
        assert "".join(one.target_tokens).removesuffix("\\n") == one.text
        assert one.attention.shape == (len(one.target_tokens), 6)
        torch.testing.assert_close(one.attention.sum(1), torch.ones(len(one.target_tokens)))


def test_constraints_hold_and_unknown_words_are_never_written():
    words = build_tokenizer("word", "a b\n")
    model = Translator(words, cell="gru", hidden_size=4, embedding_size=4, max_length=8)
    with torch.no_grad():
        model.network.softmax.bias[words.unknown_id] = 50.0
    constraints = decoding.Constraints(min_length=3)
    (found,) = model.translate("a never-seen b", n_best=3, constraints=constraints)
    assert all(len(one.text.split()) >= 3 and "<unk>" not in one.text for one in found)


def reversals(count, seed):
    numbers = random.Random(seed)
    texts = ["".join(numbers.choices("0123456789", k=numbers.randint(2, 4))) for _ in range(count)]
    return [(text, text[::-1]) for text in texts]


def batches(pairs, size=32):
    return given([collated(pairs[k : k + size], DIGITS, DIGITS) for k in range(0, len(pairs), size)])


def test_it_learns_to_reverse_what_it_reads():
    torch.manual_seed(0)
    model = Translator(DIGITS, cell="gru", hidden_size=64, embedding_size=24, dropout=0.0, learning_rate=0.01)
    trainer = pl.Trainer(**QUIET, max_epochs=3, check_val_every_n_epoch=3)
    trainer.fit(model, batches(reversals(3000, 0)), batches(reversals(200, 1)))
    assert trainer.callback_metrics["val_exact_match"] > 0.95
    assert trainer.callback_metrics["val_accuracy"] > 0.95
    (best,) = model.translate("3141", attention=True)[0]
    assert best.text == "1413"
    assert best.attention.argmax(1).tolist()[1:4] == [2, 1, 0]


def test_training_scores_only_what_is_real():
    model, batch = make(), collated(PAIRS)
    expected = torch.nn.functional.cross_entropy(
        scored(model, batch).flatten(0, 1), batch.target.flatten(), ignore_index=NOT_SCORED
    )
    model.log = lambda *_, **__: None
    torch.testing.assert_close(model.training_step(batch, 0)["loss"], expected)
    smoothed = make(label_smoothing=0.1)
    smoothed.log = lambda *_, **__: None
    assert smoothed.training_step(batch, 0)["loss"] > expected


def test_the_learning_rate_is_halved_once_validation_no_longer_improves():
    model = make(patience=1, learning_rate=1e-7)
    loader = given([collated(PAIRS)])
    trainer = pl.Trainer(**QUIET, max_epochs=3)
    trainer.fit(model, loader, loader)
    assert trainer.optimizers[0].param_groups[0]["lr"] < 1e-7


def test_scores_results_and_a_checkpoint(tmp_path, caplog):
    loader = given([collated(PAIRS[:2]), collated(PAIRS[2:])])
    model = make(cell="lstm", encoder_cell="gru", beam_size=2)
    trainer = pl.Trainer(**QUIET, max_epochs=1)
    trainer.fit(model, loader, loader)
    names = ("loss", "perplexity", "accuracy", "bleu", "chrf", "exact_match")
    assert {f"val_{name}" for name in names} <= set(trainer.callback_metrics)
    with caplog.at_level(logging.INFO, "lightning.pytorch.utilities.rank_zero"):
        (tested,) = trainer.test(model, loader, verbose=False)
    assert tested["test_perplexity"] == pytest.approx(torch.tensor(tested["test_loss"]).exp().item())
    assert "BLEU: nrefs:1" in caplog.text
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    sources = [source for source, _ in PAIRS]
    assert again.translate(sources) == model.translate(sources)
    assert again.source_tokenizer == LETTERS
    model.write_results(str(tmp_path / "results.txt"))
    best = model.translate(sources, beam_size=2)
    assert (tmp_path / "results.txt").read_text().splitlines() == [one[0].text for one in best]
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can't be written"):
        model.write_results(str(tmp_path / "file" / "results.txt"))


def test_translations_of_several_ranks_come_in_the_order_of_the_data(monkeypatch):
    ranks = [TranslationScores(), TranslationScores()]
    for rank, numbers in zip(ranks, ([0, 2, 4], [1, 3, 0]), strict=True):  # of five records, the first again
        rank.update(len(numbers), len(numbers), 0, [f"text {n}" for n in numbers], [f"text {n}" for n in numbers])
    states = [(one._nats, one._count, one._correct, one._pairs) for one in ranks]
    monkeypatch.setattr(translation_scores, "gather_from_ranks", lambda _: states)
    scores = ranks[0].compute(records=5)
    assert ranks[0].written == [f"text {n}" for n in range(5)]
    assert (scores["loss"], scores["exact_match"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attention": "sideways"}, ("attention", "general")),
        ({"attention": "none", "input_feeding": True}, ("input_feeding", "'none'")),
        ({"attention": "additive", "input_feeding": True}, ("input_feeding", "'additive'")),
        ({"attention": "dot", "encoder_size": 3}, ("'dot'", "6 and 8")),
        ({"encoder_size": [8, 8]}, ("encoder_size is [8, 8]", "give one number")),
        ({"dropout": 2}, ("dropout",)),
        ({"label_smoothing": 1.0}, ("label_smoothing",)),
        ({"beam_size": 0}, ("beam_size",)),
        ({"length_penalty": -1}, ("length_penalty",)),
        ({"patience": 0}, ("patience",)),
        ({"rnn_options": {"bidirectional": True}}, ("bidirectional",)),
        ({"encoder_options": {"hidden_size": 3}}, ("hidden_size",)),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(one_line, options, words):
    with one_line(OptionError, *words):
        make(**options)


@pytest.mark.parametrize(
    ("kind", "text", "options", "words"),
    [
        (InputError, "  ", {}, ("text 0 is empty",)),
        (InputError, ["a", ""], {}, ("text 1 is empty",)),
        (InputError, "a\nb", {}, ("several lines",)),
        (InputError, "xyz", {}, ("'x'",)),
        (OptionError, "a", {"batch_size": 0}, ("batch_size",)),
        (OptionError, "a", {"n_best": 6}, ("n_best",)),
        (OptionError, "a", {"max_length": 0}, ("max_length",)),
        (OptionError, "a", {"groups": 2}, ("groups",)),
        (OptionError, "a", {"attention": True}, ("attention",)),
    ],
)
def test_what_cannot_be_translated_is_one_line(one_line, kind, text, options, words):
    with one_line(kind, *words):
        make(attention="none").translate(text, **options)
