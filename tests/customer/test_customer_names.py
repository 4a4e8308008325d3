"""Names, phones and codes: how they are compared, found and read aloud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from customer import names, phone, short_code


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("王 芳", "王芳"),
        ("  José   SMITH ", "jose smith"),
        ("ＬＩ　Ｗｅｉ", "li wei"),
        ("O'Brien-Lee", "o brien lee"),
        ("阿不都·热合曼", "阿不都热合曼"),
        ("김민준", "김민준"),
        ("Łukasz Żak", "łukasz zak"),
        ("สมชาย ใจดี", "สมชาย ใจดี"),
    ],
)
def test_a_name_is_compared_without_case_width_accents_and_punctuation(
    name: str, folded: str
) -> None:
    assert names.folded(name) == folded


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("张伟", "zw"),
        ("欧阳娜娜", "oynn"),
        ("曾国藩", "zgf"),
        ("单雄信", "sxx"),
        ("尉迟恭", "ycg"),
        ("長孫無忌", "zswj"),
        ("John Fitzgerald Smith", "jfs"),
        ("李Ann", "la"),
        ("Иван Петров", "ип"),
    ],
)
def test_initials_are_of_syllables_in_chinese_and_of_words_elsewhere(
    name: str, initials: str
) -> None:
    assert names.initials(name) == initials


def test_a_family_name_that_stands_last_comes_first_too() -> None:
    assert names.turned("Maria da Silva") == "silva maria da"
    assert names.turned("Cher") == ""
    assert names.turned("王芳") == ""


@given(st.text(max_size=30))
def test_folding_a_name_twice_changes_nothing_and_nothing_raises(name: str) -> None:
    once = names.folded(name)
    assert names.folded(once) == once
    assert names.initials(name) == names.initials(once)
    names.turned(name)


@pytest.mark.parametrize(
    "said", ["13800138000", "138 0013 8000", "+86 138-0013-8000", "0086 13800138000"]
)
def test_a_phone_said_in_any_form_is_kept_in_one(said: str) -> None:
    assert phone.e164(said, "CN") == "+8613800138000"


def test_a_foreign_phone_needs_its_country_code_and_nonsense_is_refused() -> None:
    assert phone.e164("+44 20 7946 0958", "CN") == "+442079460958"
    assert phone.e164("", "CN") == ""
    for wrong in ("1380013800", "1.38E+10", "call me", "13800138000 ext 5"):
        with pytest.raises(Invalid) as refused:
            phone.e164(wrong, "CN", "guardian_phone")
        assert refused.value.problems[0].field == "guardian_phone"
        assert wrong not in refused.value.text


def test_a_short_code_is_read_however_it_is_said_and_a_slip_of_the_tongue_is_seen() -> None:
    code = short_code.fresh()

    assert short_code.read(f" {code[:4].lower()}-{code[4:]} ") == code
    for place in range(len(code)):
        for other in "23456789ABCDEFGHJKMNPQRSTVWXYZ":
            slip = code[:place] + other + code[place + 1 :]
            assert short_code.read(slip) in ("", code)


def test_no_name_and_no_phone_is_taken_for_a_short_code() -> None:
    assert not short_code.read("WANGFANG")
    assert not short_code.read("62345678")
    assert short_code.fresh()[0].isalpha()
