"""Settings of the SCIM face."""

from __future__ import annotations

import datetime as dt

from kernel.settings import Count, Section, Span


class ScimSettings(Section):
    """SCIM service provider."""

    default_page: Count = 100
    """Resources in a page where a request does not say."""

    largest_page: Count = 1000
    """Most resources in a page, whatever a request says."""

    cursor_life: Span = dt.timedelta(hours=1)
    """How long after a page its cursors lead to the next; ServiceProviderConfig tells it as cursorTimeout."""

    search_time: Span = dt.timedelta(seconds=5)
    """How long the database may work for one search; what takes longer is refused with tooMany."""

    long_search: Span = dt.timedelta(milliseconds=500)
    """A search for which the database works for longer than this is a long one."""

    long_searches: Count = 2
    """Long searches of one client at once, in each worker process; a further one is answered 429. While so
    many are under way, so many other searches of the client may be, too. Other clients are not counted."""

    open_discovery: bool = True
    """True answers ServiceProviderConfig, ResourceTypes and Schemas without a token; they hold no data."""

    requests_per_second: Count = 250
    """Requests that each client may make per second, on all nodes together; 25 at least. A client may have
    a figure of its own."""

    access_sources: tuple[str, ...] = ()
    """SCIM clients whose groups may state access (organizationId, accessRoleKey, applicationKey): who is in
    them is let in to applications, and comes for an organization. Others are refused with 403. None: all."""

    request_record_life: Span = dt.timedelta(days=90)
    """How long the Gateway can tell what a provisioning client asked and how it was answered."""

    def may_state_access(self, client_id: str) -> bool:
        """Tell whether a group of this client may say whom it lets in where."""
        return not self.access_sources or client_id in self.access_sources
