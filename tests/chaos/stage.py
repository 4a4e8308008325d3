"""Makes a platform ready for runs: the sample chain with stock enough, the witness, the queues in
the hands of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chaos.deliveries import Deliveries
from chaos.faults import Faults
from chaos.line import Line
from chaos.session import QUEUES, Session
from chaos.witness import Witness
from local_platform.bench import orders
from local_platform.demo import sample_chain
from local_platform.demo.loading import Loading, SampleChain
from local_platform.demo.shop import Shop
from local_platform.platform import Platform

_LENSES_FOR_A_RUN = 4
_MOST_IN_A_LINE = 10_000
_POWERS = ((-225, -75), (-250, -75), (-200, -50))


@contextmanager
def staged(
    platform: Platform,
    *,
    seed: int,
    runs: int,
    processes: Sequence[str],
    chain: SampleChain | None = None,
    batch: int = 100,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Session]:
    """Return a session on a running platform; `processes` are those that may be killed. The sample
    chain is loaded unless it is given."""
    environment = platform.environment
    line, witness = Line(environment), Witness(environment)
    chain = chain or _loaded(line, environment["ORGANISATION_FIRST_PASSWORD"])
    _stock(Shop("", {}, chain, lambda told: None, line.desk), runs)
    subscriptions = QUEUES.read_text().split()
    deliveries = Deliveries(environment["OPTICHAIN_AMQP_URL"], subscriptions, seed)
    witness.install()
    try:
        deliveries.start()
        faults = Faults(platform, witness, processes, say)
        yield Session(
            platform, line, chain, witness, deliveries, faults, subscriptions, say, batch=batch
        )
    finally:
        deliveries.stop()
        witness.remove()
        line.close()


def _loaded(line: Line, password: str) -> SampleChain:
    chain = SampleChain()
    sample_chain.load("", {}, password, Loading(chain, lambda: None), line.desk)
    return chain


def _stock(shop: Shop, runs: int) -> None:
    """Receive a frame and lenses for every run."""
    orders.stock_frames(shop, -(-runs * 11 // 10) // orders.FRAMES_IN_A_LOT + 1)
    quantity = min(runs * _LENSES_FOR_A_RUN + 100, _MOST_IN_A_LINE)
    lenses = [
        {"power": {"sphere_centidioptres": s, "cylinder_centidioptres": c}, "quantity": quantity}
        for s, c in _POWERS
    ]
    received = shop.desk("receiver.lab").do(
        "inventory.ReceiveGoods",
        supplier="Sample supplier",
        delivery_note="DN-CHAOS",
        lines=[
            {
                "product_id": shop.chain.lens_id,
                "lot_number": "SV-CHAOS",
                "unit_cost": {"amount_minor": 4_500, "currency": "CNY"},
                "lenses": lenses,
                "quantity": quantity * len(lenses),
            }
        ],
    )
    for one in received["lots"]:
        shop.desk("acceptor.lab").do(
            "inventory.AcceptLot",
            lot_id=one["envelope"]["id"],
            appearance_checked=True,
            label_checked=True,
            certificate_checked=True,
        )
