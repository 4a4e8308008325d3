"""What a phoropter printed, read from what it really sent."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import (
    RT_3100,
    RT_3100_NO_CYLINDER,
    RT_3100_THIRD,
    RT_5100,
    RT_5100_NEAR,
    RT_5100_OTHERS,
    phoropter_frame,
)
from device_bridge.decoding import decode
from device_bridge.framing import Frame
from device_bridge.grammar import Format
from device_bridge.profiles import profile_of
from device_bridge.ranges import load_ranges
from device_bridge.readings import (
    Decoded,
    Distance,
    Eye,
    Kind,
    Lighting,
    Observation,
    Reason,
    State,
    Statistic,
    Value,
)

RANGES = load_ranges()
RT = profile_of("RT-5100")
HEADER = "NIDEK RT-5100 ID             DA2016/ 8/ 2\n"


def decoded(sent: bytes) -> Decoded:
    """The readings of the last frame in `sent`."""
    framer = RT.framer()
    frames = (*framer.feed(sent, at=0.0), *framer.tick(60.0))
    return decode(frames[-1], RT, RANGES)


def printed(lines: str) -> Decoded:
    return decoded(phoropter_frame(HEADER + lines))


def reading(
    result: Decoded, kind: Kind, eye: Eye, distance: Distance | None = Distance.FAR
) -> Observation:
    """The only reading of that kind, eye and distance."""
    (found,) = (
        each
        for each in result.observations
        if (each.kind, each.eye, each.distance) == (kind, eye, distance)
    )
    return found


def amounts(observation: Observation) -> dict[str, int | None]:
    return {value.field: value.amount for value in observation.values}


def only_value(result: Decoded, field: str) -> Value:
    (found,) = (value for each in result.observations if (value := each.value(field)))
    return found


def test_the_final_prescription_of_the_capture_has_powers_addition_and_acuity() -> None:
    result = decoded(RT_3100)
    assert amounts(reading(result, Kind.PHOROPTER_FINAL, Eye.OD)) == {
        "sphere_centidioptres": -225,
        "cylinder_centidioptres": -125,
        "axis_degrees": 180,
        "addition_centidioptres": 50,
        "decimal_acuity_hundredths": 5,
    }
    assert amounts(reading(result, Kind.PHOROPTER_FINAL, Eye.OS)) == {
        "sphere_centidioptres": -225,
        "cylinder_centidioptres": -100,
        "axis_degrees": 180,
        "addition_centidioptres": 75,
        "decimal_acuity_hundredths": 160,
    }
    assert only_value(result, "pupillary_distance_micrometres").amount == 64_000
    assert only_value(result, "working_distance_micrometres").amount == 400_000
    assert (result.device.model, result.device.work_id) == ("RT-3100", None)
    assert result.device.clock_date == date(2002, 6, 16)
    assert (result.warnings, result.rejected) == ((), ())


def test_one_print_holds_old_glasses_autorefraction_test_and_final_prescription() -> None:
    result = decoded(RT_5100)
    read = {
        (each.kind, each.eye): value.amount
        for each in result.observations
        if (value := each.value("sphere_centidioptres"))
    }
    assert read == {
        (Kind.LENSMETER, Eye.OD): 0,
        (Kind.LENSMETER, Eye.OS): 0,
        (Kind.AUTOREFRACTION, Eye.OD): -275,
        (Kind.AUTOREFRACTION, Eye.OS): -125,
        (Kind.PHOROPTER_SUBJECTIVE, Eye.OD): -675,
        (Kind.PHOROPTER_SUBJECTIVE, Eye.OS): -525,
        (Kind.PHOROPTER_FINAL, Eye.OD): -1200,
        (Kind.PHOROPTER_FINAL, Eye.OS): -1050,
    }
    subjective = reading(result, Kind.PHOROPTER_SUBJECTIVE, Eye.OD)
    final = reading(result, Kind.PHOROPTER_FINAL, Eye.OD)
    assert (subjective.statistic, final.statistic) == (Statistic.SINGLE, Statistic.DEVICE_FINAL)
    assert (subjective.lighting, subjective.section) == (Lighting.PHOTOPIC, "@RT")


def test_the_acuity_of_both_eyes_together_stands_beside_the_powers_it_was_seen_with() -> None:
    both = reading(decoded(RT_5100), Kind.PHOROPTER_SUBJECTIVE, Eye.OU)
    assert amounts(both) == {"decimal_acuity_hundredths": 125}


def test_the_capture_leaves_out_only_the_time_the_test_took() -> None:
    result = decoded(RT_5100)
    assert [(each.reason, each.raw) for each in result.warnings] == [(Reason.NOT_DECODED, "TT 047")]
    assert result.rejected == ()


def test_unaided_acuity_is_its_own_reading_and_below_the_chart_is_said_so() -> None:
    result = decoded(RT_5100_NEAR)
    unaided = reading(result, Kind.UNAIDED_ACUITY, Eye.OD)
    assert amounts(unaided) == {"decimal_acuity_hundredths": 10}
    both = reading(result, Kind.LENSMETER, Eye.OU).values[0]
    assert (both.amount, both.qualifier) == (4, "<")


def test_near_powers_and_near_pupillary_distance_are_not_mixed_with_far_ones() -> None:
    result = decoded(RT_5100_NEAR)
    near = reading(result, Kind.PHOROPTER_FINAL, Eye.OD, Distance.NEAR)
    assert amounts(near) == {
        "sphere_centidioptres": 1350,
        "cylinder_centidioptres": -350,
        "axis_degrees": 175,
    }
    distances = [each for each in result.observations if each.kind is Kind.PUPILLARY_DISTANCE]
    assert [(each.distance, each.statistic) for each in distances] == [
        (Distance.FAR, Statistic.DEVICE_FINAL),
        (Distance.FAR, Statistic.SINGLE),
        (Distance.NEAR, Statistic.SINGLE),
        (Distance.FAR, Statistic.DEVICE_FINAL),
        (Distance.NEAR, Statistic.DEVICE_FINAL),
    ]


def test_the_three_working_distances_of_a_print_stay_apart() -> None:
    working = reading(decoded(RT_5100_NEAR), Kind.WORKING_DISTANCE, Eye.OU, None)
    assert amounts(working) == {
        "working_distance_micrometres": 350_000,
        "final_working_distance_micrometres": 350_000,
        "lensmeter_working_distance_micrometres": 350_000,
    }


@pytest.mark.parametrize("sent", [RT_3100_THIRD, *RT_5100_OTHERS])
def test_every_other_capture_is_read_without_a_rejection(sent: bytes) -> None:
    result = decoded(sent)
    assert result.observations
    assert result.rejected == ()


def test_a_zero_of_a_phoropter_is_unconfirmed_because_an_untouched_dial_sends_it_too() -> None:
    final = reading(decoded(RT_3100_NO_CYLINDER), Kind.PHOROPTER_FINAL, Eye.OD)
    assert [(value.state, value.amount) for value in final.values] == [
        (State.MEASURED, -125),
        (State.UNCONFIRMED, 0),
        (State.NOT_MEASURED, None),
    ]


def test_a_pupillary_distance_nobody_set_is_unconfirmed_and_a_set_one_is_measured() -> None:
    untouched = only_value(decoded(RT_3100), "pupillary_distance_micrometres")
    assert (untouched.state, untouched.amount) == (State.UNCONFIRMED, 64_000)
    result = printed("@RT\nFR- 1.00- 0.50 90\nPD57.530.527.0")
    assert only_value(result, "pupillary_distance_micrometres").state is State.MEASURED
    assert only_value(result, "right_pupillary_distance_micrometres").amount == 30_500
    assert only_value(result, "left_pupillary_distance_micrometres").amount == 27_000


def test_sections_in_lower_case_were_measured_at_night() -> None:
    result = printed("@rm\nOR- 1.00- 0.50 90")
    assert reading(result, Kind.AUTOREFRACTION, Eye.OD).lighting is Lighting.MESOPIC


def test_prism_corneal_radii_and_wavefront_are_read() -> None:
    result = printed(
        "@WF\nOR- 1.00- 0.50 90\n@KM\nCR 7.84 7.76120\nDR43.0043.50\n"
        "@RT\nFR- 1.00- 0.50 90\nPRI 1.25D 0.50\nPL  0.00  0.00"
    )
    assert reading(result, Kind.WAVEFRONT_REFRACTION, Eye.OD)
    assert amounts(reading(result, Kind.KERATOMETRY, Eye.OD, None)) == {
        "radius_1_micrometres": 7_840,
        "radius_2_micrometres": 7_760,
        "axis_degrees": 120,
        "power_1_centidioptres": 4_300,
        "power_2_centidioptres": 4_350,
    }
    right = reading(result, Kind.PHOROPTER_FINAL, Eye.OD)
    assert amounts(right)["base_in_prism_centidioptres"] == 125
    assert amounts(right)["base_down_prism_centidioptres"] == 50
    left = reading(result, Kind.PHOROPTER_FINAL, Eye.OS)
    assert {value.state for value in left.values} == {State.UNCONFIRMED}


def test_the_work_id_typed_into_the_phoropter_is_read_from_the_header() -> None:
    sent = phoropter_frame("NIDEK RT-5100 ID     00004711 DA2016/ 8/ 2\n@RT\nFR- 1.00- 0.50 90")
    assert decoded(sent).device.work_id == "00004711"


def test_the_header_in_three_lines_is_read_like_the_one_in_a_single_line() -> None:
    header = "NIDEK_RT-5100\rID00004711\rDA2016/ 8/ 2"
    result = decoded(phoropter_frame(f"{header}\n@RT\nFR- 1.00- 0.50 90"))
    assert (result.device.model, result.device.work_id) == ("RT-5100", "00004711")
    assert result.device.clock_date == date(2016, 8, 2)
    assert reading(result, Kind.PHOROPTER_FINAL, Eye.OD)


def test_acuity_that_is_no_decimal_is_kept_as_sent_and_gives_no_value() -> None:
    result = printed("@RT\nFR- 1.00- 0.50 90\nVR20/20")
    assert [each.reason for each in result.warnings] == [Reason.NOT_DECODED]
    assert "decimal_acuity_hundredths" not in amounts(reading(result, Kind.PHOROPTER_FINAL, Eye.OD))


def test_two_acuities_of_one_eye_that_disagree_are_unreadable() -> None:
    result = printed("@RT\nVR 0.8 \nUR 0.3   ")
    assert result.observations[0].values[0].state is State.UNREADABLE
    assert [each.reason for each in result.rejected] == [Reason.CONTRADICTION]


def test_an_axis_of_zero_is_stored_as_180() -> None:
    final = reading(printed("@RT\nFR- 1.00- 0.50  0"), Kind.PHOROPTER_FINAL, Eye.OD)
    axis = final.value("axis_degrees")
    assert axis is not None
    assert (axis.amount, axis.raw) == (180, "  0")


def test_values_and_lines_are_found_again_at_their_place_in_the_frame() -> None:
    for observation in decoded(RT_5100).observations:
        assert RT_5100[observation.offset :].startswith(observation.raw.encode())
        for value in observation.values:
            assert RT_5100[value.offset :].startswith(value.raw.encode())


@pytest.mark.parametrize(
    "line",
    [
        "FR- 2.25- 1.2518",  # a figure is missing
        "FR  2.25- 1.25180",  # the sign is missing
        "FR- 2q25- 1.25180",
        "FR- 2.25\x17 1.25180",  # a control byte inside
        "AR+ 0.5",
        "PD64.0",
        "wd 3",
        "VR 0.8",
    ],
)
def test_a_garbled_line_is_rejected_and_the_others_stand(line: str) -> None:
    result = printed(f"@RT\n{line}\nFL- 1.00- 0.50 90")
    assert [each.reason for each in result.rejected] == [Reason.LINE_GARBLED]
    assert [each.eye for each in result.observations] == [Eye.OS]
    assert result.is_partial


def test_a_line_that_lost_its_end_is_rejected_and_the_next_stands() -> None:
    result = decoded(RT_3100.replace(b"\r\x02FL", b"\x02FL"))
    assert [each.raw for each in result.rejected] == ["FR- 2.25- 1.25180"]
    assert "sphere_centidioptres" in amounts(reading(result, Kind.PHOROPTER_FINAL, Eye.OS))


def test_two_lines_run_together_are_both_rejected() -> None:
    result = decoded(RT_3100.replace(b"\r\x02FL", b"\rFL"))
    assert [each.raw for each in result.rejected] == ["FR- 2.25- 1.25180\rFL- 2.25- 1.00180"]
    left = reading(result, Kind.PHOROPTER_FINAL, Eye.OS)
    assert "sphere_centidioptres" not in amounts(left)


@pytest.mark.parametrize("spoilt", ["ART", "RT", "@R", "@XX", "@rT"])
def test_lines_after_a_spoilt_section_line_are_not_read_under_the_section_before(
    spoilt: str,
) -> None:
    result = printed(f"@LM\n R- 1.00- 0.50 90\n{spoilt}\nAR+ 1.50\nVR 0.8 ")
    assert [amounts(each) for each in result.observations] == [
        {"sphere_centidioptres": -100, "cylinder_centidioptres": -50, "axis_degrees": 90}
    ]
    assert [each.reason for each in result.rejected][1:] == [Reason.NO_SECTION] * 2


def test_tonometry_sent_through_the_phoropter_is_kept_but_not_decoded() -> None:
    result = printed("@NT\nTR25.3\nTL22.1")
    assert result.observations == ()
    assert [each.raw for each in result.warnings] == ["TR25.3", "TL22.1"]


def test_an_incomplete_print_gives_no_reading() -> None:
    result = decoded(RT_3100[:100])
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.FRAME_INCOMPLETE]


def test_a_print_of_something_else_gives_no_reading() -> None:
    result = decoded(phoropter_frame("NIDEK LM-1000 ID\n@RT\nFR- 1.00- 0.50 90"))
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.FRAME_FORMAT]


def test_a_wrong_parity_setting_is_suspected_and_nothing_is_read() -> None:
    raw = RT_3100[:-1].replace(b"F", b"\xc6")
    frame = Frame(raw, b"", True, "absent", Format.PHOROPTER_LINES)
    result = decode(frame, RT, RANGES)
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.NOT_ASCII]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_random_bytes_never_raise_and_never_give_a_reading(sent: bytes, complete: bool) -> None:
    assert decoded(b"?" + sent).observations == ()
    raw = b"\x01" + HEADER.encode().strip() + b"\r" + sent + b"\x04"
    for frame in (
        Frame(sent, b"", complete, "absent", Format.PHOROPTER_LINES),
        Frame(raw, b"", complete, "absent", Format.PHOROPTER_LINES),
    ):
        assert decode(frame, RT, RANGES).observations == ()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([RT_3100, RT_5100_NEAR]), st.data())
def test_a_lost_byte_never_raises_and_never_changes_a_power(
    sent: bytes, data: st.DataObject
) -> None:
    whole = {value for each in decoded(sent).observations for value in _said(each)}
    place = data.draw(st.integers(0, len(sent) - 3))
    result = decoded(sent[:place] + sent[place + 1 :])
    assert {value for each in result.observations for value in _said(each)} <= whole


def _said(observation: Observation) -> set[tuple[object, ...]]:
    return {
        (observation.kind, observation.eye, observation.distance, value.field, value.amount)
        for value in observation.values
        if value.state is not State.UNREADABLE
    }
