"""``seqmodels caption`` and ``answer``: features made elsewhere, as of a video's frames; where words looked."""

import shutil
from pathlib import Path

import numpy as np
import pictures
import pytest
from quick_fit import save_untrained

from seqmodels.cli import main
from seqmodels.data import CaptionData
from seqmodels.tasks import Captioner

QUIET = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--data.valid_source", "valid.csv")
SMALL = ("--model.cell", "gru", "--model.hidden_size", "16", "--model.embedding_size", "8", "--data.batch_size", "4")
FRAMES = ("--data.source", "train.csv", "--data.features", "frames", "--trainer.max_epochs", "40")
BEST = "runs/version_0/checkpoints/best.ckpt"


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Videos of five frames of three numbers: a dog and a cat to learn from, and one more of each."""
    monkeypatch.chdir(tmp_path)
    Path("frames").mkdir()
    for number, name in enumerate(("dog", "cat", "dog2", "cat2")):
        np.save(f"frames/{name}.npy", np.full((5, 3), 2.0 * (number % 2) - 1))


@pytest.mark.usefixtures("frames")
def test_a_video_is_captioned_by_its_frames(capsys, one_line_said):
    Path("train.csv").write_text("image,caption\n" + "dog,a dog runs\ncat,the cat sleeps\n" * 4)
    Path("valid.csv").write_text("image,caption\ndog2,a dog runs\ncat2,the cat sleeps\n")
    options = ("--model.conditioning", "attention", "--model.dropout", "0", "--model.learning_rate", "0.03")
    assert main(["fit", "--model", "Captioner", "--data", "CaptionData", *SMALL, *QUIET, *FRAMES, *options]) == 0
    assert f"seqmodels caption {BEST} --features FILE --image KEY" in capsys.readouterr().out
    assert main(["caption", BEST, "--features", "frames", "--image", "cat", "dog", "--n-best", "1"]) == 0
    lines = [line.split(maxsplit=1)[-1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["cat:", "the cat sleeps", "dog:", "a dog runs"]
    asked = ["caption", BEST, "--features", "frames", "--image", "cat", "--n-best", "1", "--attention", "looked"]
    assert main(asked) == 0
    assert capsys.readouterr().out.splitlines()[1] == "attention: looked/cat_attention.png"
    assert Path("looked/cat_attention.svg").stat().st_size > 0
    np.save("frames/flat.npy", np.zeros(3))
    for arguments, part in (
        (["--image", "cat.jpg"], "cat.jpg: the model was trained on features made elsewhere"),
        (["--features", "frames", "--image", "cow"], "frames: has no features of 'cow'"),
        (["--features", "frames", "--image", "flat"], "frames: flat has shape [3]; this model reads [R, F]"),
    ):
        one_line_said(["caption", BEST, *arguments], part)


def test_where_words_looked_is_drawn_on_the_picture(tmp_path, monkeypatch, capsys, one_line_said):
    monkeypatch.chdir(tmp_path)
    folder = pictures.captioned(tmp_path / "pictures")
    data = CaptionData(str(folder), images=str(folder), backbone="small_cnn", layer="grid", image_size=32,
                       store_features=False)  # fmt: skip
    options = {"cell": "gru", "hidden_size": 8, "embedding_size": 8, "attention_size": 8}
    for conditioning in ("attention", "state"):
        model = Captioner(data.tokenizer, data.image, conditioning=conditioning, **options)
        save_untrained(model, f"{conditioning}.ckpt")
    paths = [str(record.path) for record in data.records["train"][:2]]
    Path("other").mkdir()
    again = shutil.copy(paths[0], "other")
    capsys.readouterr()
    assert main(["caption", "attention.ckpt", "--image", *paths, again, "--attention", "looked"]) == 0
    drawn = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("attention: ")]
    first, second = (Path(path).stem for path in paths)
    names = (f"{first}_attention", f"{second}_attention", f"{first}_attention_1")
    assert drawn == [f"looked/{name}.png" for name in names]
    own = shutil.copy(paths[0], f"other/{first}_attention.png")
    whole = Path(own).read_bytes()
    assert main(["caption", "attention.ckpt", "--image", again, own, "--attention", "other"]) == 0
    assert Path(own).read_bytes() == whole, "a picture that is looked at stays"
    assert Path(f"other/{first}_attention_1.png").exists()
    assert all(Path(name).read_bytes().startswith(b"\x89PNG") for name in drawn)
    one_line_said(["caption", "state.ckpt", "--image", paths[0], "--attention", "looked"], "was trained without")
    one_line_said(["caption", "attention.ckpt", "--image", paths[0], "--attention", paths[0]], "can't be written")


@pytest.mark.usefixtures("frames")
def test_a_question_about_features_is_answered_by_one_of_the_choices(capsys, one_line_said):
    Path("train.csv").write_text("image,question,answer\ndog,What is it?,dog\ncat,What is it?,cat\n")
    Path("valid.csv").write_text("image,question,answer\ndog2,What is it?,dog\ncat2,What is it?,cat\n")
    options = ("--model.common_size", "8", "--model.dropout", "0", "--model.learning_rate", "0.03")
    classes = ("--model", "VisualQuestionAnswerer", "--data", "QuestionData")
    assert main(["fit", *classes, *SMALL, *QUIET, *FRAMES, *options]) == 0
    assert f"seqmodels answer {BEST} --features FILE --image KEY --question" in capsys.readouterr().out
    asked = ["answer", BEST, "--features", "frames", "--image", "cat", "--question", "What is it?", "--choices"]
    assert main([*asked, "dog,cat"]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["cat", "dog"]
    one_line_said([*asked, "dog,cow"], "'cow' is none of the 2 answers that the model knows")


@pytest.fixture
def one_line_said(capsys):
    """A command line is a mistake, of which one line is said."""

    def check(arguments, part):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert part in said
        assert said.count("\n") == 1

    return check
