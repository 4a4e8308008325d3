"""The sample chain: two shops, a central lab and head office, their people, goods, prices and
terms.

People are called by their role and place. Loaded once, through the API alone, by the first
administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import date, timedelta

from local_platform.demo.desk import Desk, Json, Operation
from local_platform.demo.loading import Loading, SampleChain
from local_platform.environment import FIRST_LOGIN

ZONE = "Asia/Shanghai"
ADMINISTRATOR = FIRST_LOGIN

_BRANCHES = (
    ("JA1", "静安店 Jing'an", "shop"),
    ("XH2", "徐汇店 Xuhui", "shop"),
    ("LAB", "中心加工 Central lab", "central_lab"),
)
_STAFF: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("reception.ja1", ("reception",), ("JA1",)),
    ("technician.ja1", ("technician",), ("JA1",)),
    ("optometrist.ja1", ("optometrist",), ("JA1",)),
    ("optician.ja1", ("optician",), ("JA1",)),
    ("frames.ja1", ("frame_controller",), ("JA1",)),
    ("cashier.ja1", ("cashier",), ("JA1",)),
    ("manager.ja1", ("branch_manager",), ("JA1",)),
    ("optician.xh2", ("optician",), ("XH2",)),
    ("cashier.xh2", ("cashier",), ("XH2",)),
    ("receiver.ja1", ("receiver",), ("JA1",)),
    ("acceptor.ja1", ("acceptor",), ("JA1",)),
    ("receiver.lab", ("receiver",), ("LAB",)),
    ("acceptor.lab", ("acceptor",), ("LAB",)),
    ("courier.lab", ("courier",), ("LAB", "JA1", "XH2")),
    ("clerk.lab", ("lab_clerk",), ("LAB",)),
    ("edger.lab", ("lab_technician",), ("LAB",)),
    ("inspector.lab", ("qc_inspector",), ("LAB",)),
    ("quality.hq", ("quality_manager",), ("HQ",)),
    ("auditor.hq", ("auditor",), ("HQ",)),
)
_COURSES = {
    "optometrist.ja1": "refraction",
    "optician.ja1": "dispensing",
    "optician.xh2": "dispensing",
    "edger.lab": "lens_making",
    "inspector.lab": "inspection",
}
"""The course that each of them needs to sign, or to work a station that cannot be undone."""
FRAME_BOX = {
    "a_micrometres": 50_000,
    "b_micrometres": 38_000,
    "dbl_micrometres": 18_000,
    "ed_micrometres": 53_000,
    "temple_micrometres": 140_000,
}
LENS_POWERS = ((-225, -75), (-250, -75), (-200, -50), (-300, 0), (-100, 0))
"""Sphere and cylinder of the stock lenses on the shelf, in hundredths of a dioptre."""


def load(
    base_url: str,
    operations: Mapping[str, Operation],
    password: str,
    loading: Loading,
    make_desk: Callable[..., Desk] = Desk,
) -> None:
    """Load the sample chain as its first administrator, everybody at a desk that `make_desk` makes.
    Raises ApiRefused."""
    chain = loading.chain
    with ExitStack() as desks:

        def desk_of(login: str, password: str = "") -> Desk:
            known = (password or chain.passwords[login], chain.roles.get(login, "head_office"))
            return desks.enter_context(closing(make_desk(base_url, operations, login, *known)))

        office = desk_of(ADMINISTRATOR, password)
        office.make_password_own(loading.password(ADMINISTRATOR))
        _remember(chain, ADMINISTRATOR, "head_office", "HQ", office.password)
        _open_branches(loading, office)
        _appoint(loading, office, make_desk)
        _stock(loading, office, desk_of)
        _price(loading, office)


def _remember(chain: SampleChain, login: str, role: str, place: str, password: str) -> None:
    chain.passwords[login] = password
    chain.roles[login] = role
    chain.places[login] = place


def _open_branches(loading: Loading, office: Desk) -> None:
    branches = loading.chain.branches
    branches["HQ"] = office.branch_id
    for code, name, kind in _BRANCHES:
        opened = loading.make(
            f"branch {code}",
            office,
            "organisation.OpenBranch",
            name=name,
            code=code,
            branch_kind=kind,
            time_zone=ZONE,
            address=f"{name} 1号",
            telephone="021-55550100",
        )
        branches[code] = opened["branch"]["envelope"]["id"]


def _appoint(loading: Loading, office: Desk, make_desk: Callable[..., Desk]) -> None:
    chain, today = loading.chain, date.fromisoformat(loading.chain.begun_on)
    for login, roles, places in _STAFF:
        first = loading.first_password(login)
        appointed = loading.make(
            f"staff {login}",
            office,
            "organisation.AppointStaff",
            name=login,
            roles=list(roles),
            branch_ids=[chain.branches[place] for place in places],
            login=login,
            first_password=first,
        )
        desk = make_desk(office.base_url, office.operations, login, first, roles[0])
        desk.make_password_own(loading.password(login))
        desk.close()
        _remember(chain, login, roles[0], places[0], desk.password)
        if login in _COURSES:
            loading.make(
                f"qualification {login}",
                office,
                "organisation.RecordQualification",
                staff_id=appointed["staff"]["envelope"]["id"],
                course=_COURSES[login],
                valid_from=(today - timedelta(days=30)).isoformat(),
                valid_to=(today + timedelta(days=335)).isoformat(),
                assessor=ADMINISTRATOR,
            )


def _stock(loading: Loading, office: Desk, desk_of: Callable[[str], Desk]) -> None:
    chain = loading.chain
    chain.frame_id = _product(
        loading,
        office,
        sku="FR-1001",
        name="Round titanium, black",
        frame={**FRAME_BOX, "material": "titanium", "colour": "black", "rim": "full"},
    )
    powers = {
        "sphere_min_centidioptres": -800,
        "sphere_max_centidioptres": 600,
        "cylinder_min_centidioptres": -200,
        "cylinder_max_centidioptres": 0,
        "blank_diameter_micrometres": 70_000,
    }
    lens = {
        "design": "single_vision",
        "index_thousandths": 1600,
        "material": "thiourethane",
        "coatings": ["hard", "anti_reflection"],
        "supply": "stock",
    }
    chain.lens_id = _product(
        loading,
        office,
        sku="SV-160-AR",
        name="1.60 single vision, coated",
        lens=lens,
        power_ranges=[powers],
    )
    serials = [f"F-{n:04}" for n in range(1, 13)]
    frames = {"product_id": chain.frame_id, "serials": serials, "quantity": len(serials)}
    _receive(loading, desk_of("receiver.ja1"), desk_of("acceptor.ja1"), "FR-LOT-1", frames, 21_000)
    lenses = [
        {
            "power": {"sphere_centidioptres": sphere, "cylinder_centidioptres": cylinder},
            "quantity": 200,
        }
        for sphere, cylinder in LENS_POWERS
    ]
    shelf = {"product_id": chain.lens_id, "lenses": lenses, "quantity": 200 * len(lenses)}
    _receive(loading, desk_of("receiver.lab"), desk_of("acceptor.lab"), "SV-LOT-1", shelf, 4_500)


def _product(loading: Loading, office: Desk, *, sku: str, **product: object) -> str:
    given = {"brand": "Sample", "maker": "Sample maker", "sku": sku, **product}
    added = loading.make(f"product {sku}", office, "inventory.AddProduct", **given)
    return str(added["product"]["envelope"]["id"])


def _receive(
    loading: Loading, receiver: Desk, acceptor: Desk, lot: str, line: Json, cost_minor: int
) -> None:
    cost = {"amount_minor": cost_minor, "currency": "CNY"}
    received = loading.make(
        f"receipt {lot}",
        receiver,
        "inventory.ReceiveGoods",
        supplier="Sample supplier",
        delivery_note=f"DN-{lot}",
        lines=[{**line, "lot_number": lot, "unit_cost": cost}],
    )
    for one in received["lots"]:
        lot_id = one["envelope"]["id"]
        loading.make(
            f"acceptance {lot_id}",
            acceptor,
            "inventory.AcceptLot",
            lot_id=lot_id,
            appearance_checked=True,
            label_checked=True,
            certificate_checked=True,
        )


def _price(loading: Loading, office: Desk) -> None:
    chain, today = loading.chain, loading.chain.begun_on
    loading.make(
        "prices",
        office,
        "billing.PublishPriceList",
        edition="2026-1",
        valid_from=today,
        currency="CNY",
        prices=[
            {"product_id": chain.frame_id, "amount_minor": 88_000},
            {"product_id": chain.lens_id, "amount_minor": 26_000},
            {"service_code": "FITTING", "amount_minor": 5_000, "name": "Fitting 配镜加工"},
        ],
    )
    terms = loading.make(
        "terms",
        office,
        "billing.PublishTerms",
        edition="2026-1",
        valid_from=today,
        warranty_days=365,
        warranty_text="One year against faults of frame and coating. 镜架与膜层质保一年。",
        redo_days=60,
        redo_attempts=2,
        redo_text="Twice within 60 days when the lens does not match the order.",
        price_text="All prices in CNY with tax. 价格含税。",
        limits_text="A strong power changes how far things look. 高度数会改变物像大小。",
    )
    chain.terms_id = terms["terms"]["envelope"]["id"]
