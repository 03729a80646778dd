"""The catalogue: what it must be, and errors that say where to look."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from registration.domain.access import conflicting, may_be_granted, offered
from registration.domain.catalogue import (
    CUSTOMER_RELATIONS,
    FILES,
    CatalogueError,
    parse_catalogue,
)
from registration.storage.catalogue_files import read_catalogue

FOLDER = Path(__file__).parents[3] / "catalogue" / "ieso"
CATALOGUE = read_catalogue(FOLDER)


@pytest.fixture
def documents() -> dict[str, Any]:
    return {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in FILES}


def faults_of(documents: dict[str, Any]) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(documents)
    return [str(fault) for fault in caught.value.faults]


def test_the_operators_catalogue_is_whole() -> None:
    assert CATALOGUE.tenant == "ieso"
    sizes = [len(getattr(CATALOGUE, name)) for name in FILES]
    assert sizes == [24, 34, 45, 23]


def test_a_catalogue_survives_its_own_document() -> None:
    assert parse_catalogue(CATALOGUE.document()).digest == CATALOGUE.digest


def test_the_provenance_names_entries_that_exist() -> None:
    provenance = yaml.safe_load((FOLDER / "provenance.yaml").read_text())
    for name in FILES:
        assert set(provenance[name]) <= set(getattr(CATALOGUE, name))


def test_a_misspelt_key_is_named_with_file_entry_and_field(documents: dict[str, Any]) -> None:
    documents["access_roles"]["access_roles"][0]["acount_kinds"] = ["personal"]
    assert faults_of(documents) == ["access_roles.yaml: registration-base: acount_kinds: unknown key"]


def test_a_broken_reference_is_named(documents: dict[str, Any]) -> None:
    documents["contact_roles"]["contact_roles"][0]["implies"] = ["no-such-role"]
    documents["applications"]["applications"][1]["groups"].append("mim-submit")
    assert faults_of(documents) == [
        "contact_roles.yaml: authorized-representative: implies: 'no-such-role' is no access role",
        "applications.yaml: emi: groups: 'mim-submit' belongs to 'mim-webservices'",
    ]


def test_an_entry_that_stands_twice_is_named(documents: dict[str, Any]) -> None:
    rows = documents["participations"]["participations"]
    rows.append(copy.deepcopy(rows[0]))
    assert faults_of(documents) == ["participations.yaml: capacity-auction: key: is used twice"]


def test_a_one_sided_exclusion_is_named(documents: dict[str, Any]) -> None:
    """R-127: both sides of an exclusion name it, or one unique index could not decide it."""
    for row in documents["contact_roles"]["contact_roles"]:
        if row["key"] == "dispatch-data-viewer":
            row["excludes"] = []
    assert faults_of(documents) == [
        "contact_roles.yaml: dispatch-data-submitter: excludes: 'dispatch-data-viewer' does not name the same set"
    ]


def test_values_out_of_range_are_named(documents: dict[str, Any]) -> None:
    row = documents["contact_roles"]["contact_roles"][1]
    row["min_required"] = -1
    row["contact_type"] = "robot"
    found = faults_of(documents)
    assert [fault.split(": ")[:3] for fault in found] == [
        ["contact_roles.yaml", "primary-contact", "min_required"],
        ["contact_roles.yaml", "primary-contact", "contact_type"],
    ]


def test_missing_files_and_foreign_tenants_are_named(documents: dict[str, Any], tmp_path: Path) -> None:
    documents["applications"]["tenant"] = "other"
    assert "files disagree" in faults_of(documents)[0]
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(tmp_path)
    assert len(caught.value.faults) == 4


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / f"{name}.yaml").write_text((FOLDER / f"{name}.yaml").read_text())
    (tmp_path / "access_roles.yaml").write_text("access_roles: [}")
    with pytest.raises(CatalogueError, match=r"access_roles.yaml: is no YAML"):
        read_catalogue(tmp_path)


@pytest.mark.parametrize(
    "key",
    [
        CUSTOMER_RELATIONS,
        "registration-authorized-representative",
        "registration-primary-contact",
        "registration-rights-administrator",
        "registration-applicant-representative",
        "banking-submit",
        "nod-manage",
        "reports-public",
        "workspaces-member",
    ],
)
def test_nobody_can_grant_what_comes_with_a_contact_role_or_belongs_to_staff(key: str) -> None:
    """RG-14, R-110, R-146: else a Rights Administrator could hand out a Primary Contact's functions."""
    everything = frozenset(CATALOGUE.participations)
    assert not may_be_granted(CATALOGUE.access_roles[key], account_kind="personal", participations=everything)
    groups = offered(CATALOGUE, account_kind="personal", participations=everything, granted=())
    assert key not in {role.key for group in groups for role in group.roles}


@pytest.mark.parametrize("kind", ["personal", "machine"])
def test_only_roles_of_the_account_kind_are_offered(kind: str) -> None:
    """R-174, R-075."""
    groups = offered(
        CATALOGUE, account_kind=kind, participations=frozenset(CATALOGUE.participations), granted=()
    )
    offers = [role for group in groups for role in group.roles]
    assert offers
    assert all(kind in CATALOGUE.access_roles[role.key].account_kinds for role in offers)


def test_roles_stand_under_a_participation_of_the_organization() -> None:
    """R-174, R-175: each role once, under a heading the organization has; granted ones are left out."""
    mine = frozenset({"generator", "transmission-rights"})
    groups = offered(CATALOGUE, account_kind="personal", participations=mine, granted=["tra-view"])
    assert {group.heading_key for group in groups} <= {*mine, "every-organization"}
    keys = [role.key for group in groups for role in group.roles]
    assert len(keys) == len(set(keys))
    assert "tra-bid" in keys
    assert "tra-view" not in keys
    assert "mtr-manage" not in keys


def test_exclusions_among_access_roles_are_found() -> None:
    """R-127, RG-05."""
    assert conflicting(CATALOGUE, ["reports-dispatch", "emi-dispatch-data-view", "emi-dispatch-data-submit"])
    assert conflicting(CATALOGUE, ["reports-dispatch", "emi-dispatch-data-view"]) is None
