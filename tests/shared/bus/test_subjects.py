"""Subjects and tokens: nothing that somebody names can reach another subject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.subjects import Subjects
from shared.contracts.credentials import ACCOUNT_CREATED, CREATE_ACCOUNT
from shared.names import decode_token, encode_token, is_name

anything = st.text(min_size=1)


@given(anything)
def test_a_token_decodes_to_the_text_it_was_made_from(text: str) -> None:
    assert decode_token(encode_token(text)) == text


@given(anything)
def test_a_token_is_one_token_of_a_subject(text: str) -> None:
    assert not set(encode_token(text)) & set(".*> \t\r\n")


@given(anything)
def test_a_name_is_its_own_token(text: str) -> None:
    if is_name(text):
        assert encode_token(text) == text


@pytest.mark.parametrize("token", ["", "=", "=2", "=zz", "=41", "a b", "a.b", "=2E", "=c3"])
def test_what_no_text_encodes_to_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_token(token)


@pytest.mark.parametrize("name", ["a.b", "a*", "a>", "a b", "", "a" * 65, "a/b", "ä", "a\n"])
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


@given(anything)
def test_an_actor_stands_in_its_own_place_whatever_it_is_called(actor: str) -> None:
    subject = Subjects("hb").command(CREATE_ACCOUNT, actor)
    assert subject.split(".") == ["hb", "cmd", encode_token(actor), "credentials", "account", "create"]
    assert decode_token(Subjects("hb").actor_of(subject)) == actor


def test_events_end_in_their_keys() -> None:
    assert Subjects("t1").event(ACCOUNT_CREATED, ("main",)) == "t1.evt.credentials.account.created.main"


@pytest.mark.parametrize("namespace", ["", "a.b", "*", ">"])
def test_a_namespace_is_a_name(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        Subjects(namespace)


def test_replies_go_only_to_inboxes_of_the_namespace() -> None:
    subjects = Subjects("hb")
    assert subjects.is_inbox(subjects.inbox("outside") + ".x.y")
    for elsewhere in ("", "hb.cmd.a.credentials.account.create", "_INBOX.other.x", "_INBOX.hbx.y", "$JS.API.INFO"):
        assert not subjects.is_inbox(elsewhere)
