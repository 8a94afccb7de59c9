/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/predict.h"

#include "evidence/eventlog/efi.h"
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/pe.h"
#include "evidence/eventlog/replay.h"

#include <strings.h>

#define PCR_FILES       9
#define PCR_SECURE_BOOT 7

#define EFIVARFS_ATTRIBUTES_LEN 4
#define VARIABLE_HEAD_LEN       (EVIDENCE_EFI_GUID_LEN + 2 * 8) /* GUID and the lengths of name and content */

enum kind {
        KIND_OTHER,
        KIND_IMAGE,
        KIND_VARIABLE,
        KIND_FILE,
};

bool evidence_prediction_new(const struct evidence_eventlog *log, uint16_t algorithm, struct evidence_prediction **ret,
                             struct base_error *error)
{
        evidence_auto_prediction struct evidence_prediction *prediction = calloc(1, sizeof(*prediction));
        size_t bank = 0;

        while (bank < log->bank_count && log->banks[bank] != algorithm)
                bank++;
        if (bank == log->bank_count)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "The event log has no digests of bank 0x%04x.", algorithm);
        if (prediction == NULL)
                return base_error_set_no_memory(error);
        prediction->log = *log;
        prediction->log.events = calloc(log->event_count + 1, sizeof(*log->events));
        if (prediction->log.events == NULL)
                return base_error_set_no_memory(error);
        if (log->event_count > 0)
                memcpy(prediction->log.events, log->events, log->event_count * sizeof(*log->events));
        prediction->bank = bank;
        *ret = BASE_STEAL(prediction);
        return true;
}

void evidence_prediction_free(struct evidence_prediction *prediction)
{
        if (prediction == NULL)
                return;
        free(prediction->log.events);
        free(prediction);
}

bool evidence_prediction_set_digest(struct evidence_prediction *prediction, size_t event,
                                    const uint8_t digest[static EVIDENCE_PCR_VALUE_BYTES_MAX], struct base_error *error)
{
        struct evidence_prediction_change *change = prediction->changes;

        while (change < prediction->changes + prediction->change_count && change->event != event)
                change++;
        if (change == prediction->changes + EVIDENCE_PREDICTION_CHANGES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "More than %d events change.",
                                      EVIDENCE_PREDICTION_CHANGES_MAX);
        if (change == prediction->changes + prediction->change_count)
                prediction->change_count++;
        change->event = event;
        memcpy(change->digest, digest, sizeof(change->digest));
        prediction->log.events[event].digests[prediction->bank] = change->digest;
        return true;
}

static enum kind kind_of(const struct evidence_eventlog_event *event)
{
        switch (event->type) {
        case EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION:
        case EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER:
        case EVIDENCE_EVENTLOG_EFI_RUNTIME_SERVICES_DRIVER:
                return KIND_IMAGE;
        case EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG:
                return event->pcr == PCR_SECURE_BOOT ? KIND_VARIABLE : KIND_OTHER;
        case EVIDENCE_EVENTLOG_IPL:
                return event->pcr == PCR_FILES ? KIND_FILE : KIND_OTHER;
        default:
                return KIND_OTHER;
        }
}

static bool is_slash(char c)
{
        return c == '/' || c == '\\';
}

/* Whether `path` ends with the whole components of `end`. */
static bool path_ends_with(const char *path, const char *end)
{
        size_t path_len = strlen(path), len = strlen(end);
        const char *at = path + path_len - len;

        if (len == 0 || len > path_len)
                return false;
        for (size_t i = 0; i < len; i++)
                if (!(is_slash(at[i]) && is_slash(end[i])) && strncasecmp(&at[i], &end[i], 1) != 0)
                        return false;
        return at == path || is_slash(*at) || is_slash(at[-1]);
}

static bool is_named(const struct evidence_eventlog_event *event, const char *what)
{
        char text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1];
        struct evidence_efi_variable variable;

        switch (kind_of(event)) {
        case KIND_VARIABLE:
                return evidence_efi_variable_parse(event->data, &variable) && strcmp(variable.name, what) == 0;
        case KIND_IMAGE:
        case KIND_FILE:
                evidence_eventlog_describe(event, text);
                return path_ends_with(text, what);
        case KIND_OTHER:
                break;
        }
        return false;
}

/* Whether the digest is what it should be, so that another one can be made in the same way. */
static bool is_hash_of(const struct evidence_prediction *prediction, const struct evidence_eventlog_event *event,
                       struct base_bytes data, struct base_error *error)
{
        uint16_t algorithm = prediction->log.banks[prediction->bank];
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];

        return event->digests[prediction->bank] != NULL && evidence_eventlog_hash(algorithm, &data, 1, digest, error) &&
               memcmp(digest, event->digests[prediction->bank], evidence_pcr_value_len(algorithm)) == 0;
}

static bool hash_image(const struct evidence_prediction *prediction, struct base_bytes file, const char *name, uint8_t *ret,
                       struct base_error *error)
{
        struct evidence_pe pe;

        if (!evidence_pe_parse(file, &pe, error))
                return base_error_prefix(error, "%s", name);
        return evidence_pe_authenticode(&pe, prediction->log.banks[prediction->bank], ret, error);
}

static bool signature_lists(struct base_bytes file, const char *name, struct base_bytes *ret, struct base_error *error)
{
        size_t count;

        if (evidence_efi_signatures_count(file, &count)) {
                *ret = file;
                return true;
        }
        if (file.len >= EFIVARFS_ATTRIBUTES_LEN) {
                *ret = BASE_BYTES(file.data + EFIVARFS_ATTRIBUTES_LEN, file.len - EFIVARFS_ATTRIBUTES_LEN);
                if (evidence_efi_signatures_count(*ret, &count))
                        return true;
        }
        return base_error_set(error, BASE_ERROR_MALFORMED,
                              "%s: offset 0: these are no EFI signature lists. Of a signed update (.auth, dbxupdate) firmware "
                              "appends what it lacks: install it and give the variable as it is then, from "
                              "/sys/firmware/efi/efivars.",
                              name);
}

static bool hash_variable(struct evidence_prediction *prediction, const struct evidence_eventlog_event *event,
                          struct base_bytes file, const char *name, uint8_t *ret, struct base_error *error)
{
        struct evidence_efi_variable variable;
        struct base_bytes content;
        uint8_t len[8];
        bool is_db, is_dbx;

        if (!evidence_efi_variable_parse(event->data, &variable) || !is_hash_of(prediction, event, event->data, NULL))
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "Event %u at offset %zu is not measured as the specification says, so nobody can tell what "
                                      "this firmware would measure for %s.",
                                      (unsigned) event->number, event->offset, name);
        is_db = strcmp(variable.name, "db") == 0;
        is_dbx = strcmp(variable.name, "dbx") == 0;
        if (!is_db && !is_dbx && strcmp(variable.name, "PK") != 0 && strcmp(variable.name, "KEK") != 0)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "Of PCR 7's variables PK, KEK, db and dbx can be replaced, not %s.", variable.name);
        if (!signature_lists(file, name, &content, error))
                return false;
        if (is_db)
                prediction->db = content;
        if (is_dbx)
                prediction->dbx = content;
        for (unsigned i = 0; i < sizeof(len); i++)
                len[i] = (uint8_t) ((uint64_t) content.len >> (8 * i));
        return evidence_eventlog_hash(prediction->log.banks[prediction->bank],
                                      (struct base_bytes[]){
                                              BASE_BYTES(event->data.data, VARIABLE_HEAD_LEN - sizeof(len)),
                                              BASE_BYTES_OF(len),
                                              BASE_BYTES(event->data.data + VARIABLE_HEAD_LEN,
                                                         event->data.len - VARIABLE_HEAD_LEN - variable.content.len),
                                              content,
                                      },
                                      4, ret, error);
}

static bool replace_event(struct evidence_prediction *prediction, size_t at, struct base_bytes file, const char *name,
                          struct base_error *error)
{
        const struct evidence_eventlog_event *event = &prediction->log.events[at];
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX] = { 0 };
        bool done = false;

        switch (kind_of(event)) {
        case KIND_IMAGE:
                done = hash_image(prediction, file, name, digest, error);
                break;
        case KIND_VARIABLE:
                done = hash_variable(prediction, event, file, name, digest, error);
                break;
        case KIND_FILE:
                done = evidence_eventlog_hash(prediction->log.banks[prediction->bank], &file, 1, digest, error);
                break;
        case KIND_OTHER:
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "Event %u at offset %zu is no image, no variable of PCR 7 and no file of PCR 9: nothing is "
                                      "known that could take its place.",
                                      (unsigned) event->number, event->offset);
        }
        return done && evidence_prediction_set_digest(prediction, at, digest, error);
}

static bool same_digest(const struct evidence_prediction *prediction, size_t a, size_t b)
{
        const uint8_t *left = prediction->log.events[a].digests[prediction->bank];
        const uint8_t *right = prediction->log.events[b].digests[prediction->bank];

        return left != NULL && right != NULL &&
               memcmp(left, right, evidence_pcr_value_len(prediction->log.banks[prediction->bank])) == 0;
}

/* The events of that name; they must be measurements of one thing. */
static bool find_events(const struct evidence_prediction *prediction, const char *what,
                        size_t ret[static EVIDENCE_PREDICTION_CHANGES_MAX], size_t *ret_count, struct base_error *error)
{
        bool number = what[0] != '\0' && what[strspn(what, "0123456789")] == '\0' && strlen(what) <= 5;
        size_t count = 0;

        for (size_t i = 0; i < prediction->log.event_count; i++) {
                const struct evidence_eventlog_event *event = &prediction->log.events[i];

                if (event->type == EVIDENCE_EVENTLOG_NO_ACTION ||
                    (number ? event->number != strtoul(what, NULL, 10) : !is_named(event, what)))
                        continue;
                if (count > 0 && !same_digest(prediction, ret[0], i))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "\"%.80s\" names events %zu and %zu, which differ: give more of the path, or the "
                                              "event's number.",
                                              what, ret[0], i);
                if (count == EVIDENCE_PREDICTION_CHANGES_MAX)
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "\"%.80s\" names more than %d events.", what,
                                              EVIDENCE_PREDICTION_CHANGES_MAX);
                ret[count++] = i;
        }
        if (count == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "The log has no event \"%.80s\"; \"attestctl log show\" lists them.", what);
        *ret_count = count;
        return true;
}

bool evidence_prediction_replace(struct evidence_prediction *prediction, const char *what, struct base_bytes file,
                                 const char *name, struct base_error *error)
{
        size_t events[EVIDENCE_PREDICTION_CHANGES_MAX], count = 0;

        if (!find_events(prediction, what, events, &count, error))
                return false;
        for (size_t i = 0; i < count; i++)
                if (!replace_event(prediction, events[i], file, name, error))
                        return false;
        return true;
}

bool evidence_prediction_compute(const struct evidence_prediction *prediction, struct evidence_pcr_bank *ret,
                                 struct base_error *error)
{
        return evidence_eventlog_compute(&prediction->log, prediction->log.banks[prediction->bank], ret, error);
}
