"""The header of a safetensors file, read by a parser that knows this one grammar and nothing else of JSON.

Fractions, NaN and deep nesting do not exist in the grammar, duplicate keys are refused,
and whatever is refused is refused before anything of its size was made.
"""
import re
from json.decoder import scanstring

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"(0|[1-9][0-9]{0,17})(?![0-9.eE+-])")
FIELDS = ("dtype", "shape", "data_offsets")
MAX_TENSORS, MAX_METADATA, MAX_RANK = 100_000, 10_000, 32


class FormatError(ValueError):
    """A file that is not what it should be: cut off, corrupt, hostile, or another format."""


class Parser:
    """`{"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"key": "text"}}`"""

    def __init__(self, text: str):
        self.text, self.at = text, SPACE.match(text).end()

    def header(self) -> dict:
        header = self.object(lambda name: self.metadata() if name == "__metadata__" else self.entry(name),
                             MAX_TENSORS, "tensors")
        if self.at != len(self.text):
            raise FormatError(f"header: unexpected text after its end, at character {self.at}")
        return header

    def metadata(self) -> dict:
        return self.object(lambda key: self.string(), MAX_METADATA, "metadata entries")

    def entry(self, name: str) -> dict:
        def field(key):
            if key not in FIELDS:
                raise FormatError(f"tensor {ascii(name)[:60]}: unknown field {ascii(key)[:60]}")
            return self.string() if key == "dtype" else self.numbers()

        entry = self.object(field, len(FIELDS), "fields")
        if len(entry) != len(FIELDS):
            raise FormatError(f"tensor {ascii(name)[:60]}: needs {', '.join(FIELDS)}; got {sorted(entry)}")
        return entry

    def object(self, value, limit: int, what: str) -> dict:
        result = {}
        self.expect("{")
        while not self.accept("}"):
            if result:
                self.expect(",")
            key = self.string()
            if key in result:
                raise FormatError(f"header: {ascii(key)[:60]} occurs twice")
            self.expect(":")
            result[key] = value(key)
            if len(result) > limit:
                raise FormatError(f"header: more than {limit} {what}")
        return result

    def numbers(self) -> list[int]:
        result = []
        self.expect("[")
        while not self.accept("]"):
            if result:
                self.expect(",")
            if len(result) == MAX_RANK:
                raise FormatError(f"header: a list has more than {MAX_RANK} numbers")
            result.append(self.number())
        return result

    def number(self) -> int:
        match = NUMBER.match(self.text, self.at)
        if match is None:
            raise self.unexpected("a whole number of at most 18 digits")
        self.skip(match.end())
        return int(match[1])

    def string(self) -> str:
        if self.text[self.at:self.at + 1] != '"':
            raise self.unexpected("a string")
        try:
            text, end = scanstring(self.text, self.at + 1, True)
            text.encode()                       # half of a surrogate pair is no character
        except ValueError as error:
            raise FormatError(f"header: a string is broken: {ascii(str(error))[:80]}") from None
        self.skip(end)
        return text

    def expect(self, character: str) -> None:
        if not self.accept(character):
            raise self.unexpected(f"'{character}'")

    def accept(self, character: str) -> bool:
        if self.text[self.at:self.at + 1] != character:
            return False
        self.skip(self.at + 1)
        return True

    def skip(self, end: int) -> None:
        self.at = SPACE.match(self.text, end).end()

    def unexpected(self, wanted: str) -> FormatError:
        found = ascii(self.text[self.at:self.at + 20]) if self.at < len(self.text) else "its end"
        return FormatError(f"header: expected {wanted} at character {self.at}, found {found}")
