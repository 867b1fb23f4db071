"""Pages without scripts: the frame, text, examples and JSON schemas as HTML. Everything that comes in is escaped."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import msgspec

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem 1.5rem 4rem; font: 16px/1.55 system-ui, sans-serif; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
code, pre { font: 0.88em ui-monospace, monospace; } code { background: var(--soft); padding: 0.1em 0.3em; }
pre { background: var(--soft); padding: 0.8rem; overflow-x: auto; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.4rem 0.8rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4.2em; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); }
nav a { margin-right: 1rem; } .soft { opacity: 0.7; }
"""

_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_EMPHASIS = re.compile(r"\*([^*]+)\*")


def page(title: str, version: str, body: Iterable[str]) -> bytes:
    """Return a whole page."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="soft">Version {escape(version)}</p>{"".join(body)}</body></html>\n'
    ).encode()


def text(markdown: str | None) -> str:
    """Return paragraphs with code and emphasis; the little of CommonMark that our documents use."""
    paragraphs = escape(markdown or "").strip().split("\n\n")
    return "".join(f"<p>{_marked(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def _marked(escaped: str) -> str:
    return _EMPHASIS.sub(r"<i>\1</i>", _BOLD.sub(r"<b>\1</b>", _CODE.sub(r"<code>\1</code>", escaped)))


def section(title: str, body: Iterable[str]) -> str:
    """Return a titled part of a page that can be linked to."""
    return f'<h2 id="{escape(anchor(title))}">{escape(title)}</h2>{"".join(body)}'


def anchor(title: str) -> str:
    """Return the id of a section."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def links(titles: Iterable[str]) -> str:
    """Return links to the sections of a page."""
    return "<nav>" + "".join(f'<a href="#{anchor(title)}">{escape(title)}</a>' for title in titles) + "</nav>"


def details(tag: str, name: str, summary: str, body: Iterable[str]) -> str:
    """Return one entry that opens when it is clicked."""
    head = f"<b>{escape(tag)}</b> <code>{escape(name)}</code> {escape(summary)}"
    return f"<details><summary>{head}</summary>{''.join(body)}</details>"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table, nothing if it has no rows; cells are HTML."""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{lines}</table>" if lines else ""


def example(value: object) -> str:
    """Return an example of a body; text as it is, everything else as JSON."""
    shown = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return f"<pre>{escape(shown)}</pre>"


class Schemas:
    """JSON schemas of a document, shown in words; what they refer to is shown once, in the place that refers to it."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._components = components

    def words(self, schema: Mapping[str, Any]) -> str:
        """Return what kind of value `schema` describes."""
        name, schema = self._resolved(schema)
        for combined in ("anyOf", "oneOf", "allOf"):
            if combined in schema:
                return " or ".join(dict.fromkeys(self.words(part) for part in schema[combined]))
        if "const" in schema:
            return f"<code>{escape(str(schema['const']))}</code>"
        if "enum" in schema:
            return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
        kind = schema.get("type", "any value")
        if kind == "array":
            return f"list of {self.words(schema.get('items') or {})}"
        if isinstance(schema.get("additionalProperties"), Mapping):
            return f"map of {self.words(schema['additionalProperties'])}"
        limits = "".join(f", {word} {schema[key]}" for key, word in _LIMITS.items() if key in schema)
        return escape(name or (" or ".join(kind) if isinstance(kind, list) else str(kind))) + escape(limits)

    def fields(self, schema: Mapping[str, Any], depth: int = 0) -> str:
        """Return the fields of the object, or of the objects in the list or map, that `schema` describes."""
        _, schema = self._resolved(schema)
        if depth > _DEEPEST:
            return ""
        parts = [*schema.get("allOf", ()), *schema.get("anyOf", ())]
        inner = [schema["items"]] if isinstance(schema.get("items"), Mapping) else []
        if isinstance(schema.get("additionalProperties"), Mapping):
            inner.append(schema["additionalProperties"])
        required = frozenset(schema.get("required", ()))
        rows = [
            (
                f"<code>{escape(field)}</code>" + (" <b>*</b>" if field in required else ""),
                self.words(of) + text(of.get("description")) + self.fields(of, depth + 1),
            )
            for field, of in schema.get("properties", {}).items()
        ]
        return table(("Field", "Value"), rows) + "".join(self.fields(part, depth + 1) for part in (*parts, *inner))

    def _resolved(self, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        reference = schema.get("$ref")
        if reference is None:
            return "", schema
        name = str(reference).rpartition("/")[2]
        return name, self._components[name]


_DEEPEST = 4
_LIMITS = {"format": "as", "pattern": "matching", "minLength": "at least", "maxLength": "at most"}
