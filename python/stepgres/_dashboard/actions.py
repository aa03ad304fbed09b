"""What an action is: a method of the client, with its form, its SQL and its shell command."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

from stepgres._dashboard.values import parameters
from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepgres._client.client_async import AsyncClient


@dataclass(frozen=True)
class Field:
    """A field of the form of an action. The name is that of a parameter of the method."""

    name: str
    label: str
    kind: str = "text"  # text, json (many lines), flag (a checkbox) or choice
    help: str = ""
    options: tuple[str, ...] = ()
    is_needed: bool = False


@dataclass(frozen=True)
class Action:
    """An action: a method of the client, with the form and the shell command for it.

    A word of shell is a text with {parameters}, or a pair of an option and its parameter. The pair
    is left out if the parameter has no value, a flag stands alone, and a list repeats the option.
    An argument that may be missing is a pair with an empty option. Without shell, the command line
    has no such command. done is the message after the action. then is the path of the page that
    follows, with {result}; empty: the page on which the form was.
    """

    method: str
    title: str
    done: str
    shell: tuple[str | tuple[str, str], ...] = ()
    fields: tuple[Field, ...] = ()
    then: str = ""
    help: str = ""
    confirm: str = ""  # what a person has to tick before
    is_destructive: bool = False
    is_bulk: bool = False

    def arguments(self, given: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return the arguments that a form has sent as texts."""
        known = parameters(self.method)
        values = {name: known[name].from_texts(texts) for name, texts in given.items()}
        return {
            name: value
            for name, value in values.items()
            # a needed value may be JSON null
            if value is not None or (known[name].is_needed and "".join(given[name]).strip())
        }

    def arguments_of_json(self, document: Any) -> dict[str, Any]:
        """Return the arguments of a JSON document; InvalidInput if it has others."""
        known = parameters(self.method)
        if not isinstance(document, dict):
            raise InvalidInput("the body is not a JSON object", hint="Send an object of arguments.")
        for name in document:
            if name not in known:
                raise InvalidInput(
                    f"{self.method} has no argument {name}", hint=f"It has {', '.join(known)}."
                )
        return {name: known[name].from_json(value) for name, value in document.items()}

    async def run(self, client: AsyncClient, arguments: Mapping[str, Any]) -> Any:
        """Call the method."""
        for name, parameter in parameters(self.method).items():
            if parameter.is_needed and name not in arguments:
                raise InvalidInput(f"{self.method} needs {name}", hint=f"Fill in {name}.")
        return await getattr(client, self.method)(**arguments)

    def sql(self, arguments: Mapping[str, Any]) -> str:
        """Return the SQL that does the same."""
        given = []
        for name, parameter in parameters(self.method).items():
            if arguments.get(name) is not None or (parameter.is_needed and name in arguments):
                given.append(f"{_name(name)} => {_literal(self.method, name, arguments[name])}")
            elif parameter.is_needed:  # a variable of psql
                given.append(f"{_name(name)} => :'{name}'")
        return f"select * from stepgres.{self.method}({', '.join(given)});"

    def command(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the shell command that does the same, if there is one."""
        if not self.shell:
            return None
        texts = {name: _words(self.method, name, value) for name, value in arguments.items()}
        needed = parameters(self.method)
        words: list[str] = []
        for word in self.shell:
            if isinstance(word, str):
                # an argument that is not known yet stands there by its name
                known = {name: "".join(texts.get(name, [name.upper()])) for name in needed}
                words.append(word.format_map(known))
                continue
            option, name = word
            if arguments.get(name) is True:
                words.append(option)
            else:
                for text in texts.get(name, []):
                    words += [option, text] if option else [text]
        return shlex.join(words)


def _name(name: str) -> str:
    return f'"{name}"' if name in {"limit", "offset"} else name


def _literal(method: str, name: str, value: Any) -> str:
    kind = parameters(method)[name]
    if kind.kind == "Any" and not kind.is_list:
        value = Jsonb(value)
    elif kind.kind == "float" and name != "rate":
        value = timedelta(seconds=value)
    return sql.Literal(value).as_string(None)


def _words(method: str, name: str, value: Any) -> list[str]:
    """Return the words of a value on the command line: several for a list."""
    parameter = parameters(method)[name]
    if value is None or value is False:
        return []
    if parameter.is_list:
        return [str(item) for item in value]
    if parameter.kind == "Any":
        return [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, datetime):
        return [value.isoformat()]
    if parameter.kind == "float" and name != "rate":
        return [f"{value:g}s"]
    return [str(value)]
