"""Words of the vocabulary on a page: found in its sentences, linked to their meaning, listed at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from signoff.core.record import Record
from signoff.core.vocabulary import vocabulary

_LINK = Markup('<a class="word" href="#{}" title="{}">{}</a>')


class Word(Record):
    """A word, what the business says for it, and what it means in a sentence that needs no other page."""

    word: str
    plain: str
    anchor: str
    sentence: str


def anchor_of(word: str) -> str:
    """The place of a word in the glossary: letters and digits alone."""
    return "word-" + re.sub(r"[^a-z0-9]+", "-", word.casefold().replace("²", "2")).strip("-")


def words_in(texts: Iterable[str]) -> tuple[Word, ...]:
    """The words that these texts use, in alphabetical order."""
    found = {piece.word for text in texts for piece in vocabulary().mark(text) if piece.word is not None}
    return tuple(sorted(map(_word, found), key=lambda word: word.word.casefold()))


def marked(text: str) -> Markup:
    """Text with the first use of each word as a link to its meaning, which is also the link's tooltip.

    A text that is a plain word as a whole leads to its term.
    """
    term = vocabulary().term(text)
    if term != text and term in vocabulary().words:
        word = _word(term)
        return _LINK.format(word.anchor, f"{word.word}: {word.sentence}", text)
    done: set[str] = set()
    pieces = []
    for piece in vocabulary().mark(text):
        if piece.word is None or piece.word in done:
            pieces.append(escape(piece.text))
            continue
        done.add(piece.word)
        word = _word(piece.word)
        told = f"{word.plain}: {word.sentence}" if word.plain else word.sentence
        pieces.append(_LINK.format(word.anchor, told, piece.text))
    return Markup("").join(pieces)


def _word(name: str) -> Word:
    known = vocabulary()
    plain = known.plain_words.get(name, "")
    return Word(word=name, plain=plain, anchor=anchor_of(name), sentence=known.words[name])
