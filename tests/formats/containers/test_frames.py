"""Members of compressed archives that are not one record each: records over several members, junk between, cut anywhere."""

from __future__ import annotations

import gzip
import io
import itertools

import pytest
import zstandard

from winnow.formats.containers.warc import Fault, Record, records

COUNT = 6


def record(number: int, size: int = 300) -> bytes:
    body = f"HTTP/1.1 200 OK\r\n\r\n<p>{number} ".encode() + bytes(97 + (number * 7 + at) % 26 for at in range(size))
    return b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (len(body), body)


def found(content: bytes, start: int = 0, stop: int = -1, limit: int = 1 << 20) -> list[Record | Fault]:
    return list(records(io.BytesIO(content), start, stop, limit=limit))


PACKERS = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}


@pytest.mark.parametrize("packer", PACKERS)
def test_a_record_over_several_members_is_one_wherever_the_file_is_cut(packer: str) -> None:
    pack = PACKERS[packer]
    members, starts = b"", []
    for number in range(COUNT):
        whole = record(number)
        starts.append(len(members))
        bounds = [0, *range(40, len(whole), 90), len(whole)] if number % 2 else [0, len(whole)]
        members += b"".join(pack(whole[start:stop]) for start, stop in itertools.pairwise(bounds))
    expected = [one.content for one in map(record_of, range(COUNT))]
    assert [one.content for one in found(members) if isinstance(one, Record)] == expected
    for cut in range(0, len(members) + 1, 3):
        read = found(members[:cut])
        assert [int(one.place) for one in read] == [start for start in starts if start < cut], cut
        assert all(isinstance(one, Record) for one in read[:-1])
    for step in range(1, len(members), 50):
        pieces = [one for at in range(0, len(members), step) for one in found(members, at, at + step)]
        assert [told(one) for one in pieces] == [told(one) for one in found(members)]


def told(one: Record | Fault) -> tuple[str, str, object]:
    return one.place, *((one.type, one.content) if isinstance(one, Record) else (one.rule, str(one.value)))


def record_of(number: int) -> Record:
    (one,) = found(record(number))
    assert isinstance(one, Record)
    return one


def test_a_damaged_member_takes_nothing_from_the_record_before_it() -> None:
    members = [gzip.compress(record(number)) for number in range(COUNT)]
    members[2] = members[2][:12] + bytes(8) + members[2][20:]
    assert [type(one).__name__ for one in found(b"".join(members))] == ["Record", "Record", "Fault", *["Record"] * 3]


@pytest.mark.parametrize("junk", [b"junk" * 9, b"\x1f\x8bnot gzip at all"])
def test_junk_after_a_member_is_one_fault_by_any_split(junk: bytes) -> None:
    members = [gzip.compress(record(number)) for number in range(COUNT)]
    content = b"".join(members[:3]) + junk + b"".join(members[3:]) + junk
    whole = found(content)
    assert [type(one).__name__ for one in whole].count("Fault") == 2
    for step in range(1, len(content), 7):
        assert [one for at in range(0, len(content), step) for one in found(content, at, at + step)] == whole


def test_members_that_go_on_for_ever_stay_within_the_limit() -> None:
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 99999999\r\n\r\n"
    content = gzip.compress(head) + gzip.compress(bytes(60_000)) * 50 + gzip.compress(record(1))
    read = found(content, limit=100_000)
    assert [one.rule if isinstance(one, Fault) else one.type for one in read] == ["size", "response"]


@pytest.mark.parametrize("together", [2, 3, 6])
@pytest.mark.parametrize("size", [30, 3000])
def test_members_of_several_records_give_each_of_them(together: int, size: int) -> None:
    whole = [record(number, size) for number in range(COUNT)]
    groups = [whole[at : at + together] for at in range(0, COUNT, together)]
    for pack in PACKERS.values():
        read = found(b"".join(pack(b"".join(group)) for group in groups), limit=1 << 20)
        assert [one.content for one in read if isinstance(one, Record)] == [
            one.content for one in found(b"".join(whole))
        ]
        assert len(read) == COUNT


def test_skippable_frames_stand_anywhere_between_records() -> None:
    pack = zstandard.ZstdCompressor().compress
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0\x0c\0\0\0"  # what pzstd writes before each frame
    content = b"".join(skippable + pack(record(number)) for number in range(COUNT)) + skippable * 2
    read = found(content)
    assert [one.content for one in read if isinstance(one, Record)] == [record_of(at).content for at in range(COUNT)]
    assert len(read) == COUNT
    for step in (7, 100, 333):
        assert [one for at in range(0, len(content), step) for one in found(content, at, at + step)] == read
