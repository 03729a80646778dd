"""The page that says that one is signed out, while applications hear of it (Front-Channel Logout §3).

Each hears of it in a frame that may run its script and use its cookies there, but can neither lead this page
elsewhere nor open another. A person never waits for an application that does not answer: the page leads on by
itself, and by a link at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from werkzeug.wrappers import Response

from gateway_ui.web.client_names import name_here
from gateway_ui.web.context import render
from idp.domain.redirects import origin_of
from idp.usecases.front_channel import LogoutFrame
from kernel.web.headers import content_security_policy, nonce
from kernel.web.kit import current_kit
from kernel.web.links import come_back_to

ADDRESS = "/signed-out"
_SECONDS = 3


def signed_out(frames: Sequence[LogoutFrame] = (), *, onward: str = "", application: str = "") -> Response:
    """Return the page; with ``onward`` it leads there, to ``application``.

    It leads on without a script by ``Refresh``, which counts from when the frames were read.
    """
    come_back_to(ADDRESS)
    headers = {"Refresh": f"{_SECONDS};url={onward}"} if onward else {}
    if frames:
        headers["Content-Security-Policy"] = _policy(frame.address for frame in frames)
    return render(
        "signed_out.html",
        account_name="",
        headers=headers,
        frames=[(name_here(frame.client_id, frame.client_name), frame.address) for frame in frames],
        onward=onward,
        seconds=_SECONDS,
        application=application,
    )


def _policy(addresses: Iterable[str]) -> str:
    """Return the policy of this page alone: frames of exactly these origins."""
    origins = [origin_of(address) for address in addresses]
    return content_security_policy(nonce(), current_kit().form_targets(), frames=origins)
