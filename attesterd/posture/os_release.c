/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/os_release.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static const struct {
        const char *name;
        size_t offset;
} variables[] = {
        { "ID", offsetof(struct posture_os_release, id) },
        { "VERSION_ID", offsetof(struct posture_os_release, version_id) },
        { "BUILD_ID", offsetof(struct posture_os_release, build_id) },
        { "SUPPORT_END", offsetof(struct posture_os_release, support_end) },
};

/* Appends to a value; false if it is full. */
static bool put(char *to, size_t *len, uint8_t c)
{
        if (*len == POLICY_FACT_TEXT_BYTES_MAX || c == '\0')
                return false;
        to[(*len)++] = (char) c;
        return true;
}

/* The value between quotes; nothing but the closing quote may follow it. */
static bool unquote(struct base_bytes value, char *to, size_t *len)
{
        uint8_t quote = value.data[0];
        size_t at = 1;

        while (at < value.len && value.data[at] != quote) {
                uint8_t c = value.data[at];

                if (quote == '"' && (c == '$' || c == '`'))
                        return false;
                if (quote == '"' && c == '\\') {
                        if (++at == value.len || strchr("$\"\\`", value.data[at]) == NULL)
                                return false;
                        c = value.data[at];
                }
                if (!put(to, len, c))
                        return false;
                at++;
        }
        return at + 1 == value.len;
}

static bool copy_bare(struct base_bytes value, char *to, size_t *len)
{
        for (size_t i = 0; i < value.len; i++) {
                uint8_t c = value.data[i];

                /* What a shell would not take as a part of the word itself. */
                if (isspace(c) || c == '\0' || strchr("$`\"'\\;&|<>(){}*?[]#!~", c) != NULL || !put(to, len, c))
                        return false;
        }
        return true;
}

static bool parse_value(struct base_bytes value, char to[POLICY_FACT_TEXT_BYTES_MAX + 1])
{
        bool quoted = value.len > 0 && (value.data[0] == '"' || value.data[0] == '\'');
        size_t len = 0;
        bool ok = quoted ? unquote(value, to, &len) : copy_bare(value, to, &len);

        to[len] = '\0';
        return ok && policy_text_valid(to);
}

static struct base_bytes trim(struct base_bytes line)
{
        while (line.len > 0 && isspace(line.data[line.len - 1]))
                line.len--;
        while (line.len > 0 && isspace(line.data[0]))
                line = BASE_BYTES(line.data + 1, line.len - 1);
        return line;
}

static void parse_line(struct base_bytes line, unsigned number, struct posture_os_release *release)
{
        for (size_t i = 0; i < BASE_COUNT(variables); i++) {
                struct posture_os_release_value *value = (struct posture_os_release_value *) ((char *) release +
                                                                                              variables[i].offset);
                size_t len = strlen(variables[i].name);

                if (line.len <= len || memcmp(line.data, variables[i].name, len) != 0 || line.data[len] != '=')
                        continue;
                value->present = true;
                value->malformed_line = parse_value(BASE_BYTES(line.data + len + 1, line.len - len - 1), value->text) ? 0
                                                                                                                      : number;
        }
}

void posture_os_release_parse(struct base_bytes text, struct posture_os_release *ret)
{
        unsigned number = 0;

        *ret = (struct posture_os_release){ 0 };
        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                size_t len = newline == NULL ? text.len : (size_t) (newline - text.data);
                size_t taken = newline == NULL ? len : len + 1;

                parse_line(trim(BASE_BYTES(text.data, len)), ++number, ret);
                text = BASE_BYTES(text.data + taken, text.len - taken);
        }
}
