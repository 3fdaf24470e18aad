"""The control API of the hub: faults, rate and counters over HTTP, under /_lab/."""

import json
import math

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.hub.faults import Faults, parse_rules
from lab.hub.wan import Wan


class Control:
    """The handlers of the routes, and the routes."""

    def __init__(self, wan: Wan, faults: Faults) -> None:
        self.wan = wan
        self.faults = faults

    def routes(self) -> list[Route]:
        """The routes, relative to /_lab."""
        return [
            Route("/stats", self.stats, methods=["GET"]),
            Route("/stats/reset", self.reset, methods=["POST"]),
            Route("/rate", self.rate, methods=["GET", "POST"]),
            Route("/faults", self.rules, methods=["GET", "POST", "DELETE"]),
        ]

    async def stats(self, request: Request) -> Response:
        """Return the traffic counters."""
        return JSONResponse(self.wan.stats.as_dict())

    async def reset(self, request: Request) -> Response:
        """Reset the counters."""
        self.wan.stats.reset()
        return JSONResponse(self.wan.stats.as_dict())

    async def rate(self, request: Request) -> Response:
        """Return the rate of the line, after an optional change."""
        if request.method == "POST":
            self.wan.rate = _rate(await request.body())
        return JSONResponse({"bytes_per_second": self.wan.rate})

    async def rules(self, request: Request) -> Response:
        """Return the rules, after an optional replacement or removal; an invalid rule changes nothing."""
        if request.method == "DELETE":
            self.faults.rules = []
        elif request.method == "POST":
            try:
                self.faults.rules = parse_rules(await request.body())
            except ValidationError as errors:
                return JSONResponse({"error": _reasons(errors)}, 400)
        return JSONResponse(self.faults.as_list())


def _rate(body: bytes) -> float | None:
    """Read `{"bytes_per_second": number or null}`. Raises HTTPException 400 if invalid."""
    try:
        rate = json.loads(body)["bytes_per_second"]
    except (ValueError, TypeError, KeyError):
        raise HTTPException(400, 'the body must be {"bytes_per_second": number or null}') from None
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
        raise HTTPException(400, f"bytes_per_second must be a number above 0 or null, not {rate!r}")
    return float(rate)


def _reasons(errors: ValidationError) -> str:
    """Return all errors in one line with their location, such as `0.status.after: Field required`."""
    details = errors.errors(include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ") for one in details)
