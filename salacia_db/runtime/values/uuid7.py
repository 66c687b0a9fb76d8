"""UUIDs of version 7 (RFC 9562): they sort by the time at which they were made."""

import secrets
import threading
import time
from uuid import UUID

_RANDOM_BITS = 74
_LIMIT = 1 << _RANDOM_BITS
# After the version 4 bits, after the variant 2 bits: 12 random bits before, 62 behind.
_FIXED = (0x7 << 76) | (0x2 << 62)
_LOW = (1 << 62) - 1

_lock = threading.Lock()
_last_ms = 0
_last_random = 0


def uuid7() -> UUID:
    """A new UUID, greater than every one that this process made before; safe in threads.

    48 bits are the milliseconds since 1970, 74 are random. Within a millisecond, and while the
    clock stands back, the random part grows by random steps instead.
    """
    global _last_ms, _last_random
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _last_ms:
            # The top bit starts clear, so that there is room to grow.
            ms, random = now, secrets.randbits(_RANDOM_BITS - 1)
        else:
            ms, random = _last_ms, _last_random + 1 + secrets.randbits(48)
            if random >= _LIMIT:
                ms, random = ms + 1, secrets.randbits(_RANDOM_BITS - 1)
        _last_ms, _last_random = ms, random
    return UUID(int=(ms << 80) | ((random >> 62) << 64) | _FIXED | (random & _LOW))
