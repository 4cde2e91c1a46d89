"""Small sets of pictures with captions and questions, for tests of data, tasks and commands."""

import csv
import json
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("square", "circle")


def draw(path: Path, colour: str, shape: str) -> None:
    image = Image.new("RGB", (32, 32), "white")
    pen = ImageDraw.Draw(image)
    (pen.rectangle if shape == "square" else pen.ellipse)((6, 6, 26, 26), fill=colour)
    image.save(path)


def draw_all(folder: Path, first: int = 1) -> dict[str, tuple[str, str]]:
    """Each shape in each colour; file name -> colour and shape. Names are numbers from ``first``."""
    folder.mkdir(exist_ok=True)
    drawn = {}
    for number, (colour, shape) in enumerate((colour, shape) for colour in COLOURS for shape in SHAPES):
        name = f"{number + first:012d}.png"
        draw(folder / name, colour, shape)
        drawn[name] = (colour, shape)
    return drawn


def captioned(folder: Path) -> Path:
    """A folder of pictures with a CSV of two captions each; all are in all parts."""
    drawn = draw_all(folder)
    with (folder / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "caption", "split"))
        for number, (name, (colour, shape)) in enumerate(drawn.items()):
            split = ("train", "train", "train", "val", "test")[number % 5]
            writer.writerow((name, f"a {colour} {shape}.", split))
            writer.writerow((name, f"this is a {shape}", split))
    return folder


def coco(folder: Path, first: int = 1) -> Path:
    """COCO's captions JSON in the folder of its pictures."""
    drawn = draw_all(folder, first)
    images = [{"id": int(name[:12]), "file_name": name} for name in drawn]
    annotations = [
        {"id": 10 + number, "image_id": int(name[:12]), "caption": f"A {colour} {shape}."}
        for number, (name, (colour, shape)) in enumerate(drawn.items())
    ]
    path = folder / f"captions_from_{first}.json"
    path.write_text(json.dumps({"info": {}, "licenses": [], "images": images, "annotations": annotations}))
    return path


def asked(folder: Path) -> tuple[Path, Path]:
    """The official files of questions and annotations: two questions a picture, ten annotators each."""
    questions, annotations = [], []
    for name, (colour, shape) in draw_all(folder).items():
        image = int(name[:12])
        square = "yes" if shape == SHAPES[0] else "no"
        pairs = ((f"Is it a {SHAPES[0]}?", square, "yes/no"), ("What color?", colour, "other"))
        for number, (question, answer, kind) in enumerate(pairs):
            key = image * 10 + number
            questions.append({"image_id": image, "question": question, "question_id": key})
            annotations.append(
                {
                    "question_id": key,
                    "image_id": image,
                    "question_type": question.split()[0].lower(),
                    "answer_type": kind,
                    "multiple_choice_answer": answer,
                    "answers": [{"answer": answer, "answer_confidence": "yes", "answer_id": k} for k in range(1, 11)],
                }
            )
    paths = folder / "questions.json", folder / "annotations.json"
    paths[0].write_text(json.dumps({"questions": questions}))
    paths[1].write_text(json.dumps({"annotations": annotations}))
    return paths
