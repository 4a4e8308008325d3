"""A name as it is compared and searched: folded, with its last word first, and by its initials.

`张伟` is found by 张 and by zw, `José Smith` by jose, by smith and by js.
"""

from __future__ import annotations

import unicodedata

from pypinyin import Style, lazy_pinyin

_SURNAMES = {
    "尉迟": "yc",
    "尉遲": "yc",
    "万俟": "mq",
    "萬俟": "mq",
    "长孙": "zs",
    "長孫": "zs",
    "单": "s",
    "單": "s",
    "仇": "q",
    "解": "x",
    "查": "z",
    "曾": "z",
    "区": "o",
    "區": "o",
    "乐": "y",
    "樂": "y",
    "翟": "z",
    "种": "c",
    "缪": "m",
    "繆": "m",
    "覃": "q",
    "句": "g",
    "繁": "p",
    "秘": "b",
    "召": "s",
    "折": "s",
    "员": "y",
}
"""Surnames that are read otherwise than the same characters elsewhere, with their initials."""


def folded(name: str) -> str:
    """Return a name as it is compared: without case, width, accents on Latin letters, punctuation;
    Chinese without spaces."""
    letters = ""
    for one in unicodedata.normalize("NFD", _caseless(_caseless(name))):
        if not _is_of_a_word(one):
            letters += " "
        elif not (unicodedata.category(one)[0] == "M" and _takes_no_mark(letters[-1:])):
            letters += one
    between = "" if any(map(_is_han, letters)) else " "
    return unicodedata.normalize("NFC", between.join(letters.split()))


def turned(name: str) -> str:
    """Return the folded name with its last word first, for those whose family name stands last;
    empty for a single word."""
    *first, last = folded(name).split() or [""]
    return " ".join([last, *first]) if first else ""


def initials(name: str) -> str:
    """Return the initials of a name: of the syllables of Chinese, of the words of the rest."""
    text = folded(name)
    if not any(map(_is_han, text)):
        return "".join(word[0] for word in text.split())
    for surname, letters in _SURNAMES.items():
        if text.startswith(surname):
            return letters + _syllables(text[len(surname) :])
    return _syllables(text)


def _syllables(text: str) -> str:
    return "".join(one[:1] for one in lazy_pinyin(text, style=Style.FIRST_LETTER))


def _caseless(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())


def _takes_no_mark(before: str) -> bool:
    """Tell whether a mark is an accent on a Latin letter, or stands on nothing."""
    return before.isascii()


def _is_of_a_word(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNM"


def _is_han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"
