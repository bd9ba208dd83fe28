"""What the driver and the zygote say to each other, over one Unix socket.

driver to zygote    S length, then a pickled Setup, with the page's descriptor; F slot, with the worker's; K pid
zygote to driver    H major, minor; F pid, slot; X pid, status
"""

from __future__ import annotations

import struct

COMMAND = struct.Struct("<cxxxi")
ANSWER = struct.Struct("<cxxxii")
