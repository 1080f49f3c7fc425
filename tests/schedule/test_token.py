"""A token is text, and says the same when it is read back."""

from __future__ import annotations

import pytest

from soak.schedule.points import Granularity
from soak.schedule.token import BadToken, Token


def token(**more: object) -> Token:
    values: dict[str, object] = {
        "python": "3.12",
        "granularity": Granularity.OPCODE,
        "seed": 7,
        "trace": "00d292118824",
        "files": (("my pack/a=b,c.py", "9189"), ("x/y.py", "-")),
        **more,
    }
    return Token(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one", [token(), token(deviations=((1, 12, 2), (2, -1, 0))), token(strategy="surw.17"), token(files=())]
)
def test_a_token_is_read_back_as_it_was_written(one: Token) -> None:
    text = str(one)
    assert Token.parse(f" {text}\n") == one
    assert not set(text) & set(" \t'\"$&|;<>()*?")


@pytest.mark.parametrize(
    "text", ["", "soak1", "soak0/3.12/line/0/-//", "soak1/3.12/word/0/-//", "soak1/3.12/line/0/-//1.2"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        Token.parse(text)
