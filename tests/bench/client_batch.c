/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/client_batch.h"

#include "client/library/batch.h"

#include <string.h>
#include <time.h>

static const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };

static void check(bool ok, const struct base_error *error)
{
        if (ok)
                return;
        (void) fprintf(stderr, "a batch: %s (%s)\n", error->message, error->detail);
        exit(1);
}

static double now_us(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

/* What of one batch is the client's work: all but the issuer's answers. */
static double batch_us(const struct token_issuer_key *issuer, const struct attester_key *key, size_t count)
{
        client_auto_batch struct client_batch batch = { .count = 0 };
        struct base_buffer responses[CLIENT_BATCH_MAX], tokens[CLIENT_BATCH_MAX];
        struct base_error error = BASE_ERROR_INIT;
        double start_us = now_us(), spent_us;

        check(client_batch_blind(&batch, key, digest, count, &error), &error);
        spent_us = now_us() - start_us;
        for (size_t i = 0; i < count; i++) {
                base_buffer_init(&responses[i], TOKEN_RESPONSE_BYTES_MAX);
                check(token_issuer_evaluate(issuer, base_buffer_bytes(&batch.requests[i]), &responses[i], &error), &error);
        }
        start_us = now_us();
        for (size_t i = 0; i < count; i++) {
                base_buffer_init(&tokens[i], TOKEN_BYTES_MAX);
                check(client_batch_finalize(&batch, i, "issuer.example", base_buffer_bytes(&responses[i]), &tokens[i], &error),
                      &error);
        }
        spent_us += now_us() - start_us;
        for (size_t i = 0; i < count; i++) {
                base_buffer_clear(&responses[i]);
                base_buffer_clear(&tokens[i]);
        }
        return spent_us;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

void client_batch_print_figure(const char *figure, const struct token_issuer_key *issuer, double (*raw)(void *context),
                               void *context)
{
        const struct token_public_key *public_key = token_issuer_key_public(issuer);
        struct base_bytes encoded = token_public_key_encoded(public_key);
        uint8_t bytes[TOKEN_PUBLIC_KEY_BYTES_MAX];
        const struct attester_key key = {
                .token_type = token_public_key_type(public_key)->id,
                .encoded = bytes,
                .encoded_len = encoded.len,
        };
        double client_us[CLIENT_BATCH_ROUNDS] = { 0 }, raw_us[CLIENT_BATCH_ROUNDS] = { 0 };

        memcpy(bytes, encoded.data, encoded.len);
        for (size_t round = 0; round < CLIENT_BATCH_ROUNDS; round++) {
                for (size_t left = CLIENT_BATCH_TOKENS; left > 0;) {
                        size_t count = left < CLIENT_BATCH_MAX ? left : CLIENT_BATCH_MAX;

                        client_us[round] += batch_us(issuer, &key, count);
                        for (size_t i = 0; i < count; i++)
                                raw_us[round] += raw(context);
                        left -= count;
                }
        }
        qsort(client_us, CLIENT_BATCH_ROUNDS, sizeof(client_us[0]), compare);
        qsort(raw_us, CLIENT_BATCH_ROUNDS, sizeof(raw_us[0]), compare);
        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f,\"raw\":%.1f,\"ratio\":%.3f}\n", figure,
                      client_us[CLIENT_BATCH_ROUNDS / 2], raw_us[CLIENT_BATCH_ROUNDS / 2],
                      client_us[CLIENT_BATCH_ROUNDS / 2] / raw_us[CLIENT_BATCH_ROUNDS / 2]);
}
