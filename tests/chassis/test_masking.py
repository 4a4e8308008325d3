"""What is not for the person who asked is covered in what leaves, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import chassis
from chassis import masking
from chassis.contract import check
from chassis.errors import Invalid
from chassis.masking import cover, covered_text, has_audiences, withheld_from
from chassis.roles import Role
from chassis.rpc.masks import header_of
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.clinical.v1 import value_pb2
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.customer.v1 import person_pb2
from optichain.field.v1 import rule_pb2
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.object.v1 import object_service_pb2 as objects
from optichain.record.v1 import pin_pb2

RULE = Path(str(chassis.__file__)).parent / "rules" / "masking.yaml"
SEES = yaml.safe_load(RULE.read_text(encoding="utf-8"))["body"]["sees"]


def covered_for(message: Any, *roles: Role) -> set[str]:
    return cover(message, withheld_from(frozenset(roles), SEES))


def person() -> customer.GetPersonResponse:
    found = customer.GetPersonResponse(age_years=36)
    found.person.CopyFrom(
        person_pb2.Person(
            name="欧阳静",
            short_code="K7",
            sex=person_pb2.SEX_FEMALE,
            birthday="1990-03-14",
            phone_e164="+8613916000199",
            email="jing@example.com",
            wechat_id="ouyang-jing",
            address="愚园路20号",
        )
    )
    found.person.envelope.id = "cus_1"
    return found


def test_a_telephone_keeps_its_last_four_digits_and_a_name_its_first_letter() -> None:
    assert covered_text("+8613916000199", rule_pb2.COVER_LAST_FOUR) == "***0199"
    assert covered_text("欧阳静", rule_pb2.COVER_FIRST_LETTER) == "欧***"
    assert covered_text("Lin Meihua", rule_pb2.COVER_FIRST_LETTER) == "L***"
    assert covered_text("愚园路20号") == "***"


@pytest.mark.parametrize("short", ["0199", "60199", "1600199"])
def test_of_a_number_so_short_that_its_end_tells_it_nothing_is_left(short: str) -> None:
    assert covered_text(short, rule_pb2.COVER_LAST_FOUR) == "***"


@pytest.mark.parametrize("how", rule_pb2.Cover.values())
def test_what_says_nothing_stays_so(how: int) -> None:
    assert covered_text("", how) == ""


def test_a_cashier_reads_a_name_and_the_end_of_a_telephone() -> None:
    found = person()

    covered = covered_for(found, Role.CASHIER)

    assert (found.person.name, found.person.phone_e164) == ("欧阳静", "***0199")
    assert found.person.email == found.person.wechat_id == found.person.address == "***"
    assert found.person.birthday == "***"
    assert not found.HasField("age_years")
    assert found.person.sex == person_pb2.SEX_UNSPECIFIED
    assert (found.person.short_code, found.person.envelope.id) == ("K7", "cus_1")
    assert covered == {
        "age_years",
        *(f"person.{name}" for name in ("sex", "birthday", "phone_e164", "email")),
        *(f"person.{name}" for name in ("wechat_id", "address")),
    }


def test_whoever_has_one_role_that_reads_a_value_reads_it() -> None:
    found = person()
    assert covered_for(found, Role.COURIER, Role.RECEPTION) == set()
    assert found == person()


def test_who_works_with_nothing_of_a_person_reads_nothing_of_a_person() -> None:
    found = person()
    covered_for(found, Role.STOREKEEPER)
    told = found.SerializeToString().decode(errors="replace") + str(found)
    for value in ("欧阳静", "13916000199", "jing@", "ouyang", "愚园路", "1990"):
        assert value not in told


def test_a_power_is_left_out_whole_and_never_as_zero() -> None:
    found = labjob.GetJobResponse()
    found.job.ordered.od.sphere_centidioptres = -225
    found.job.envelope.state = "released"

    assert covered_for(found, Role.LAB_TECHNICIAN) == set()
    assert covered_for(found, Role.COURIER) == {"job.ordered"}
    assert not found.job.HasField("ordered")
    assert found.job.envelope.state == "released"


def test_a_value_below_two_audiences_is_for_who_belongs_to_both() -> None:
    found = clinical.GetRefractionResponse()
    sphere = found.refraction.subjective.od.sphere_centidioptres
    sphere.state = value_pb2.VALUE_STATE_MEASURED
    sphere.amount = -250

    assert covered_for(found, Role.LAB_TECHNICIAN) == {
        "refraction.subjective.od.sphere_centidioptres.amount"
    }
    assert sphere.state == value_pb2.VALUE_STATE_MEASURED
    assert not sphere.HasField("amount")


def test_a_difference_between_versions_names_its_fields_to_everybody() -> None:
    stale = pin_pb2.StalePin()
    stale.change.reason = "read off wrongly"
    stale.change.fields.add(field="od", old_value='{"axis_degrees":90}', new_value="{}")

    assert covered_for(stale, Role.OPTICIAN) == set()
    assert covered_for(stale, Role.CASHIER) == {
        "change.reason",
        "change.fields.old_value",
        "change.fields.new_value",
    }
    (field,) = stale.change.fields
    assert (field.field, field.old_value, field.new_value) == ("od", "", "")


def test_messages_without_such_values_cost_a_look_into_a_table() -> None:
    assert not has_audiences(objects.OfferReadResponse.DESCRIPTOR)
    assert not has_audiences(inventory.FindStockResponse.DESCRIPTOR)
    assert has_audiences(customer.SearchPeopleResponse.DESCRIPTOR)


def test_very_many_covered_fields_are_named_by_the_parts_they_stand_in() -> None:
    assert header_of({"people.name", "age"}) == (("x-masked", "age,people.name"),)
    many = {f"refractions.field_{n}" for n in range(200)}
    assert header_of(many) == (("x-masked", "refractions"),)


def test_a_covered_value_is_not_taken_back_for_a_value() -> None:
    request = customer.RegisterPersonRequest(name=f"欧{masking.COVERED}", phone="***0199")
    with pytest.raises(Invalid) as refused:
        check(request)
    assert {(one.field, one.rule) for one in refused.value.problems} == {
        ("name", "covered"),
        ("phone", "covered"),
    }
