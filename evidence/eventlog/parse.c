/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/log.h"
#include "evidence/tpm_numbers.h"

#define SIGNATURE_LEN    16 /* "Spec ID Event03" and its NUL */
#define EVENTS_FIRST     128
#define SHA1_LEN         20
#define LOCALITY_NAME    "StartupLocality"
#define LOCALITY_H_CRTM  4
#define LOCALITY_STARTUP 3

struct algorithm {
        uint16_t id;
        uint16_t len;
        size_t bank; /* in the log's banks; bank_count's maximum for one that is unknown to us */
};

struct parser {
        struct base_reader reader;
        struct evidence_eventlog *log;
        size_t capacity; /* of events */
        struct algorithm algorithms[EVIDENCE_EVENTLOG_ALGORITHMS_MAX];
        size_t algorithm_count;
        bool has_locality;
        bool pcr0_extended;
};

static bool cut_off(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "the log ends inside %s", what);
}

void evidence_eventlog_clear(struct evidence_eventlog *log)
{
        free(log->events);
        *log = (struct evidence_eventlog) EVIDENCE_EVENTLOG_INIT;
}

static bool event_add(struct parser *parser, const struct evidence_eventlog_event *event, struct base_error *error)
{
        struct evidence_eventlog *log = parser->log;

        if (log->event_count == EVIDENCE_EVENTLOG_EVENTS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a log may have %d events", EVIDENCE_EVENTLOG_EVENTS_MAX);
        if (log->event_count == parser->capacity) {
                size_t capacity = parser->capacity == 0 ? EVENTS_FIRST : parser->capacity * 2;
                void *events = reallocarray(log->events, capacity, sizeof(*log->events));

                if (events == NULL)
                        return base_error_set_no_memory(error);
                log->events = events;
                parser->capacity = capacity;
        }
        log->events[log->event_count++] = *event;
        return true;
}

static bool read_data(struct parser *parser, struct base_bytes *ret, struct base_error *error)
{
        uint32_t len;

        if (!little_get_u32(&parser->reader, &len))
                return cut_off(error, "the event's size");
        if (len > EVIDENCE_EVENTLOG_EVENT_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the event claims %u bytes of data, %d are allowed",
                                      (unsigned) len, EVIDENCE_EVENTLOG_EVENT_BYTES_MAX);
        if (!base_reader_get_bytes(&parser->reader, len, ret))
                return cut_off(error, "the event's data");
        return true;
}

static bool algorithm_add(struct parser *parser, uint16_t id, uint16_t len, struct base_error *error)
{
        struct evidence_eventlog *log = parser->log;
        size_t known = evidence_pcr_value_len(id);

        for (size_t i = 0; i < parser->algorithm_count; i++)
                if (parser->algorithms[i].id == id)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "algorithm 0x%04x is named twice", id);
        if ((known != 0 && len != known) || len == 0 || len > EVIDENCE_PCR_VALUE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_MALFORMED, "algorithm 0x%04x cannot have digests of %u bytes", id,
                                      (unsigned) len);
        parser->algorithms[parser->algorithm_count] = (struct algorithm){ .id = id, .len = len, .bank = EVIDENCE_PCR_BANKS_MAX };
        if (known != 0) {
                parser->algorithms[parser->algorithm_count].bank = log->bank_count;
                log->banks[log->bank_count++] = id;
        }
        parser->algorithm_count++;
        return true;
}

/* TCG_EfiSpecIDEvent, PFP section 10.4.5.1. */
static bool read_spec_id(struct parser *parser, struct base_bytes data, struct base_error *error)
{
        struct base_reader reader = base_reader_over(data);
        struct base_bytes skipped;
        uint32_t count;
        uint8_t vendor_len;

        if (!base_reader_get_bytes(&reader, SIGNATURE_LEN + 8, &skipped) || !little_get_u32(&reader, &count))
                return cut_off(error, "the Spec ID event");
        if (count == 0 || count > EVIDENCE_EVENTLOG_ALGORITHMS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the header names %u algorithms, not 1 to %d",
                                      (unsigned) count, EVIDENCE_EVENTLOG_ALGORITHMS_MAX);
        for (uint32_t i = 0; i < count; i++) {
                uint16_t id, len;

                if (!little_get_u16(&reader, &id) || !little_get_u16(&reader, &len))
                        return cut_off(error, "the Spec ID event's algorithms");
                if (!algorithm_add(parser, id, len, error))
                        return false;
        }
        if (!base_reader_get_u8(&reader, &vendor_len) || !base_reader_get_bytes(&reader, vendor_len, &skipped) ||
            !base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the Spec ID event's vendor information has another length");
        if (parser->log->bank_count == 0)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "the log has no digests of SHA-1, SHA-256, SHA-384 or SHA-512");
        return true;
}

/*
 * The first event. EV_NO_ACTION there is a header, and of a log that has one the version is known; a SHA-1 log of old firmware
 * may begin with a measurement.
 */
static bool read_header(struct parser *parser, const struct evidence_eventlog_event *event, struct base_error *error)
{
        struct base_bytes signature = BASE_BYTES(event->data.data, event->data.len < SIGNATURE_LEN ? 0 : SIGNATURE_LEN);

        if (event->type != EVIDENCE_EVENTLOG_NO_ACTION)
                return true;
        if (bytes_are_string(signature, "Spec ID Event03", true)) {
                parser->log->crypto_agile = true;
                parser->log->bank_count = 0;
                parser->algorithm_count = 0;
                return read_spec_id(parser, event->data, error);
        }
        if (!bytes_are_string(signature, "Spec ID Event02", true) && !bytes_are_string(signature, "Spec ID Event00", true))
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "the log begins with an EV_NO_ACTION that is no Spec ID event");
        return true;
}

/* TCG_PCClientPCREvent, PFP section 10.2.1. */
static bool read_sha1_event(struct parser *parser, struct evidence_eventlog_event *event, struct base_error *error)
{
        struct base_bytes digest;

        if (!base_reader_get_bytes(&parser->reader, SHA1_LEN, &digest))
                return cut_off(error, "the event's digest");
        event->digests[0] = digest.data;
        return read_data(parser, &event->data, error);
}

/* TCG_PCR_EVENT2, PFP section 10.2.2. */
static bool read_agile_event(struct parser *parser, struct evidence_eventlog_event *event, struct base_error *error)
{
        uint32_t seen = 0;
        uint32_t count;

        if (!little_get_u32(&parser->reader, &count))
                return cut_off(error, "the event's digests");
        if (count > parser->algorithm_count)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the event has %u digests, the header names %zu algorithms",
                                      (unsigned) count, parser->algorithm_count);
        for (uint32_t i = 0; i < count; i++) {
                struct base_bytes digest;
                uint16_t id;
                size_t at = 0;

                if (!little_get_u16(&parser->reader, &id))
                        return cut_off(error, "the event's digests");
                while (at < parser->algorithm_count && parser->algorithms[at].id != id)
                        at++;
                if (at == parser->algorithm_count)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "algorithm 0x%04x is not in the log's header", id);
                if (seen & 1u << at)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "there are two digests of algorithm 0x%04x", id);
                seen |= 1u << at;
                if (!base_reader_get_bytes(&parser->reader, parser->algorithms[at].len, &digest))
                        return cut_off(error, "the event's digests");
                if (parser->algorithms[at].bank < EVIDENCE_PCR_BANKS_MAX)
                        event->digests[parser->algorithms[at].bank] = digest.data;
        }
        return read_data(parser, &event->data, error);
}

/* PFP section 10.4.5.3. It is no measurement, but a wrong one makes PCR 0 come out wrong: so it cannot lie. */
static bool take_locality(struct parser *parser, const struct evidence_eventlog_event *event, struct base_error *error)
{
        struct base_bytes name = BASE_BYTES(event->data.data,
                                            event->data.len < sizeof(LOCALITY_NAME) ? 0 : sizeof(LOCALITY_NAME));
        uint8_t locality;

        if (event->type != EVIDENCE_EVENTLOG_NO_ACTION || !bytes_are_string(name, LOCALITY_NAME, true))
                return true;
        if (event->data.len != sizeof(LOCALITY_NAME) + 1)
                return base_error_set(error, BASE_ERROR_MALFORMED, "StartupLocality has %zu bytes, not %zu", event->data.len,
                                      sizeof(LOCALITY_NAME) + 1);
        locality = event->data.data[sizeof(LOCALITY_NAME)];
        if (locality != 0 && locality != LOCALITY_STARTUP && locality != LOCALITY_H_CRTM)
                return base_error_set(error, BASE_ERROR_MALFORMED, "StartupLocality is %u, not 0, 3 or 4", (unsigned) locality);
        if (parser->has_locality || parser->pcr0_extended || event->pcr != 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "StartupLocality %s",
                                      parser->has_locality    ? "is there twice"
                                      : parser->pcr0_extended ? "comes after a measurement of PCR 0"
                                                              : "names another PCR than 0");
        parser->has_locality = true;
        parser->log->startup_locality = locality;
        return true;
}

static bool read_event(struct parser *parser, struct base_error *error)
{
        struct evidence_eventlog_event event = { .number = (uint32_t) parser->log->event_count,
                                                 .offset = parser->reader.position };

        if (!little_get_u32(&parser->reader, &event.pcr) || !little_get_u32(&parser->reader, &event.type))
                return cut_off(error, "the event's header");
        if (event.type != EVIDENCE_EVENTLOG_NO_ACTION && event.pcr >= EVIDENCE_PCR_COUNT)
                return base_error_set(error, BASE_ERROR_MALFORMED, "there is no PCR %u", (unsigned) event.pcr);
        if (!(parser->log->crypto_agile ? read_agile_event : read_sha1_event)(parser, &event, error))
                return false;
        if (event.number == 0) {
                if (!read_header(parser, &event, error))
                        return false;
                /* The header's SHA-1 digest is of no bank once the log turns out to be crypto-agile. */
                if (parser->log->crypto_agile)
                        event.digests[0] = NULL;
        } else if (!take_locality(parser, &event, error)) {
                return false;
        }
        if (event.type != EVIDENCE_EVENTLOG_NO_ACTION && event.pcr == 0)
                parser->pcr0_extended = true;
        return event_add(parser, &event, error);
}

bool evidence_eventlog_parse(struct base_bytes bytes, struct evidence_eventlog *ret, struct base_error *error)
{
        evidence_auto_eventlog struct evidence_eventlog log = { .bank_count = 1, .banks = { EVIDENCE_TPM_ALG_SHA1 } };
        struct parser parser = { .reader = base_reader_over(bytes), .log = &log };

        if (bytes.len > EVIDENCE_EVENTLOG_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The event log has %zu bytes, %d are allowed.", bytes.len,
                                      EVIDENCE_EVENTLOG_BYTES_MAX);
        if (bytes.len == 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "The event log is empty: event 0 at offset 0 is missing.");
        while (!base_reader_at_end(&parser.reader)) {
                size_t offset = parser.reader.position;

                if (!read_event(&parser, error))
                        return base_error_prefix(error, "Event log, event %zu at offset %zu", log.event_count, offset);
        }
        *ret = log;
        log = (struct evidence_eventlog) EVIDENCE_EVENTLOG_INIT;
        return true;
}
