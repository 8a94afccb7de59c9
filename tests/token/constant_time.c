/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What test_constant_time.py runs in valgrind: token type 0x0001 with its secrets marked as undefined memory, so that
 * memcheck reports each branch and each address that depends on one (ctgrind's method). This program is linked with a build
 * of token/'s files in which token_secret_declassify() works. With an argument it does one thing that memcheck must report.
 */
#include "token/secret.h"
#include "token/voprf.h"

#include <openssl/evp.h>
#include <string.h>

#ifndef TOKEN_SECRET_CHECK
#error "built without TOKEN_SECRET_CHECK, this checks nothing"
#endif

#define COUNT 2

/* Secret from here on. */
static void mark(const void *bytes, size_t len)
{
        (void) VALGRIND_MAKE_MEM_UNDEFINED(bytes, len);
}

/* Whether all of it is secret, in at least one bit a byte. */
static bool is_marked(const void *bytes, size_t len)
{
        uint8_t bits[sizeof(struct token_number) * COUNT];

        if (len > sizeof(bits) || VALGRIND_GET_VBITS(bytes, bits, len) != 1)
                return false;
        for (size_t i = 0; i < len; i++)
                if (bits[i] == 0)
                        return false;
        return true;
}

/* This program compares them, which token/ does not. */
static void unmark(const void *bytes, size_t len)
{
        (void) VALGRIND_MAKE_MEM_DEFINED(bytes, len);
}

static void check(bool ok, const char *what)
{
        if (ok)
                return;
        (void) fprintf(stderr, "constant_time: %s\n", what);
        exit(1);
}

/* All random bytes are blinds or a proof's randomness. */
static bool fill_secret(void *context, void *to, size_t len, struct base_error *error)
{
        (void) context;
        if (!base_system_random.fill(NULL, to, len, error))
                return false;
        mark(to, len);
        return true;
}

static const struct base_random secret_random = { .fill = fill_secret };

static void make_key(struct token_voprf_private **ret)
{
        uint8_t scalar[TOKEN_VOPRF_SCALAR_LEN];
        struct base_error error = BASE_ERROR_INIT;

        check(base_system_random.fill(NULL, scalar, sizeof(scalar), &error), "no random bytes");
        scalar[0] &= 0x7f;
        mark(scalar, sizeof(scalar));
        check(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES_OF(scalar), ret, &error), error.message);
}

static void derive_key(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
        uint8_t seed[32] = { 7 };
        struct base_error error = BASE_ERROR_INIT;

        mark(seed, sizeof(seed));
        check(token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed, BASE_BYTES(NULL, 0), &key, &error), error.message);
}

/* Issuance of two inputs under one proof, and both outputs once more, by the private key. */
static void run_protocol(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
        char texts[COUNT][16] = { "an input", "another input" };
        struct base_bytes inputs[COUNT];
        struct token_voprf_blind blinds[COUNT];
        uint8_t blinded[COUNT * TOKEN_VOPRF_ELEMENT_LEN], evaluated[sizeof(blinded)], proof[TOKEN_VOPRF_PROOF_LEN];
        uint8_t outputs[COUNT * TOKEN_VOPRF_OUTPUT_LEN], again[sizeof(outputs)];
        struct base_error error = BASE_ERROR_INIT;

        make_key(&key);
        mark(texts, sizeof(texts)); /* the client's: they hold the token's nonce */
        for (size_t i = 0; i < COUNT; i++) {
                inputs[i] = BASE_BYTES((const uint8_t *) texts[i], sizeof(texts[i]));
                check(token_voprf_blind(key->public_key, inputs[i], &secret_random, &blinds[i], &error), error.message);
                memcpy(blinded + i * TOKEN_VOPRF_ELEMENT_LEN, blinds[i].encoded, TOKEN_VOPRF_ELEMENT_LEN);
        }
        check(token_voprf_evaluate(key, blinded, COUNT, &secret_random, evaluated, proof, &error), error.message);
        check(token_voprf_finalize(key->public_key, inputs, blinds, COUNT, evaluated, proof, outputs, &error), error.message);
        for (size_t i = 0; i < COUNT; i++)
                check(token_voprf_output(key, inputs[i], again + i * TOKEN_VOPRF_OUTPUT_LEN, &error), error.message);
        check(is_marked(&key->scalar, sizeof(key->scalar)), "the key is not marked");
        check(is_marked(&blinds[0].blind, sizeof(blinds[0].blind)), "the blind is not marked");
        check(is_marked(outputs, sizeof(outputs)), "what comes of an input is not marked");
        unmark(outputs, sizeof(outputs));
        unmark(again, sizeof(again));
        check(memcmp(outputs, again, sizeof(outputs)) == 0, "the outputs differ");
}

/* --- what must be reported --- */

static volatile unsigned sink;

/* As memcmp() does: stops at the first difference. */
static void leak_by_branch(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;

        make_key(&key);
        for (unsigned i = 0; i < TOKEN_MODULAR_LIMBS && key->scalar.limbs[i] != 1; i++)
                sink++;
}

/* A comb that takes the sum it wants. */
static void leak_by_index(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;

        make_key(&key);
        sink = (unsigned) key->public_key->generator.sums[key->scalar.limbs[0] & 31].x.limbs[0];
}

/* Double and add, with the addition only where the bit is set. */
static void leak_by_ladder(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
        struct token_p384_point sum = token_p384_generator;
        struct token_number plain;

        make_key(&key);
        token_modular_plain(&token_modulus_order, &key->scalar, &plain);
        for (unsigned bit = 8; bit-- > 0;) {
                token_p384_double(&sum, &sum);
                if (plain.limbs[0] >> bit & 1)
                        token_p384_add(&sum, &token_p384_generator, &sum);
        }
        sink = (unsigned) sum.x.limbs[0];
}

/* The comparison that shows what an authenticator begins with. */
static void leak_by_output(void)
{
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
        uint8_t output[TOKEN_VOPRF_OUTPUT_LEN], guess[sizeof(output)] = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        make_key(&key);
        check(token_voprf_output(key, base_bytes_from_string("an input"), output, &error), error.message);
        for (size_t i = 0; i < sizeof(output) && output[i] == guess[i]; i++)
                sink++;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(void);
        } leaks[] = {
                { "branch", leak_by_branch },
                { "index", leak_by_index },
                { "ladder", leak_by_ladder },
                { "output", leak_by_output },
        };

        check(RUNNING_ON_VALGRIND != 0, "not in valgrind, this checks nothing");
        for (size_t i = 0; argc > 1 && i < BASE_COUNT(leaks); i++)
                if (strcmp(leaks[i].name, argv[1]) == 0) {
                        leaks[i].run();
                        return 0;
                }
        check(argc == 1, "there is no such leak");
        run_protocol();
        derive_key();
        return 0;
}
