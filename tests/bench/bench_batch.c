/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an issuer pays for 100 tokens in batches, beside the private operations in them and nothing else: for 0x0002 OpenSSL's
 * RSA-2048 with CRT, blinding and check; for 0x0001 our own evaluation with proof, which is faster than the five
 * multiplications by OpenSSL that it would take (bench_voprf times those). In turn, medians, in microseconds of the thread's
 * processor time for all 100. One line of JSON a figure.
 */
#include "base/system.h"
#include "token/batch.h"
#include "token/voprf.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <time.h>

#define ROUNDS 15
#define TOKENS 100

struct bench {
        const struct token_issuer_key *key;
        struct base_buffer batches[2]; /* a full one, and the rest */
        struct base_buffer response;
        uint8_t blinded[TOKENS][TOKEN_REQUEST_BYTES_MAX - TOKEN_REQUEST_HEADER_LEN];
        EVP_PKEY_CTX *signer;
        struct token_voprf_private *voprf;
};

static const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };

static void check(bool ok, const struct base_error *error)
{
        if (ok)
                return;
        (void) fprintf(stderr, "bench_batch: %s (%s)\n", error->message, error->detail);
        exit(1);
}

static const struct token_issuer_key *find(void *context, uint16_t type, uint8_t truncated_key_id)
{
        return ((struct bench *) context)->key;
}

static void evaluate_batches(struct bench *bench)
{
        const struct token_batch_keys keys = { .find = find, .context = bench };
        struct base_error error = BASE_ERROR_INIT;
        size_t issued = 0, all = 0;

        for (size_t i = 0; i < BASE_COUNT(bench->batches); i++) {
                size_t count;

                base_buffer_reset(&bench->response);
                check(token_batch_evaluate(&keys, base_buffer_bytes(&bench->batches[i]), &bench->response, &issued, &count,
                                           &error) &&
                              issued == count,
                      &error);
                all += issued;
        }
        check(all == TOKENS, &error);
}

static void raw_rsa(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < TOKENS; i++) {
                uint8_t signature[TOKEN_RESPONSE_BYTES_MAX];
                size_t len = sizeof(signature);

                check(EVP_PKEY_sign(bench->signer, signature, &len, bench->blinded[i], sizeof(bench->blinded[i])) == 1, &error);
        }
}

static void raw_voprf(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < TOKENS; i++) {
                uint8_t element[TOKEN_VOPRF_ELEMENT_LEN], proof[2 * TOKEN_VOPRF_SCALAR_LEN];

                check(token_voprf_evaluate(bench->voprf, bench->blinded[i], 1, &base_system_random, element, proof, &error),
                      &error);
        }
}

/* The same private key for the raw operation. */
static void take_raw_key(struct bench *bench, uint16_t type)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;
        EVP_PKEY *pkey;
        BIO *bio;

        if (type == TOKEN_TYPE_VOPRF) {
                static const uint8_t scalar[TOKEN_VOPRF_SCALAR_LEN] = { 0x5a, 1, 2, 3 };

                check(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES_OF(scalar), &bench->voprf, &error), &error);
                return;
        }
        check(token_issuer_key_save(bench->key, &text, &error), &error);
        bio = BIO_new_mem_buf(text.data, (int) text.len);
        pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        bench->signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        check(bench->signer != NULL && EVP_PKEY_sign_init(bench->signer) == 1 &&
                      EVP_PKEY_CTX_set_rsa_padding(bench->signer, RSA_NO_PADDING) == 1,
              &error);
        EVP_PKEY_free(pkey);
        BIO_free(bio);
}

static void blind_all(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;
        struct base_buffer requests[TOKENS];
        struct base_bytes items[TOKENS];

        for (size_t i = 0; i < TOKENS; i++) {
                base_auto_token_client_state struct token_client_state *state = NULL;

                base_buffer_init(&requests[i], TOKEN_REQUEST_BYTES_MAX);
                check(token_client_blind(token_issuer_key_public(bench->key), digest, &base_system_random, &requests[i], &state,
                                         &error),
                      &error);
                items[i] = base_buffer_bytes(&requests[i]);
                memcpy(bench->blinded[i], items[i].data + TOKEN_REQUEST_HEADER_LEN, items[i].len - TOKEN_REQUEST_HEADER_LEN);
        }
        check(token_batch_request_encode(items, TOKEN_BATCH_MAX, &bench->batches[0], &error) &&
                      token_batch_request_encode(items + TOKEN_BATCH_MAX, TOKENS - TOKEN_BATCH_MAX, &bench->batches[1], &error),
              &error);
        for (size_t i = 0; i < TOKENS; i++)
                base_buffer_clear(&requests[i]);
}

static double time_us(void (*function)(struct bench *), struct bench *bench)
{
        struct timespec start, end;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        function(bench);
        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        return (double) (end.tv_sec - start.tv_sec) * 1e6 + (double) (end.tv_nsec - start.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static void measure(uint16_t type, const char *figure, void (*raw)(struct bench *))
{
        static struct bench bench;
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        double batched[ROUNDS], plain[ROUNDS];
        struct base_error error = BASE_ERROR_INIT;

        check(token_issuer_key_generate(type, &key, &error), &error);
        bench = (struct bench){ .key = key };
        base_buffer_init(&bench.response, TOKEN_BATCH_RESPONSE_BYTES_MAX);
        for (size_t i = 0; i < BASE_COUNT(bench.batches); i++)
                base_buffer_init(&bench.batches[i], TOKEN_BATCH_REQUEST_BYTES_MAX);
        take_raw_key(&bench, type);
        blind_all(&bench);
        for (size_t i = 0; i < ROUNDS; i++) {
                plain[i] = time_us(raw, &bench);
                batched[i] = time_us(evaluate_batches, &bench);
        }
        qsort(plain, ROUNDS, sizeof(plain[0]), compare);
        qsort(batched, ROUNDS, sizeof(batched[0]), compare);
        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f,\"raw\":%.1f,\"ratio\":%.3f}\n", figure,
                      batched[ROUNDS / 2], plain[ROUNDS / 2], batched[ROUNDS / 2] / plain[ROUNDS / 2]);
        base_buffer_clear(&bench.response);
        for (size_t i = 0; i < BASE_COUNT(bench.batches); i++)
                base_buffer_clear(&bench.batches[i]);
        EVP_PKEY_CTX_free(bench.signer);
        token_voprf_private_free(bench.voprf);
}

int main(void)
{
        measure(TOKEN_TYPE_BLIND_RSA, "issuer_100_tokens_batched_blind_rsa", raw_rsa);
        measure(TOKEN_TYPE_VOPRF, "issuer_100_tokens_batched_voprf", raw_voprf);
        return 0;
}
