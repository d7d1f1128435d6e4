# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, embedsignature=True
"""The compiled half of gateway.heads: the grammar of heads in one pass over their bytes. Does exactly what gateway.plainscan does.

A head keeps the bytes it was read from and where its fields lie in them: a string is made only of what is asked for.
Every index is checked against the length of the bytes before it is used.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    FEW = 16                # fields that need no memory of their own
    LONGEST = 0x7FFFFFFF    # bytes; heads are bounded long before

cdef enum:
    NAME = 1                # a character of a token (RFC 9110 section 5.6.2)
    VALUE = 2               # one of a field's value
    PATH = 4                # one of a request target: visible, no fragment
    DIGIT64 = 8             # one of base64

cdef uint8_t KINDS[256]
cdef uint8_t LOWER[256]


cdef void fill_tables() noexcept:
    cdef int byte
    for byte in range(256):
        KINDS[byte] = 0
        LOWER[byte] = <uint8_t>(byte + 32 if 65 <= byte <= 90 else byte)
        if byte == 9 or 0x20 <= byte <= 0x7E or byte >= 0x80:
            KINDS[byte] |= VALUE
        if 0x21 <= byte <= 0x7E and byte != 0x23:
            KINDS[byte] |= PATH
    for byte in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        KINDS[byte] |= NAME | DIGIT64
    for byte in b"!#$%&'*+.^_`|~-":
        KINDS[byte] |= NAME
    for byte in b"+/":
        KINDS[byte] |= DIGIT64


fill_tables()


cdef struct Field:
    uint32_t name
    uint32_t name_size
    uint32_t value          # without white space around it
    uint32_t value_size


cdef inline bint is_word(const uint8_t* at, Py_ssize_t size, const char* lower, Py_ssize_t wanted_size) noexcept nogil:
    """Whether the bytes are that word, which is in lower case, whatever their own case."""
    cdef Py_ssize_t i
    if size != wanted_size:
        return False
    for i in range(size):
        if LOWER[at[i]] != <uint8_t>lower[i]:
            return False
    return True


cdef class Names:
    """Names of fields in lower case, and beginnings of names; see gateway.plainscan.Names."""

    cdef tuple words        # of bytes, which the pointers below point into
    cdef tuple starts
    cdef uint32_t sizes     # bit n: a word of n bytes is among them

    def __init__(self, names, beginnings=()):
        self.words = tuple([name.encode("ascii") for name in names])
        self.starts = tuple([start.encode("ascii") for start in beginnings])
        self.sizes = 0
        for word in self.words:
            self.sizes |= <uint32_t>1 << min(len(word), 31)

    cdef bint holds(self, const uint8_t* name, Py_ssize_t size):
        cdef bytes word
        if self.sizes >> min(size, 31) & 1:
            for word in self.words:
                if is_word(name, size, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
                    return True
        for word in self.starts:
            if begins(name, size, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
                return True
        return False


cdef bint begins(const uint8_t* name, Py_ssize_t size, const char* lower, Py_ssize_t wanted_size) noexcept nogil:
    """Whether the name begins so, "_" read as "-"."""
    cdef Py_ssize_t i
    cdef uint8_t byte
    if size < wanted_size:
        return False
    for i in range(wanted_size):
        byte = LOWER[name[i]]
        if byte == 95:
            byte = 45
        if byte != <uint8_t>lower[i]:
            return False
    return True


cdef class Head:
    """A start line and its fields in order; see gateway.plainscan.Head."""

    cdef bytes raw
    cdef const uint8_t* text
    cdef Py_ssize_t start_size
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef Field* rows
    cdef Field few[FEW]

    def __cinit__(self):
        self.rows = self.few
        self.room = FEW

    def __init__(self, str start not None, fields):
        cdef Py_ssize_t at = len(start)
        self.count = self.start_size = 0  # nothing points into bytes that are not there yet
        self.raw = "".join([start, *[name + value for name, value in fields]]).encode("latin-1")
        self.text = <const uint8_t*>PyBytes_AS_STRING(self.raw)
        if PyBytes_GET_SIZE(self.raw) > LONGEST:
            raise ValueError("no head is that long")
        self.start_size = at
        for name, value in fields:
            self.push(at, at + len(name), at + len(name), at + len(name) + len(value))
            at += len(name) + len(value)

    def __dealloc__(self):
        if self.rows != self.few:
            PyMem_Free(self.rows)

    cdef int push(self, Py_ssize_t name, Py_ssize_t name_end, Py_ssize_t value, Py_ssize_t value_end) except -1:
        cdef Field* row
        if self.count == self.room:
            self.grow()
        row = &self.rows[self.count]
        row.name = <uint32_t>name
        row.name_size = <uint32_t>(name_end - name)
        row.value = <uint32_t>value
        row.value_size = <uint32_t>(value_end - value)
        self.count += 1
        return 0

    cdef int grow(self) except -1:
        cdef Py_ssize_t room = 4 * self.room
        cdef Field* rows = <Field*>PyMem_Realloc(NULL if self.rows == self.few else self.rows, room * sizeof(Field))
        if rows == NULL:
            raise MemoryError
        if self.rows == self.few:
            memcpy(rows, self.few, sizeof(self.few))
        self.rows = rows
        self.room = room
        return 0

    cdef str name_of(self, Field* row):
        return PyUnicode_DecodeLatin1(<const char*>self.text + row.name, row.name_size, NULL)

    cdef str value_of(self, Field* row):
        return PyUnicode_DecodeLatin1(<const char*>self.text + row.value, row.value_size, NULL)

    @property
    def start(self):
        return PyUnicode_DecodeLatin1(<const char*>self.text, self.start_size, NULL)

    @property
    def fields(self):
        cdef Py_ssize_t i
        return tuple([(self.name_of(&self.rows[i]), self.value_of(&self.rows[i])) for i in range(self.count)])

    def __eq__(self, other):
        return isinstance(other, Head) and (self.start, self.fields) == (other.start, other.fields)

    __hash__ = None

    def __repr__(self):
        return f"Head({self.start!r}, {[name for name, _ in self.fields]})"

    def all(self, str name not None):
        cdef Py_ssize_t size, i
        cdef const char* wanted = PyUnicode_AsUTF8AndSize(name, &size)
        cdef Field* row
        cdef list found = []
        for i in range(self.count):
            row = &self.rows[i]
            if is_word(self.text + row.name, row.name_size, wanted, size):
                found.append(self.value_of(row))
        return found

    def lines_without(self, Names names not None, also=frozenset()):
        cdef Py_ssize_t i, size = 0, most = 0
        cdef Field* row
        cdef char* out
        cdef bytes lines
        for i in range(self.count):
            most += self.rows[i].name_size + self.rows[i].value_size + 4
        lines = PyBytes_FromStringAndSize(NULL, most)
        out = PyBytes_AS_STRING(lines)
        for i in range(self.count):
            row = &self.rows[i]
            if names.holds(self.text + row.name, row.name_size) or (also and self.name_of(row).lower() in also):
                continue
            memcpy(out + size, self.text + row.name, row.name_size)
            size += row.name_size
            memcpy(out + size, b": ", 2)
            size += 2
            memcpy(out + size, self.text + row.value, row.value_size)
            size += row.value_size
            memcpy(out + size, b"\r\n", 2)
            size += 2
        return PyUnicode_DecodeLatin1(out, size, NULL)

    def plain_upgrade(self):
        cdef Py_ssize_t i, target_size = self.start_size - 13
        cdef Field* row
        cdef Field* key = NULL
        cdef const uint8_t* name
        cdef const uint8_t* value
        cdef Py_ssize_t size
        cdef uint32_t seen = 0, this
        if target_size < 1 or not is_get(self.text, self.start_size):
            return None
        for i in range(self.count):
            row = &self.rows[i]
            name = self.text + row.name
            value = self.text + row.value
            size = row.value_size
            this = 0
            if row.name_size == 4 and is_word(name, 4, b"host", 4):
                this = 1 if size else 64
            elif row.name_size == 7 and is_word(name, 7, b"upgrade", 7):
                this = 2 if is_word(value, size, b"websocket", 9) else 64
            elif row.name_size == 10 and is_word(name, 10, b"connection", 10):
                this = 4 if is_word(value, size, b"upgrade", 7) else 64
            elif row.name_size == 21 and is_word(name, 21, b"sec-websocket-version", 21):
                this = 8 if size == 2 and value[0] == 49 and value[1] == 51 else 64
            elif row.name_size == 17 and is_word(name, 17, b"sec-websocket-key", 17):
                this = 16 if is_key(value, size) else 64
                key = row
            elif row.name_size == 17 and is_word(name, 17, b"transfer-encoding", 17):
                this = 64
            elif row.name_size == 14 and is_word(name, 14, b"content-length", 14):
                this = 64
            if this == 64 or seen & this:
                return None
            seen |= this
        if seen != 31:
            return None
        return PyUnicode_DecodeLatin1(<const char*>self.text + 4, target_size, NULL), self.value_of(key)


cdef bint is_get(const uint8_t* line, Py_ssize_t size) noexcept nogil:
    """Whether a request line of 14 bytes at least is `GET /... HTTP/1.1` with an origin-form target."""
    cdef Py_ssize_t i
    if memcmp(line, b"GET /", 5) != 0 or memcmp(line + size - 9, b" HTTP/1.1", 9) != 0:
        return False
    for i in range(5, size - 9):
        if not KINDS[line[i]] & PATH:
            return False
    return True


cdef bint is_key(const uint8_t* value, Py_ssize_t size) noexcept nogil:
    """16 bytes in base64: the last digit carries two bits."""
    cdef Py_ssize_t i
    if size != 24:
        return False
    for i in range(21):
        if not KINDS[value[i]] & DIGIT64:
            return False
    return value[21] in (65, 81, 103, 119) and value[22] == 61 and value[23] == 61


def parse_head(bytes raw not None):
    cdef const uint8_t* text = <const uint8_t*>PyBytes_AS_STRING(raw)
    cdef Py_ssize_t n = PyBytes_GET_SIZE(raw)
    cdef Py_ssize_t at = 0, name, colon, value, end
    cdef Head head
    if n > LONGEST:
        return None
    while at < n and text[at] != 13 and text[at] != 10:
        at += 1
    if not is_line_end(text, at, n):
        return None
    head = Head.__new__(Head)
    head.raw = raw
    head.text = text
    head.start_size = at
    at += 2
    while True:
        if is_line_end(text, at, n):
            return head if at + 2 == n else None
        name = at
        while at < n and KINDS[text[at]] & NAME:
            at += 1
        if at == name or at >= n or text[at] != 58:
            return None
        colon = at
        at += 1
        value = at
        while at < n and KINDS[text[at]] & VALUE:
            at += 1
        if not is_line_end(text, at, n):
            return None
        end = at
        while value < end and (text[value] == 32 or text[value] == 9):
            value += 1
        while end > value and (text[end - 1] == 32 or text[end - 1] == 9):
            end -= 1
        head.push(name, colon, value, end)
        at += 2


cdef inline bint is_line_end(const uint8_t* text, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    return at + 1 < n and text[at] == 13 and text[at + 1] == 10
