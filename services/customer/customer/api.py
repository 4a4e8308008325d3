"""Customer's gRPC face."""

from __future__ import annotations

from chassis import clock
from chassis.access import AccessPolicy, Clearance
from chassis.rpc import Api, Call
from customer import (
    commands_contact,
    commands_erasure,
    commands_follow_up,
    commands_import,
    commands_people,
    commands_protection,
    queries,
    queries_erasure,
    queries_lists,
    queries_protection,
    queries_search,
    queries_visit,
    store,
)
from optichain.customer.v1 import customer_service_pb2

api = Api(customer_service_pb2, "CustomerService")
APIS = (api,)

api.commands(
    RegisterPerson=commands_people.register_person,
    AmendPerson=commands_people.amend_person,
    ResolveDuplicate=commands_people.resolve_duplicate,
    VerifyContact=commands_contact.verify_contact,
    RecordContactPermission=commands_contact.record_contact_permission,
    LinkGuardian=commands_contact.link_guardian,
    EndGuardianLink=commands_contact.end_guardian_link,
    RecordMessage=commands_contact.record_message,
    PlanFollowUp=commands_follow_up.plan_follow_up,
    RecordFollowUp=commands_follow_up.record_follow_up,
    WaiveFollowUp=commands_follow_up.waive_follow_up,
    SetProtectionTier=commands_protection.set_protection_tier,
    BreakGlass=commands_protection.break_glass,
    CloseBreakGlass=commands_protection.close_break_glass,
    StartImport=commands_import.start_import,
    EndImport=commands_import.end_import,
    RequestErasure=commands_erasure.request_erasure,
    DecideErasure=commands_erasure.decide_erasure,
)
api.queries(
    GetPerson=queries.get_person,
    SearchPeople=queries_search.search_people,
    FindDuplicates=queries.find_duplicates,
    GetContactPermission=queries.get_contact_permission,
    ListHousehold=queries.list_household,
    RequireReadyForVisit=queries_visit.require_ready_for_visit,
    ListDuplicates=queries_lists.list_duplicates,
    ListMessages=queries_lists.list_messages,
    ListFollowUps=queries_lists.list_follow_ups,
    GetImport=queries_lists.get_import,
    ListImportRows=queries_lists.list_import_rows,
    GetErasure=queries_erasure.get_erasure,
    ListErasures=queries_erasure.list_erasures,
    GetProtection=queries_protection.get_protection,
    ListBreakGlasses=queries_protection.list_break_glasses,
)


def guard(call: Call, customer_id: str, _branches: frozenset[str]) -> Clearance:
    """Open a person's file to roles that see its tier, at branches that know the person, or to who
    has broken the glass. Raises BreakGlassNeeded."""
    with call.database.snapshot() as connection:
        person_id = store.living_of(connection, [customer_id]).get(customer_id, customer_id)
        found = queries_protection.standing(connection, person_id, call.actor)
        policy = AccessPolicy.in_force(connection, clock.now())
    return policy.cleared(call.actor, person_id, found)


GUARD = guard
