"""What the wire may carry, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Absence, Announcement
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcz019-.", min_size=1, max_size=8)
numbers = st.integers(0, 2**64 - 1)

heads = st.builds(
    pb.MessageHead,
    MessageID=texts,
    Command=st.one_of(st.sampled_from(pb.CommandType.values()), st.integers(-(2**31), 2**31 - 1)),
    ClusterSelector=texts,
    ClusterName=texts,
    ParentClusterName=texts,
    Uid=texts,
    HopLimit=st.integers(0, 2**32 - 1),
    DeadlineMilliseconds=numbers,
    Targets=st.lists(texts, max_size=4),
    WholeSubtree=st.booleans(),
    SubtreeDigest=numbers,
)

cluster_messages = st.builds(pb.ClusterMessage, Head=heads, Body=st.binary(max_size=64))

numbers32 = st.integers(0, 2**32 - 1)
quantities = st.dictionaries(texts, texts, max_size=2)

statuses = st.builds(
    ClusterStatus,
    kind=texts,
    version=texts,
    capacity=quantities,
    allocatable=quantities,
    nodes=numbers32,
    nodes_ready=numbers32,
    ready=st.booleans(),
    reason=texts,
    message=texts,
)

entries = st.builds(
    ClusterEntry,
    name=names,
    parent=texts,
    listen=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    tags=st.lists(texts, max_size=3),
    performs=st.booleans(),
    user_defined_name=texts,
    version=texts,
    instance=texts,
    epoch=numbers,
    status=st.none() | statuses,
    age=st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000),
)

entry_lists = st.lists(entries, max_size=5, unique_by=lambda entry: entry.name)

announcements = st.builds(
    lambda complete, present, digest, count, absences, stream, resumes: Announcement(
        complete,
        tuple(present),
        tuple(f"gone-{number}" for number in range(count % 4)),
        digest,
        count,
        absences,
        stream,
        count // 2,
        resumes,
    ),
    st.booleans(),
    entry_lists,
    numbers,
    numbers,
    st.lists(texts, max_size=2).map(
        lambda reasons: tuple(Absence((f"lost-{number}",), f"hop-{number}", text, number) for number, text in enumerate(reasons))
    ),
    texts,
    st.booleans(),
)


@st.composite
def mutations(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Good bytes with a few of them changed, cut out or put in."""
    raw = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 4)))
        raw[start:end] = draw(st.binary(max_size=4))
    return bytes(raw)
