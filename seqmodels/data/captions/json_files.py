"""Captions in JSON: COCO's annotations, Karpathy's splits, and the list of neuraltalk2."""

from pathlib import Path
from typing import Any

from seqmodels.data.bad_records import shown
from seqmodels.data.captions.gathering import Gathering, key_text
from seqmodels.errors import DataError

HINT = "give COCO's captions, Karpathy's dataset_*.json, or a list of file_path and captions"


def json_format(value: Any, path: str | Path) -> str:
    """Which of the three a file is.

    Raises:
        DataError: none.

    Example:
        >>> json_format([{"file_path": "dog.jpg", "captions": ["a dog"]}], "dogs.json")
        'neuraltalk2'
    """
    if isinstance(value, list):
        if value and isinstance(value[0], dict) and {"image_id", "caption"} <= value[0].keys():
            raise DataError(f"{path}: holds results, which a model wrote; {HINT}")
        return "neuraltalk2"
    if isinstance(value, dict) and isinstance(value.get("images"), list):
        if isinstance(value.get("annotations"), list):
            if any(isinstance(found, dict) and "caption" in found for found in value["annotations"]):
                return "coco"
            raise DataError(f"{path}: its annotations have no captions; name the file captions_*.json beside it")
        if any(isinstance(image, dict) and "sentences" in image for image in value["images"]):
            return "karpathy"
    raise DataError(f"{path}: holds no captions; {HINT}")


def gather_coco(value: Any, gathering: Gathering) -> None:
    """COCO's captions: ``images`` (id, file_name) and ``annotations`` (id, image_id, caption).

    Source: cocodataset.org/#format-data; Chen et al. 2015, Microsoft COCO Captions.
    """
    for number, image in enumerate(_list(value, "images", gathering)):
        where = f"images[{number}]"
        if _is_object(image, where, gathering) and _has(image, ("id",), where, gathering):
            gathering.image(where, image["id"], image.get("file_name"))
    seen: set[str] = set()
    for number, annotation in enumerate(_list(value, "annotations", gathering)):
        where = f"annotations[{number}]"
        wanted = ("id", "image_id", "caption")
        if not _is_object(annotation, where, gathering) or not _has(annotation, wanted, where, gathering):
            continue
        identity, key = key_text(annotation["id"]), key_text(annotation["image_id"])
        if identity is None:
            gathering.fault(where, f"the id is {shown(annotation['id'])}; it must be an integer or a text")
        elif identity in seen:
            gathering.fault(where, f"the id {identity} is there already")
        elif key is None or key not in gathering:
            gathering.fault(where, f"the image_id {shown(annotation['image_id'])} is not among the images")
        else:
            gathering.caption(where, key, annotation["caption"])
        if identity is not None:
            seen.add(identity)


def gather_karpathy(value: Any, gathering: Gathering) -> None:
    """Karpathy's ``dataset_coco.json``, ``dataset_flickr8k.json``, ``dataset_flickr30k.json``, with their splits.

    The key is COCO's id where there is one, so that results can be scored, and the file name elsewhere.

    Source: Karpathy and Fei-Fei 2015, Deep Visual-Semantic Alignments for Generating Image Descriptions.
    """
    for number, image in enumerate(_list(value, "images", gathering)):
        where = f"images[{number}]"
        if not _is_object(image, where, gathering):
            continue
        if not _has(image, ("filename", "split", "sentences"), where, gathering):
            continue
        name, folder, sentences = image["filename"], image.get("filepath"), image["sentences"]
        if not isinstance(sentences, list):
            gathering.fault(where, f"sentences is {shown(sentences)}; it must be a list")
            continue
        if folder is not None and isinstance(name, str):
            if not isinstance(folder, str):
                gathering.fault(where, f"the filepath is {shown(folder)}; it must be a text")
                continue
            name = f"{folder}/{name}" if folder else name
        split = image["split"] if image["split"] is not None else ""
        key = gathering.image(where, image.get("cocoid", image["filename"]), name, split)
        for place, sentence in enumerate(sentences if key is not None else ()):
            raw = sentence.get("raw") if isinstance(sentence, dict) else sentence
            gathering.caption(f"{where}, sentences[{place}]", str(key), raw)


def gather_neuraltalk2(value: Any, gathering: Gathering) -> None:
    """A list of ``file_path`` and ``captions``, with ``id`` and ``split`` or without.

    Source: github.com/karpathy/neuraltalk2, coco/coco_preprocess.ipynb.
    """
    if not isinstance(value, list):
        raise DataError(f"{gathering.source}: holds no list; {HINT}")
    for number, image in enumerate(value):
        where = f"[{number}]"
        if not _is_object(image, where, gathering) or not _has(image, ("file_path", "captions"), where, gathering):
            continue
        captions = image["captions"]
        if not isinstance(captions, list):
            gathering.fault(where, f"captions is {shown(captions)}; it must be a list of texts")
            continue
        key = gathering.image(where, image.get("id", image["file_path"]), image["file_path"], image.get("split"))
        for place, caption in enumerate(captions if key is not None else ()):
            gathering.caption(f"{where}, captions[{place}]", str(key), caption)


def _list(value: Any, name: str, gathering: Gathering) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise DataError(f"{gathering.source}: has no list {name!r}; {HINT}")
    return found


def _is_object(record: Any, where: str, gathering: Gathering) -> bool:
    if not isinstance(record, dict):
        gathering.fault(where, f"the record is {shown(record)}; it must be an object")
    return isinstance(record, dict)


def _has(record: dict[str, Any], names: tuple[str, ...], where: str, gathering: Gathering) -> bool:
    missing = [name for name in names if name not in record]
    if missing:
        gathering.fault(where, f"the record has no {', '.join(missing)}")
    return not missing
