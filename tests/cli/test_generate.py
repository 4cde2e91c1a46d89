"""``seqmodels generate``: what a model writes at the command line."""

import pytest
import torch
from quick_fit import save_untrained

from seqmodels.cli import main
from seqmodels.data import build_tokenizer
from seqmodels.tasks import LanguageModel


def test_each_run_without_a_seed_writes_another_text(tmp_path, capsys):
    path = save_untrained(LanguageModel(build_tokenizer("character", "hello"), hidden_size=3), tmp_path / "model.ckpt")
    written = []
    for _ in range(2):
        torch.manual_seed(0)  # as in two processes
        assert main(["generate", path, "--length", "40"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] != written[1]


@pytest.mark.parametrize("prompt", ["the cat", "the cat "])
def test_a_text_of_words_goes_on_behind_a_space(tmp_path, capsys, prompt):
    model = LanguageModel(build_tokenizer("word", "the cat sat on a mat"), hidden_size=3)
    assert main(["generate", save_untrained(model, tmp_path / "model.ckpt"), "--prompt", prompt, "--length", "1"]) == 0
    assert capsys.readouterr().out.startswith("the cat ")
