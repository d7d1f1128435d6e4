# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, embedsignature=True
"""The compiled wire: one epoll of its own, nested in the running loop, drives accepted, dialled and relayed connections.

Relayed bytes never become Python objects: a relay is two C structs for its sides and one for both (about 1 KB), with
buffers only while something waits. The parts, in order of inclusion: OpenSSL by name, one connection, the relay, time,
streams; here is the engine that joins them.
"""

import os
from asyncio import timeout
from ssl import SSLError

from gateway.frames import close_frame
from gateway.relay import Cause, Close, Ending, Farewell, Side, Traffic

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from gateway.io.compiled.linux cimport *
from gateway.io.compiled.walk cimport *

cdef enum:
    READ_BYTES = 262144         # one read of a relay; shared by all of them
    MOST_EVENTS = 128           # a turn, so that the rest of the loop gets its own
    MOST_TURNS = 4              # reads of one side in a turn while it fills the buffer
    MOST_ACCEPTS = 64

cdef double FOREVER = 1e18
ACCEPT_BACK_OFF = 0.1           # out of descriptors: the backlog waits instead of spinning
SCAN_EVERY = 0.25
TLS_1_3_CIPHERS = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"  # the first costs 5 % less
TLS_1_2_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
TLS_LIBRARY_IS_SHARED = False   # set below: whether this interpreter's OpenSSL can be called
CAUSES = tuple(Cause)           # Verdict numbers them
USER_TIMEOUT_MS = 20_000        # of a worker's side; its lease ends what TCP's keep-alive would find much later

include "openssl.pxi"
include "conn.pxi"
include "walking.pxi"
include "states.pxi"
include "relaying.pxi"
include "parting.pxi"
include "clockwork.pxi"
include "streams.pxi"
include "handles.pxi"
include "addresses.pxi"
include "engine.pxi"

import _ssl

TLS_LIBRARY_IS_SHARED = find_openssl(os.fsencode(getattr(_ssl, "__file__", "")))
