"""What an application's tests may look like: a sign-in with the pages it goes through, and provisioning.

Here the application is played by a few lines of httpx; in your tests it is your own.
"""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

CALLBACK = "http://127.0.0.1:9000/callback"
CLIENT = ("my-application", "known to the tests")


class LoginForm(HTMLParser):
    """The form that holds the field with the id `username`: its address and its hidden fields."""

    def __init__(self, html):
        super().__init__()
        self.action, self.hidden = "", {}
        self._reading = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self._reading = values.get("id") == "login-form"
            self.action = values["action"] if self._reading else self.action
        elif tag == "input" and self._reading and values.get("type") == "hidden":
            self.hidden[values["name"]] = values["value"]


def test_a_person_signs_in(switchyard):
    provider = httpx.get(switchyard["discovery"]).json()
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    request = {
        "client_id": CLIENT[0],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email address",
        "state": state,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with httpx.Client() as browser:
        page = browser.get(provider["authorization_endpoint"], params=request, follow_redirects=True)
        form = LoginForm(page.text)
        filled_in = form.hidden | {"username": "jdoe", "password": "a password for tests"}
        answer = browser.post(page.url.join(form.action), data=filled_in)
        while not answer.headers["location"].startswith(CALLBACK):
            answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
    returned = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert (returned["state"], returned["iss"]) == (state, switchyard["issuer"])

    form = {
        "grant_type": "authorization_code",
        "code": returned["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    tokens = httpx.post(provider["token_endpoint"], data=form, auth=CLIENT).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    claims = httpx.get(provider["userinfo_endpoint"], headers=bearer).json()
    assert (claims["name"], claims["email"]) == ("Jane Doe", "jane@lab.example")
    assert claims["address"]["locality"] == "Toronto"


def test_a_directory_provisions_an_account_and_its_holder_is_written_to(switchyard):
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "erin",
        "emails": [{"value": "erin@lab.example", "primary": True}],
    }
    headers = {"Authorization": "Bearer known-to-the-tests"}
    assert httpx.post(f"{switchyard['scim']}/Users", json=user, headers=headers).status_code == 201

    wanted = {"to": "erin@lab.example", "wait": 20}
    answer = httpx.get(f"{switchyard['mailbox']}/messages.json", params=wanted, timeout=30)
    assert any("/activate/" in link for link in answer.json()["messages"][0]["links"])
