"""Language models: what they compute and learn, with any cell."""

import math

import lightning.pytorch as pl
import pytest
import torch
from small_language_models import QUIET, TEXT, fit, loader, model
from torch.nn import functional as F

import seqmodels
from seqmodels.data import Arithmetic, Copying, StreamLoader, TextData, Window, build_tokenizer
from seqmodels.tasks import LanguageModel
from seqmodels.trees import sequence_cells


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


def test_layers_may_differ_in_size():
    lm = model(hidden_size=[14, 10, 12], embedding_size=12, tie_weights=True, hidden_dropout=0.2, learning_rate=0.01)
    assert (lm.rnn.num_layers, lm.rnn.output_size, lm.rnn.input_dropout) == (3, 12, (0.0, 0.2, 0.2))
    assert isinstance(lm.bridge, torch.nn.Identity)
    assert lm.describe().startswith("LanguageModel: 14, 10, 12 lstm, ")
    before = float(nats_per_token(lm))
    fit(lm, max_epochs=4)
    assert float(nats_per_token(lm)) < 0.95 * before
    assert model(hidden_size=[9, 5]).embedding.embedding_dim == 9


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
        ({"hidden_size": [8, 0]}, r"hidden_size is \[8, 0\]; use 1 or more"),
        ({"hidden_size": []}, r"hidden_size is \[\]; use 1 or more"),
        ({"hidden_size": [8, None]}, r"hidden_size is \[8, None\]; use 1 or more, a whole number"),
        ({"hidden_size": 2.5}, "hidden_size is 2.5; use 1 or more, a whole number"),
        ({"hidden_size": None}, "hidden_size is None; use 1 or more"),
        ({"embedding_size": [8, 6]}, r"embedding_size is \[8, 6\]; give one number"),
        ({"num_layers": [2]}, r"num_layers is \[2\]; give one number"),
        ({"hidden_size": [8, 6], "num_layers": 3}, "hidden_size has 2 sizes, but num_layers is 3"),
        ({"rnn_options": {"zoneot": 0.1}}, "did you mean 'zoneout'"),
        ({"embedding_size": 0, "tie_weights": True}, "leaves no embedding to tie"),
        ({"dropout": 1.5}, "dropout must be a probability"),
        ({"output_dropout": 1.0}, "output_dropout must be a probability"),
        ({"rnn_options": {"bidirectional": True}}, "it would see what it predicts"),
        ({"rnn_options": {"num_layers": 2}}, "'num_layers' belongs to LanguageModel itself"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line_with_the_fix(options, message):
    with pytest.raises(seqmodels.errors.SeqmodelsError, match=message) as raised:
        model(**options)
    assert "\n" not in str(raised.value)


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
