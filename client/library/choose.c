/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/choose.h"

#include <string.h>
#include <strings.h>

/* The configured issuer of that name, or NULL. Host names compare without regard to case. */
static const char *issuer_find(const struct attester_status *status, struct base_bytes name)
{
        for (size_t i = 0; i < status->issuer_count; i++) {
                const char *candidate = status->issuers[i].name;

                if (strlen(candidate) == name.len && strncasecmp(candidate, (const char *) name.data, name.len) == 0)
                        return candidate;
        }
        return NULL;
}

static bool no_offer(const struct token_offers *offers, struct base_error *error)
{
        if (offers->skipped_malformed > 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the website's PrivateToken challenge is damaged");
        if (offers->skipped_unknown > 0)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "the website asks for tokens of a type that is not built in");
        return base_error_set(error, BASE_ERROR_UNSUPPORTED, "the website does not ask for a PrivateToken");
}

bool client_choose_offer(const struct token_offers *offers, size_t from, struct base_bytes origin,
                         const struct attester_status *status, struct client_choice *ret, struct base_error *error)
{
        const struct token_offer *foreign = NULL;

        if (offers->count == 0)
                return no_offer(offers, error);
        for (size_t i = from; i < offers->count; i++) {
                const struct token_offer *offer = &offers->items[i];
                const char *issuer = issuer_find(status, offer->challenge.issuer_name);

                if (issuer == NULL)
                        continue;
                if (token_challenge_matches_origin(&offer->challenge, origin)) {
                        *ret = (struct client_choice){ .offer = offer, .issuer = issuer };
                        return true;
                }
                foreign = offer;
        }
        if (foreign != NULL)
                return base_error_set(error, BASE_ERROR_ORIGIN_MISMATCH,
                                      "the challenge from %.*s asks for a token of %.*s; no token was spent on it",
                                      (int) origin.len, (const char *) origin.data, (int) foreign->challenge.origin_info.len,
                                      (const char *) foreign->challenge.origin_info.data);
        return base_error_set(error, BASE_ERROR_ISSUER_UNKNOWN,
                              "the website wants a token of %.*s, an issuer that this device is not set up for",
                              (int) offers->items[0].challenge.issuer_name.len,
                              (const char *) offers->items[0].challenge.issuer_name.data);
}

bool client_choose_key(const struct token_offer *offer, const struct attester_issuer *directory, uint64_t now_s,
                       const struct attester_key **ret, struct base_error *error)
{
        bool named = offer->token_key.len > 0;
        bool too_early = false;

        for (size_t i = 0; i < directory->key_count; i++) {
                const struct attester_key *key = &directory->keys[i];

                if (key->token_type != offer->challenge.type)
                        continue;
                if (named && !base_bytes_equal(base_buffer_bytes(&offer->token_key), BASE_BYTES(key->encoded, key->encoded_len)))
                        continue;
                if (key->not_before > now_s + (named ? CLIENT_CLOCK_SKEW_S_MAX : 0)) {
                        too_early = true;
                        continue;
                }
                *ret = key;
                return true;
        }
        if (named)
                return base_error_set(error, BASE_ERROR_KEY_MISMATCH,
                                      "the website names a key of %s that %s; a key of one's own would mark the visitor, so no "
                                      "token was requested. If the issuer has just changed its keys, try again later",
                                      directory->name, too_early ? "is not valid yet" : "is not in the issuer's directory");
        return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer %s has no valid key for token type 0x%04x",
                              directory->name, (unsigned) offer->challenge.type);
}
