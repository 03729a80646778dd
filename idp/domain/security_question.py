"""Security questions: a short list drawn from a larger set (G-34), and what may be an answer (G-35).

An answer counts without case and without extra spaces, is hashed like a password, and is never asked for
alone (MF-15).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

SHORTEST_ANSWER = 4
LONGEST_ANSWER = 200
OFFERED = 6


@dataclass(frozen=True, slots=True)
class Question:
    """One question in both languages. ``key`` is what is stored."""

    key: str
    en: str
    fr: str

    def text(self, language: str) -> str:
        """Return the question in ``language``."""
        return self.fr if language == "fr" else self.en


_ALL = (
    Question(
        "first-concert",
        "Which performer did you see at your first concert?",
        "Quel artiste avez-vous vu à votre premier concert?",
    ),
    Question(
        "first-dish",
        "What was the first dish you learned to cook?",
        "Quel est le premier plat que vous avez appris à cuisiner?",
    ),
    Question(
        "childhood-hero",
        "Which book or film character did you want to be as a child?",
        "Quel personnage de livre ou de film vouliez-vous être dans votre enfance?",
    ),
    Question(
        "first-flight",
        "Where did your first flight take you?",
        "Où votre premier vol vous a-t-il mené?",
    ),
    Question(
        "favourite-teacher",
        "What was the last name of the teacher you remember best?",
        "Quel était le nom de famille de l'enseignant dont vous vous souvenez le mieux?",
    ),
    Question(
        "first-boss",
        "What was the first name of your first supervisor?",
        "Quel était le prénom de votre premier superviseur?",
    ),
    Question(
        "lost-toy",
        "Which toy did you lose or break and miss the most?",
        "Quel jouet perdu ou brisé vous a le plus manqué?",
    ),
    Question(
        "first-song",
        "Which song did you first know by heart?",
        "Quelle est la première chanson que vous avez sue par cœur?",
    ),
    Question(
        "childhood-friend",
        "What was the nickname of your best friend in primary school?",
        "Quel était le surnom de votre meilleur ami à l'école primaire?",
    ),
    Question(
        "summer-job",
        "For whom did you work in your first summer job?",
        "Pour qui travailliez-vous lors de votre premier emploi d'été?",
    ),
    Question(
        "dream-place",
        "Which place have you always wanted to visit and never did?",
        "Quel endroit avez-vous toujours voulu visiter sans jamais y aller?",
    ),
    Question(
        "first-film",
        "Which film did you first see in a cinema?",
        "Quel est le premier film que vous avez vu au cinéma?",
    ),
    Question(
        "family-recipe",
        "Which dish does nobody in your family make as well as one person does?",
        "Quel plat une seule personne de votre famille réussit-elle vraiment?",
    ),
    Question(
        "neighbour",
        "What was the last name of the neighbours of your childhood home?",
        "Quel était le nom de famille des voisins de la maison de votre enfance?",
    ),
    Question(
        "instrument",
        "Which musical instrument did you want to learn first?",
        "Quel instrument de musique vouliez-vous apprendre en premier?",
    ),
    Question(
        "worst-meal",
        "Which food did you refuse to eat as a child?",
        "Quel aliment refusiez-vous de manger dans votre enfance?",
    ),
    Question(
        "first-vehicle",
        "What did you call your first bicycle or car?",
        "Quel nom donniez-vous à votre premier vélo ou à votre première voiture?",
    ),
    Question(
        "stuffed-animal",
        "What was the name of your favourite stuffed animal?",
        "Quel était le nom de votre animal en peluche préféré?",
    ),
    Question(
        "wedding-guest",
        "Whose wedding was the first you attended?",
        "Quel est le premier mariage auquel vous avez assisté?",
    ),
    Question(
        "hidden-place",
        "Where did you hide when you played hide-and-seek?",
        "Où vous cachiez-vous quand vous jouiez à cache-cache?",
    ),
    Question(
        "school-play",
        "Which part did you play in a school show?",
        "Quel rôle avez-vous joué dans un spectacle à l'école?",
    ),
    Question(
        "first-computer",
        "What was the first game you played on a computer or console?",
        "Quel est le premier jeu auquel vous avez joué sur un ordinateur ou une console?",
    ),
    Question(
        "lake",
        "Which lake or river do you know best?",
        "Quel lac ou quelle rivière connaissez-vous le mieux?",
    ),
    Question(
        "grandparent-word",
        "Which word do you remember one of your grandparents always using?",
        "Quel mot l'un de vos grands-parents employait-il toujours?",
    ),
)

QUESTIONS: Mapping[str, Question] = MappingProxyType({question.key: question for question in _ALL})


class AnswerFault(StrEnum):
    """Why an answer is refused."""

    UNKNOWN_QUESTION = "unknown_question"
    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SIMPLE = "too_simple"
    IN_QUESTION = "in_question"
    USER_NAME = "user_name"


_DENIED_WORDS = """
password motdepasse answer reponse secret none aucun aucune nothing rien test unknown inconnu
qwerty azerty abcd abcde abcdef 1234 12345 123456 1234567 12345678
"""
_DENIED = frozenset(_DENIED_WORDS.split())


def normal_answer(answer: str) -> str:
    """Return the form in which an answer is compared: NFKC, no case, single spaces (G-35)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", answer).casefold())
    return " ".join(folded.split())


def answer_fault(
    question: str, answer: str, *, offered: tuple[str, ...], user_name: str
) -> AnswerFault | None:
    """Tell why ``answer`` cannot be the answer to ``question``, or None if it can.

    Only a question of the list that this account was offered can be chosen (G-34).
    """
    if question not in offered or question not in QUESTIONS:
        return AnswerFault.UNKNOWN_QUESTION
    if len(answer) > LONGEST_ANSWER:
        return AnswerFault.TOO_LONG
    form = normal_answer(answer)
    if not form:
        return AnswerFault.EMPTY
    if len(form) < SHORTEST_ANSWER:
        return AnswerFault.TOO_SHORT
    return _guessable(QUESTIONS[question], form, normal_answer(user_name))


def _guessable(question: Question, form: str, user_name: str) -> AnswerFault | None:
    squeezed = re.sub(r"[\W_]+", "", form)
    if len(set(form.replace(" ", ""))) < 2 or squeezed in _DENIED:
        return AnswerFault.TOO_SIMPLE
    if user_name and form == user_name:
        return AnswerFault.USER_NAME
    words = set(re.findall(r"\w+", normal_answer(f"{question.en} {question.fr}")))
    said = set(re.findall(r"\w+", form))
    return AnswerFault.IN_QUESTION if said and said <= words else None
