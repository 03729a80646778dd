"""An application that has no screens of its own here: it shows who she is, and how she signed in."""

from flask import Blueprint, Response

from relying_parties.application import Application
from relying_parties.pages import page
from relying_parties.sessions import Session


def add_plain(blueprint: Blueprint, application: Application) -> None:
    """Add the one page."""

    @blueprint.get("")
    @application.signed_in
    def home(session: Session) -> Response:
        """Show who is signed in, and for which organizations with which access roles."""
        if not session.identity.access:
            return page("no_access.html", status=403)
        return page("plain.html", access=session.identity.access)
