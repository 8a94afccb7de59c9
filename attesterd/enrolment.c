/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/enrolment.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/ini.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define DIRECTORY      "issuers"
#define FILE_BYTES_MAX 1024
#define PATH_BYTES_MAX (sizeof(DIRECTORY) + NAME_MAX + 1)

bool attesterd_device_valid(const char *device)
{
        size_t len = strlen(device);

        if (len == 0 || len > EVIDENCE_DEVICE_MAX)
                return false;
        for (size_t i = 0; i < len; i++)
                if (device[i] <= ' ' || device[i] > '~')
                        return false;
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct attesterd_enrolment *enrolment = context;
        base_auto_buffer struct base_buffer name = BASE_BUFFER_INIT(EVIDENCE_KEY_ID_LEN);

        if (entry->key == NULL)
                return true;
        if (strcmp(entry->key, "Device") != 0 && strcmp(entry->key, "KeyName") != 0)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "%s:%u: %s= is not known", entry->file, entry->line,
                                      entry->key);
        if (strcmp(entry->key, "Device") == 0 && attesterd_device_valid(entry->value)) {
                (void) snprintf(enrolment->device, sizeof(enrolment->device), "%s", entry->value);
                return true;
        }
        if (strcmp(entry->key, "KeyName") == 0 && base_hex_decode(&name, entry->value, strlen(entry->value)) &&
            name.len == EVIDENCE_KEY_ID_LEN) {
                memcpy(enrolment->key_name, name.data, name.len);
                enrolment->enrolled = true;
                return true;
        }
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s:%u is damaged", entry->file, entry->line);
}

static void path_of(const char *issuer, char ret[static PATH_BYTES_MAX])
{
        (void) snprintf(ret, PATH_BYTES_MAX, DIRECTORY "/%s", issuer);
}

bool attesterd_enrolment_load(int state_dir_fd, const char *issuer, struct attesterd_enrolment *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(FILE_BYTES_MAX);
        struct attesterd_enrolment enrolment = { .enrolled = false };
        struct base_error problem = BASE_ERROR_INIT;
        char path[PATH_BYTES_MAX];

        path_of(issuer, path);
        if (!base_file_read_at(state_dir_fd, path, &text, &problem)) {
                if (problem.code != BASE_ERROR_NOT_FOUND)
                        return base_error_copy(error, &problem);
                *ret = enrolment;
                return true;
        }
        if (!base_ini_parse(path, base_buffer_bytes(&text), visit, &enrolment, &problem) || !enrolment.enrolled ||
            enrolment.device[0] == '\0') {
                (void) base_error_set(error, BASE_ERROR_STATE_INVALID, "the record of the enrolment with %s %s; enrol again",
                                      issuer,
                                      problem.code == BASE_ERROR_UNSUPPORTED ? "was written by a newer attesterd" : "is damaged");
                base_error_set_detail(error, "%s", problem.message);
                return false;
        }
        *ret = enrolment;
        return true;
}

bool attesterd_enrolment_save(int state_dir_fd, const char *issuer, const struct attesterd_enrolment *enrolment,
                              struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(FILE_BYTES_MAX);
        char path[PATH_BYTES_MAX];

        if (mkdirat(state_dir_fd, DIRECTORY, 0700) < 0 && errno != EEXIST)
                return base_error_set_errno(error, errno, "cannot make the directory %s of enrolments", DIRECTORY);
        base_buffer_printf(&text, "[Enrolment]\nDevice=%s\nKeyName=", enrolment->device);
        base_hex_encode(&text, BASE_BYTES_OF(enrolment->key_name));
        base_buffer_put_string(&text, "\n");
        if (!base_buffer_ok(&text))
                return base_error_set_no_memory(error);
        path_of(issuer, path);
        return base_file_replace_at(state_dir_fd, path, base_buffer_bytes(&text), 0600, error);
}

bool attesterd_enrolment_remove(int state_dir_fd, const char *issuer, struct base_error *error)
{
        char path[PATH_BYTES_MAX];

        path_of(issuer, path);
        if (unlinkat(state_dir_fd, path, 0) < 0 && errno != ENOENT)
                return base_error_set_errno(error, errno, "cannot remove the record of the enrolment with %s", issuer);
        return true;
}
