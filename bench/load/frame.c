#include "load.h"

#include <string.h>

size_t frame_header(uint8_t *out, uint8_t first, uint64_t payload_bytes, const uint8_t *mask)
{
    size_t n = 2;
    uint8_t bit = mask ? 0x80 : 0;
    out[0] = first;
    if (payload_bytes < 126) {
        out[1] = (uint8_t)(bit | payload_bytes);
    } else if (payload_bytes < 65536) {
        out[1] = bit | 126;
        out[2] = (uint8_t)(payload_bytes >> 8);
        out[3] = (uint8_t)payload_bytes;
        n = 4;
    } else {
        out[1] = bit | 127;
        for (int i = 0; i < 8; i++) out[2 + i] = (uint8_t)(payload_bytes >> (56 - 8 * i));
        n = 10;
    }
    if (!mask) return n;
    memcpy(out + n, mask, 4);
    return n + 4;
}

int frame_parse(const uint8_t *data, size_t bytes, uint64_t *payload_bytes)
{
    if (bytes < 2) return 0;
    uint64_t length = data[1] & 127;
    size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0, header = 2 + extended + (data[1] & 0x80 ? 4 : 0);
    if (bytes < header) return 0;
    if (extended) {
        length = 0;
        for (size_t i = 0; i < extended; i++) length = length << 8 | data[2 + i];
    }
    *payload_bytes = length;
    return (int)header;
}

void unmask(uint8_t *to, const uint8_t *from, size_t bytes, const uint8_t *mask)
{
    uint64_t wide, word;
    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) { /* each word is read before any byte of it can be overwritten, as `to` lies at or below `from` */
        memcpy(&word, from + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    for (; i < bytes; i++) to[i] = from[i] ^ mask[i & 3];
}
