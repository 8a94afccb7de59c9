/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/claims.h"

#include "evidence/cbor.h"

#include <string.h>

/* Claim keys: CWT and EAT registered ones (RFC 8392, RFC 9711), then the profile's own. */
#define CLAIM_IAT            6
#define CLAIM_CTI            7
#define CLAIM_NONCE          10
#define CLAIM_PROFILE        265
#define CLAIM_REQUEST_DIGEST (-65537)
#define CLAIM_POLICY_DIGEST  (-65538)
#define CLAIM_SOFTWARE       (-65539)
#define CLAIM_FACTS          (-65540)

#define CLAIM_COUNT 7 /* without the nonce */

/* First element of a fact's value. */
enum {
        TAG_BOOL = 0,
        TAG_INT = 1,
        TAG_STRING = 2,
        TAG_VERSION = 3,
};

#define FACTS_INITIAL_CAPACITY 32

void evidence_claims_clear(struct evidence_claims *claims)
{
        if (claims == NULL)
                return;
        free(claims->facts);
        *claims = (struct evidence_claims) EVIDENCE_CLAIMS_INIT;
}

bool evidence_claims_add_fact(struct evidence_claims *claims, const struct evidence_fact *fact, struct base_error *error)
{
        size_t count = claims->fact_count;

        if (count >= EVIDENCE_FACTS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "Evidence takes at most %d facts.", EVIDENCE_FACTS_MAX);
        /* Capacity is not kept: it is a power of two from the initial one, and grows when the count reaches it. */
        if (count == 0 || (count >= FACTS_INITIAL_CAPACITY && (count & (count - 1)) == 0)) {
                size_t capacity = count == 0 ? FACTS_INITIAL_CAPACITY : count * 2;
                struct evidence_fact *facts = reallocarray(claims->facts, capacity, sizeof(*facts));

                if (facts == NULL)
                        return base_error_set_no_memory(error);
                claims->facts = facts;
        }
        claims->facts[claims->fact_count++] = *fact;
        return true;
}

const struct evidence_fact *evidence_claims_find_fact(const struct evidence_claims *claims, const char *name)
{
        for (size_t i = 0; i < claims->fact_count; i++)
                if (strcmp(claims->facts[i].name, name) == 0)
                        return &claims->facts[i];
        return NULL;
}

/* Encoded text keys sort by length first, since the length stands in their head, and then by content. */
static int compare_names(const void *a, const void *b)
{
        const char *left = (*(const struct evidence_fact *const *) a)->name;
        const char *right = (*(const struct evidence_fact *const *) b)->name;
        size_t left_len = strlen(left), right_len = strlen(right);

        if (left_len != right_len)
                return left_len < right_len ? -1 : 1;
        return memcmp(left, right, left_len);
}

static bool text_fits(const char *text, size_t array_len, size_t min, size_t max)
{
        size_t len = strnlen(text, array_len);

        return len >= min && len <= max && evidence_cbor_text_ok(BASE_BYTES(text, len));
}

static bool fact_ok(const struct evidence_fact *fact)
{
        if (!text_fits(fact->name, sizeof(fact->name), EVIDENCE_FACT_NAME_MIN, EVIDENCE_FACT_NAME_MAX))
                return false;
        switch (fact->kind) {
        case EVIDENCE_FACT_UNREADABLE:
        case EVIDENCE_FACT_BOOL:
        case EVIDENCE_FACT_INT:
                return true;
        case EVIDENCE_FACT_STRING:
                return text_fits(fact->text, sizeof(fact->text), 0, EVIDENCE_FACT_TEXT_MAX);
        case EVIDENCE_FACT_VERSION:
                return text_fits(fact->text, sizeof(fact->text), 0, EVIDENCE_FACT_VERSION_MAX);
        }
        return false;
}

static void put_fact(struct base_buffer *to, const struct evidence_fact *fact)
{
        evidence_cbor_put_text(to, fact->name);
        if (fact->kind == EVIDENCE_FACT_UNREADABLE) {
                evidence_cbor_put_null(to);
                return;
        }
        evidence_cbor_put_array(to, 2);
        switch (fact->kind) {
        case EVIDENCE_FACT_BOOL:
                evidence_cbor_put_uint(to, TAG_BOOL);
                evidence_cbor_put_bool(to, fact->boolean);
                break;
        case EVIDENCE_FACT_INT:
                evidence_cbor_put_uint(to, TAG_INT);
                evidence_cbor_put_int(to, fact->integer);
                break;
        case EVIDENCE_FACT_STRING:
        case EVIDENCE_FACT_VERSION:
        default:
                evidence_cbor_put_uint(to, fact->kind == EVIDENCE_FACT_STRING ? TAG_STRING : TAG_VERSION);
                evidence_cbor_put_text(to, fact->text);
                break;
        }
}

static bool put_facts(struct base_buffer *to, const struct evidence_claims *claims, struct base_error *error)
{
        const struct evidence_fact *sorted[EVIDENCE_FACTS_MAX];

        if (claims->fact_count > EVIDENCE_FACTS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "Evidence takes at most %d facts.", EVIDENCE_FACTS_MAX);
        for (size_t i = 0; i < claims->fact_count; i++) {
                if (!fact_ok(&claims->facts[i]))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "Fact number %zu has a name or a value that evidence cannot carry.", i);
                sorted[i] = &claims->facts[i];
        }
        qsort(sorted, claims->fact_count, sizeof(sorted[0]), compare_names);
        for (size_t i = 1; i < claims->fact_count; i++)
                if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "Fact %s is there twice.", sorted[i]->name);
        evidence_cbor_put_map(to, claims->fact_count);
        for (size_t i = 0; i < claims->fact_count; i++)
                put_fact(to, sorted[i]);
        return true;
}

bool evidence_claims_encode(const struct evidence_claims *claims, struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        size_t nonce_len = claims->nonce_len;

        if (nonce_len > EVIDENCE_NONCE_BYTES_MAX || (nonce_len > 0 && nonce_len < EVIDENCE_NONCE_BYTES_MIN))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A nonce in evidence has %d to %d bytes, not %zu.",
                                      EVIDENCE_NONCE_BYTES_MIN, EVIDENCE_NONCE_BYTES_MAX, nonce_len);
        if (!text_fits(claims->software, sizeof(claims->software), 1, EVIDENCE_SOFTWARE_MAX))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The software version must be 1 to %d bytes of UTF-8.",
                                      EVIDENCE_SOFTWARE_MAX);
        evidence_cbor_put_map(&encoded, nonce_len > 0 ? CLAIM_COUNT + 1 : CLAIM_COUNT);
        evidence_cbor_put_int(&encoded, CLAIM_IAT);
        evidence_cbor_put_uint(&encoded, claims->iat);
        evidence_cbor_put_int(&encoded, CLAIM_CTI);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES_OF(claims->cti));
        if (nonce_len > 0) {
                evidence_cbor_put_int(&encoded, CLAIM_NONCE);
                evidence_cbor_put_bytes(&encoded, BASE_BYTES(claims->nonce, nonce_len));
        }
        evidence_cbor_put_int(&encoded, CLAIM_PROFILE);
        evidence_cbor_put_text(&encoded, EVIDENCE_PROFILE);
        evidence_cbor_put_int(&encoded, CLAIM_REQUEST_DIGEST);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES_OF(claims->request_digest));
        evidence_cbor_put_int(&encoded, CLAIM_POLICY_DIGEST);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES_OF(claims->policy_digest));
        evidence_cbor_put_int(&encoded, CLAIM_SOFTWARE);
        evidence_cbor_put_text(&encoded, claims->software);
        evidence_cbor_put_int(&encoded, CLAIM_FACTS);
        if (!put_facts(&encoded, claims, error))
                return false;
        if (base_buffer_ok(&encoded))
                base_buffer_put_bytes(to, base_buffer_bytes(&encoded));
        if (!base_buffer_ok(&encoded) || !base_buffer_ok(to))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The facts do not fit into %d bytes of evidence.",
                                      EVIDENCE_CLAIMS_BYTES_MAX);
        return true;
}

static bool invalid(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The evidence's claims are malformed: %s.", what);
}

static void copy_text(char *to, struct base_bytes text)
{
        if (text.len > 0)
                memcpy(to, text.data, text.len);
        to[text.len] = '\0';
}

static bool get_fact_value(struct base_reader *reader, struct evidence_fact *fact)
{
        struct base_bytes text;
        uint64_t tag;
        size_t count;

        if (evidence_cbor_get_null(reader)) {
                fact->kind = EVIDENCE_FACT_UNREADABLE;
                return true;
        }
        if (!evidence_cbor_get_array(reader, 2, 2, &count) || !evidence_cbor_get_uint(reader, TAG_VERSION, &tag))
                return false;
        switch (tag) {
        case TAG_BOOL:
                fact->kind = EVIDENCE_FACT_BOOL;
                return evidence_cbor_get_bool(reader, &fact->boolean);
        case TAG_INT:
                fact->kind = EVIDENCE_FACT_INT;
                return evidence_cbor_get_int(reader, &fact->integer);
        case TAG_STRING:
                fact->kind = EVIDENCE_FACT_STRING;
                if (!evidence_cbor_get_text(reader, 0, EVIDENCE_FACT_TEXT_MAX, &text))
                        return false;
                break;
        default:
                fact->kind = EVIDENCE_FACT_VERSION;
                if (!evidence_cbor_get_text(reader, 0, EVIDENCE_FACT_VERSION_MAX, &text))
                        return false;
                break;
        }
        copy_text(fact->text, text);
        return true;
}

static bool get_facts(struct base_reader *reader, struct evidence_claims *claims, struct base_error *error)
{
        struct evidence_cbor_map map;

        if (!evidence_cbor_get_map(reader, 0, EVIDENCE_FACTS_MAX, &map))
                return invalid(error, "facts (-65540)");
        while (map.left > 0) {
                struct evidence_fact fact = { .kind = EVIDENCE_FACT_UNREADABLE };
                struct base_bytes name;

                if (!evidence_cbor_map_next_text(reader, &map, EVIDENCE_FACT_NAME_MIN, EVIDENCE_FACT_NAME_MAX, &name))
                        return invalid(error, "a fact's name");
                copy_text(fact.name, name);
                if (!get_fact_value(reader, &fact))
                        return invalid(error, "a fact's value");
                if (!evidence_claims_add_fact(claims, &fact, error))
                        return false;
        }
        return true;
}

static bool get_profile(struct base_reader *reader, struct base_error *error)
{
        struct base_bytes profile;

        if (!evidence_cbor_get_text(reader, 1, EVIDENCE_FACT_TEXT_MAX, &profile))
                return invalid(error, "eat_profile (265)");
        if (!base_bytes_equal(profile, base_bytes_from_string(EVIDENCE_PROFILE)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The evidence is of another profile than %s.",
                                      EVIDENCE_PROFILE);
        return true;
}

static bool get_claims(struct base_reader *reader, struct evidence_claims *claims, struct base_error *error)
{
        struct evidence_cbor_map map;
        struct base_bytes bytes;

        if (!evidence_cbor_get_map(reader, CLAIM_COUNT, CLAIM_COUNT + 1, &map))
                return invalid(error, "not a map of the profile's claims");
        if (!evidence_cbor_map_take(reader, &map, CLAIM_IAT) || !evidence_cbor_get_uint(reader, UINT64_MAX, &claims->iat))
                return invalid(error, "iat (6)");
        if (!evidence_cbor_map_take(reader, &map, CLAIM_CTI) ||
            !evidence_cbor_copy_bytes(reader, claims->cti, sizeof(claims->cti)))
                return invalid(error, "cti (7)");
        if (evidence_cbor_map_take(reader, &map, CLAIM_NONCE)) {
                if (!evidence_cbor_get_bytes(reader, EVIDENCE_NONCE_BYTES_MIN, EVIDENCE_NONCE_BYTES_MAX, &bytes))
                        return invalid(error, "eat_nonce (10)");
                memcpy(claims->nonce, bytes.data, bytes.len);
                claims->nonce_len = bytes.len;
        }
        if (!evidence_cbor_map_take(reader, &map, CLAIM_PROFILE))
                return invalid(error, "eat_profile (265)");
        if (!get_profile(reader, error))
                return false;
        if (!evidence_cbor_map_take(reader, &map, CLAIM_REQUEST_DIGEST) ||
            !evidence_cbor_copy_bytes(reader, claims->request_digest, sizeof(claims->request_digest)))
                return invalid(error, "request digest (-65537)");
        if (!evidence_cbor_map_take(reader, &map, CLAIM_POLICY_DIGEST) ||
            !evidence_cbor_copy_bytes(reader, claims->policy_digest, sizeof(claims->policy_digest)))
                return invalid(error, "policy digest (-65538)");
        if (!evidence_cbor_map_take(reader, &map, CLAIM_SOFTWARE) ||
            !evidence_cbor_get_text(reader, 1, EVIDENCE_SOFTWARE_MAX, &bytes))
                return invalid(error, "software (-65539)");
        copy_text(claims->software, bytes);
        if (!evidence_cbor_map_take(reader, &map, CLAIM_FACTS))
                return invalid(error, "facts (-65540)");
        if (!get_facts(reader, claims, error))
                return false;
        if (map.left > 0 || !base_reader_at_end(reader))
                return invalid(error, "something after the facts");
        return true;
}

bool evidence_claims_decode(struct base_bytes encoded, struct evidence_claims *ret, struct base_error *error)
{
        struct evidence_claims claims = EVIDENCE_CLAIMS_INIT;
        struct base_reader reader = base_reader_over(encoded);

        if (encoded.len > EVIDENCE_CLAIMS_BYTES_MAX)
                return invalid(error, "too long");
        if (!get_claims(&reader, &claims, error)) {
                evidence_claims_clear(&claims);
                return false;
        }
        *ret = claims;
        return true;
}
