"""What lensmeters and autorefractors measured, read from what they really sent."""

from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import ARK_1A, ARK_1A_LEFT_EYE_ONLY, LM_1000P, TONOREF_III, measurement_frame
from device_bridge.decoding import decode
from device_bridge.framing import Checksum, Frame, checksum_of
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
)

RANGES = load_ranges()
CHECKSUMS: tuple[Checksum, ...] = ("ok", "bad", "absent")


def decoded(sent: bytes, model: str = "LM-1000P") -> Decoded:
    """The readings of the last frame in `sent`."""
    framer = profile_of(model).framer()
    frames = (*framer.feed(sent, at=0.0), *framer.tick(60.0))
    return decode(frames[-1], profile_of(model), RANGES)


def with_checksum(sent: bytes) -> bytes:
    return sent + checksum_of(sent).encode()


def reading(result: Decoded, kind: Kind, eye: Eye | None, **wanted: object) -> Observation:
    """The only reading of that kind and eye with those properties."""
    (found,) = (
        each
        for each in result.observations
        if (each.kind, each.eye) == (kind, eye)
        and all(getattr(each, name) == value for name, value in wanted.items())
    )
    return found


def amounts(observation: Observation) -> dict[str, int | None]:
    return {value.field: value.amount for value in observation.values}


def refraction(observation: Observation) -> tuple[int | None, ...]:
    names = ("sphere_centidioptres", "cylinder_centidioptres", "axis_degrees")
    return tuple(amounts(observation)[name] for name in names)


def test_the_lensmeter_example_of_the_manual_gives_both_lenses_with_addition_and_prism() -> None:
    result = decoded(LM_1000P)
    right = reading(result, Kind.LENSMETER, Eye.OD)
    left = reading(result, Kind.LENSMETER, Eye.OS)
    assert amounts(right) == {
        "sphere_centidioptres": -125,
        "cylinder_centidioptres": -75,
        "axis_degrees": 120,
        "addition_centidioptres": 200,
        "base_in_prism_centidioptres": 250,
        "base_down_prism_centidioptres": 200,
    }
    assert amounts(left) == {
        "sphere_centidioptres": -200,
        "cylinder_centidioptres": -50,
        "axis_degrees": 180,
        "addition_centidioptres": 225,
        "base_out_prism_centidioptres": 125,
        "base_up_prism_centidioptres": 200,
    }
    assert {value.state for value in (*right.values, *left.values)} == {State.MEASURED}
    assert (result.warnings, result.rejected) == ((), ())
    assert result.device.model == "LM-1000P"
    assert (right.statistic, right.section) == (Statistic.DEVICE_FINAL, "DLM")


def test_every_value_says_where_in_the_frame_it_stands() -> None:
    for sent, model in ((LM_1000P, "LM-1000P"), (ARK_1A, "ARK-1a")):
        for observation in decoded(sent, model).observations:
            for value in observation.values:
                place = sent[value.offset : value.offset + len(value.raw)]
                assert place.decode() == value.raw
            assert sent[observation.offset :].startswith(observation.raw.encode())


def test_second_addition_near_sphere_polar_prism_and_an_unnamed_lens_are_read() -> None:
    sent = measurement_frame(
        ("DLM", "  +01.25-00.50090\nA 02.00\n03.00\nN +03.25\n+04.25\nP 02.50\nB 090")
    )
    lens = reading(decoded(sent), Kind.LENSMETER, None)
    assert amounts(lens) == {
        "sphere_centidioptres": 125,
        "cylinder_centidioptres": -50,
        "axis_degrees": 90,
        "addition_centidioptres": 200,
        "second_addition_centidioptres": 300,
        "near_sphere_centidioptres": 325,
        "second_near_sphere_centidioptres": 425,
        "prism_centidioptres": 250,
        "prism_base_degrees": 90,
    }


def test_a_lensmeter_gives_the_pupillary_distance_of_both_and_of_each_eye() -> None:
    sent = measurement_frame(("DLM", " R-01.25-00.75120\nPD64.031.532.5"))
    distance = reading(decoded(sent), Kind.PUPILLARY_DISTANCE, Eye.OU)
    assert amounts(distance) == {
        "pupillary_distance_micrometres": 64_000,
        "right_pupillary_distance_micrometres": 31_500,
        "left_pupillary_distance_micrometres": 32_500,
    }


def test_a_lens_without_power_is_measured_when_a_lensmeter_says_so() -> None:
    lens = reading(decoded(measurement_frame(("DLM", " R+00.00+00.00000"))), Kind.LENSMETER, Eye.OD)
    assert [value.state for value in lens.values] == [
        State.MEASURED,
        State.MEASURED,
        State.NOT_MEASURED,
    ]


def test_the_autorefractor_capture_gives_median_and_single_shots_by_day_and_night() -> None:
    result = decoded(ARK_1A, "ARK-1a")
    autoref = Kind.AUTOREFRACTION
    day, night = Lighting.PHOTOPIC, Lighting.MESOPIC
    medians = {"statistic": Statistic.MEDIAN}
    assert refraction(reading(result, autoref, Eye.OD, lighting=day, **medians)) == (-450, -75, 110)
    assert refraction(reading(result, autoref, Eye.OS, lighting=day, **medians)) == (-500, -75, 75)
    assert refraction(reading(result, autoref, Eye.OD, lighting=night, **medians)) == (
        -475,
        -75,
        105,
    )
    first = reading(result, autoref, Eye.OS, statistic=Statistic.SINGLE, sequence=1)
    assert (refraction(first), first.confidence) == ((-500, -75, 80), "8")
    assert reading(result, autoref, Eye.OD, statistic=Statistic.SINGLE, sequence=3)
    assert (result.warnings, result.rejected) == ((), ())


def test_the_autorefractor_says_which_model_examination_and_hour_it_was() -> None:
    device = decoded(ARK_1A, "ARK-1a").device
    assert (device.model, device.running_number) == ("ARK-1a", "0225")
    assert (device.clock_date, device.clock_time) == (date(2017, 3, 27), time(7, 40))


def test_an_axis_difference_between_day_and_night_keeps_its_sign() -> None:
    difference = reading(decoded(ARK_1A, "ARK-1a"), Kind.DAY_NIGHT_DIFFERENCE, Eye.OD)
    assert amounts(difference) == {
        "sphere_difference_centidioptres": -25,
        "cylinder_difference_centidioptres": 0,
        "axis_difference_degrees": -5,
    }
    assert difference.statistic is Statistic.CALCULATED


def test_question_marks_in_the_pupillary_distance_are_not_measured() -> None:
    result = decoded(ARK_1A, "ARK-1a")
    far = reading(result, Kind.PUPILLARY_DISTANCE, Eye.OU, distance=Distance.FAR)
    near = reading(result, Kind.PUPILLARY_DISTANCE, Eye.OU, distance=Distance.NEAR)
    assert [(value.state, value.amount) for value in far.values] == [
        (State.MEASURED, 68_000),
        (State.NOT_MEASURED, None),
        (State.NOT_MEASURED, None),
    ]
    assert amounts(near) == {"pupillary_distance_micrometres": 63_000}


def test_vertex_and_working_distance_are_lengths() -> None:
    result = decoded(ARK_1A_LEFT_EYE_ONLY, "ARK-1a")
    day = Lighting.PHOTOPIC
    vertex = reading(result, Kind.VERTEX_DISTANCE, Eye.OU, lighting=day)
    working = reading(result, Kind.WORKING_DISTANCE, Eye.OU, lighting=day)
    assert amounts(vertex) == {"vertex_distance_micrometres": 12_000}
    assert amounts(working) == {"working_distance_micrometres": 350_000}


def test_an_eye_without_measurement_gets_no_reading_from_the_zeros_sent_for_it() -> None:
    result = decoded(ARK_1A_LEFT_EYE_ONLY, "ARK-1a")
    assert {each.eye for each in result.observations} == {Eye.OS, Eye.OU}
    (dropped,) = result.warnings
    assert (dropped.reason, dropped.raw) == (Reason.NOT_MEASURED, "CR+00.00+00.00000")
    assert reading(result, Kind.CONTACT_LENS_POWER, Eye.OS)


def test_the_corneal_group_pairs_radii_and_powers_and_counts_its_shots() -> None:
    result = decoded(ARK_1A, "ARK-1a")
    median = reading(result, Kind.KERATOMETRY, Eye.OS, statistic=Statistic.MEDIAN)
    assert amounts(median) == {
        "radius_1_micrometres": 7_760,
        "radius_2_micrometres": 7_700,
        "axis_degrees": 140,
        "average_radius_micrometres": 7_730,
        "power_1_centidioptres": 4_350,
        "power_2_centidioptres": 4_375,
        "average_power_centidioptres": 4_375,
        "corneal_cylinder_centidioptres": -25,
    }
    third = reading(result, Kind.KERATOMETRY, Eye.OS, statistic=Statistic.SINGLE, sequence=3)
    assert amounts(third)["radius_1_micrometres"] == 7_740
    assert amounts(reading(result, Kind.CORNEAL_SIZE, Eye.OD)) == {
        "corneal_size_micrometres": 11_800
    }
    assert amounts(reading(result, Kind.PUPIL_SIZE, Eye.OS)) == {"pupil_size_micrometres": 5_700}


def test_pressure_and_thickness_are_kept_as_warnings_and_nothing_of_them_is_lost() -> None:
    result = decoded(with_checksum(TONOREF_III), "TONOREF III")
    left_out = [each.raw for each in result.warnings if each.reason is Reason.NOT_DECODED]
    assert left_out == [" L01    17/2.3  AV17.0/2.30", " L01 0583  AV0583", " R01 0586  AV0586"]
    assert reading(result, Kind.TRIAL_LENS, Eye.OD)
    assert reading(result, Kind.SAGITTAL_KERATOMETRY, Eye.OS)
    assert result.rejected == ()
    shot = reading(result, Kind.AUTOREFRACTION, Eye.OS, sequence=2)
    assert (refraction(shot), shot.confidence) == ((0, -25, 55), "9")


def test_a_bad_checksum_gives_no_reading_and_a_rejection() -> None:
    result = decoded(LM_1000P.replace(b"-01.25", b"-01.75"))
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.CHECKSUM_BAD]


def test_an_instrument_that_always_sends_a_checksum_is_not_believed_without_it() -> None:
    body = ARK_1A[: ARK_1A.index(4) + 1]
    result = decoded(body + b"\r", "ARK-1a")
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.CHECKSUM_ABSENT]


def test_an_incomplete_frame_gives_no_reading_and_a_rejection() -> None:
    result = decoded(LM_1000P[:60])
    assert result.observations == ()
    assert [each.reason for each in result.rejected] == [Reason.FRAME_INCOMPLETE]


def test_a_value_out_of_range_is_unreadable_and_keeps_its_text() -> None:
    result = decoded(measurement_frame(("DLM", " R-99.25-00.75120")))
    sphere = reading(result, Kind.LENSMETER, Eye.OD).values[0]
    assert (sphere.state, sphere.amount, sphere.raw) == (State.UNREADABLE, None, "-99.25")
    assert [each.reason for each in result.warnings] == [Reason.OUT_OF_RANGE]


def test_a_shot_the_instrument_doubts_is_kept_and_remarked_upon() -> None:
    result = decoded(measurement_frame(("DRM", "OR-01.25-00.75120E ")))
    assert reading(result, Kind.AUTOREFRACTION, Eye.OD).confidence == "E"
    assert [each.reason for each in result.warnings] == [Reason.LOW_CONFIDENCE]


def test_the_same_quantity_sent_twice_with_different_values_is_unreadable() -> None:
    result = decoded(measurement_frame(("DLM", " R-01.25-00.75120\nAR02.00\nAR02.25")))
    addition = reading(result, Kind.LENSMETER, Eye.OD).value("addition_centidioptres")
    assert addition is not None
    assert (addition.state, addition.amount) == (State.UNREADABLE, None)
    assert [each.reason for each in result.rejected] == [Reason.CONTRADICTION]


@pytest.mark.parametrize(
    "segment",
    [
        " R-01.25-00.7512",  # a figure is missing
        " R-01.25-00.751200",  # a figure too many
        " R 01.25-00.75120",  # the sign is missing
        " R-O1.25-00.75120",  # the letter O for a nought
        " R-01,25-00.75120",  # a decimal comma
        "AR2.0.0",
        "PR02.50X",  # no such base
        "PD64.031.5",
    ],
)
def test_a_garbled_segment_is_rejected_and_the_others_stand(segment: str) -> None:
    result = decoded(measurement_frame(("DLM", f"{segment}\n L-02.00-00.50180")))
    assert [each.reason for each in result.rejected] == [Reason.LINE_GARBLED]
    assert [each.eye for each in result.observations] == [Eye.OS]
    assert result.is_partial


def test_an_error_of_the_lensmeter_and_an_unknown_segment_are_warnings() -> None:
    result = decoded(measurement_frame(("DLM", " R-01.25-00.75120\nIE03\nUR095")))
    assert [each.reason for each in result.warnings] == [Reason.DEVICE_ERROR, Reason.NOT_DECODED]


def test_a_request_to_send_is_no_reading() -> None:
    result = decoded(b"\x01C**\x02RS\x17\x04", "ARK-1a")
    assert (result.observations, result.rejected) == ((), ())
    assert [each.reason for each in result.warnings] == [Reason.REQUEST_TO_SEND]


def test_remarks_name_field_rule_and_place_but_no_value() -> None:
    result = decoded(measurement_frame(("DLM", " R-99.25-00.75120\n L-O2.00-00.50180")))
    (warning,), (rejection,) = result.warnings, result.rejected
    assert warning.detail == "sphere_centidioptres outside instrument-ranges-1 (byte 7)"
    assert "(byte 24)" in rejection.detail
    assert not any(figure in rejection.detail for figure in ("-O2.00", "00.50", "180"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(CHECKSUMS), st.booleans())
def test_random_bytes_never_raise_and_never_give_a_reading(
    sent: bytes, checksum: Checksum, complete: bool
) -> None:
    for model in ("LM-1000P", "ARK-1a"):
        assert decoded(b"?" + sent, model).observations == ()
        raw = b"\x01DRM\x02" + sent
        frame = Frame(raw, b"", complete, checksum, Format.MEASUREMENT_GROUPS)
        assert decode(frame, profile_of(model), RANGES).observations == ()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([LM_1000P, ARK_1A]), st.data())
def test_a_garbled_byte_never_raises_and_never_gives_a_reading(
    sent: bytes, data: st.DataObject
) -> None:
    end = sent.index(4)
    # A carriage return is the one byte the checksum does not count, and it holds no figure.
    place = data.draw(st.integers(0, end - 1).filter(lambda place: sent[place] != 13))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != sent[place]))
    spoilt = sent[:place] + bytes([byte]) + sent[place + 1 :]
    assert decoded(spoilt, "ARK-1a").observations == ()
    lost = sent[:place] + sent[place + 1 :]
    assert decoded(lost, "ARK-1a").observations == ()
