"""What is wrong with a client, in the language of the page: the registration's own sentences, translated.

The registration tells its faults in English, as RFC 7591 answers do. Here each is recognised by its form; one
that is not known here is shown as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway_ui.web.client_fields import FURTHER, Layout
from gateway_ui.web.messages import FIELD_WRONG, complain
from idp.domain.client_metadata import MetadataFault
from kernel.translations import mark
from kernel.web.forms import FormErrors
from kernel.web.language import gettext as _

_SENTENCES = (
    mark("is taken"),
    mark("is missing"),
    mark("must not have line breaks or characters that turn the writing round"),
    mark("has to be 2 to 64 letters, digits, dots, dashes or underscores"),
    mark("has to be a web address"),
    mark("has to be a list of at most 50 texts"),
    mark("has to be texts of at most 320 characters, each in a line"),
    mark("has to be a text of at most 2000 characters"),
    mark("has to be true or false"),
    mark("has to be one of %(choices)s in the profile %(profile)s"),
    mark("has to be one of %(choices)s"),
    mark("has to name some of %(choices)s"),
    mark("has to be of %(choices)s"),
    mark("refresh_token needs %(grants)s"),
    mark("needs an encryption key of that kind in jwks or jwks_uri"),
    mark("has to have scheme, host and port of a redirection URI (Front-Channel Logout §2)"),
    mark("has to be private_key_jwt for %(grant)s"),
    mark("has to be scopes separated by single spaces"),
    mark("and jwks exclude each other"),
    mark("or jwks_uri is needed by %(method)s"),
    mark("has to be a JWK set"),
    mark("has to hold public RSA, EC or OKP keys only"),
    mark("OKP keys have to be on Ed25519"),
    mark("EC keys have to be on P-256"),
    mark("RSA keys need at least 2048 bits"),
    mark("RSA keys may have 8192 bits and an exponent of 64 bits at most"),
    mark("several keys need a kid each, and each another"),
    mark("is needed: the redirect URIs are not all of one host"),
    mark("belongs to tls_client_auth alone"),
    mark("needs exactly one of %(choices)s"),
    mark("has to be whole seconds"),
    mark("has to be an https address without a fragment"),
    mark("has to be https addresses"),
    mark("has to be absolute URIs without fragment and spaces"),
    mark("has to be addresses or networks, like 192.0.2.7 or 192.0.2.0/28"),
    mark("must not have a fragment"),
    mark("has to be written out, without wildcard or backslash"),
    mark("is not a URI"),
    mark("must not have dot segments"),
    mark("has to use https (a native client: 127.0.0.1, [::1] or a scheme with a dot)"),
    mark("must not name a user"),
    mark("has to name a host in lower case"),
    mark("has to have a plain name, if any"),
    mark("has an empty port"),
    mark("must not use http, except in native applications on 127.0.0.1 or [::1]"),
    mark("has to be a text of at most 2000 visible ASCII characters"),
    mark("belongs to the grant authorization_code, and it to code"),
    mark("implicit belongs to response types with tokens, and they to it"),
    mark("must not be %(value)s in the profile %(profile)s"),
    mark("has to use https in the profile %(profile)s"),
    mark("excludes response types with token"),
    mark("or %(other)s has to be true in the profile %(profile)s"),
    mark("is not among the algorithms of our keys"),
    mark("has to be given: %(value)s would be taken, which the profile does not allow"),
    mark("needs client certificates, which are not taken"),
    mark("belongs to %(other)s"),
    mark("%(grant)s needs a credential"),
    mark("%(grant)s needs at least one"),
)


def _form(sentence: str) -> re.Pattern[str]:
    """Return what recognises a sentence, with whatever value it may begin with."""
    escaped = re.escape(sentence)
    places = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", escaped)
    return re.compile(rf"(?P<_lead>.* )??{places}", re.DOTALL)


_FORMS = tuple((sentence, _form(sentence)) for sentence in _SENTENCES)


def translated(message: str) -> str:
    """Return a fault's sentence in the language of the page, with the values it names."""
    for sentence, form in _FORMS:
        found = form.fullmatch(message)
        if found is not None:
            values = found.groupdict()
            lead = values.pop("_lead") or ""
            return lead + _(sentence, **values)
    return message


def add_faults(errors: FormErrors, faults: Iterable[MetadataFault], layout: Layout) -> None:
    """Say every fault at its field, in the order of the page; what has no field stands with the rest."""
    labels = {field.name: _(field.label) for field in layout.fields}
    places = {name: place for place, name in enumerate(labels)}
    for fault in sorted(faults, key=lambda each: places.get(each.name, places[FURTHER])):
        name = fault.name if fault.name in labels else FURTHER
        label = labels.get(fault.name, fault.name)
        complain(errors, name, FIELD_WRONG, label=label, fault=translated(fault.message))
