"""The scanner: reads one piece of a search text at a time, in linear time, and never looks back.

It knows how things are spelled (names, quotes, numbers), not what they mean.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from assay.errors import InvalidFilter

# None of these backtracks: no two parts that follow each other can take the same character.
_SPACE: Final = re.compile(r"\s*")
_BARE: Final = re.compile(r"[^\s'\"`=<>!(),;.]*")
_BARE_KEY: Final = re.compile(r"[^\s'\"`=<>!(),;]*")
_WORD: Final = re.compile(r"[A-Za-z_]*")
_SYMBOL: Final = re.compile(r"[=<>!]*")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_AFTER_VALUE: Final = frozenset(" \t\r\n\f\v(),;")
_QUOTES_OF_NAMES: Final = ("`", '"')
_QUOTES_OF_TEXT: Final = ("'", '"')


class Scanner:
    """A text and how far it has been read. All ``read_*`` first skip white space."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        for position, character in enumerate(text):
            # No stored text holds these, and databases choke on them.
            if character == "\0" or "\ud800" <= character <= "\udfff":
                self.fail("NUL and lone surrogates are not allowed", at=position)

    def fail(self, why: str, *, at: int | None = None) -> NoReturn:
        """Raise ``InvalidFilter`` for a place in the text, by default where reading stands."""
        raise InvalidFilter(self.text, self.at if at is None else at, why)

    def skip_space(self) -> int:
        """Go to the next piece, and say where it begins."""
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.at

    def at_end(self) -> bool:
        """Whether only white space is left."""
        return self.skip_space() == len(self.text)

    def take(self, symbol: str) -> bool:
        """Read this one character if it is next."""
        if self.text.startswith(symbol, self.skip_space()):
            self.at += len(symbol)
            return True
        return False

    def take_word(self, *words: str) -> str:
        """Read one of these words if it is next, in any case; what it is, or ``""``."""
        start = self.skip_space()
        match = _WORD.match(self.text, start)
        assert match is not None
        word = match.group().upper()
        if word not in words or self.text[match.end() : match.end() + 1] == ".":
            return ""
        self.at = match.end()
        return word

    def read_symbol(self) -> str:
        """The run of ``= < > !`` that is next, perhaps empty."""
        match = _SYMBOL.match(self.text, self.skip_space())
        assert match is not None
        self.at = match.end()
        return match.group()

    def read_name(self) -> tuple[str, bool]:
        """A name up to a dot or anything that ends it, and whether it was quoted."""
        self.skip_space()
        if self.text.startswith(_QUOTES_OF_NAMES, self.at):
            return self.read_quoted(), True
        match = _BARE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return match.group(), False

    def read_key(self) -> tuple[str, bool]:
        """What follows the dot of a prefix: a quoted key, or all up to a space or comparator."""
        if self.text.startswith(_QUOTES_OF_NAMES, self.at):
            return self.read_quoted(), True
        match = _BARE_KEY.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return match.group(), False

    def text_is_next(self) -> bool:
        """Whether a quoted value is next."""
        return self.text.startswith(_QUOTES_OF_TEXT, self.skip_space())

    def read_text(self) -> str:
        """A value in single or double quotes."""
        if not self.text_is_next():
            self.fail("expected a value in quotes")
        return self.read_quoted()

    def read_quoted(self) -> str:
        """A quoted piece; its quote character doubled stands for itself."""
        start = self.at
        quote = self.text[start]
        pieces: list[str] = []
        at = start + 1
        while True:
            end = self.text.find(quote, at)
            if end < 0:
                self.fail(f"the quote {quote} that opens here is never closed", at=start)
            pieces.append(self.text[at:end])
            if not self.text.startswith(quote, end + 1):
                break
            pieces.append(quote)
            at = end + 2
        self.at = end + 1
        return "".join(pieces)

    def read_number_text(self) -> str:
        """The number that is next, or ``""``."""
        match = _NUMBER.match(self.text, self.skip_space())
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def end_value(self) -> None:
        """Check that what was read is not glued to what follows."""
        following = self.text[self.at : self.at + 1]
        if following and following not in _AFTER_VALUE and not following.isspace():
            self.fail(f"unexpected {following!r} right behind a value")
