"""The administrators' page about what this machine can encode. It is the core's own: no theme
changes it. To everyone else it does not exist. Programs get the same as JSON."""

from __future__ import annotations

import msgspec
from quart import Blueprint, Response, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.limits import Amount
from metropole_core.pages.admin import require_admin
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.i18n import language
from metropole_core.pages.page import respond, site, wants_json
from metropole_core.pages.quality_view import picture, quality_name
from metropole_core.pages.visitor import current_visitor, sign_in_path
from metropole_core.transcoding.capacity import LINES, BackendReport, BackendState, report

blueprint = Blueprint("capacity", __name__, url_prefix="/admin/capacity")
Answer = Response | WerkzeugResponse

CODECS = {"avc1": "H.264", "hvc1": "H.265", "av01": "AV1", "vp09": "VP9"}
PROBES = (3, 60.0)
"""Each measures the machine for up to 20 s."""


@blueprint.get("")
async def show() -> Answer:
    """Transcoders, what they can and do, and how many viewers a line carries."""
    if current_visitor().account is None:
        return redirect(sign_in_path("/admin/capacity"), 303)
    require_admin()
    found = await report(site().transcoding)
    if wants_json():
        response = Response(msgspec.json.encode(found), content_type="application/json")
    else:
        response = await respond(
            "core/admin/capacity.html",
            found=found,
            states=_states(),
            codec=lambda fourcc: CODECS.get(fourcc, fourcc),
            picture=picture,
            quality_name=quality_name,
            amount=lambda bits: Amount(bits, "bit/s").text(language()),
            estimates=_estimates,
            lines=LINES,
            waiting=await site().people.waiting(),
            done=request.args.get("done") == "probe",
        )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/probe")
async def probe() -> Answer:
    """Try all transcoders again, in the background."""
    user = require_admin()
    await site().rate_limit.hit(f"probe/{user.id}", *PROBES)
    site().transcoding.probe_soon()
    return redirect("/admin/capacity?done=probe", 303)


def _states() -> dict[BackendState, str]:
    return {
        BackendState.WORKS: _("Works"),
        BackendState.FAILS: _("Does not work"),
        BackendState.UNKNOWN: _("Is being tried"),
        BackendState.UNUSED: _("Not used"),
    }


def _estimates(backend: BackendReport) -> list[tuple[str, str]]:
    """("1080p60", "about 2 channels, each with 720p60, 480p30")."""
    found = []
    for each in backend.estimates:
        rungs = ", ".join(f"{min(r.width, r.height)}p{round(r.frame_rate)}" for r in each.rungs)
        if each.channels == 0:
            said = _("not even the smallest quality")
        elif each.channels == 1:
            said = _("one channel, with %(rungs)s") % {"rungs": rungs}
        else:
            said = _("about %(n)s channels, each with %(rungs)s") % {
                "n": each.channels,
                "rungs": rungs,
            }
        found.append((f"{each.height}p{round(each.frame_rate)}", said))
    return found
