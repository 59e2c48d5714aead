"""Frames as the beats of a packet stream, packed as in ``packet_beat``: data, keep, last, error."""

from collections.abc import Iterable

__all__ = ["beats", "frames"]


def beats(frame: bytes, width: int, *, error: bool = False) -> list[int]:
    """The beats of *frame*, the last with the mark of a bad one where *error* is set."""
    out = []
    for at in range(0, len(frame), width):
        lanes = frame[at : at + width]
        keep = (1 << len(lanes)) - 1
        last = at + width >= len(frame)
        upper = keep | last << width | (last and error) << width + 1
        out.append(int.from_bytes(lanes, "little") | upper << 8 * width)
    return out


def frames(taken: Iterable[int], width: int) -> list[bytes]:
    """The frames that the beats *taken* make, marked or not; raises :exc:`AssertionError` for a
    broken one."""
    out, frame = [], bytearray()
    full = (1 << width) - 1
    for beat in taken:
        keep = beat >> 8 * width & full
        last = beat >> 9 * width & 1
        count = keep.bit_length()
        assert keep == (1 << count) - 1, "keep has a hole"
        assert last or keep == full, "a beat that is not the last is not full"
        assert keep, "a beat holds no byte"
        frame += (beat & (1 << 8 * width) - 1).to_bytes(width, "little")[:count]
        if last:
            out.append(bytes(frame))
            frame.clear()
    assert not frame, "the last frame does not end"
    return out
