"""A person's attributes: what is required, accepted and kept (R-025, R-026, R-028)."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.domain.outcomes import Fault, FaultCode
from registration.domain.person import PersonDetails, PersonForm, check_person
from tests.support.registration_world import a_form


def details(form: PersonForm) -> PersonDetails:
    found = check_person(form)
    assert isinstance(found, PersonDetails), found
    return found


def faults(form: PersonForm) -> tuple[Fault, ...]:
    found = check_person(form)
    assert isinstance(found, tuple), found
    return found


def test_every_required_attribute_is_named_when_it_is_missing() -> None:
    """R-025, R-026."""
    assert [fault.field for fault in faults(PersonForm())] == [
        "first_name",
        "last_name",
        "main_phone",
        "main_email",
        "address_1",
        "city",
        "province",
        "postal_code",
        "country",
    ]
    assert {fault.code for fault in faults(PersonForm())} == {FaultCode.MISSING}


def test_values_are_kept_in_one_form() -> None:
    """Phone in E.164, codes in capitals with their space, names in NFC with single spaces."""
    kept = details(
        a_form(
            " Zoe\u0301 ",
            "van  der Berg",
            main_phone="(416) 555-0142",
            extension="ext. 204",
            main_email="Zoe@Acme.EXAMPLE",
            province="on",
            postal_code="m5v2t6",
            country="ca",
        )
    )
    assert (kept.first_name, kept.last_name) == ("Zoé", "van der Berg")
    assert (kept.main_phone, kept.extension) == ("+14165550142", "204")
    assert kept.main_email == "Zoe@acme.example"
    assert (kept.province, kept.postal_code, kept.country) == ("ON", "M5V 2T6", "CA")
    assert kept.phone_uri == "tel:+14165550142;ext=204"


def test_an_extension_inside_the_number_is_found() -> None:
    """R-028: the extension is registered where it applies."""
    assert details(a_form(main_phone="416-555-0142 x99", extension="")).extension == "99"


@pytest.mark.parametrize("phone", ["555", "not a number", "+1 416 555 01424444", "911"])
def test_a_phone_number_nobody_can_have_is_refused(phone: str) -> None:
    assert Fault("main_phone", FaultCode.NOT_A_PHONE) in faults(a_form(main_phone=phone))


@pytest.mark.parametrize("extension", ["abc", "12345678", "-1", "1 2"])
def test_an_extension_is_digits(extension: str) -> None:
    assert faults(a_form(extension=extension)) == (Fault("extension", FaultCode.NOT_AN_EXTENSION),)


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "a@b",
        "@acme.example",
        "a b@acme.example",
        "a@acme..example",
        ".a@acme.example",
        "a@-acme.example",
        "a@127.0.0.1",
        "a@acme.example,b@acme.example",
        "Ann <a@acme.example>",
        "x" * 65 + "@acme.example",
        "é@acme.example",
    ],
)
def test_an_address_mail_cannot_reach_is_refused(email: str) -> None:
    """R-033: the activation goes to it."""
    assert faults(a_form(main_email=email)) == (Fault("main_email", FaultCode.NOT_AN_EMAIL),)


@pytest.mark.parametrize(
    ("country", "province", "code", "expected"),
    [
        ("CA", "QC", "H2X 1Y4", "H2X 1Y4"),
        ("CA", "QC", "h2x-1y4", "H2X 1Y4"),
        ("CA", "NU", "X0A 0H0", "X0A 0H0"),
        ("US", "NY", "10001", "10001"),
        ("US", "MA", "02139-4307", "02139-4307"),
        ("US", "DC", "20500", "20500"),
    ],
)
def test_canadian_and_american_codes_are_accepted(
    country: str, province: str, code: str, expected: str
) -> None:
    """R-026."""
    assert details(a_form(country=country, province=province, postal_code=code)).postal_code == expected


@pytest.mark.parametrize(
    ("country", "province", "code", "fault"),
    [
        ("CA", "XX", "M5V 2T6", Fault("province", FaultCode.NOT_A_PROVINCE)),
        ("US", "ON", "10001", Fault("province", FaultCode.NOT_A_PROVINCE)),
        ("CA", "ON", "D5V 2T6", Fault("postal_code", FaultCode.NOT_A_POSTAL_CODE)),
        ("CA", "ON", "10001", Fault("postal_code", FaultCode.NOT_A_POSTAL_CODE)),
        ("CA", "ON", "H2X 1Y4", Fault("postal_code", FaultCode.NOT_OF_THE_PROVINCE)),
        ("US", "NY", "90210", Fault("postal_code", FaultCode.NOT_OF_THE_PROVINCE)),
        ("US", "NY", "1000", Fault("postal_code", FaultCode.NOT_A_POSTAL_CODE)),
        ("ZZ", "ON", "M5V 2T6", Fault("country", FaultCode.NOT_A_COUNTRY)),
    ],
)
def test_a_code_that_cannot_be_is_refused(country: str, province: str, code: str, fault: Fault) -> None:
    """R-026."""
    assert fault in faults(a_form(country=country, province=province, postal_code=code))


def test_other_countries_need_no_province() -> None:
    abroad = a_form(country="FR", province="", postal_code="", main_phone="01 44 55 66 77")
    assert details(abroad).main_phone == "+33144556677"


def test_a_name_has_to_be_spelled_in_latin_letters_too() -> None:
    assert faults(a_form("Иван", "Петров")) == (
        Fault("first_name", FaultCode.NOT_LATIN),
        Fault("last_name", FaultCode.NOT_LATIN),
    )


@pytest.mark.parametrize("hyphen", ["\N{HYPHEN}", "\N{NON-BREAKING HYPHEN}"])
def test_a_hyphen_of_a_word_processor_is_a_hyphen(hyphen: str) -> None:
    """It looks like the one that the page asks for."""
    assert details(a_form(f"Marie{hyphen}Ève")).first_name == "Marie-Ève"


@pytest.mark.parametrize("name", ["<script>", "R2D2", "a@b", "--", "Ann\u202eEve", "Ann\x00"])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert [fault.field for fault in faults(a_form(name))] == ["first_name"]


def test_a_very_long_value_is_refused() -> None:
    assert faults(a_form(city="x" * 81)) == (Fault("city", FaultCode.TOO_LONG),)


def test_fields_a_form_does_not_have_are_ignored() -> None:
    """RG-10: nobody sets a Person ID, an organization or an approval by adding a field."""
    form = PersonForm.of({"first_name": "Ann", "person_no": "1", "organization_id": "x", "is_staff": True})
    assert form == PersonForm(first_name="Ann")


@given(st.sampled_from([field.name for field in fields(PersonForm)]), st.text(max_size=300))
def test_no_text_in_any_field_breaks_the_check(name: str, text: str) -> None:
    """Every answer is details or faults of known fields; what is accepted is accepted again unchanged."""
    found = check_person(replace(a_form(), **{name: text}))
    if isinstance(found, PersonDetails):
        again = check_person(
            PersonForm.of({field.name: getattr(found, field.name) for field in fields(found)})
        )
        assert again == found
    else:
        assert found
        assert {fault.field for fault in found} <= {field.name for field in fields(PersonForm)}
