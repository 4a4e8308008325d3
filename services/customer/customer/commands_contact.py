"""What customer does about reaching people: verifies contacts, records answers for each purpose and
what was told, and links guardians."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.pins import pin
from customer import store
from customer.contact import (
    CONTACT_PERMISSION,
    CONTACT_VERIFICATION,
    FIELD_OF_CHANNEL,
    Channel,
    ContactPermission,
    ContactVerification,
    PermissionAnswer,
    Purpose,
    VerificationMethod,
    contact_of,
    is_reachable,
)
from customer.errors import (
    ChannelNotPermitted,
    ContactMissing,
    ContactThere,
    GuardianLinked,
    GuardianMissing,
    GuardianNotAdult,
    MessageWanted,
    PermissionUnasked,
    WardNotMinor,
)
from customer.guardian import GUARDIAN_LINK, GuardianLink, Relationship
from customer.message import MESSAGE, CustomerInformed, Message, MessageOutcome
from customer.person import PERSON, require_unrestricted
from customer.store import PersonFile


def verify_contact(
    work: UnitOfWork, *, customer_id: str, channel: Channel, method: VerificationMethod
) -> Record[ContactVerification]:
    """Record that a contact was checked as it stands, or that there is none. Raises Unknown,
    PersonErased, PersonRestricted, ContactMissing, ContactThere, Invalid."""
    person_id = store.living(work.connection, customer_id)
    person = work.records.live(PERSON, person_id)
    require_unrestricted(person)
    contact = contact_of(person.content, channel)
    if method is VerificationMethod.SAID_TO_HAVE_NONE:
        if is_reachable(person.content):
            raise ContactThere("the person has a contact: verify that", id=person_id)
    elif channel in FIELD_OF_CHANNEL and not contact:
        raise ContactMissing(
            "the person has no such contact", missing=[FIELD_OF_CHANNEL[channel]], id=person_id
        )
    verification = ContactVerification(
        channel=channel,
        contact=contact,
        method=method,
        verified_on=store.country(work.connection, work.at).today(),
    )
    return work.records.add(
        CONTACT_VERIFICATION,
        verification,
        customer_id=person_id,
        relies_on=[pin(person, *_fields_of(verification))],
    )


def _fields_of(verification: ContactVerification) -> tuple[str, ...]:
    if verification.is_none:
        return tuple(dict.fromkeys(FIELD_OF_CHANNEL.values()))
    return (FIELD_OF_CHANNEL[verification.channel],)


def record_contact_permission(
    work: UnitOfWork,
    *,
    customer_id: str,
    purpose: Purpose,
    answer: PermissionAnswer,
    channels: tuple[Channel, ...],
    answered_by_id: str = "",
    follow_up_wanted: bool = False,
) -> Record[ContactPermission]:
    """Record an answer; the earlier one is superseded. Raises Unknown, PersonErased,
    PersonRestricted, GuardianMissing, Invalid."""
    store.lock_people(work.connection, store.living(work.connection, customer_id))
    file = store.file_of(work.connection, customer_id)
    require_unrestricted(file.person)
    permission = ContactPermission(
        purpose=purpose,
        answer=answer,
        channels=channels,
        answered_by_id=_who_answers(work, file, answered_by_id),
        follow_up_wanted=follow_up_wanted,
    )
    return keep_answer(work, file, permission)


def keep_answer(
    work: UnitOfWork, file: PersonFile, permission: ContactPermission
) -> Record[ContactPermission]:
    """Keep an answer in the place of the one in force for its purpose."""
    identifier = new_id(CONTACT_PERMISSION.prefix)
    for earlier in file.of(CONTACT_PERMISSION):
        if earlier.content.purpose is permission.purpose:
            work.records.void(
                earlier,
                ChangeKind.SUPERSEDED,
                reason_code="ANSWERED_AGAIN",
                reason="",
                successor_id=identifier,
            )
    return work.records.add(
        CONTACT_PERMISSION, permission, id=identifier, customer_id=file.person.id
    )


def _who_answers(work: UnitOfWork, file: PersonFile, answered_by_id: str) -> str:
    """Return who answered: an adult for himself, a guardian for a minor. Raises GuardianMissing,
    Invalid."""
    named = answered_by_id or file.person.id
    answering = file.person.id if named in file.ids else store.living(work.connection, named)
    linked = [one.content.guardian_id for one in file.of(GUARDIAN_LINK)]
    is_guardian = answering in store.living_of(work.connection, linked).values()
    is_minor = store.country(work.connection, work.at).is_minor(file.person.content.birthday)
    if is_minor and not is_guardian:
        raise GuardianMissing(
            "a guardian answers for a minor", missing=["answer of a linked guardian"]
        )
    if answering != file.person.id and not is_guardian:
        raise invalid("answered_by_id", "guardian", "must be the person, or a linked guardian")
    return answering


def link_guardian(
    work: UnitOfWork, *, customer_id: str, guardian_id: str, relationship: Relationship
) -> Record[GuardianLink]:
    """Record who is guardian of a minor. Raises Unknown, PersonErased, PersonRestricted,
    GuardianNotAdult, WardNotMinor, GuardianLinked, Invalid."""
    ward_id = store.living(work.connection, customer_id)
    adult_id = store.living(work.connection, guardian_id)
    if ward_id == adult_id:
        raise invalid("guardian_id", "distinct", "must be another person")
    store.lock_people(work.connection, ward_id)
    country = store.country(work.connection, work.at)
    ward = store.file_of(work.connection, ward_id)
    adult = work.records.live(PERSON, adult_id)
    for person in (ward.person, adult):
        require_unrestricted(person)
    birthday = ward.person.content.birthday
    if birthday is not None and not country.is_minor(birthday):
        raise WardNotMinor("an adult has no guardian here", id=ward_id)
    if country.is_minor(adult.content.birthday):
        raise GuardianNotAdult("a guardian must be an adult", id=adult_id)
    linked = [one.content.guardian_id for one in ward.of(GUARDIAN_LINK)]
    if adult_id in store.living_of(work.connection, linked).values():
        raise GuardianLinked("the two are linked already", id=ward_id)
    return work.records.add(
        GUARDIAN_LINK,
        GuardianLink(guardian_id=adult_id, relationship=relationship),
        customer_id=ward_id,
    )


def end_guardian_link(
    work: UnitOfWork, *, link_id: str, revision: int, reason: str
) -> Record[GuardianLink]:
    """End a guardian link. Raises Unknown, Outdated, RecordVoid."""
    link = work.records.live(GUARDIAN_LINK, link_id, revision=revision)
    return work.records.void(
        link, ChangeKind.REVOKED, reason_code="GUARDIAN_LINK_ENDED", reason=reason
    )


def record_message(
    work: UnitOfWork,
    *,
    customer_id: str,
    purpose: Purpose,
    outcome: MessageOutcome,
    channel: Channel | None = None,
    said: str = "",
    case_id: str = "",
    order_id: str = "",
    told_id: str = "",
) -> Record[Message]:
    """Record what was told, or that none is wanted. Raises Unknown, PermissionUnasked,
    ChannelNotPermitted, MessageWanted, Invalid."""
    file = store.file_of(work.connection, customer_id)
    message = Message(
        purpose=purpose,
        outcome=outcome,
        channel=channel,
        said=said.strip(),
        order_id=order_id,
        told_id=_who_was_told(work, file, told_id),
    )
    permission = permission_for(file, purpose)
    if outcome is MessageOutcome.NONE_WANTED:
        if permission.content.answer is PermissionAnswer.YES:
            raise MessageWanted(f"the customer wants to be told about {purpose}")
    elif channel is not None:
        require_permitted(permission, channel)
    recorded = work.records.add(
        MESSAGE,
        message,
        customer_id=file.person.id,
        case_id=case_id,
        relies_on=[pin(permission)],
    )
    work.tell(
        recorded,
        CustomerInformed(
            customer_id=file.person.id,
            case_id=case_id,
            order_id=order_id,
            purpose=purpose,
            outcome=outcome,
            channel=channel,
            message_id=recorded.id,
        ),
    )
    return recorded


def _who_was_told(work: UnitOfWork, file: PersonFile, told_id: str) -> str:
    told = store.living(work.connection, told_id) if told_id else file.person.id
    linked = [one.content.guardian_id for one in file.of(GUARDIAN_LINK)]
    if told != file.person.id and told not in store.living_of(work.connection, linked).values():
        raise invalid("told_id", "guardian", "must be the person, or a linked guardian")
    return told


def permission_for(file: PersonFile, purpose: Purpose) -> Record[ContactPermission]:
    """Return the answer in force for a purpose. Raises PermissionUnasked."""
    answered = [one for one in file.of(CONTACT_PERMISSION) if one.content.purpose is purpose]
    if not answered:
        raise PermissionUnasked(
            f"permission for {purpose} was not asked", missing=[f"answer for {purpose}"]
        )
    return answered[-1]


def require_permitted(permission: Record[ContactPermission], channel: Channel) -> None:
    """Refuse a channel that the answer does not permit. Raises ChannelNotPermitted."""
    if not permission.content.permits(channel):
        raise ChannelNotPermitted(
            f"{channel} is not permitted for {permission.content.purpose}",
            missing=[f"{channel} permitted for {permission.content.purpose}"],
        )
