"""Steps 10a to 13: the tray travels, the lab accepts, draws, cuts, assembles; QC measures."""

from __future__ import annotations

from datetime import timedelta

from local_platform.demo.desk import Json
from local_platform.demo.dispensing import today_in_branch
from local_platform.demo.shop import Shop, measured, picture

TRAY = "T-0042"
BEFORE_CUTTING = ("tracing", "picking", "blocking")


def _job(shop: Shop, login: str = "clerk.lab") -> Json:
    job: Json = shop.desk(login).do("labjob.GetJob", job_id=shop.glasses.job_id)["job"]
    return job


def carry(shop: Shop) -> None:
    """A courier takes what was sent and hands it over."""
    courier = shop.desk("courier.lab")
    shipment_id = _job(shop, "optician.ja1")["shipment_id"]
    courier.do("labjob.TakeShipment", shipment_id=shipment_id)
    courier.do("labjob.HandOverShipment", shipment_id=shipment_id)


def send_tray(shop: Shop) -> None:
    """Step 10a."""
    frame = {"frame_product_id": shop.chain.frame_id, "frame_serial": shop.glasses.piece_id}
    shop.desk("frames.ja1").do(
        "labjob.SendTray", job_id=shop.glasses.job_id, tray_code=TRAY, **frame
    )
    carry(shop)
    clerk = shop.desk("clerk.lab")
    photo = clerk.upload("labjob", "photo", "image/png", picture("tray"), "tray as it arrived")
    clerk.do(
        "labjob.ReceiveTray",
        job_id=shop.glasses.job_id,
        tray_code=TRAY,
        slip_number=shop.glasses.slip_number,
        condition="as_sent",
        evidence_keys=[photo],
        **frame,
    )


def accept(shop: Shop) -> None:
    """Step 11."""
    eta = (today_in_branch() + timedelta(days=2)).date().isoformat()
    shop.desk("clerk.lab").do("labjob.AcceptJob", job_id=shop.glasses.job_id, eta_date=eta)


def station(shop: Shop, name: str) -> None:
    """Start and finish one station."""
    edger = shop.desk("edger.lab")
    edger.do("labjob.StartStation", job_id=shop.glasses.job_id, station=name, machine=f"M-{name}")
    edger.do("labjob.FinishStation", job_id=shop.glasses.job_id, station=name)


def draw_and_prepare(shop: Shop) -> None:
    """The stations before the first cut, as far as they are not done, and the lenses drawn."""
    job = _job(shop, "edger.lab")
    if not job.get("drawn_lenses"):
        shop.desk("edger.lab").do("labjob.DrawLenses", job_id=shop.glasses.job_id)
    done = set(job.get("done_stations", ()))
    for name in job["stations"]:
        if name in BEFORE_CUTTING and name not in done:
            station(shop, name)


def start_edging(shop: Shop) -> None:
    """Press start at the machine that cuts."""
    shop.desk("edger.lab").do(
        "labjob.StartStation", job_id=shop.glasses.job_id, station="edging", machine="M-edging"
    )


def make(shop: Shop) -> None:
    """Step 12: what cannot be undone, and assembly."""
    start_edging(shop)
    edger = shop.desk("edger.lab")
    edger.do("labjob.FinishStation", job_id=shop.glasses.job_id, station="edging")
    station(shop, "assembly")


def inspect(shop: Shop) -> None:
    """Step 13: measured as ordered; the verdict names its tolerance set and the set's status."""
    inspector = shop.desk("inspector.lab")
    inspector.do("labjob.StartInspection", job_id=shop.glasses.job_id)
    ordered = _job(shop, "inspector.lab")["ordered"]
    centration = ordered["centration"]
    result = inspector.do(
        "labjob.RecordQcResult",
        job_id=shop.glasses.job_id,
        measured={
            "od": _lens(ordered["od"]),
            "os": _lens(ordered["os"]),
            "od_centration": _centre(centration["od"]),
            "os_centration": _centre(centration["os"]),
            "binocular_distance_micrometres": measured(
                centration["od"]["monocular_distance_micrometres"]
                + centration["os"]["monocular_distance_micrometres"]
            ),
        },
        surface="passed",
        mounting="passed",
        instrument="LM-1000P LM-88001",
    )["qc_result"]
    verdict = result["verdict"]
    shop.say(f"     QC {verdict['tolerance_set']} {verdict['edition']}, status {verdict['status']}")


def _lens(power: Json) -> Json:
    names = ("sphere_centidioptres", "cylinder_centidioptres", "axis_degrees")
    prisms = ("prism_in_centi_prism_dioptres", "prism_up_centi_prism_dioptres")
    return {name: measured(power.get(name, 0)) for name in (*names, *prisms)}


def _centre(eye: Json) -> Json:
    return {name: measured(amount) for name, amount in eye.items()}
