/* SPDX-License-Identifier: BSD-2-Clause */
/* Token type 0x0001 when OpenSSL has no memory, at each of its allocations in turn: an error, no output, nothing lost. */
#include "tests/token/support.h"
#include "token/voprf.h"

#include <openssl/crypto.h>
#include <string.h>

#define ALLOCATIONS_MAX 200

/* How many allocations succeed before all fail; none fails while it is negative. */
static long allocations_left = -1;
static bool was_refused;

static bool may_allocate(void)
{
        if (allocations_left == 0) {
                was_refused = true;
                return false;
        }
        if (allocations_left > 0)
                allocations_left--;
        return true;
}

static void *allocate(size_t len, const char *file, int line)
{
        (void) file;
        (void) line;
        return may_allocate() ? malloc(len) : NULL;
}

static void *reallocate(void *memory, size_t len, const char *file, int line)
{
        (void) file;
        (void) line;
        return may_allocate() ? realloc(memory, len) : NULL;
}

static void release(void *memory, const char *file, int line)
{
        (void) file;
        (void) line;
        free(memory);
}

/* An honest run, of which each case does one step again. */
struct run {
        struct token_voprf_private *key;
        struct base_bytes input;
        struct token_voprf_blind blind;
        uint8_t evaluated[TOKEN_VOPRF_ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN];
};

static const uint8_t seed[32] = { 1 };

static bool make_key(struct run *run, struct base_error *error)
{
        struct token_voprf_private *key;
        bool ok = token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed, run->input, &key, error);

        if (ok)
                token_voprf_private_free(key);
        return ok;
}

static bool blind(struct run *run, struct base_error *error)
{
        struct token_voprf_blind state;

        return token_voprf_blind(run->key->public_key, run->input, &base_system_random, &state, error);
}

static bool evaluate(struct run *run, struct base_error *error)
{
        uint8_t evaluated[TOKEN_VOPRF_ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN];

        return token_voprf_evaluate(run->key, run->blind.encoded, 1, &base_system_random, evaluated, proof, error);
}

static bool finalize(struct run *run, struct base_error *error)
{
        static const uint8_t nothing[TOKEN_VOPRF_OUTPUT_LEN];
        uint8_t output[sizeof(nothing)] = { 0 };
        bool ok = token_voprf_finalize(run->key->public_key, &run->input, &run->blind, 1, run->evaluated, run->proof, output,
                                       error);

        assert_int_equal(memcmp(output, nothing, sizeof(output)) != 0, ok);
        return ok;
}

static bool output(struct run *run, struct base_error *error)
{
        uint8_t bytes[TOKEN_VOPRF_OUTPUT_LEN];

        return token_voprf_output(run->key, run->input, bytes, error);
}

/* How often the step failed, until it had all the memory that it wanted. */
static unsigned count_failures(struct run *run, bool (*step)(struct run *run, struct base_error *error))
{
        for (unsigned i = 0; i < ALLOCATIONS_MAX; i++) {
                struct base_error error = BASE_ERROR_INIT;
                bool ok;

                was_refused = false;
                allocations_left = (long) i;
                ok = step(run, &error);
                allocations_left = -1;
                assert_int_equal(ok, !was_refused);
                assert_int_equal(error.code == BASE_ERROR_NONE, ok);
                if (ok)
                        return i;
        }
        fail_msg("there is no end of allocations");
        return 0;
}

static void every_step_without_memory_is_an_error(void **state)
{
        struct run run = { .input = base_bytes_from_string("an input") };
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed, BASE_BYTES(NULL, 0), &run.key, &error),
                          &error);
        support_assert_ok(token_voprf_blind(run.key->public_key, run.input, &base_system_random, &run.blind, &error), &error);
        support_assert_ok(
                token_voprf_evaluate(run.key, run.blind.encoded, 1, &base_system_random, run.evaluated, run.proof, &error),
                &error);
        assert_true(count_failures(&run, make_key) > 0);
        assert_true(count_failures(&run, blind) > 0);
        assert_true(count_failures(&run, evaluate) > 0);
        assert_true(count_failures(&run, finalize) > 0);
        assert_true(count_failures(&run, output) > 0);
        token_voprf_private_free(run.key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_step_without_memory_is_an_error),
        };

        /* Before OpenSSL allocates anything. */
        if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
