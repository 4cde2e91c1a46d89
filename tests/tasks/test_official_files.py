"""COCO's captions and the questions of VQA v2: the official files, from reading to result files."""

import json
from pathlib import Path

import pytest
import shared_data
import torch
from quick_fit import fit

from seqmodels.data import CaptionData, QuestionData
from seqmodels.data.questions import check_vqa_results
from seqmodels.metrics import cider_d, vqa_scores
from seqmodels.tasks import Captioner, VisualQuestionAnswerer

FILES = shared_data.FOLDER / "coco_real_small"
pytestmark = shared_data.needs("coco_real_small")


def test_captions_of_coco(tmp_path):
    from pycocoevalcap.cider.cider import Cider
    from pycocotools.coco import COCO

    valid = str(FILES / "captions_val2017_subset.json")
    data = CaptionData(
        str(FILES / "captions_train2017_subset.json"), valid_source=valid, images=str(FILES / "images"), min_count=3,
        backbone="pixels", image_size=8, folder=str(tmp_path), max_bad=20,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Captioner(data.tokenizer, data.image, cell="gru", hidden_size=64, embedding_size=64, learning_rate=5e-3)
    trainer = fit(model, data, max_epochs=3)
    assert trainer.callback_metrics["val_loss"] < 5.5
    model.write_results(str(tmp_path / "results.json"))
    results = COCO(valid).loadRes(str(tmp_path / "results.json"))
    written = {str(one["image_id"]): one["caption"] for one in results.anns.values()}
    references = {
        one.key: [" ".join(caption.lower().split()) for caption in one.captions] for one in data.records["validation"]
    }
    assert written.keys() == references.keys()
    # Both on the same tokens: the words between spaces.
    official, _ = Cider().compute_score(references, {key: [caption] for key, caption in written.items()})
    assert cider_d(written, references, tokenize=str.split).score == pytest.approx(official, abs=1e-6)


def test_questions_of_vqa(tmp_path):
    questions, annotations = (
        str(FILES / f"v2_{name}.json") for name in ("OpenEnded_mscoco_subset_questions", "mscoco_subset_annotations")
    )
    data = QuestionData(
        "vqa", questions, annotations, str(FILES / "images"), backbone="pixels", image_size=8, store_features=True,
        folder=str(tmp_path), answers=100,
    )  # fmt: skip
    torch.manual_seed(0)
    model = VisualQuestionAnswerer(
        data.tokenizer, data.answers, data.image, cell="gru", hidden_size=32, num_layers=1, common_size=64,
        learning_rate=5e-3,
    )  # fmt: skip
    trainer = fit(model, data, max_epochs=3)
    model.write_results(str(tmp_path / "results.json"))
    check_vqa_results(str(tmp_path / "results.json"), data.records["validation"])
    written = {str(one["question_id"]): one["answer"] for one in json.loads((tmp_path / "results.json").read_text())}
    official = [
        annotation | {"answer": written[str(annotation["question_id"])]}
        for annotation in json.loads(Path(annotations).read_text())["annotations"]
        if str(annotation["question_id"]) in written
    ]
    overall = vqa_scores(official, digits=None)["overall"]
    assert 100 * float(trainer.callback_metrics["val_accuracy"]) == pytest.approx(overall, abs=1e-3)
    assert overall > 20, "the most common answer alone has more"
