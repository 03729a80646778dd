"""mod_auth_openidc under Apache, as Debian ships it: a page behind a sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchyard.visitor import Page
from tests.support.apache import running_apache
from tests.support.person import CONSENT, SIGN_IN
from tests.support.tls_world import SECRET

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab


def test_mod_auth_openidc_signs_in_refreshes_reads_userinfo_and_signs_out(tls_lab: TlsLab) -> None:
    """A page of Apache needs a sign-in; its hooks show userinfo, refresh the tokens and end the session."""
    base = tls_lab.addresses["apache"]
    directives = {
        "OIDCProviderMetadataURL": tls_lab.lab.said["discovery"],
        "OIDCClientID": "apache",
        "OIDCClientSecret": f'"{SECRET}"',
        "OIDCRedirectURI": f"{base}/callback",
        "OIDCCryptoPassphrase": "its-cookies-are-sealed-with-these-words",
        "OIDCScope": '"openid profile email offline_access"',
        "OIDCPKCEMethod": "S256",
        "OIDCInfoHook": "access_token userinfo id_token",
    }
    with (
        running_apache(base, directives, trusts=tls_lab.certificate),
        tls_lab.person(known=(base,)) as person,
    ):
        page = person.go(f"{base}/")
        assert isinstance(page, Page)
        assert (page.status, page.heading) == (200, "Protected"), page.text
        assert person.pressed == [SIGN_IN, CONSENT]
        shown = person.browser.get(f"{base}/callback", params={"info": "json"}).json()
        assert shown["userinfo"]["sub"] == shown["id_token"]["sub"]
        assert shown["userinfo"]["email"] == "alice@lab.example"
        hook = {"refresh": f"{base}/", "access_token": shown["access_token"]}
        renewed = person.browser.get(f"{base}/callback", params=hook)
        assert renewed.headers["location"] == f"{base}/"
        again = person.browser.get(f"{base}/callback", params={"info": "json"}).json()
        assert again["access_token"] != shown["access_token"]
        page = person.go(f"{base}/callback?logout={base}/signed-out")
        assert isinstance(page, Page)
        assert page.url.startswith(f"{base}/signed-out")
        person.pressed.clear()
        person.go(f"{base}/")
        assert person.pressed == [SIGN_IN]
