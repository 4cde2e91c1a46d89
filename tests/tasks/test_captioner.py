"""Captions of pictures: conditioning, training, decoding and results, with any cell."""

import json

import lightning.pytorch as pl
import pictures
import pytest
import torch
from PIL import Image
from quick_fit import save_untrained

from seqmodels.data import CaptionData, build_tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.decoding import Constraints
from seqmodels.errors import DataError, OptionError
from seqmodels.images import Backbone
from seqmodels.tasks import Captioner, load
from seqmodels.tasks.image_conditioning import CONDITIONINGS
from seqmodels.trees import sequence_cells


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pictures.captioned(tmp_path_factory.mktemp("captions") / "pictures")


@pytest.fixture(scope="module")
def data(folder):
    return CaptionData(
        str(folder), images=str(folder), backbone="small_cnn", layer="grid", image_size=32, store_features=False,
        batch_size=8,
    )  # fmt: skip


def make(data, **options):
    torch.manual_seed(0)
    options = {"cell": "gru", "hidden_size": 16, "embedding_size": 16, "attention_size": 8, "dropout": 0.0, **options}
    return Captioner(data.tokenizer, data.image, **options)


def fit(model, data, **options):
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, **{"max_epochs": 1, **options},
    )  # fmt: skip
    trainer.fit(model, data)
    return trainer


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_it_learns_what_is_in_its_pictures(folder, data, tmp_path, conditioning):
    if conditioning != "attention":
        data = CaptionData(str(folder), images=str(folder), backbone="pixels", image_size=8, folder=str(tmp_path))
    model = make(data, conditioning=conditioning, hidden_size=64, embedding_size=32, learning_rate=0.01, beam_size=1)
    epochs = 40 if conditioning == "attention" else 80  # its steps are the slowest, and it learns soonest
    trainer = fit(model, data, max_epochs=epochs, check_val_every_n_epoch=epochs)
    record = data.records["train"][0]
    caption = model.caption(record.path, beam_size=2)[0].text
    loss = float(trainer.callback_metrics["train_loss"])
    if conditioning == "none":
        assert loss > 0.2, "without the picture its colour can't be known"
    else:
        assert loss < 0.2
        assert caption in data.collate([(torch.zeros(3, 32, 32), record)]).references[0]


@pytest.mark.parametrize("cell", sequence_cells())
@pytest.mark.parametrize("conditioning", ["state", "attention"])
def test_steps_one_by_one_score_as_the_whole_sequence(data, cell, conditioning):
    model = make(data, cell=cell, conditioning=conditioning, num_layers=2).eval()
    batch = data.collate([data.parts["train"][number] for number in range(3)])
    with torch.no_grad():
        together = model(batch.image, batch.input, batch.owner)
        state = model.conditioning.begin(model.image_input(batch.image)[batch.owner], model.rnn)
        for tokens, expected in zip(batch.input, together, strict=True):
            scores, state = model.step(tokens, state)
            torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_a_captions_score_is_the_models_own_log_probability(data, conditioning):
    model = make(data, conditioning=conditioning).eval()
    image, _ = data.parts["train"][0]
    for groups in (1, 2):
        for caption in model.caption(image, beam_size=4, max_length=6, groups=groups):
            words = model.tokenizer.encode(caption.text)
            boundary = torch.tensor([model.end])
            target = torch.cat([words, boundary])[:6]
            with torch.no_grad():
                scores = model(image[None], torch.cat([boundary, words])[: len(target), None])[:, 0]
            scores[:, model.tokenizer.unknown_id] = -torch.inf
            expected = scores.log_softmax(-1).gather(1, target[:, None]).sum()
            assert caption.log_probability == pytest.approx(float(expected), abs=1e-4)


def test_an_ensemble_writes_with_the_mean_probability_of_its_models(data):
    image, _ = data.parts["train"][0]
    first, other = make(data, conditioning="state").eval(), make(data, conditioning="every_step", cell="mut1").eval()
    alone = first.caption(image, beam_size=3)
    assert [one.text for one in first.caption(image, beam_size=3, ensemble=[first])] == [one.text for one in alone]
    best = first.caption(image, beam_size=3, ensemble=[other])[0]
    tokens = [*first.tokenizer.encode(best.text).tolist(), first.end][:20]
    states = [model._beginning(model.image_input(image[None]))[1] for model in (first, other)]
    read, expected = torch.tensor([first.end]), 0.0
    for token in tokens:
        found = [model._decode(read, state) for model, state in zip((first, other), states, strict=True)]
        states = [state for _, state in found]
        expected += float(torch.stack([logits.detach().softmax(-1) for logits, _ in found]).mean(0).log()[0, token])
        read = torch.tensor([token])
    assert best.log_probability == pytest.approx(expected, abs=1e-4)


def test_an_ensemble_has_one_vocabulary(data, one_line):
    words = build_tokenizer("word", "other words\n")
    stranger = Captioner(words, data.image, hidden_size=4, embedding_size=4, attention_size=4)
    image, _ = data.parts["train"][0]
    with one_line(OptionError, "different words"):
        make(data).caption(image, ensemble=[stranger])


def test_constraints_hold(data):
    model = make(data)
    image, _ = data.parts["train"][0]
    captions = model.caption(image, beam_size=3, max_length=9, constraints=Constraints(min_length=5, no_repeat_ngram=1))
    for caption in captions:
        words = caption.text.split()
        assert len(words) == len(set(words)) >= 5


def test_scheduled_sampling_learns(data):
    model = make(data, scheduled_sampling=0.3, learning_rate=0.02, beam_size=1)
    trainer = fit(model, data, max_epochs=10, check_val_every_n_epoch=10)
    assert trainer.callback_metrics["train_loss"] < 1.8, "it is 2.4 before training"


def test_self_critical_training_runs_in_a_trainer(data):
    trainer = fit(make(data, self_critical=True, beam_size=1), data)
    assert torch.isfinite(trainer.callback_metrics["train_reward"])


@pytest.mark.parametrize("wanted", [True, False])
def test_self_critical_training_raises_the_reward_of_the_likeliest_captions(folder, tmp_path, wanted):
    data = CaptionData(str(folder), images=str(folder), backbone="pixels", image_size=8, folder=str(tmp_path))
    model = make(data, max_length=6)
    model.log = lambda *args, **options: None
    (this,) = data.tokenizer.encode("this")  # as every second caption begins
    model._reward = lambda captions, references: ((captions == this).any(1) == wanted).float()
    batch = data.collate([data.parts["train"][number] for number in range(5)] * 5)

    def train(steps):
        optimizer = torch.optim.Adam(model.train().parameters(), lr=0.01)
        for _ in range(steps):
            optimizer.zero_grad()
            model.training_step(batch, 0)["loss"].backward()
            optimizer.step()

    train(10)
    model.hparams["self_critical"] = True
    train(20)
    written = [model.caption(image, beam_size=1, max_length=6)[0].text for image in batch.image[:5]]
    assert [("this" in text.split()) == wanted for text in written] == [True] * 5


def test_a_batch_goes_through_the_backbone_once(data):
    model = make(data, beam_size=1).eval()
    passes = []
    model.image_input.backbone.register_forward_hook(lambda *args: passes.append(1))
    with torch.no_grad():
        model.validation_step(data.collate([data.parts["validation"][0]]), 0)
    assert len(passes) == 1


def test_a_picture_is_counted_once_however_many_captions_it_has(data):
    model = make(data).train()
    batch = data.collate([data.parts["train"][number] for number in range(3)])
    model(batch.image, batch.input, batch.owner)
    assert len(batch.owner) == 6
    assert model.conditioning.scaling.count == 3 * model.image_input.regions


def test_a_caption_that_is_cut_is_not_trained_to_end_there(folder):
    data = CaptionData(
        str(folder), images=str(folder), backbone="pixels", image_size=8, store_features=False, max_words=3
    )
    batch = data.collate([data.parts["train"][0]])  # "a red square.", "this is a square"
    end, words = data.tokenizer.line_end_id, data.tokenizer.encode
    assert batch.input.T.tolist() == [[end, *words("a red square")], [end, *words("this is a")]]
    assert batch.target.T.tolist() == [[*words("a red square"), end], [*words("this is a"), NOT_SCORED]]
    assert ", 6 captions cut after 3" in data.describe()


def test_validation_scores_captions_and_a_checkpoint_captions_a_file(data, tmp_path):
    model = make(data)
    trainer = fit(model, data)
    assert {"val_loss", "val_bleu_4", "val_cider_d", "val_rouge_l", "val_exact_match"} <= set(trainer.callback_metrics)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    path = data.records["test"][0].path
    assert again.caption(path, beam_size=2) == model.caption(path, beam_size=2)
    with pytest.raises(DataError, match="no such file"):
        again.caption(tmp_path / "missing.png")


def test_a_checkpoint_needs_no_file_of_the_weights_that_it_holds(folder, tmp_path):
    weights, path = tmp_path / "cnn.pt", tmp_path / "model.ckpt"
    torch.save(Backbone("small_cnn", image_size=32).network.state_dict(), weights)
    backbone = Backbone("small_cnn", weights=weights, image_size=32)
    image = {"feature_size": 64, "regions": None, "backbone": backbone.spec, "pixels": True}
    model = Captioner(build_tokenizer("word", "a dog\n"), image, hidden_size=4, embedding_size=4)
    save_untrained(model, path)
    weights.unlink()
    again = load(path)
    picture = next(folder.glob("*.png"))
    assert again.caption(picture, beam_size=2) == model.caption(picture, beam_size=2)


def test_results_are_what_coco_reads(tmp_path):
    from pycocotools.coco import COCO

    path, other = pictures.coco(tmp_path / "pictures", 101), pictures.coco(tmp_path / "pictures")
    data = CaptionData(
        str(other), valid_source=str(path), images=str(path.parent), backbone="pixels", image_size=8,
        folder=str(tmp_path / "features"),
    )  # fmt: skip
    model = make(data)
    fit(model, data)
    model.write_results(str(tmp_path / "results.json"))
    assert len(json.loads((tmp_path / "results.json").read_text())) == 8
    assert len(COCO(str(path)).loadRes(str(tmp_path / "results.json")).anns) == 8
    model.write_results(str(tmp_path / "results.csv"))
    assert (tmp_path / "results.csv").read_text().startswith("image,caption\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conditioning": "sideways"}, ("conditioning", "attention")),
        ({"dropout": 2}, ("dropout",)),
        ({"hidden_size": [8, 6]}, ("hidden_size is [8, 6]", "give one number")),
        ({"beam_size": 0}, ("beam_size",)),
        ({"rnn_options": {"bidirectional": True}}, ("bidirectional",)),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(data, one_line, options, words):
    with one_line(OptionError, *words):
        make(data, **options)


def test_where_each_token_of_a_caption_looked(data):
    model = make(data, conditioning="attention")
    picture = data.records["train"][0].path
    plain, found = (model.caption(picture, beam_size=2, max_length=4, attention=asked) for asked in (False, True))
    assert [one.text for one in plain] == [one.text for one in found]
    assert plain[0].attention is None
    for one in found:
        assert one.attention.shape == (len(one.tokens), model.image_input.regions)
        torch.testing.assert_close(one.attention.sum(-1), torch.ones(len(one.tokens)))
        assert " ".join(one.tokens).removesuffix("<eos>").strip() == one.text
    state = model.eval().conditioning.begin(model.image_input.read(picture, model.device), model.rnn)
    with torch.no_grad():
        _, first = model.conditioning.look(model.embedding(torch.tensor([model.end])), state)
    torch.testing.assert_close(found[0].attention[:1], first["weights"])


def test_there_is_attention_only_where_it_was_trained(data, one_line):
    with one_line(OptionError, "trained without", "conditioning 'attention'"):
        make(data, conditioning="state").caption(data.records["train"][0].path, attention=True)


def test_what_the_network_sees_of_a_picture(data):
    model, path = make(data, conditioning="attention"), data.records["train"][0].path
    view = model.image_input.view(path)
    assert view.size == (32, 32)
    assert model.image_input.view(Image.open(path).convert("P")).mode == "RGB"
    clear = Image.new("RGBA", (40, 32), (255, 0, 0, 0))
    assert model.image_input.view(clear).getpixel((0, 0)) == (255, 255, 255)
    white = Image.new("RGB", (40, 32), "white")
    assert model.caption(clear)[0].log_probability == model.caption(white)[0].log_probability
    assert model.image_input.view(torch.zeros(3, 32, 32)) is None


def test_attention_needs_regions(data, one_line):
    image = {"feature_size": 8, "regions": None, "backbone": None, "pixels": False}
    with one_line(OptionError, "regions", "layer='grid'"):
        Captioner(data.tokenizer, image, conditioning="attention")
