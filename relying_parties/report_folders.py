"""Which report folders there are, which access role opens each, and what lies in them."""

import csv
import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from relying_parties.id_token import Access
from relying_parties.sentences import MARKET_TIME

DAYS_KEPT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One kind of private folder."""

    key: str
    role: str
    title: str
    about: str
    reports: tuple[tuple[str, str], ...]
    """File code and title of each report that appears every day."""
    columns: tuple[str, ...]
    needs_second_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """One report of one day for one organization."""

    name: str
    title: str
    day: date
    published_at: datetime


FOLDERS = (
    Folder(
        key="settlement",
        role="reports-settlement",
        title="Settlement",
        about="Settlement statements and data files.",
        reports=(("ST-P", "Preliminary settlement statement"), ("ST-F", "Final settlement statement")),
        columns=("Charge type", "Billable quantity (MWh)", "Settlement amount ($)"),
        needs_second_factor=True,
    ),
    Folder(
        key="dispatch",
        role="reports-dispatch",
        title="Dispatch and market",
        about="Dispatch schedules and market results of your resources.",
        reports=(("DA-SCHED", "Day-ahead dispatch schedule"), ("RT-DISP", "Real-time dispatch summary")),
        columns=("Hour ending", "Schedule (MW)", "Price ($/MWh)"),
    ),
    Folder(
        key="financial-market",
        role="reports-financial-market",
        title="Financial market",
        about="Transmission rights holdings and auction results.",
        reports=(("TR-HOLD", "Transmission rights holdings"), ("TR-AUCT", "Auction results")),
        columns=("Path", "Rights (MW)", "Price ($)"),
    ),
    Folder(
        key="revenue-metering",
        role="reports-revenue-metering",
        title="Revenue metering",
        about="Meter data and trouble summaries.",
        reports=(("MTR-HR", "Hourly meter data"),),
        columns=("Hour ending", "Energy (MWh)", "Reactive (Mvarh)"),
    ),
)


def folder_of(key: str) -> Folder | None:
    """Return the folder of that key."""
    return next((folder for folder in FOLDERS if folder.key == key), None)


def opens(folder: Folder, access: tuple[Access, ...], organization: str) -> Access | None:
    """Return the access row that opens the organization's folder, or None."""
    rows = (row for row in access if row.organization == organization and row.role == folder.role)
    return next(rows, None)


def files_of(folder: Folder, organization: Access, *, today: date) -> list[ReportFile]:
    """Return the files of the last days, the newest first."""
    found = []
    for age in range(1, DAYS_KEPT + 1):
        on = today - timedelta(days=age)
        for code, title in folder.reports:
            found.append(
                ReportFile(
                    name=f"CNF-{organization.organization}_{code}_{on:%Y%m%d}_v1.csv",
                    title=title,
                    day=on,
                    published_at=datetime.combine(on + timedelta(days=1), time(6, 30), MARKET_TIME),
                )
            )
    return found


def content_of(folder: Folder, file: ReportFile) -> str:
    """Return the file's rows as CSV: invented figures, the same at every download."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(["Report", file.title])
    rows.writerow(["Day", file.day.isoformat()])
    rows.writerow(["Published", file.published_at.astimezone(UTC).isoformat()])
    rows.writerow(folder.columns)
    for hour in range(1, 25):
        seed = hashlib.sha256(f"{file.name}/{hour}".encode()).digest()
        first, second = int.from_bytes(seed[:2]) / 100, int.from_bytes(seed[2:4]) / 1000
        rows.writerow([hour, f"{first:.1f}", f"{second:.2f}"])
    return text.getvalue()
