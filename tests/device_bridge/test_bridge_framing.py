"""Where a print starts and ends, on clean lines and on dirty ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import ARK_1A, ARK_1A_LEFT_EYE_ONLY, EVERY_CAPTURE, LM_1000P, RT_3100, RT_5100
from device_bridge.framing import FRAME_CAP_BYTES, Ending, Frame, Framer, checksum_of
from device_bridge.grammar import (
    MEASUREMENT_TABLE,
    PHOROPTER_TABLE,
    TABLES,
    Format,
    Mark,
    State,
    Step,
)
from device_bridge.profiles import profile_of

IDLE_SECONDS = 1.0
SILENCE = 5.0


def framed(sent: bytes, grammar: Format, pieces: list[int] | None = None) -> tuple[Frame, ...]:
    """All frames of `sent`, cut into pieces of those sizes, and what the silence after it ends."""
    framer = Framer(grammar, idle_seconds=IDLE_SECONDS)
    frames: list[Frame] = []
    begin = 0
    for size in pieces or []:
        frames += framer.feed(sent[begin : begin + size], at=0.0)
        begin += size
    frames += framer.feed(sent[begin:], at=0.0)
    return (*frames, *framer.tick(SILENCE))


def lines(sent: bytes) -> tuple[Frame, ...]:
    return framed(sent, Format.PHOROPTER_LINES)


def groups(sent: bytes) -> tuple[Frame, ...]:
    return framed(sent, Format.MEASUREMENT_GROUPS)


@pytest.mark.parametrize(("model", "sent"), EVERY_CAPTURE)
def test_every_capture_is_one_whole_frame_without_its_last_carriage_return(
    model: str, sent: bytes
) -> None:
    (frame,) = framed(sent, profile_of(model).grammar)
    assert frame.complete
    assert frame.raw == sent.removesuffix(b"\r")
    assert frame.noise == b""
    assert frame.ending is Ending.END_OF_TRANSMISSION


def test_the_checksums_of_the_manual_and_of_two_captures_come_out_right() -> None:
    assert checksum_of(LM_1000P[: LM_1000P.index(4) + 1]) == "16C1"
    assert checksum_of(ARK_1A[: ARK_1A.index(4) + 1]) == "A40F"
    frames = groups(LM_1000P + ARK_1A + ARK_1A_LEFT_EYE_ONLY)
    assert [frame.checksum for frame in frames] == ["ok", "ok", "ok"]


def test_a_checksum_is_the_same_with_and_without_carriage_returns() -> None:
    (frame,) = groups(LM_1000P.replace(b"\r", b""))
    assert frame.checksum == "ok"


@given(position=st.integers(0, len(LM_1000P) - 7), bit=st.integers(0, 7))
def test_a_flipped_bit_never_leaves_a_checksum_standing(position: int, bit: int) -> None:
    flipped = bytearray(LM_1000P)
    flipped[position] ^= 1 << bit
    assert "ok" not in [frame.checksum for frame in groups(bytes(flipped))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(EVERY_CAPTURE), st.lists(st.integers(0, 40), max_size=60), st.binary())
def test_the_pieces_a_print_comes_in_do_not_matter(
    capture: tuple[str, bytes], pieces: list[int], before: bytes
) -> None:
    model, sent = capture
    grammar = profile_of(model).grammar
    stream = before + sent + sent
    assert framed(stream, grammar, pieces) == framed(stream, grammar)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 20), max_size=30))
def test_no_byte_of_a_stream_is_lost_but_line_breaks_between_frames(
    stream: bytes, pieces: list[int]
) -> None:
    for grammar in Format:
        frames = framed(stream, grammar, pieces)
        held = b"".join(frame.noise + frame.raw for frame in frames)
        assert held.replace(b"\r", b"").replace(b"\n", b"") == stream.replace(b"\r", b"").replace(
            b"\n", b""
        )


def test_two_glued_prints_are_two_frames() -> None:
    assert [frame.raw for frame in lines(RT_3100 + RT_5100)] == [RT_3100[:-1], RT_5100[:-1]]
    assert [frame.raw for frame in groups(ARK_1A + LM_1000P)] == [ARK_1A[:-1], LM_1000P[:-1]]


def test_noise_before_a_print_is_kept_apart_from_it() -> None:
    (frame,) = lines(b"\xff\x00kkk" + RT_3100)
    assert (frame.noise, frame.raw) == (b"\xff\x00kkk", RT_3100[:-1])


def test_noise_that_no_print_follows_is_reported_by_the_silence() -> None:
    (frame,) = groups(b"\x80\x80garbage of a wrong speed")
    assert (frame.raw, frame.complete) == (b"", False)
    assert frame.noise == b"\x80\x80garbage of a wrong speed"


def test_a_print_cut_by_a_silence_is_incomplete_and_the_next_is_whole() -> None:
    framer = Framer(Format.PHOROPTER_LINES, idle_seconds=IDLE_SECONDS)
    assert framer.feed(RT_3100[:60], at=10.0) == ()
    assert framer.tick(10.9) == ()
    (cut,) = framer.tick(11.0)
    assert (cut.raw, cut.complete, cut.ending) == (RT_3100[:60], False, Ending.SILENCE)
    (whole,) = framer.feed(RT_3100, at=12.0)
    assert whole.complete


def test_the_silence_counts_even_when_nobody_asked_before_the_next_piece() -> None:
    framer = Framer(Format.PHOROPTER_LINES, idle_seconds=IDLE_SECONDS)
    framer.feed(RT_3100[:60], at=10.0)
    cut, whole = framer.feed(RT_3100, at=20.0)
    assert (cut.complete, whole.complete) == (False, True)


def test_a_phoropter_print_cut_by_the_next_one_is_incomplete() -> None:
    cut, whole = lines(RT_3100[:77] + RT_3100)
    assert (cut.raw, cut.complete, cut.ending) == (RT_3100[:77], False, Ending.NEW_FRAME)
    assert whole.raw == RT_3100[:-1]


@pytest.mark.parametrize("cut_at", [2, 5, 20, 23, 24, 40, 41, 42])
def test_a_lensmeter_print_cut_anywhere_by_the_next_one_spoils_only_itself(cut_at: int) -> None:
    cut, whole = groups(LM_1000P[:cut_at] + LM_1000P)
    assert (cut.raw, cut.complete) == (LM_1000P[:cut_at], False)
    assert (whole.raw, whole.checksum) == (LM_1000P[:-1], "ok")


def test_a_print_cut_between_its_groups_spoils_only_itself() -> None:
    between = ARK_1A.index(b"\x01DKM")
    cut, whole = groups(ARK_1A[:between] + ARK_1A)
    assert (cut.raw, cut.complete) == (ARK_1A[:between], False)
    assert (whole.raw, whole.checksum) == (ARK_1A[:-1], "ok")


def test_a_frame_without_checksum_is_whole_after_carriage_return_next_frame_or_silence() -> None:
    body = LM_1000P[: LM_1000P.index(4) + 1]
    for stream in (body, body + b"\r", body + b"\r\n"):
        (frame,) = groups(stream)
        assert (frame.raw, frame.complete, frame.checksum) == (body, True, "absent")
    first, second = groups(body + body)
    assert (first.checksum, second.checksum) == ("absent", "absent")


@pytest.mark.parametrize("digits", [b"16C2", b"16c1", b"16C", b"1\r", b"xyz!"])
def test_wrong_short_or_lower_case_checksums_are_bad(digits: bytes) -> None:
    body = LM_1000P[: LM_1000P.index(4) + 1]
    assert groups(body + digits)[0].checksum == "bad"


def test_a_request_to_send_is_delivered_at_once_because_the_instrument_waits() -> None:
    framer = Framer(Format.MEASUREMENT_GROUPS, idle_seconds=IDLE_SECONDS)
    (frame,) = framer.feed(b"\x01C**\x02RS\x17\x04", at=0.0)
    assert (frame.complete, frame.checksum) == (True, "absent")
    assert framer.feed(b"\r", at=0.1) == ()
    assert framer.state is State.QUIET


def test_a_frame_and_noise_without_end_are_given_up_at_64_kib() -> None:
    endless, rest = lines(b"\x01" + b"A" * FRAME_CAP_BYTES)
    assert (len(endless.raw), endless.complete) == (FRAME_CAP_BYTES, False)
    assert endless.ending is Ending.OVERSIZE
    assert rest.noise == b"A"
    first, second = groups(b"?" * (FRAME_CAP_BYTES + 1))
    assert (len(first.noise), len(second.noise)) == (FRAME_CAP_BYTES, 1)
    assert first.ending is Ending.OVERSIZE


def test_the_parity_bit_of_a_seven_bit_line_is_dropped() -> None:
    odd = bytes(b | 0x80 if b.bit_count() % 2 else b for b in RT_3100)
    framer = Framer(Format.PHOROPTER_LINES, idle_seconds=IDLE_SECONDS, seven_bit=True)
    (frame,) = framer.feed(odd, at=0.0)
    assert frame.raw == RT_3100[:-1]
    (noise,) = lines(odd)
    assert not noise.complete


SOME_BYTE = {
    Mark.SOH: 0x01,
    Mark.STX: 0x02,
    Mark.ETB: 0x17,
    Mark.EOT: 0x04,
    Mark.LINE_BREAK: 0x0D,
    Mark.OTHER: ord("7"),
}
INTO = {
    (Format.PHOROPTER_LINES, State.QUIET): b"",
    (Format.PHOROPTER_LINES, State.NOISE): b"x",
    (Format.PHOROPTER_LINES, State.LINES): b"\x01N",
    (Format.MEASUREMENT_GROUPS, State.QUIET): b"",
    (Format.MEASUREMENT_GROUPS, State.NOISE): b"x",
    (Format.MEASUREMENT_GROUPS, State.GROUP_CODE): b"\x01DL",
    (Format.MEASUREMENT_GROUPS, State.SEGMENT): b"\x01DLM\x02A",
    (Format.MEASUREMENT_GROUPS, State.SEGMENT_END): b"\x01DLM\x02A\x17",
    (Format.MEASUREMENT_GROUPS, State.CHECKSUM): b"\x01DLM\x02A\x17\x04",
}
DELIVERING = (Step.FINISH, Step.DELIVER, Step.NEXT)
TRANSITIONS = [
    (grammar, state, mark, after, step)
    for grammar, table in TABLES.items()
    for (state, mark), (after, step) in table.items()
]


def test_the_tables_say_for_every_state_what_each_mark_does() -> None:
    for grammar, table in TABLES.items():
        states = {state for named, state in INTO if named is grammar}
        assert set(table) == {(state, mark) for state in states for mark in Mark}
    assert len(PHOROPTER_TABLE) == 18
    assert len(MEASUREMENT_TABLE) == 36


@pytest.mark.parametrize(("grammar", "state", "mark", "after", "step"), TRANSITIONS)
def test_the_framer_follows_its_table(
    grammar: Format, state: State, mark: Mark, after: State, step: Step
) -> None:
    framer = Framer(grammar, idle_seconds=IDLE_SECONDS)
    framer.feed(INTO[grammar, state], at=0.0)
    assert framer.state is state
    frames = framer.feed(bytes([SOME_BYTE[mark]]), at=0.0)
    assert framer.state is after
    assert [frame.complete for frame in frames] == (
        [True] if step in DELIVERING else [False] if step is Step.RESTART else []
    )
