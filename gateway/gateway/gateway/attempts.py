"""Guessing logins is slowed by the address it comes from, however many logins are tried.

Each address may fail so many times; what it used up comes back evenly over a while. A right
password costs nothing, so a branch behind one address is not kept out by its own people.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from chassis.errors import DomainError
from gateway.edge import TEMPLATE
from gateway.errors import AddressThrottled
from gateway.settings import Settings

SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
"""Organisation's reason for a wrong login or password, which it does not tell apart."""

_SWEPT_ABOVE = 10_000
_NETWORK_OF_ONE = 64
"""Bits of an IPv6 address that tell one customer of a provider from the next."""

Serve = Callable[[Request], Awaitable[Response]]


class Attempts:
    """What each address has left; kept by this process alone."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.sign_in_failures
        self._per_second = settings.sign_in_failures / settings.sign_in_failures_seconds
        self._proxies = settings.proxies
        self._used: dict[str, tuple[float, float]] = {}

    def guarding(self, serve: Serve, template: str) -> Serve:
        """Return an endpoint whose requests are attempts."""

        async def guarded(request: Request) -> Response:
            request.scope[TEMPLATE] = template
            with self.one(request):
                return await serve(request)

        return guarded

    @contextmanager
    def one(self, request: Request) -> Iterator[None]:
        """Make one attempt, which is used up when login or password is wrong. It is taken first,
        so that many at once are no way round. Raises AddressThrottled."""
        address = address_of(request, self._proxies)
        self._take(address)
        is_wrong = False
        try:
            yield
        except DomainError as refused:
            is_wrong = refused.code == SIGN_IN_REFUSED
            raise
        finally:
            if not is_wrong:
                self._give_back(address)

    def _take(self, address: str) -> None:
        used, now = self._used_by(address), time.monotonic()
        if used + 1 > self._most:
            seconds = math.ceil((used + 1 - self._most) / self._per_second)
            text = "too many failures from this address; try again later"
            raise AddressThrottled(text, retry_seconds=seconds)
        self._used[address] = (used + 1, now)
        if len(self._used) > _SWEPT_ABOVE:
            self._used = {one: kept for one, kept in self._used.items() if self._used_by(one) > 0}

    def _give_back(self, address: str) -> None:
        self._used[address] = (max(0.0, self._used_by(address) - 1), time.monotonic())

    def _used_by(self, address: str) -> float:
        used, at = self._used.get(address, (0.0, 0.0))
        return max(0.0, used - (time.monotonic() - at) * self._per_second)


def address_of(request: Request, proxies: int) -> str:
    """Return the address a request comes from, as the last of so many proxies of our own says; what
    stands further left in X-Forwarded-For is the client's own claim."""
    peer = request.client.host if request.client else ""
    said = ",".join(request.headers.getlist("x-forwarded-for")).split(",") if proxies else []
    path = [*(one.strip() for one in said if one.strip()), peer]
    return _network(path[-min(proxies + 1, len(path))]) or _network(peer) or peer


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _NETWORK_OF_ONE), strict=False))
