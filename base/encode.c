/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"

static const char base64_digits[2][65] = {
        [BASE_BASE64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        [BASE_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void base_hex_encode(struct base_buffer *to, struct base_bytes from)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < from.len; i++) {
                base_buffer_put_u8(to, (uint8_t) digits[from.data[i] >> 4]);
                base_buffer_put_u8(to, (uint8_t) digits[from.data[i] & 15]);
        }
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool base_hex_decode(struct base_buffer *to, const char *from, size_t len)
{
        if (len % 2 != 0)
                return false;
        for (size_t i = 0; i < len; i++)
                if (hex_value(from[i]) < 0)
                        return false;
        for (size_t i = 0; i < len; i += 2)
                base_buffer_put_u8(to, (uint8_t) (hex_value(from[i]) << 4 | hex_value(from[i + 1])));
        return base_buffer_ok(to);
}

void base_base64_encode(struct base_buffer *to, struct base_bytes from, enum base_base64_alphabet alphabet)
{
        const char *digits = base64_digits[alphabet];

        for (size_t i = 0; i < from.len; i += 3) {
                size_t have = from.len - i < 3 ? from.len - i : 3;
                uint32_t group = (uint32_t) from.data[i] << 16;

                if (have > 1)
                        group |= (uint32_t) from.data[i + 1] << 8;
                if (have > 2)
                        group |= from.data[i + 2];
                for (size_t digit = 0; digit < 4; digit++)
                        base_buffer_put_u8(to, digit <= have ? (uint8_t) digits[group >> (18 - 6 * digit) & 63] : '=');
        }
}

static int base64_value(char c, enum base_base64_alphabet alphabet)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == base64_digits[alphabet][62])
                return 62;
        if (c == base64_digits[alphabet][63])
                return 63;
        return -1;
}

/* The number of digits before the padding; false if the padding, the digits or the trailing bits are wrong. */
static bool base64_check(const char *from, size_t len, enum base_base64_alphabet alphabet, size_t *ret_digits)
{
        size_t digits = len;

        while (digits > 0 && len - digits < 2 && from[digits - 1] == '=')
                digits--;
        if (digits % 4 == 1 || (digits != len && len % 4 != 0))
                return false;
        for (size_t i = 0; i < digits; i++)
                if (base64_value(from[i], alphabet) < 0)
                        return false;
        if (digits % 4 == 2 && (base64_value(from[digits - 1], alphabet) & 15) != 0)
                return false;
        if (digits % 4 == 3 && (base64_value(from[digits - 1], alphabet) & 3) != 0)
                return false;
        *ret_digits = digits;
        return true;
}

bool base_base64_decode(struct base_buffer *to, const char *from, size_t len, enum base_base64_alphabet alphabet)
{
        uint32_t group = 0;
        size_t digits;

        if (!base64_check(from, len, alphabet, &digits))
                return false;
        for (size_t i = 0; i < digits; i++) {
                group = group << 6 | (uint32_t) base64_value(from[i], alphabet);
                if (i % 4 == 1)
                        base_buffer_put_u8(to, (uint8_t) (group >> 4));
                else if (i % 4 == 2)
                        base_buffer_put_u8(to, (uint8_t) (group >> 2));
                else if (i % 4 == 3)
                        base_buffer_put_u8(to, (uint8_t) group);
        }
        return base_buffer_ok(to);
}

/* The length that the first byte of a UTF-8 sequence announces (RFC 3629), or 0. */
static size_t announced_len(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xC2 && first <= 0xDF)
                return 2;
        if ((first & 0xF0) == 0xE0)
                return 3;
        return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

size_t base_utf8_sequence_len(const char *string)
{
        const unsigned char *text = (const unsigned char *) string;
        unsigned char first = text[0];
        size_t len = announced_len(first);

        for (size_t i = 1; i < len; i++)
                if ((text[i] & 0xC0) != 0x80)
                        return 0;
        /* Overlong forms, surrogates, and what is beyond U+10FFFF. */
        if (len == 3 && ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F)))
                return 0;
        if (len == 4 && ((first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F)))
                return 0;
        return len;
}

size_t base_utf8_columns(const char *text)
{
        size_t columns = 0;

        for (; *text != '\0'; text++)
                columns += ((unsigned char) *text & 0xC0) != 0x80;
        return columns;
}
