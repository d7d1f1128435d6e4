# What a relay is: its states, the news its owner gets, its struct.

cdef enum State:
    OPEN
    CLOSING                     # one close frame has passed
    DECIDED                     # the owner has yet to hear of it
    PARTING                     # farewells under way, what comes is read and dropped
    OVER                        # both descriptors are closed

cdef enum News:                 # why a relay is in the queue
    FRESH = 1                   # holds bytes that came before it began
    HEARD = 2                   # the client is alive
    END = 4
    GONE = 8

cdef struct Relay:
    double due                  # nothing expires before; first, so that the scan touches one cache line
    Relay* next
    Relay* previous
    Relay* queue_next
    Conn* client
    Conn* worker
    Conn* first_closer
    Conn* by
    int cause                   # Verdict
    uint8_t state
    uint8_t news
    uint8_t wants_ping
    uint8_t probing
    uint64_t pings
    double began_closing_at
    double data_at              # last data message
    double pinged_at            # 0: no ping is out
    double decided_at
    double ping_every
    double pong_within
    double idle
    double slow
    double linger
    uint32_t buffer_bytes
    int unacknowledged          # bytes in the kernel for the client when it was pinged
    PyObject* owner             # these two are owned
    PyObject* handle
    Bounds bounds
