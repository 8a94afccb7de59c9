/* SPDX-License-Identifier: BSD-2-Clause */
/* Another kernel command line. Sources as for loaders.c. */
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/predict.h"

#define PCR_GRUB         8
#define PCR_KERNEL_STUB  9
#define PCR_KERNEL_CONF  12
#define TAG_LOAD_OPTIONS 0x8f3b22edu

#define LINE_MAX 4096 /* characters; a kernel's own limit is 2048 or 4096 */

/* A command line in UTF-16, with the NUL that some loaders measure and others do not. */
struct line {
        uint8_t utf16[2 * (LINE_MAX + 1)];
        size_t len_bytes; /* without the NUL */
};

static struct base_bytes line_bytes(const struct line *line, bool with_nul)
{
        return BASE_BYTES(line->utf16, line->len_bytes + (with_nul ? 2 : 0));
}

static bool line_from_text(const char *text, struct line *ret, struct base_error *error)
{
        size_t len = strlen(text);

        *ret = (struct line){ .len_bytes = 2 * len };
        if (len > LINE_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A kernel command line has at most %d characters.",
                                      LINE_MAX);
        for (size_t i = 0; i < len; i++) {
                if ((unsigned char) text[i] < ' ' || (unsigned char) text[i] > '~')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "Character %zu of the kernel command line is not printable ASCII.", i + 1);
                ret->utf16[2 * i] = (uint8_t) text[i];
        }
        return true;
}

/* The line of an event, without its NUL; false if it is too long to be one. */
static bool line_from_event(const struct evidence_eventlog_event *event, struct line *ret)
{
        struct base_bytes data = event->data;

        *ret = (struct line){ .len_bytes = 0 };
        if (data.len >= 2 && data.data[data.len - 1] == 0 && data.data[data.len - 2] == 0)
                data.len -= 2;
        if (data.len == 0 || data.len % 2 != 0 || data.len > 2 * LINE_MAX)
                return false;
        memcpy(ret->utf16, data.data, data.len);
        ret->len_bytes = data.len;
        return true;
}

/* How the event measures `line`: found, and if so with or without the NUL. False with `error` set: CRYPTO. */
static bool measures(const struct evidence_prediction *prediction, const struct evidence_eventlog_event *event,
                     const struct line *line, bool *ret_found, bool *ret_with_nul, struct base_error *error)
{
        uint16_t algorithm = prediction->log.banks[prediction->bank];

        *ret_found = *ret_with_nul = false;
        if (event->digests[prediction->bank] == NULL)
                return true;
        for (unsigned with_nul = 0; with_nul <= 1; with_nul++) {
                struct base_bytes bytes = line_bytes(line, with_nul);
                uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];

                if (!evidence_eventlog_hash(algorithm, &bytes, 1, digest, error))
                        return false;
                if (memcmp(digest, event->digests[prediction->bank], evidence_pcr_value_len(algorithm)) == 0) {
                        *ret_found = true;
                        *ret_with_nul = with_nul;
                        return true;
                }
        }
        return true;
}

static bool is_load_options(const struct evidence_eventlog_event *event)
{
        struct base_reader reader = base_reader_over(event->data);
        uint32_t tag;

        return event->pcr == PCR_KERNEL_STUB && event->type == EVIDENCE_EVENTLOG_EVENT_TAG && little_get_u32(&reader, &tag) &&
               tag == TAG_LOAD_OPTIONS;
}

/* The one line that PCR 12 holds now. */
static bool find_line(const struct evidence_prediction *prediction, struct line *ret, struct base_error *error)
{
        bool found = false;

        for (size_t i = 0; i < prediction->log.event_count; i++) {
                const struct evidence_eventlog_event *event = &prediction->log.events[i];
                bool measured, with_nul;
                struct line line;

                if (event->type == EVIDENCE_EVENTLOG_NO_ACTION || event->pcr != PCR_KERNEL_CONF ||
                    event->type == EVIDENCE_EVENTLOG_EVENT_TAG || !line_from_event(event, &line))
                        continue;
                if (!measures(prediction, event, &line, &measured, &with_nul, error))
                        return false;
                if (!measured)
                        continue;
                if (found && (line.len_bytes != ret->len_bytes || memcmp(line.utf16, ret->utf16, line.len_bytes) != 0))
                        return base_error_set(
                                error, BASE_ERROR_UNSUPPORTED,
                                "PCR 12 has several command lines, another one in event %zu at offset %zu: it is not "
                                "clear which of them changes.",
                                i, event->offset);
                *ret = line;
                found = true;
        }
        return found ||
               base_error_set(error, BASE_ERROR_UNSUPPORTED,
                              "PCR 12 of this log has no kernel command line. One that is part of a unified kernel image "
                              "is its section .cmdline; GRUB measures its whole configuration, menu included, of which a "
                              "log tells too little: start one machine with the new line and take its log.");
}

static bool grub_measured(const struct evidence_prediction *prediction)
{
        for (size_t i = 0; i < prediction->log.event_count; i++)
                if (prediction->log.events[i].type == EVIDENCE_EVENTLOG_IPL && prediction->log.events[i].pcr == PCR_GRUB)
                        return true;
        return false;
}

bool evidence_prediction_command_line(struct evidence_prediction *prediction, const char *text, struct base_error *error)
{
        uint16_t algorithm = prediction->log.banks[prediction->bank];
        struct line before, after;

        if (!line_from_text(text, &after, error) || !find_line(prediction, &before, error))
                return false;
        if (grub_measured(prediction))
                return base_error_set(
                        error, BASE_ERROR_UNSUPPORTED,
                        "A boot loader measured its commands into PCR 8, which a change of the command line changes "
                        "too, in a way that cannot be foretold.");
        for (size_t i = 0; i < prediction->log.event_count; i++) {
                const struct evidence_eventlog_event *event = &prediction->log.events[i];
                uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX] = { 0 };
                struct base_bytes bytes;
                bool measured, with_nul;

                if ((event->pcr != PCR_KERNEL_CONF && !is_load_options(event)) || event->type == EVIDENCE_EVENTLOG_NO_ACTION)
                        continue;
                if (!measures(prediction, event, &before, &measured, &with_nul, error))
                        return false;
                if (!measured && is_load_options(event))
                        return base_error_set(
                                error, BASE_ERROR_UNSUPPORTED,
                                "Event %zu at offset %zu is the kernel's measure of its command line, and not of the "
                                "one in PCR 12: it cannot be foretold.",
                                i, event->offset);
                if (!measured)
                        continue;
                bytes = line_bytes(&after, with_nul);
                if (!evidence_eventlog_hash(algorithm, &bytes, 1, digest, error) ||
                    !evidence_prediction_set_digest(prediction, i, digest, error))
                        return false;
        }
        return true;
}
