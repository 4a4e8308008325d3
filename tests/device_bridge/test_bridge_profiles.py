"""What the bridge knows of each model, and what it claims to support."""

from datetime import date
from pathlib import Path

from captures import ARK_1A, CAPTURES, EVERY_CAPTURE, LM_1000P, RT_3100
from device_bridge.decoding import decode
from device_bridge.framing import Frame
from device_bridge.profiles import idempotency_key, load_profiles, profile_of
from device_bridge.ranges import load_ranges
from device_bridge.support import instruments_page, instruments_table

PAGE = Path(__file__).parents[2] / "docs" / "instruments.md"


def framed(sent: bytes, model: str) -> Frame:
    framer = profile_of(model).framer()
    (frame,) = (*framer.feed(sent, at=0.0), *framer.tick(60.0))
    return frame


def test_the_page_of_instruments_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == instruments_page()


def test_the_table_has_one_row_for_each_model_with_its_evidence() -> None:
    rows = instruments_table().splitlines()[2:]
    profiles = load_profiles().values()
    assert len(rows) == len(profiles)
    for row, profile in zip(rows, profiles, strict=True):
        assert profile.evidence in row
        assert profile.confidence in row


def test_only_models_with_captures_here_are_said_to_decode_captures() -> None:
    tried = {
        model
        for model, profile in load_profiles().items()
        if profile.evidence.startswith("decodes")
    }
    assert tried == {*CAPTURES, "TONOREF III"}


def test_no_value_of_a_capture_is_outside_the_ranges() -> None:
    for model, sent in EVERY_CAPTURE:
        result = decode(framed(sent, model), profile_of(model), load_ranges())
        for value in (value for each in result.observations for value in each.values):
            assert value.field in load_ranges().fields
            assert value.state.value != "unreadable"


def test_the_ranges_are_an_edition_with_a_source_for_every_bound() -> None:
    ranges = load_ranges()
    assert ranges.valid_from <= date(2026, 1, 1)
    for field, bounds in ranges.fields.items():
        assert bounds.minimum < bounds.maximum, field
        assert bounds.source, field
        assert bounds.confidence in ("confirmed", "proposed"), field
    assert not ranges.allows("a field without bounds", 0)


def test_untouched_dials_are_named_by_fields_that_exist() -> None:
    for profile in load_profiles().values():
        assert set(profile.untouched) <= set(load_ranges().fields)


def test_a_reprint_has_the_key_of_the_first_print_whatever_the_menus_say() -> None:
    first = idempotency_key("LM-77", framed(LM_1000P, "LM-1000P"))
    without_returns = framed(LM_1000P.replace(b"\r", b""), "LM-1000P")
    without_checksum = framed(LM_1000P.replace(b"16C1", b""), "LM-1000P")
    after_noise = framed(b"???" + LM_1000P, "LM-1000P")
    for again in (without_returns, without_checksum, after_noise):
        assert idempotency_key("LM-77", again) == first


def test_another_instrument_or_a_later_examination_has_another_key() -> None:
    frame = framed(ARK_1A, "ARK-1a")
    later = framed(ARK_1A.replace(b"NO0225", b"NO0226"), "ARK-1a")
    keys = {
        idempotency_key("ARK-1", frame),
        idempotency_key("ARK-2", frame),
        idempotency_key("ARK-1", later),
        idempotency_key("ARK-1", framed(RT_3100, "RT-3100")),
    }
    assert len(keys) == 4


def test_a_phoropter_line_has_seven_data_bits_and_drops_the_eighth() -> None:
    profile = profile_of("RT-5100")
    assert str(profile.line) == "2400 7-E-2"
    with_parity = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in RT_3100)
    assert framed(with_parity, "RT-5100").raw == RT_3100[:-1]


def test_a_phoropter_set_to_eight_data_bits_keeps_the_eighth() -> None:
    profile = profile_of("RT-5100")
    framer = profile.framer(profile.other_lines[0])
    (frame,) = framer.feed(RT_3100[:-2] + b"\xb0\x04", at=0.0)
    assert frame.raw.endswith(b"\xb0\x04")
