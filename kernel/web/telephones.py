"""Telephone numbers of the office that helps, as pages show them: each one a link that a phone can call."""

from __future__ import annotations


def telephones(numbers: str) -> tuple[str, ...]:
    """Return the numbers of a setting, in which several are separated by commas."""
    return tuple(number for each in numbers.split(",") if (number := each.strip()))


def telephone_link(number: str) -> str:
    """Return a number as a ``tel:`` link holds it: digits and a leading plus."""
    return "".join(character for character in number if character.isdigit() or character == "+")
