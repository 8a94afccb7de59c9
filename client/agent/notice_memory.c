/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/notice_memory.h"

#include "base/encode.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_NAME "notices"

static bool digest_of(const char *rule, uint8_t ret[static BASE_SHA256_LEN])
{
        const struct base_bytes piece = base_bytes_from_string(rule);

        return base_sha256(&piece, 1, ret, NULL);
}

static struct agent_notice_cause *find(const struct agent_notice_memory *memory, const uint8_t digest[static BASE_SHA256_LEN])
{
        for (size_t i = 0; i < memory->count; i++)
                if (memcmp(memory->causes[i].digest, digest, BASE_SHA256_LEN) == 0)
                        return (struct agent_notice_cause *) &memory->causes[i];
        return NULL;
}

/* A time that is not yet is one from before the clock was set back. */
static bool is_fresh(const struct agent_notice_cause *cause, uint64_t now_s)
{
        return cause->told_s <= now_s && now_s - cause->told_s < AGENT_NOTICE_DAY_S;
}

bool agent_notice_memory_has(const struct agent_notice_memory *memory, const char *rule, uint64_t now_s)
{
        uint8_t digest[BASE_SHA256_LEN];
        const struct agent_notice_cause *cause;

        if (!digest_of(rule, digest))
                return true;
        cause = find(memory, digest);
        return cause != NULL && is_fresh(cause, now_s);
}

bool agent_notice_memory_add(struct agent_notice_memory *memory, const char *rule, uint64_t now_s)
{
        struct agent_notice_cause *cause;
        uint8_t digest[BASE_SHA256_LEN];

        if (!digest_of(rule, digest))
                return false;
        cause = find(memory, digest);
        for (size_t i = 0; i < memory->count && cause == NULL; i++)
                if (!is_fresh(&memory->causes[i], now_s))
                        cause = &memory->causes[i];
        if (cause == NULL && memory->count < AGENT_NOTICE_CAUSES_MAX)
                cause = &memory->causes[memory->count++];
        if (cause == NULL)
                return false;
        memcpy(cause->digest, digest, sizeof(digest));
        cause->told_s = now_s;
        return true;
}

void agent_notice_memory_remove(struct agent_notice_memory *memory, const char *rule)
{
        struct agent_notice_cause *cause;
        uint8_t digest[BASE_SHA256_LEN];

        if (!digest_of(rule, digest))
                return;
        cause = find(memory, digest);
        if (cause != NULL)
                *cause = memory->causes[--memory->count];
}

/* "DIGEST SECONDS"; false if the line is anything else. */
static bool parse_line(struct base_bytes line, struct agent_notice_cause *ret)
{
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(BASE_SHA256_LEN);
        const size_t digits_at = BASE_SHA256_LEN * 2 + 1;

        if (line.len <= digits_at || line.data[digits_at - 1] != ' ' ||
            !base_hex_decode(&digest, (const char *) line.data, BASE_SHA256_LEN * 2))
                return false;
        ret->told_s = 0;
        for (size_t i = digits_at; i < line.len; i++)
                if (line.data[i] < '0' || line.data[i] > '9' || __builtin_mul_overflow(ret->told_s, 10, &ret->told_s) ||
                    __builtin_add_overflow(ret->told_s, line.data[i] - '0', &ret->told_s))
                        return false;
        memcpy(ret->digest, digest.data, BASE_SHA256_LEN);
        return true;
}

bool agent_notice_memory_parse(struct agent_notice_memory *memory, struct base_bytes text)
{
        memory->count = 0;
        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                size_t len = newline == NULL ? text.len : (size_t) (newline - text.data);

                if (newline == NULL || memory->count == AGENT_NOTICE_CAUSES_MAX ||
                    !parse_line(BASE_BYTES(text.data, len), &memory->causes[memory->count])) {
                        memory->count = 0;
                        return false;
                }
                memory->count++;
                text = BASE_BYTES(text.data + len + 1, text.len - len - 1);
        }
        return true;
}

static void read_file(struct agent_notice_memory *memory)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_NOTICE_FILE_MAX);
        char path[AGENT_NOTICE_PATH_MAX + sizeof("/" FILE_NAME)];

        (void) snprintf(path, sizeof(path), "%s/" FILE_NAME, memory->directory);
        if (base_file_read(path, &text, NULL))
                (void) !agent_notice_memory_parse(memory, base_buffer_bytes(&text));
}

void agent_notice_memory_load(struct agent_notice_memory *memory, const char *state_home, const char *home)
{
        int len = 0;

        *memory = (struct agent_notice_memory){ .count = 0 };
        if (state_home != NULL && state_home[0] == '/')
                len = snprintf(memory->directory, sizeof(memory->directory), "%s/attester-agent", state_home);
        else if (home != NULL && home[0] == '/')
                len = snprintf(memory->directory, sizeof(memory->directory), "%s/.local/state/attester-agent", home);
        if (len >= (int) sizeof(memory->directory))
                memory->directory[0] = '\0';
        if (memory->directory[0] != '\0')
                read_file(memory);
}

/* Makes the directory and those above it that are not there. */
static bool make_directories(const char *path, struct base_error *error)
{
        char part[AGENT_NOTICE_PATH_MAX];

        (void) snprintf(part, sizeof(part), "%s", path);
        for (char *at = strchr(part + 1, '/');; at = strchr(at + 1, '/')) {
                if (at != NULL)
                        *at = '\0';
                if (mkdir(part, 0700) < 0 && errno != EEXIST)
                        return base_error_set_errno(error, errno, "cannot make the directory %s", part);
                if (at == NULL)
                        return true;
                *at = '/';
        }
}

bool agent_notice_memory_save(const struct agent_notice_memory *memory, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_NOTICE_FILE_MAX);
        base_auto_close int directory = -1;

        if (memory->directory[0] == '\0')
                return base_error_set(error, BASE_ERROR_IO, "neither XDG_STATE_HOME nor HOME is set");
        if (!make_directories(memory->directory, error))
                return false;
        directory = open(memory->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return base_error_set_errno(error, errno, "cannot open the directory %s", memory->directory);
        for (size_t i = 0; i < memory->count; i++) {
                base_hex_encode(&text, BASE_BYTES_OF(memory->causes[i].digest));
                base_buffer_printf(&text, " %" PRIu64 "\n", memory->causes[i].told_s);
        }
        if (!base_buffer_ok(&text))
                return base_error_set_no_memory(error);
        return base_file_replace_at(directory, FILE_NAME, base_buffer_bytes(&text), 0600, error);
}
