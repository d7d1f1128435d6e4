"""Whatever comes over a link is a message or a LinkError."""

from __future__ import annotations

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.link import (
    Message,
)
from moorage.link_wire import LinkError, decode, encode
from tests.moorage.link_messages import MESSAGES, changed


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_link_error(data: bytes) -> None:
    try:
        decode(data)
    except LinkError:
        return


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_any_value_in_any_field_is_a_message_or_a_link_error(message: Message, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(msgpack.unpackb(encode(message)))))
    try:
        decode(changed(message, **{name: data.draw(ANYTHING)}))
    except LinkError:
        return
