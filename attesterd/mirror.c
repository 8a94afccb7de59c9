/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/mirror.h"

#include "base/log.h"

#include <string.h>
#include <strings.h>

static bool has_key(const struct evidence_directory *directory, const struct evidence_directory_key *key)
{
        for (size_t i = 0; i < directory->key_count; i++) {
                const struct evidence_directory_key *other = &directory->keys[i];

                if (other->token_type == key->token_type && other->not_before == key->not_before &&
                    base_bytes_equal(BASE_BYTES(other->bytes, other->len), BASE_BYTES(key->bytes, key->len)))
                        return true;
        }
        return false;
}

static bool has_keys_of(const struct evidence_directory *directory, const struct evidence_directory *other)
{
        for (size_t i = 0; i < other->key_count; i++)
                if (!has_key(directory, &other->keys[i]))
                        return false;
        return true;
}

bool attesterd_mirror_same_keys(const struct evidence_directory *a, const struct evidence_directory *b)
{
        return has_keys_of(a, b) && has_keys_of(b, a);
}

/* The mirror's directory. Its references are the issuer's own: it is a copy. */
static bool read_copy(const struct attesterd_issuer_config *issuer, const struct net_response *response,
                      const struct base_error *failure, struct evidence_directory *ret, struct base_error *reason)
{
        if (failure != NULL)
                return base_error_copy(reason, failure);
        if (response->status < 200 || response->status > 299)
                return base_error_set(reason, BASE_ERROR_ISSUER_UNREACHABLE, "%s answers %u", issuer->mirror, response->status);
        if (evidence_directory_parse(response->body, issuer->url, ret, reason))
                return true;
        (void) base_error_prefix(reason, "%s has no usable directory", issuer->mirror);
        return false;
}

static void change_state(struct attesterd_mirror *mirror, enum attesterd_mirror_state state, const char *issuer)
{
        bool is_new = mirror->state != state;

        mirror->state = state;
        if (!is_new)
                return;
        if (state == ATTESTERD_MIRROR_AGREES)
                base_log(BASE_LOG_INFO, "the mirror of %s has the keys that the issuer gives this device", issuer);
        else if (state == ATTESTERD_MIRROR_UNREACHABLE)
                base_log_error(BASE_LOG_WARNING, &mirror->reason, "the directory of %s cannot be compared with its mirror",
                               issuer);
        else
                base_log_event(BASE_EVENT_DIRECTORY_DIFFERS, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, issuer }),
                               &mirror->reason, "nothing is asked of %s", issuer);
}

bool attesterd_mirror_compare(struct attesterd_mirror *mirror, const struct attesterd_issuer_config *issuer,
                              const struct evidence_directory *directory, const struct net_response *response,
                              const struct base_error *failure, struct base_error *error)
{
        base_auto_free struct evidence_directory *copy = calloc(1, sizeof(*copy));

        if (copy == NULL)
                return base_error_set_no_memory(error);
        mirror->reason = (struct base_error) BASE_ERROR_INIT;
        if (!read_copy(issuer, response, failure, copy, &mirror->reason)) {
                change_state(mirror, ATTESTERD_MIRROR_UNREACHABLE, issuer->name);
                return true;
        }
        if (attesterd_mirror_same_keys(directory, copy)) {
                change_state(mirror, ATTESTERD_MIRROR_AGREES, issuer->name);
                return true;
        }
        (void) base_error_set(
                &mirror->reason, BASE_ERROR_ISSUER_REJECTED,
                "the issuer %s gives this device other keys than its mirror has: it could recognise the device by its "
                "tokens, or one of the two is out of date",
                issuer->name);
        base_error_set_detail(&mirror->reason, "%s and %s", issuer->url, issuer->mirror);
        change_state(mirror, ATTESTERD_MIRROR_DIFFERS, issuer->name);
        return base_error_copy(error, &mirror->reason);
}

void attesterd_mirror_text(const struct attesterd_mirror *mirror, char ret[static ATTESTERD_MIRROR_TEXT_MAX])
{
        ret[0] = '\0';
        if (mirror->state == ATTESTERD_MIRROR_AGREES)
                (void) snprintf(ret, ATTESTERD_MIRROR_TEXT_MAX, "agrees");
        else if (mirror->state == ATTESTERD_MIRROR_UNREACHABLE)
                (void) snprintf(ret, ATTESTERD_MIRROR_TEXT_MAX, "unreachable: %s", mirror->reason.message);
}
