"""METEOR and SPICE, whose originals are programs in Java."""

import contextlib
import shutil
from collections.abc import Callable
from typing import Any

from seqmodels.errors import OptionError
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.corpus import Candidates, CorpusScore, Key, Pair, References, Tokenizer, paired


def meteor(candidates: Candidates, references: References, tokenize: Tokenizer = tokenize_caption) -> CorpusScore:
    """METEOR 1.5 for English, from 0 to 1, by the program that comes with pycocoevalcap.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        OptionError: pycocoevalcap or Java is missing, or the program fails.
        DataError: A candidate without references, or the reverse.

    Source: Denkowski and Lavie 2014.
    """
    pairs = paired(candidates, references, tokenize)
    _need_java("meteor")

    def run(gts: dict[str, list[str]], res: dict[str, list[str]]) -> tuple[float, list[float]]:
        from pycocoevalcap.meteor.meteor import Meteor

        scorer = Meteor()
        try:
            return scorer.compute_score(gts, res)
        finally:
            # After an error its lock is still held, for which its __del__ would wait forever.
            if scorer.lock.locked():
                scorer.lock.release()
            scorer.meteor_p.kill()
            with contextlib.suppress(OSError):
                scorer.meteor_p.stdin.close()

    return _scored("meteor", pairs, run)


def spice(candidates: Candidates, references: References, tokenize: Tokenizer = tokenize_caption) -> CorpusScore:
    """SPICE, from 0 to 1: the F-measure of the objects, attributes and relations, by pycocoevalcap's program.

    pycocoevalcap downloads Stanford's models on first use and writes beside its own files; the program is made for Java
    8 and may fail with later ones.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        OptionError: pycocoevalcap or Java is missing, or the program fails.
        DataError: A candidate without references, or the reverse.

    Source: Anderson et al. 2016.
    """
    pairs = paired(candidates, references, tokenize)
    _need_java("spice")

    def run(gts: dict[str, list[str]], res: dict[str, list[str]]) -> tuple[float, list[float]]:
        from pycocoevalcap.spice.spice import Spice

        score, items = Spice().compute_score(gts, res)
        return score, [item["All"]["f"] for item in items]

    return _scored("spice", pairs, run)


def _need_java(metric: str) -> None:
    try:
        import pycocoevalcap  # noqa: F401
    except ImportError:
        package = False
    else:
        package = True
    if not package or shutil.which("java") is None:
        missing = [name for name, there in (("pycocoevalcap", package), ("Java", shutil.which("java"))) if not there]
        raise OptionError(
            f"metric {metric!r} needs pycocoevalcap and Java; missing: {', '.join(missing)}; "
            "pip install 'seqmodels[captions]', put java on the PATH, or leave the metric out"
        )


def _scored(metric: str, pairs: dict[Key, Pair], run: Callable[..., Any]) -> CorpusScore:
    # Both sort or print the keys, so they get numbers, which are in order as text.
    numbers = [f"{number:09d}" for number in range(len(pairs))]
    res = {number: [_line(pair.candidate)] for number, pair in zip(numbers, pairs.values(), strict=True)}
    gts = {number: [*map(_line, pair.references)] for number, pair in zip(numbers, pairs.values(), strict=True)}
    try:
        score, scores = run(gts, res)
    except Exception as error:  # whatever happens to a program in another process
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise OptionError(
            f"metric {metric!r}: its Java program failed ({reason}); check java -version, or leave the metric out"
        ) from None
    return CorpusScore(float(score), dict(zip(pairs, map(float, scores), strict=True)))


def _line(tokens: tuple[object, ...]) -> str:
    """One line without the sign that separates captions: the programs read lines, and would wait for more."""
    return " ".join(" ".join(map(str, tokens)).replace("|||", " ").split())
