"""How requests and replies look on the socket of the manager process: a length and a pickle.

Both ends are this library, and nobody speaks before the key was shown; what users put into queues is bytes here and
never unpickled by the manager.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
import struct

HEAD = struct.Struct("<Q")
NONCE_BYTES = 32
KEY_BYTES = 32


def encode(message: object) -> bytes:
    """Return a message as it is sent."""
    body = pickle.dumps(message, 5)
    return HEAD.pack(len(body)) + body


def proof(key: bytes, nonce: bytes) -> bytes:
    """Return what only somebody who has the key can answer to a nonce."""
    return hmac.digest(key, nonce, hashlib.sha256)
