/* SPDX-License-Identifier: BSD-2-Clause */
/* What token type 0x0001 leaves on the stack when it has returned: nothing of a key, a blind or a proof's randomness. */
#include "tests/token/support.h"
#include "token/secret.h"
#include "token/voprf.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES (512u * 1024)
#define SCALAR_LEN  TOKEN_VOPRF_SCALAR_LEN

/* No limb of these is like another value that may be there by chance. */
static const uint8_t key_bytes[SCALAR_LEN] = "\x1b"
                                             "a private key of forty eight bytes, no text..!";
static const uint8_t blind_bytes[SCALAR_LEN] = "\x2c"
                                               "blinds one input only; is drawn and forgotten..";
static const uint8_t r_bytes[SCALAR_LEN] = "\x3d"
                                           "twice the same would tell the private key to me";
static const char input[] = "an input of the client";

struct run {
        struct token_voprf_private *key;
        struct token_voprf_blind blind;
        uint8_t evaluated[TOKEN_VOPRF_ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN], output[TOKEN_VOPRF_OUTPUT_LEN];
        bool ok;
        void (*step)(struct run *run);
};

static struct base_bytes input_bytes(void)
{
        return base_bytes_from_string(input);
}

static void make_key(struct run *run)
{
        struct base_error error = BASE_ERROR_INIT;

        run->ok = token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES_OF(key_bytes), &run->key, &error);
}

static void blind(struct run *run)
{
        struct support_script script = { .bytes = BASE_BYTES_OF(blind_bytes) };
        const struct base_random random = support_script_random(&script);
        struct base_error error = BASE_ERROR_INIT;

        run->ok = token_voprf_blind(run->key->public_key, input_bytes(), &random, &run->blind, &error);
}

static void evaluate(struct run *run)
{
        struct support_script script = { .bytes = BASE_BYTES_OF(r_bytes) };
        const struct base_random random = support_script_random(&script);
        struct base_error error = BASE_ERROR_INIT;

        run->ok = token_voprf_evaluate(run->key, run->blind.encoded, 1, &random, run->evaluated, run->proof, &error);
}

static void finalize(struct run *run)
{
        const struct base_bytes inputs[] = { input_bytes() };
        struct base_error error = BASE_ERROR_INIT;

        run->ok = token_voprf_finalize(run->key->public_key, inputs, &run->blind, 1, run->evaluated, run->proof, run->output,
                                       &error);
}

static void output(struct run *run)
{
        struct base_error error = BASE_ERROR_INIT;

        run->ok = token_voprf_output(run->key, input_bytes(), run->output, &error);
}

/* As it would be if nobody wiped: what stands there is found. */
__attribute__((noinline)) static void leave_plain_scalar(const struct run *run)
{
        struct token_number plain;

        token_modular_plain(&token_modulus_order, &run->key->scalar, &plain);
        __asm__ volatile("" : : "r"(&plain) : "memory");
}

static void leave(struct run *run)
{
        leave_plain_scalar(run);
        run->ok = true;
}

static void leave_and_wipe(struct run *run)
{
        leave_plain_scalar(run);
        token_secret_wipe_stack();
        run->ok = true;
}

static void *run_step(void *context)
{
        struct run *run = context;

        run->step(run);
        return NULL;
}

static size_t count_word(const uint8_t *stack, const void *word)
{
        size_t count = 0;

        for (const uint8_t *at = stack; (at = memmem(at, STACK_BYTES - (size_t) (at - stack), word, 8)) != NULL; at++)
                count++;
        return count;
}

/* Any eight bytes of the number: as they came, as limbs, and as limbs in Montgomery form. */
static size_t count_number(const uint8_t *stack, const struct token_number *number)
{
        struct token_number plain;
        uint8_t bytes[SCALAR_LEN];
        size_t count = 0;

        token_modular_plain(&token_modulus_order, number, &plain);
        token_modular_encode(&token_modulus_order, number, bytes);
        for (size_t i = 0; i < TOKEN_MODULAR_LIMBS; i++)
                count += count_word(stack, &plain.limbs[i]) + count_word(stack, &number->limbs[i]) +
                         count_word(stack, bytes + 8 * i);
        return count;
}

/* Runs the step on a stack of its own and counts what it leaves of the secrets. */
static size_t count_left(struct run *run, void (*step)(struct run *run))
{
        uint8_t *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        const uint8_t *const secrets[] = { key_bytes, blind_bytes, r_bytes };
        struct token_number number, inverse;
        pthread_attr_t attributes;
        pthread_t thread;
        size_t count = 0;

        assert_ptr_not_equal(stack, MAP_FAILED);
        run->step = step;
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
        assert_int_equal(pthread_create(&thread, &attributes, run_step, run), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(run->ok);
        for (size_t i = 0; i < BASE_COUNT(secrets); i++) {
                assert_true(token_modular_decode(&token_modulus_order, secrets[i], &number));
                token_modular_invert(&token_modulus_order, &number, &inverse);
                count += count_number(stack, &number) + count_number(stack, &inverse);
        }
        (void) pthread_attr_destroy(&attributes);
        (void) munmap(stack, STACK_BYTES);
        return count;
}

static void every_step_leaves_no_secret_on_the_stack(void **state)
{
        struct run run = { .key = NULL };

        assert_int_equal(count_left(&run, make_key), 0);
        assert_int_equal(count_left(&run, blind), 0);
        assert_int_equal(count_left(&run, evaluate), 0);
        assert_int_equal(count_left(&run, finalize), 0);
        assert_int_equal(count_left(&run, output), 0);
        token_voprf_private_free(run.key);
}

static void left_secret_is_found_and_wiping_the_stack_removes_it(void **state)
{
        struct run run = { .key = NULL };

        make_key(&run);
        assert_true(run.ok);
        assert_true(count_left(&run, leave) >= TOKEN_MODULAR_LIMBS);
        assert_int_equal(count_left(&run, leave_and_wipe), 0);
        token_voprf_private_free(run.key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_step_leaves_no_secret_on_the_stack),
                cmocka_unit_test(left_secret_is_found_and_wiping_the_stack_removes_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
