/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What type 0x0001 costs, beside OpenSSL's multiplications on P-384 that it would be made of: five to evaluate with proof;
 * one to blind, and seven, two of them in pairs, to finalize. Timed in turn, medians, in microseconds of the thread's
 * processor time: at a millisecond and more, a busy machine's other work would be most of what a clock on the wall shows.
 * One line of JSON a figure. What a hundred tokens in batches cost the client is set beside VOPRF's own Blind and Finalize.
 */
#include "base/system.h"
#include "tests/bench/client_batch.h"
#include "token/client.h"
#include "token/issuer.h"
#include "token/voprf.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <time.h>

#define ROUNDS 300

struct bench {
        struct token_issuer_key *issuer;
        struct token_public_key *key;
        struct token_client_state *state;
        struct base_buffer request, response, token;
        EC_GROUP *group;
        EC_POINT *point, *result;
        BIGNUM *scalar;
        BN_CTX *context;
};

static const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };

static void check(bool ok, const struct base_error *error)
{
        if (ok)
                return;
        (void) fprintf(stderr, "bench_voprf: %s (%s)\n", error->message, error->detail);
        exit(1);
}

static void set_up(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_init(&bench->request, TOKEN_REQUEST_BYTES_MAX);
        base_buffer_init(&bench->response, TOKEN_RESPONSE_BYTES_MAX);
        base_buffer_init(&bench->token, TOKEN_BYTES_MAX);
        check(token_issuer_key_generate(TOKEN_TYPE_VOPRF, &bench->issuer, &error), &error);
        bench->key = token_issuer_key_public(bench->issuer);
        bench->group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        bench->point = EC_POINT_new(bench->group);
        bench->result = EC_POINT_new(bench->group);
        bench->scalar = BN_new();
        bench->context = BN_CTX_new();
        check(BN_rand_range(bench->scalar, EC_GROUP_get0_order(bench->group)) == 1 &&
                      EC_POINT_mul(bench->group, bench->point, bench->scalar, NULL, NULL, bench->context) == 1,
              &error);
}

static void tear_down(struct bench *bench)
{
        token_client_state_free(bench->state);
        token_issuer_key_free(bench->issuer);
        base_buffer_clear(&bench->request);
        base_buffer_clear(&bench->response);
        base_buffer_clear(&bench->token);
        EC_POINT_free(bench->point);
        EC_POINT_free(bench->result);
        EC_GROUP_free(bench->group);
        BN_free(bench->scalar);
        BN_CTX_free(bench->context);
}

static void client_blind(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        token_client_state_free(bench->state);
        base_buffer_reset(&bench->request);
        check(token_client_blind(bench->key, digest, &base_system_random, &bench->request, &bench->state, &error), &error);
}

static void issuer_evaluate(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(&bench->response);
        check(token_issuer_evaluate(bench->issuer, base_buffer_bytes(&bench->request), &bench->response, &error), &error);
}

static void client_finalize(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(&bench->token);
        check(token_client_finalize(bench->state, base_buffer_bytes(&bench->response), &bench->token, &error), &error);
}

static void issuer_verify(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        check(token_issuer_verify(bench->issuer, base_buffer_bytes(&bench->token), digest, &error), &error);
}

/* One multiplication with a secret scalar. */
static void raw_multiply(struct bench *bench)
{
        struct base_error error = BASE_ERROR_INIT;

        check(EC_POINT_mul(bench->group, bench->result, NULL, bench->point, bench->scalar, bench->context) == 1, &error);
}

static double elapsed_us(const struct timespec *start, const struct timespec *end)
{
        return (double) (end->tv_sec - start->tv_sec) * 1e6 + (double) (end->tv_nsec - start->tv_nsec) / 1e3;
}

static double time_us(void (*function)(struct bench *), struct bench *bench)
{
        struct timespec start, end;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        function(bench);
        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        return elapsed_us(&start, &end);
}

/* An issuer's and a client's VOPRF without tokens, requests and responses around them. */
struct raw {
        struct token_voprf_private *key;
        struct token_voprf_blind blind;
        uint8_t input[TOKEN_INPUT_LEN];
        uint8_t evaluated[TOKEN_VOPRF_ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN], output[TOKEN_VOPRF_OUTPUT_LEN];
};

static double time_raw_client(void *context)
{
        struct raw *raw = context;
        struct base_bytes input = BASE_BYTES_OF(raw->input);
        struct base_error error = BASE_ERROR_INIT;
        struct timespec at[4];

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at[0]);
        check(token_voprf_blind(raw->key->public_key, input, &base_system_random, &raw->blind, &error), &error);
        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at[1]);
        check(token_voprf_evaluate(raw->key, raw->blind.encoded, 1, &base_system_random, raw->evaluated, raw->proof, &error),
              &error);
        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at[2]);
        check(token_voprf_finalize(raw->key->public_key, &input, &raw->blind, 1, raw->evaluated, raw->proof, raw->output, &error),
              &error);
        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at[3]);
        return elapsed_us(&at[0], &at[1]) + elapsed_us(&at[2], &at[3]);
}

static void print_batches(const struct token_issuer_key *issuer)
{
        static const uint8_t seed[32] = { 1 };
        struct base_error error = BASE_ERROR_INIT;
        struct raw raw = { .key = NULL };

        check(token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed, BASE_BYTES(NULL, 0), &raw.key, &error), &error);
        client_batch_print_figure("voprf_client_100_in_batches", issuer, time_raw_client, &raw);
        token_voprf_private_free(raw.key);
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

static void print_figure(const char *figure, double value[static ROUNDS], double raw_us, unsigned multiplications)
{
        double value_us = median(value), all_us = raw_us * multiplications;

        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f,\"raw\":%.1f,\"ratio\":%.3f}\n", figure, value_us,
                      all_us, value_us / all_us);
}

int main(void)
{
        static double evaluate[ROUNDS], client[ROUNDS], redeem[ROUNDS], raw[ROUNDS];
        struct bench bench = { .issuer = NULL };
        double raw_us;

        set_up(&bench);
        for (size_t i = 0; i < ROUNDS; i++) {
                client[i] = time_us(client_blind, &bench);
                evaluate[i] = time_us(issuer_evaluate, &bench);
                raw[i] = time_us(raw_multiply, &bench);
                client[i] += time_us(client_finalize, &bench);
                redeem[i] = time_us(issuer_verify, &bench);
        }
        raw_us = median(raw);
        print_figure("voprf_evaluate_with_proof", evaluate, raw_us, 5);
        print_figure("voprf_blind_finalize", client, raw_us, 8);
        print_figure("voprf_issuer_verify", redeem, raw_us, 1);
        print_batches(bench.issuer);
        tear_down(&bench);
        return 0;
}
