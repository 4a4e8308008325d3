"""Head office at work: branches opened and closed, staff appointed, people signed in."""

from __future__ import annotations

from dataclasses import dataclass

from chain import Chain, Person
from chassis.actor import Actor
from chassis.roles import Role
from optichain.auth.v1 import role_pb2
from optichain.organisation.v1 import branch_pb2, staff_pb2
from optichain.organisation.v1 import organisation_service_pb2 as pb

FIRST, OWN = "correct horse battery", "a password of my own"


@dataclass(frozen=True)
class Office:
    """Head office, asked over gRPC."""

    chain: Chain
    person: Person

    @classmethod
    def of(cls, chain: Chain) -> Office:
        """Return head office of a chain that is served."""
        chain.serve()
        return cls(chain, chain.person(Role.HEAD_OFFICE))

    def opens(self, code: str = "JA1", time_zone: str = "Asia/Shanghai") -> branch_pb2.Branch:
        """Open a branch."""
        request = pb.OpenBranchRequest(
            name="Jing'an",
            code=code,
            branch_kind=branch_pb2.BRANCH_KIND_SHOP,
            time_zone=time_zone,
        )
        return self.chain.ask(request, pb.OpenBranchResponse, as_=self.person).branch

    def appoints(
        self,
        *branch_ids: str,
        login: str = "optician.ja1",
        role: role_pb2.Role = role_pb2.ROLE_OPTICIAN,
    ) -> staff_pb2.Staff:
        """Appoint somebody."""
        request = pb.AppointStaffRequest(
            name="Optician JA1",
            roles=[role],
            branch_ids=branch_ids,
            login=login,
            first_password=FIRST,
        )
        return self.chain.ask(request, pb.AppointStaffResponse, as_=self.person).staff

    def dismisses(self, staff: staff_pb2.Staff, as_: Person | None = None) -> staff_pb2.Staff:
        """End somebody's employment."""
        request = pb.EndEmploymentRequest(
            staff_id=staff.envelope.id, revision=staff.envelope.revision, reason="gave notice"
        )
        return self.chain.ask(request, pb.EndEmploymentResponse, as_=as_ or self.person).staff

    def closes(self, branch: branch_pb2.Branch) -> branch_pb2.Branch:
        """Close a branch."""
        request = pb.CloseBranchRequest(
            branch_id=branch.envelope.id, revision=branch.envelope.revision, reason="lease ended"
        )
        return self.chain.ask(request, pb.CloseBranchResponse, as_=self.person).branch

    def signs_in(
        self, login: str = "optician.ja1", password: str = FIRST, branch_id: str = ""
    ) -> pb.Session:
        """Sign somebody in."""
        request = pb.SignInRequest(login=login, password=password, branch_id=branch_id)
        return self.chain.ask(request, pb.SignInResponse).session

    def renews(self, session: pb.Session) -> pb.Session:
        """Renew a session."""
        request = pb.RenewSessionRequest(
            session_id=session.id, renewal_secret=session.renewal_secret
        )
        return self.chain.ask(request, pb.RenewSessionResponse).session

    def changes_password(
        self, session: pb.Session, present: str = FIRST, new: str = OWN
    ) -> pb.ChangePasswordResponse:
        """Change the password of who signed in."""
        request = pb.ChangePasswordRequest(present_password=present, new_password=new)
        return self.chain.ask(request, pb.ChangePasswordResponse, as_=person_of(session))


def person_of(session: pb.Session) -> Person:
    """Return who signed in, with the token of the session."""
    actor = Actor(id=session.staff_id, role=Role.OPTICIAN, branch_id=session.branch_id)
    return Person(actor, session.token)
