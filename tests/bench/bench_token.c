/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What type 0x0002 costs next to the OpenSSL operations in it. Both are timed in turn, so that a machine that is busy
 * is busy for both; medians, in microseconds. Prints one line of JSON a figure.
 */
#include "base/system.h"
#include "tests/bench/client_batch.h"
#include "token/challenge.h"
#include "token/client.h"
#include "token/issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <time.h>

#define ROUNDS 400

struct bench {
        struct token_issuer_key *issuer;
        struct token_public_key *key;
        uint8_t digest[TOKEN_DIGEST_LEN];
        struct base_buffer request, response, token;
        struct token_client_state *state;
        EVP_PKEY_CTX *raw_signer;
        BIGNUM *n, *e, *number, *result;
        BN_MONT_CTX *mont;
        BN_CTX *context;
        EVP_MD *hash;
};

static void check(bool ok, const struct base_error *error)
{
        if (ok)
                return;
        (void) fprintf(stderr, "bench_token: %s (%s)\n", error->message, error->detail);
        exit(1);
}

static void set_up(struct bench *bench)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;
        EVP_PKEY *pkey;
        BIO *bio;

        check(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &bench->issuer, &error), &error);
        check(token_issuer_key_save(bench->issuer, &pem, &error), &error);
        bench->key = token_issuer_key_public(bench->issuer);
        base_buffer_init(&bench->request, TOKEN_REQUEST_BYTES_MAX);
        base_buffer_init(&bench->response, TOKEN_RESPONSE_BYTES_MAX);
        base_buffer_init(&bench->token, TOKEN_BYTES_MAX);

        bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        bench->raw_signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        bench->context = BN_CTX_new();
        bench->mont = BN_MONT_CTX_new();
        bench->number = BN_new();
        bench->result = BN_new();
        bench->hash = EVP_MD_fetch(NULL, "SHA384", NULL);
        check(bench->raw_signer != NULL && EVP_PKEY_sign_init(bench->raw_signer) == 1 &&
                      EVP_PKEY_CTX_set_rsa_padding(bench->raw_signer, RSA_NO_PADDING) == 1 &&
                      EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bench->n) == 1 &&
                      EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &bench->e) == 1 &&
                      BN_MONT_CTX_set(bench->mont, bench->n, bench->context) == 1 && BN_rand_range(bench->number, bench->n) == 1,
              &error);
        EVP_PKEY_free(pkey);
        BIO_free(bio);
}

static void tear_down(struct bench *bench)
{
        token_client_state_free(bench->state);
        token_issuer_key_free(bench->issuer);
        base_buffer_clear(&bench->request);
        base_buffer_clear(&bench->response);
        base_buffer_clear(&bench->token);
        EVP_PKEY_CTX_free(bench->raw_signer);
        BN_MONT_CTX_free(bench->mont);
        BN_CTX_free(bench->context);
        BN_free(bench->n);
        BN_free(bench->e);
        BN_free(bench->number);
        BN_free(bench->result);
        EVP_MD_free(bench->hash);
}

static void client_blind(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        token_client_state_free(bench->state);
        base_buffer_reset(&bench->request);
        check(token_client_blind(bench->key, bench->digest, &base_system_random, &bench->request, &bench->state, &error), &error);
}

static void client_finalize(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(&bench->token);
        check(token_client_finalize(bench->state, base_buffer_bytes(&bench->response), &bench->token, &error), &error);
}

static void issuer_sign(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(&bench->response);
        check(token_issuer_evaluate(bench->issuer, base_buffer_bytes(&bench->request), &bench->response, &error), &error);
}

static void verify(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        check(token_verify(bench->key, base_buffer_bytes(&bench->token), bench->digest, &error), &error);
}

/* One private operation, with CRT and OpenSSL's own blinding and check. */
static void raw_sign(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;
        uint8_t signature[TOKEN_RESPONSE_BYTES_MAX];
        size_t len = sizeof(signature);

        check(EVP_PKEY_sign(bench->raw_signer, signature, &len, bench->request.data + TOKEN_REQUEST_HEADER_LEN,
                            TOKEN_RESPONSE_BYTES_MAX) == 1,
              &error);
}

static void raw_public(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        check(BN_mod_exp_mont(bench->result, bench->number, bench->e, bench->n, bench->context, bench->mont) == 1, &error);
}

static void raw_hash(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;
        uint8_t digest[EVP_MAX_MD_SIZE];

        check(EVP_Digest(bench->token.data, TOKEN_INPUT_LEN, digest, NULL, bench->hash, NULL) == 1, &error);
}

/* Two public exponentiations, one inversion, one hash. */
static void raw_client(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        raw_public(bench);
        raw_public(bench);
        raw_hash(bench);
        check(BN_mod_inverse(bench->result, bench->number, bench->n, bench->context) != NULL, &error);
}

static void raw_verify(struct bench *bench)
{
        raw_public(bench);
        raw_hash(bench);
}

static double time_us(clockid_t clock, void (*function)(struct bench *), struct bench *bench)
{
        struct timespec start, end;

        (void) clock_gettime(clock, &start);
        function(bench);
        (void) clock_gettime(clock, &end);
        return (double) (end.tv_sec - start.tv_sec) * 1e6 + (double) (end.tv_nsec - start.tv_nsec) / 1e3;
}

static double time_raw_client(void *context)
{
        return time_us(CLOCK_THREAD_CPUTIME_ID, raw_client, context);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static double median(double samples[static ROUNDS])
{
        qsort(samples, ROUNDS, sizeof(samples[0]), compare);
        return samples[ROUNDS / 2];
}

static void print_figure(const char *figure, double value[static ROUNDS], double raw[static ROUNDS])
{
        double value_us = median(value), raw_us = median(raw);

        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f,\"raw\":%.1f,\"ratio\":%.3f}\n", figure, value_us,
                      raw_us, value_us / raw_us);
}

int main(void)
{
        static double sign[ROUNDS], sign_raw[ROUNDS], client[ROUNDS], client_raw[ROUNDS], redeem[ROUNDS], redeem_raw[ROUNDS];
        struct bench bench = { .issuer = NULL };

        set_up(&bench);
        for (size_t i = 0; i < ROUNDS; i++) {
                client[i] = time_us(CLOCK_MONOTONIC, client_blind, &bench);
                sign_raw[i] = time_us(CLOCK_MONOTONIC, raw_sign, &bench);
                sign[i] = time_us(CLOCK_MONOTONIC, issuer_sign, &bench);
                client[i] += time_us(CLOCK_MONOTONIC, client_finalize, &bench);
                client_raw[i] = time_us(CLOCK_MONOTONIC, raw_client, &bench);
                redeem[i] = time_us(CLOCK_MONOTONIC, verify, &bench);
                redeem_raw[i] = time_us(CLOCK_MONOTONIC, raw_verify, &bench);
        }
        print_figure("issuer_blind_sign", sign, sign_raw);
        print_figure("client_blind_finalize", client, client_raw);
        print_figure("token_verify", redeem, redeem_raw);
        client_batch_print_figure("client_100_in_batches", bench.issuer, time_raw_client, &bench);
        tear_down(&bench);
        return 0;
}
