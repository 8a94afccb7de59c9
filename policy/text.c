/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* The bytes of the well-formed character at `at`, or 0. A NUL inside a sequence is no continuation byte, so it ends there. */
static size_t character_len(const unsigned char *at)
{
        uint32_t value;
        size_t len;

        if (*at < 0x80)
                return *at >= 0x20 && *at != 0x7f ? 1 : 0;
        if (*at >= 0xc2 && *at <= 0xdf)
                len = 2;
        else if ((*at & 0xf0) == 0xe0)
                len = 3;
        else if (*at >= 0xf0 && *at <= 0xf4)
                len = 4;
        else
                return 0;
        value = *at & (0x7fU >> len);
        for (size_t i = 1; i < len; i++) {
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (at[i] & 0x3fU);
        }
        if (len == 2)
                return value >= 0xa0 ? 2 : 0; /* U+0080–U+009F are controls */
        if (len == 3)
                return value >= 0x800 && (value < 0xd800 || value > 0xdfff) ? 3 : 0;
        return value >= 0x10000 && value <= 0x10ffff ? 4 : 0;
}

bool policy_text_valid(const char *text)
{
        const unsigned char *at = (const unsigned char *) text;

        while (*at != '\0') {
                size_t len = character_len(at);

                if (len == 0)
                        return false;
                at += len;
        }
        return true;
}

void policy_text_clean(char *to, size_t size, const char *from)
{
        const unsigned char *at = (const unsigned char *) from;
        size_t put = 0;

        while (*at != '\0') {
                size_t len;

                /* What most texts are. */
                if (*at >= 0x20 && *at < 0x7f && put + 1 < size) {
                        to[put++] = (char) *at++;
                        continue;
                }
                len = character_len(at);
                if (put + (len == 0 ? 1 : len) >= size)
                        break;
                if (len == 0)
                        to[put] = '?';
                else
                        memmove(to + put, at, len);
                put += len == 0 ? 1 : len;
                at += len == 0 ? 1 : len;
        }
        to[put] = '\0';
}

struct policy_sentence policy_sentence_over(char *text, size_t size)
{
        text[0] = '\0';
        return (struct policy_sentence){ .text = text, .size = size };
}

void policy_sentence_put(struct policy_sentence *sentence, const char *text)
{
        size_t left = sentence->size - sentence->len;
        size_t len = strnlen(text, left - 1);

        memcpy(sentence->text + sentence->len, text, len);
        sentence->len += len;
        sentence->text[sentence->len] = '\0';
}

void policy_sentence_printf(struct policy_sentence *sentence, const char *format, ...)
{
        size_t left = sentence->size - sentence->len;
        va_list arguments;
        int len;

        va_start(arguments, format);
        len = vsnprintf(sentence->text + sentence->len, left, format, arguments);
        va_end(arguments);
        if (len > 0)
                sentence->len += (size_t) len < left ? (size_t) len : left - 1;
}

/* A character that was cut in its middle at the end of the array must vanish and not become a '?'. */
static void drop_partial_character(struct policy_sentence *sentence)
{
        const unsigned char *text = (const unsigned char *) sentence->text;
        size_t start = sentence->len;

        if (sentence->len + 1 < sentence->size)
                return;
        while (start > 0 && sentence->len - start < 4 && (text[start - 1] & 0xc0) == 0x80)
                start--;
        if (start > 0 && text[start - 1] >= 0xc0 && character_len(text + start - 1) == 0)
                sentence->len = start - 1;
        sentence->text[sentence->len] = '\0';
}

void policy_sentence_finish(struct policy_sentence *sentence)
{
        drop_partial_character(sentence);
        policy_text_clean(sentence->text, sentence->size, sentence->text);
}
