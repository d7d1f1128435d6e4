/* SHA-1 (RFC 3174) and base64, for the one answer RFC 6455 section 4.2.2 asks of a server. */
#include "load.h"

#include <string.h>

static uint32_t rol(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else f = b ^ c ^ d, k = 0xCA62C1D6;
        uint32_t t = rol(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rol(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

static void base64(const uint8_t *from, size_t bytes, char *to)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t v = (uint32_t)from[i] << 16 | (i + 1 < bytes ? from[i + 1] << 8 : 0) | (i + 2 < bytes ? from[i + 2] : 0);
        *to++ = digit[v >> 18];
        *to++ = digit[v >> 12 & 63];
        *to++ = i + 1 < bytes ? digit[v >> 6 & 63] : '=';
        *to++ = i + 2 < bytes ? digit[v & 63] : '=';
    }
    *to = 0;
}

void accept_value(const char *key, size_t key_bytes, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t block[128] = {0}, digest[20];
    if (key_bytes > 24) key_bytes = 24; /* a key is 16 bytes in base64; with the GUID it always fits two blocks */
    memcpy(block, key, key_bytes);
    memcpy(block + key_bytes, guid, 36);
    size_t bytes = key_bytes + 36, blocks = bytes + 9 > 64 ? 2 : 1;
    block[bytes] = 0x80;
    block[blocks * 64 - 2] = (uint8_t)(bytes * 8 >> 8);
    block[blocks * 64 - 1] = (uint8_t)(bytes * 8);
    for (size_t i = 0; i < blocks; i++) sha1_block(h, block + 64 * i);
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
    base64(digest, 20, out);
}
