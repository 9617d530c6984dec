"""The filter language: `country in (US, CA) and dormant_days >= 90 and not tag = vip`.

A text becomes a tree of conditions here, and `conditions.py` makes SQL of it. Every error names the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from overture_core.errors import InvalidInput
from overture_core.text import clean

MAX_LENGTH = 2_000
MAX_CONDITIONS = 100
MAX_DEPTH = 20
_QUOTES = "\"'"

_GRAMMAR = r"""
?start: either
?either: both ("or"i both)*                 -> any_of
?both: refused ("and"i refused)*            -> all_of
?refused: "not"i refused                    -> not_
    | "(" either ")"
    | condition
condition: name OPERATOR value              -> compared
    | name "in"i "(" value ("," value)* ")" -> among
    | name "is"i "known"i                   -> known
    | name "is"i "unknown"i                 -> unknown
    | QUOTED                                -> words
name: WORD ["." (WORD | QUOTED)]
value: WORD | QUOTED
OPERATOR: "=" | "!=" | "~" | "<=" | "<" | ">=" | ">"
QUOTED: /"(\\.|[^"\\])*"/ | /'(\\.|[^'\\])*'/
WORD: /[^\s()<>=!~,"'.]+(\.[^\s()<>=!~,"'.]+)*/
%ignore /\s+/
"""


class FilterError(InvalidInput):
    """A filter that cannot be read. `column` is where, counted from 1."""

    code = "invalid_filter"

    def __init__(self, text: str, column: int, why: str) -> None:
        self.column = column
        rest = clean(text[column - 1 :], limit=30)
        place = f"at {rest!r} (character {column})" if rest else "at its end"
        super().__init__(f"The filter cannot be read {place}: {why}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: `field` has an `operator` (`=`, `!=`, `~`, `<`, `<=`, `>`, `>=`, `in`, `known`, `unknown`) and
    values. `detail` is what follows the point of `custom.size` or `consent.email`; `column` is where it stands."""

    field: str
    detail: str | None
    operator: str
    values: tuple[str, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Together:
    """All of them hold, or any of them."""

    every: bool
    inner: tuple[Node, ...]


Node = Condition | Not | Together


def parse(text: str) -> Node:
    """Read a filter.

    Raises:
        FilterError: it cannot be read; the message says where and why.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError("", 1, f"it has over {MAX_LENGTH} characters; save parts of it as segments.")
    return _parsed(text)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node:
    try:
        tree = _lark().parse(text)
        node: Node = _Nodes(text).transform(tree)
    except UnexpectedToken as error:
        if (word := text.strip()).isalnum():
            why = f'a word alone is no condition; to look for it, put it in quotation marks: "{clean(word, limit=60)}".'
            raise FilterError(text, text.index(word) + 1, why) from error
        at_end = error.token.type == "$END"
        raise FilterError(text, len(text) + 1 if at_end else (error.pos_in_stream or 0) + 1, _expected(text)) from error
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        why = "the quotation mark that opens here is never closed." if text[at] in _QUOTES else _expected(text)
        raise FilterError(text, at + 1, why) from error
    except RecursionError as error:
        raise FilterError("", 1, "its parentheses are too deep; save parts of it as segments.") from error
    _check_size(node)
    return node


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def _expected(text: str) -> str:
    if not text.strip():
        return "it is empty; write a condition such as country = US."
    return 'conditions are like country = US, company ~ "north", tag in (a, b), email is known, joined by and, or, not.'


def _check_size(node: Node) -> None:
    count, deepest = _measure(node)
    if count > MAX_CONDITIONS or deepest > MAX_DEPTH:
        why = f"it has more than {MAX_CONDITIONS} conditions or {MAX_DEPTH} levels; save parts of it as segments."
        raise FilterError("", 1, why)


def _measure(node: Node) -> tuple[int, int]:
    if isinstance(node, Condition):
        return max(len(node.values), 1), 1
    inner = node.inner if isinstance(node, Together) else (node.inner,)
    sizes = [_measure(each) for each in inner]
    return sum(count for count, _ in sizes), 1 + max(depth for _, depth in sizes)


def conditions_of(node: Node) -> Iterator[Condition]:
    """Return the conditions of a tree, from left to right."""
    if isinstance(node, Condition):
        yield node
        return
    for each in node.inner if isinstance(node, Together) else (node.inner,):
        yield from conditions_of(each)


def near(word: str, known: list[str]) -> str:
    """Say which of the known words was meant, or which there are."""
    close = get_close_matches(word.lower(), known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."


@v_args(inline=True)
class _Nodes(Transformer[Token, Node]):
    """Makes the tree from lark's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def any_of(self, *inner: Node) -> Node:
        return inner[0] if len(inner) == 1 else Together(False, inner)

    def all_of(self, *inner: Node) -> Node:
        return inner[0] if len(inner) == 1 else Together(True, inner)

    def not_(self, inner: Node) -> Node:
        return Not(inner)

    def compared(self, name: tuple[str, str | None, int], operator: Token, value: str) -> Node:
        return Condition(name[0], name[1], str(operator), (value,), name[2])

    def among(self, name: tuple[str, str | None, int], *values: str) -> Node:
        return Condition(name[0], name[1], "in", values, name[2])

    def known(self, name: tuple[str, str | None, int]) -> Node:
        return Condition(name[0], name[1], "known", (), name[2])

    def unknown(self, name: tuple[str, str | None, int]) -> Node:
        return Condition(name[0], name[1], "unknown", (), name[2])

    def words(self, quoted: Token) -> Node:
        return Condition("text", None, "~", (_unquoted(quoted),), (quoted.start_pos or 0) + 1)

    def name(self, word: Token, detail: Token | None) -> tuple[str, str | None, int]:
        field, _, rest = str(word).partition(".")
        told = rest or None if detail is None else _unquoted(detail)
        return field.lower(), told, (word.start_pos or 0) + 1

    def value(self, token: Token) -> str:
        return _unquoted(token)


def _unquoted(token: Token) -> str:
    if token.type != "QUOTED":
        return str(token)
    inner = str(token)[1:-1]
    made, escaped = [], False
    for each in inner:
        if each == "\\" and not escaped:
            escaped = True
            continue
        made.append(each)
        escaped = False
    return clean("".join(made), limit=MAX_LENGTH)
