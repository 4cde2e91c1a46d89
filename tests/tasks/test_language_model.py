"""Language models: what they compute, learn and write, with any cell."""

import importlib
import itertools
import math
import sys

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import save_untrained
from torch.nn import functional as F

import seqmodels
from seqmodels import decoding
from seqmodels.cli import main
from seqmodels.data import Arithmetic, Copying, StreamLoader, TextData, Window, build_tokenizer
from seqmodels.decoding import Constraints
from seqmodels.errors import CheckpointError, InputError, OptionError, UnknownCell
from seqmodels.tasks import LanguageModel, load
from seqmodels.trees import sequence_cells

TEXT = "the quick brown fox jumps over the lazy dog. " * 40
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def model(**options):
    torch.manual_seed(0)
    return LanguageModel(build_tokenizer("character", TEXT), **{"hidden_size": 12, **options})


def loader(lm, batch_size=4, steps=10, text=TEXT, **options):
    return StreamLoader(lm.tokenizer.encode(text), batch_size, steps, **options)


def fit(lm, train=None, validation=None, folder=None, **options):
    trainer = pl.Trainer(
        **{"max_epochs": 1, "enable_checkpointing": False, **QUIET, **options}, default_root_dir=folder
    )
    trainer.fit(lm, train if train is not None else loader(lm), validation)
    return trainer


@pytest.mark.parametrize("cell", sequence_cells())
def test_every_cell_learns(cell):
    lm = model(cell=cell, hidden_size=24, learning_rate=0.01)
    before = float(nats_per_token(lm))
    fit(lm, max_epochs=4)
    assert float(nats_per_token(lm)) < 0.75 * before


@torch.no_grad()
def nats_per_token(lm):
    """Mean cross-entropy of one long stream, without the task's own loss."""
    tokens = lm.tokenizer.encode(TEXT)
    logits, _ = lm.eval()(tokens[:-1, None])
    lm.train()
    return F.cross_entropy(logits[:, 0], tokens[1:])


def test_validation_loss_is_over_every_token_whatever_the_windows():
    lm = model()
    expected = float(nats_per_token(lm))
    for steps in (7, 10, 10_000):
        trainer = pl.Trainer(enable_checkpointing=False, **QUIET)
        (values,) = trainer.validate(lm, loader(lm, 1, steps, drop_last=False), verbose=False)
        assert values["val_loss"] == pytest.approx(expected, rel=1e-6)
        assert values["val_perplexity"] == pytest.approx(math.exp(expected), rel=1e-6)
        assert values["val_bits_per_character"] == pytest.approx(expected / math.log(2), rel=1e-6)


def test_accuracy_is_the_share_of_scored_targets_that_the_most_probable_token_hits():
    class Part(StreamLoader):
        def _window(self, steps):
            window = super()._window(steps)
            return window._replace(target=window.target.masked_fill(window.input % 3 == 0, -100))

    lm = model().eval()
    fit(lm)
    windows = list(Part(lm.tokenizer.encode(TEXT), 1, 10_000, drop_last=False))
    with torch.no_grad():
        scores = lm.eval()(windows[0].input)[0]
    scored = windows[0].target >= 0
    expected = float((scores.argmax(-1) == windows[0].target)[scored].float().mean())
    assert 0 < expected < 1
    trainer = pl.Trainer(enable_checkpointing=False, **QUIET)
    for steps in (7, 10_000):
        loader_of_part = Part(lm.tokenizer.encode(TEXT), 1, steps, drop_last=False)
        (validated,) = trainer.validate(lm, loader_of_part, verbose=False)
        (tested,) = trainer.test(lm, loader_of_part, verbose=False)
        assert validated["val_accuracy"] == tested["test_accuracy"] == pytest.approx(expected, abs=1e-6)


def test_bits_per_character_count_characters_not_tokens():
    """A word model spends its nats on whole words; the characters are those of the text it predicts."""
    tokenizer = build_tokenizer("word", TEXT)
    lm = LanguageModel(tokenizer, hidden_size=8)
    tokens = tokenizer.encode(TEXT)
    trainer = pl.Trainer(enable_checkpointing=False, **QUIET)
    (values,) = trainer.validate(lm, StreamLoader(tokens, 1, 10, drop_last=False), verbose=False)
    characters = float(tokenizer.characters_per_token()[tokens[1:]].sum())
    total = values["val_loss"] * (len(tokens) - 1)
    assert values["val_bits_per_character"] == pytest.approx(total / math.log(2) / characters, rel=1e-6)


def test_targets_that_are_not_scored_do_not_count():
    lm = model()
    tokens = lm.tokenizer.encode(TEXT)[:11]
    window = Window(tokens[:-1, None], tokens[1:, None].clone(), None)
    window.target[5:] = -100
    nats, count = lm._nats(lm(window.input)[0], window.target)
    logits, _ = lm(window.input[:5])
    assert int(count) == 5
    assert float(nats) == pytest.approx(float(F.cross_entropy(logits[:, 0], tokens[1:6], reduction="sum")), rel=1e-5)


def test_a_window_without_any_scored_target_trains_nothing_and_is_no_nan():
    lm = model()
    empty = Window(torch.zeros(5, 2, dtype=torch.long), torch.full((5, 2), -100), None)
    loss = lm._mean_over_ranks(*lm._nats(lm(empty.input)[0], empty.target))
    loss.backward()
    assert float(loss) == 0
    assert all(p.grad is None or not p.grad.any() for p in lm.parameters())


class Recorder(LanguageModel):
    """Keeps the states before and after each step of training."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.seen, self.left = [], []

    def training_step(self, batch, batch_idx, hiddens=None):
        self.seen.append(hiddens)
        outputs = super().training_step(batch, batch_idx, hiddens)
        self.left.append(outputs["hiddens"])
        return outputs


def test_state_is_carried_from_window_to_window():
    torch.manual_seed(0)
    lm = Recorder(build_tokenizer("character", TEXT), hidden_size=8)
    fit(lm)
    assert lm.seen[0] is None
    for left, seen in zip(lm.left, lm.seen[1:], strict=False):
        assert all(torch.equal(a, b) and not b.requires_grad for a, b in zip(left, seen, strict=True))


@pytest.mark.parametrize(
    ("data", "carry_state", "carried"),
    [(Arithmetic, None, True), (Copying, None, False), (Copying, True, True), (Arithmetic, False, False)],
)
def test_state_is_carried_where_the_data_go_on_unless_told_otherwise(data, carry_state, carried):
    stream = data(batch_size=2, **({"delay": 1, "batches": 2} if data is Copying else {"windows": 2}))
    lm = Recorder(stream.tokenizer, hidden_size=4, carry_state=carry_state)
    fit(lm, stream, limit_val_batches=0)
    assert [state is not None for state in lm.seen] == [False, carried]


def test_documents_begin_with_a_fresh_state():
    lm = model().eval()
    tokens = lm.tokenizer.encode(TEXT)[:20, None]
    reset = torch.zeros(20, 1, dtype=torch.bool)
    reset[12] = True
    logits, _ = lm(tokens, None, reset)
    alone, _ = lm(tokens[12:])
    torch.testing.assert_close(logits[12:], alone)


# --- options --------------------------------------------------------------------------------------------------------


def test_one_hot_input_needs_no_embedding():
    lm = model(embedding_size=0)
    assert lm.embedding is None
    assert lm.rnn.input_size == len(lm.tokenizer)


@pytest.mark.parametrize("embedding_size", [12, 7])
def test_tied_weights_are_one_matrix(embedding_size):
    lm = model(tie_weights=True, embedding_size=embedding_size)
    assert lm.decoder.weight is lm.embedding.weight
    fit(lm)
    assert lm.decoder.weight is lm.embedding.weight
    assert lm(torch.zeros(3, 2, dtype=torch.long))[0].shape == (3, 2, len(lm.tokenizer))


DROPOUTS = ("dropout", "embedding_dropout", "input_dropout", "hidden_dropout", "output_dropout", "weight_dropout")


@pytest.mark.parametrize("name", DROPOUTS)
def test_each_dropout_acts_in_training_only(name):
    lm, plain = model(num_layers=2, **{name: 0.5}), model(num_layers=2)
    lm.load_state_dict(plain.state_dict())
    window = next(iter(loader(lm)))
    lm.log = plain.log = lambda *args, **options: None

    def loss(m):
        torch.manual_seed(3)
        return float(m.training_step(window, 0)["loss"].detach())

    assert loss(lm) != loss(plain)
    assert loss(lm) == loss(lm)
    assert torch.equal(lm.eval()(window.input)[0], plain.eval()(window.input)[0])


def test_embedding_dropout_takes_whole_words():
    lm = model(embedding_dropout=0.5)
    tokens = torch.arange(len(lm.tokenizer))[:, None].expand(-1, 3)
    embedded = lm._embed(tokens)
    dropped = (embedded == 0).all(-1)
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 3))
    assert 0 < int(dropped[:, 0].sum()) < len(tokens)


def test_penalties_are_those_of_the_paper():
    lm = model(activation_penalty=2.0, temporal_penalty=1.0)
    lm.log = lambda *args, **options: None
    window = next(iter(loader(lm)))
    raw, _ = lm.rnn(lm._embed(window.input))
    loss = F.cross_entropy(lm._logits(raw).flatten(0, 1), window.target.flatten())
    expected = loss + 2 * raw.pow(2).mean() + (raw[1:] - raw[:-1]).pow(2).mean()
    torch.testing.assert_close(lm.training_step(window, 0)["loss"], expected)


def test_learning_rate_falls_after_the_epochs_at_full_rate():
    lm, rates = model(optimizer="sgd", learning_rate=1.0, decay=0.5, decay_after=2), []
    lm.on_before_zero_grad = lambda optimizer: rates.append(lm.trainer.optimizers[0].param_groups[0]["lr"])
    fit(lm, max_epochs=4, limit_train_batches=1)
    assert rates == [1.0, 1.0, 0.5, 0.25]


def test_rate_of_a_window_follows_its_length():
    lm, rates = model(optimizer="sgd", learning_rate=1.0, nominal_steps=10), []
    lm.on_before_optimizer_step = lambda optimizer: rates.append(optimizer.param_groups[0]["lr"])
    windows = loader(lm, steps=10, random_steps=True)
    lengths = [len(window.input) for window in loader(lm, steps=10, random_steps=True)]
    fit(lm, windows)
    assert rates == [length / 10 for length in lengths]
    assert len(set(lengths)) > 2


def test_a_step_that_fails_leaves_the_learning_rate_as_it_was():
    lm = model(optimizer="sgd", learning_rate=1.0, nominal_steps=20)

    def fail(optimizer):
        rates.append(optimizer.param_groups[0]["lr"])
        raise ArithmeticError

    lm.on_before_optimizer_step, rates = fail, []
    with pytest.raises(ArithmeticError):
        fit(lm)
    assert rates == [0.5]
    assert lm.trainer.optimizers[0].param_groups[0]["lr"] == 1.0


def test_clipping_is_torchs_whatever_computed_the_norm():
    lm, norms = model(optimizer="sgd", learning_rate=0.0), []
    lm.on_before_zero_grad = lambda optimizer: norms.append(
        float(torch.nn.utils.get_total_norm([p.grad for p in lm.parameters() if p.grad is not None]))
    )
    fit(lm, gradient_clip_val=1e-3)
    assert norms[1:] == pytest.approx([1e-3] * len(norms[1:]), rel=1e-3)


def test_nt_asgd_validates_with_averages_and_trains_with_weights():
    class Watch(LanguageModel):
        def on_validation_epoch_end(self):
            super().on_validation_epoch_end()
            self.validated.append(self.decoder.weight.detach().clone())

        def on_train_epoch_end(self):
            self.trained.append(self.decoder.weight.detach().clone())

    torch.manual_seed(0)
    lm = Watch(
        build_tokenizer("character", TEXT),
        hidden_size=8,
        optimizer="nt-asgd",
        learning_rate=20.0,  # so high that validation soon gets worse
        optimizer_options={"patience": 0},
    )
    lm.validated, lm.trained = [], []
    trainer = fit(lm, validation=loader(lm, drop_last=False), max_epochs=6)
    assert trainer.optimizers[0].averages
    average = trainer.optimizers[0].state[lm.decoder.weight]["average"]
    assert not torch.equal(lm.validated[-1], average)  # the weights are kept where the averages were


def test_initial_scale_bounds_all_weights_and_keeps_the_forget_bias():
    lm = model(initial_scale=0.05, rnn_options={"forget_bias": 1.0})
    biases = lm.rnn.cell.W_x.bias
    assert float(biases[12:24].min()) > 0.9
    others = [p for name, p in lm.named_parameters() if not name.endswith("W_x.bias")]
    assert max(float(p.abs().max()) for p in others) <= 0.05


def test_initial_scale_leaves_gains_and_learned_initial_states_alone():
    options = {"layer_norm": True, "learn_initial_state": True}
    lm = model(initial_scale=0.05, rnn_options=options, embedding_size=7, tie_weights=True)
    (layer,) = lm.rnn.layers
    assert {float(gain) for norm in layer.norms.values() for gain in norm.weight} == {1}
    assert {float(value) for state in layer.learned_state for value in state} == {0}
    drawn = [lm.embedding.weight, lm.bridge.weight, lm.decoder.bias, lm.rnn.cell.W_h.weight]
    assert all(0.03 < float(weight.detach().abs().max()) <= 0.05 for weight in drawn)


def test_options_reach_the_network_and_the_cell():
    lm = model(cell="gru", rnn_options={"reset": "after", "layer_norm": True})
    assert lm.rnn.cell.reset == "after"
    assert len(lm.rnn.layers[0].norms) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lsmt"}, "did you mean 'lstm'"),
        ({"rnn_options": {"zoneot": 0.1}}, "did you mean 'zoneout'"),
        ({"embedding_size": 0, "tie_weights": True}, "leaves no embedding to tie"),
        ({"dropout": 1.5}, "dropout must be a probability"),
        ({"output_dropout": 1.0}, "output_dropout must be a probability"),
        ({"rnn_options": {"bidirectional": True}}, "it would see what it predicts"),
        ({"rnn_options": {"num_layers": 2}}, "'num_layers' belongs to LanguageModel itself"),
    ],
)
def test_wrong_options_are_one_line_with_the_fix(options, message):
    with pytest.raises(seqmodels.errors.SeqmodelsError, match=message) as raised:
        model(**options)
    assert "\n" not in str(raised.value)


# --- writing --------------------------------------------------------------------------------------------------------


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
def test_a_beam_as_wide_as_the_vocabulary_writes_the_likeliest_text(cell):
    lm = LanguageModel(build_tokenizer("character", "abcd"), cell=cell, hidden_size=12, num_layers=2, initial_scale=2)
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


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["character", "byte", "word", "subword"])
def test_a_checkpoint_holds_all_that_writing_needs(tmp_path, unit):
    lm = LanguageModel(build_tokenizer(unit, TEXT, 300 if unit == "subword" else None), hidden_size=8, cell="mut2")
    trainer = fit(lm, folder=tmp_path)
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    torch.load(path, weights_only=True)
    for again in (load(path), LanguageModel.load_from_checkpoint(path)):
        assert again.generate("the", length=20, seed=1) == lm.generate("the", length=20, seed=1)
        assert again.rnn.cell.__class__.__name__ == "MUT2"
        assert not again.training


def test_saving_what_was_loaded_changes_no_tensor(tmp_path):
    lm = model()
    trainer = fit(lm, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    again = load(tmp_path / "first.ckpt")
    other = pl.Trainer(max_epochs=0, enable_checkpointing=False, default_root_dir=tmp_path, **QUIET)
    other.fit(again, loader(again))
    other.save_checkpoint(tmp_path / "second.ckpt")
    first, second = (
        torch.load(tmp_path / name, weights_only=True)["state_dict"] for name in ("first.ckpt", "second.ckpt")
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_cell_that_is_another_than_the_checkpoints_is_refused(tmp_path):
    lm = model()
    trainer = fit(lm, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=r"cell has the path seqmodels\.plugins\.lstm:LSTM") as raised:
        LanguageModel.load_from_checkpoint(tmp_path / "model.ckpt", cell="gru")
    assert "\n" not in str(raised.value)


def test_other_checkpoints_are_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    torch.save({"seqmodels": {"task": "os:system"}}, tmp_path / "hostile.ckpt")
    for name in ("foreign.ckpt", "hostile.ckpt", "missing.ckpt"):
        with pytest.raises(CheckpointError, match=name):
            load(tmp_path / name)


@pytest.mark.parametrize(
    "task", ["seqmodels.tasks.gone:Gone", "seqmodels.tasks.base.gone:Gone", "seqmodels.tasks.base:Gone"]
)
def test_a_task_that_this_version_lacks_is_one_line(tmp_path, one_line, task):
    torch.save({"seqmodels": {"task": task}}, tmp_path / "model.ckpt")
    with one_line(CheckpointError, "model.ckpt: is of", task, "which this version of seqmodels doesn't have"):
        load(tmp_path / "model.ckpt")


@pytest.fixture
def checkpoint_of_a_script(tmp_path, monkeypatch):
    """A checkpoint whose cell is in a module of its own, which says that it runs, and is imported no more."""
    (tmp_path / "owncells.py").write_text(
        "from seqmodels.plugins.elman import Elman\n\n\nclass Own(Elman):\n    pass\n\n\nprint('it runs')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = save_untrained(model(cell="owncells:Own"), tmp_path / "own.ckpt")
    monkeypatch.delitem(sys.modules, "owncells")
    yield path
    sys.modules.pop("owncells", None)


def test_a_checkpoint_imports_no_module_by_itself(checkpoint_of_a_script, one_line, capsys):
    capsys.readouterr()
    for read in (load, LanguageModel.load_from_checkpoint):
        with one_line(UnknownCell, "owncells:Own", "import owncells before", "--cell owncells:Own"):
            read(checkpoint_of_a_script)
    assert not capsys.readouterr().out
    importlib.import_module("owncells")
    assert load(checkpoint_of_a_script).generate("the", length=3)
    assert main(["generate", checkpoint_of_a_script, "--length", "3"]) == 0


def test_the_command_line_names_the_cell_that_a_checkpoint_does_not_import(checkpoint_of_a_script, capsys):
    capsys.readouterr()
    assert main(["generate", checkpoint_of_a_script]) == 2
    said = capsys.readouterr()
    assert "it runs" not in said.out
    assert "--cell owncells:Own" in said.err
    assert main(["generate", checkpoint_of_a_script, "--cell", "owncells:Own", "--length", "3"]) == 0


def test_text_data_and_model_fit_together(tmp_path):
    path = tmp_path / "fox.txt"
    path.write_text(TEXT * 5)
    data = TextData(path=str(path), batch_size=4, steps=16)
    lm = LanguageModel(data.tokenizer, hidden_size=16, learning_rate=0.01)
    trainer = pl.Trainer(max_epochs=2, enable_checkpointing=False, default_root_dir=tmp_path, **QUIET)
    trainer.fit(lm, datamodule=data)
    assert float(trainer.callback_metrics["val_perplexity"]) < len(data.tokenizer)
    (tested,) = trainer.test(lm, datamodule=data, verbose=False)
    assert tested["test_bits_per_character"] == pytest.approx(tested["test_loss"] / math.log(2))
