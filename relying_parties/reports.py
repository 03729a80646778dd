"""Reports site (confidential): private report folders, opened by access role and organization."""

from flask import Blueprint, Response, abort, make_response

from relying_parties.application import Application
from relying_parties.id_token import Access
from relying_parties.offers import market_day
from relying_parties.pages import page
from relying_parties.report_folders import (
    DAYS_KEPT,
    FOLDERS,
    Folder,
    content_of,
    files_of,
    folder_of,
    opens,
)
from relying_parties.sessions import Session


def add_reports(blueprint: Blueprint, application: Application) -> None:
    """Add the pages."""
    pages = Reports(application)
    blueprint.add_url_rule("", "home", application.signed_in(pages.home))
    blueprint.add_url_rule("folders/<organization>/<key>/", "folder", application.signed_in(pages.folder))
    blueprint.add_url_rule("folders/<organization>/<key>/<name>", "file", application.signed_in(pages.file))


class Reports:
    """The pages of one Reports site."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def home(self, session: Session) -> Response:
        """Show who she is, and her organizations' folders, no others."""
        access = session.identity.access
        shelves = [
            {
                "name": name,
                "number": number,
                "folders": [each for each in FOLDERS if opens(each, access, number)],
            }
            for number, name in {row.organization: row.organization_name for row in access}.items()
        ]
        if not any(shelf["folders"] for shelf in shelves):
            return page("no_access.html", status=403)
        return page("reports.html", access=access, shelves=shelves, days=DAYS_KEPT)

    def folder(self, session: Session, organization: str, key: str) -> Response:
        """List a folder's files; the settlement folder asks for a recent second factor (RP-11)."""
        folder, row = self._opened(session, organization, key)
        if folder.needs_second_factor and not self._application.is_strong(session):
            return self._application.step_up(self._application.this_page())
        files = files_of(folder, row, today=market_day(self._application.now))
        return page("report_folder.html", folder=folder, row=row, files=files)

    def file(self, session: Session, organization: str, key: str, name: str) -> Response:
        """Send one file for download."""
        folder, row = self._opened(session, organization, key)
        if folder.needs_second_factor and not self._application.is_strong(session):
            return self._application.step_up(
                f"{self._application.settings.path}folders/{organization}/{key}/"
            )
        files = files_of(folder, row, today=market_day(self._application.now))
        wanted = next((file for file in files if file.name == name), None)
        if wanted is None:
            abort(404)
        response = make_response(content_of(folder, wanted))
        response.headers["Content-Type"] = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = f'attachment; filename="{wanted.name}"'
        return response

    def _opened(self, session: Session, organization: str, key: str) -> tuple[Folder, Access]:
        """Return the folder and the access row that opens it; without one the answer is 403."""
        folder = folder_of(key) or abort(404)
        row = opens(folder, session.identity.access, organization) or abort(403)
        return folder, row
