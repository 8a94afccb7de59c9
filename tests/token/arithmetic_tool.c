/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic behind token type 0x0001, for test_arithmetic.py to compare with its own. Reads one operation a line from
 * standard input and answers each with one line, all in hex: `p` or `n` names the modulus; a number is its limbs as they
 * are, most significant first, in Montgomery form where the operation's contract says so; a point is x, y and z of these.
 * `none` is the answer of an operation that refuses.
 *
 *   add|subtract|multiply|equal MODULUS NUMBER NUMBER     negate|square|invert|plain|odd|zero|encode MODULUS NUMBER
 *   power MODULUS NUMBER EXPONENT     select MODULUS MASK NUMBER NUMBER     decode MODULUS BYTES     reduce MODULUS BYTES
 *   point-add POINT POINT     point-double POINT     point-multiply POINT NUMBER     point-decode BYTES
 *   point-encode POINT...     map NUMBER     hash-to-group DST MESSAGE     hash-to-scalar DST MESSAGE
 *   blind KEY INPUT DRAW...     evaluate SCALAR R ELEMENT...
 */
#include "base/encode.h"
#include "token/voprf.h"

#include <string.h>

#define WORDS_MAX (TOKEN_VOPRF_BATCH_MAX + 4)
#define BYTES_MAX 4096

struct call {
        const struct token_modulus *modulus;
        struct base_bytes words[WORDS_MAX]; /* decoded, without the modulus */
        size_t count;
        struct base_buffer *answer;
};

static void fail(const char *what)
{
        (void) fprintf(stderr, "arithmetic_tool: %s\n", what);
        exit(1);
}

static struct token_number number_at(const struct call *call, size_t word, size_t index)
{
        struct token_number number = { { 0 } };

        if (word >= call->count || call->words[word].len < (index + 1) * TOKEN_MODULAR_LEN)
                fail("a number is missing");
        for (size_t i = 0; i < TOKEN_MODULAR_LEN; i++)
                number.limbs[TOKEN_MODULAR_LIMBS - 1 - i / 8] |= (uint64_t) call->words[word].data[index * TOKEN_MODULAR_LEN + i]
                                                                 << (56 - 8 * (i % 8));
        return number;
}

static struct token_p384_point point_at(const struct call *call, size_t word)
{
        return (struct token_p384_point){ number_at(call, word, 0), number_at(call, word, 1), number_at(call, word, 2) };
}

static void put_number(const struct call *call, const struct token_number *number)
{
        for (unsigned i = TOKEN_MODULAR_LIMBS; i-- > 0;)
                base_buffer_printf(call->answer, "%016llx", (unsigned long long) number->limbs[i]);
}

static void put_point(const struct call *call, const struct token_p384_point *point)
{
        put_number(call, &point->x);
        put_number(call, &point->y);
        put_number(call, &point->z);
}

static void put_none(const struct call *call)
{
        base_buffer_put_string(call->answer, "none");
}

static const struct token_number poison = { { 0xa5a5, 1, 2, 3, 4, 5 } };

typedef void binary_function(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                             struct token_number *ret);
typedef void unary_function(const struct token_modulus *m, const struct token_number *a, struct token_number *ret);

/* The result may stand in either operand's place. */
static void run_binary(const struct call *call, binary_function *function)
{
        struct token_number a = number_at(call, 0, 0), b = number_at(call, 1, 0), result = poison, in_a = a, in_b = b;

        function(call->modulus, &a, &b, &result);
        function(call->modulus, &in_a, &b, &in_a);
        function(call->modulus, &a, &in_b, &in_b);
        if (memcmp(&result, &in_a, sizeof(result)) != 0 || memcmp(&result, &in_b, sizeof(result)) != 0)
                fail("an operand that is the result changes it");
        put_number(call, &result);
}

static void run_unary(const struct call *call, unary_function *function)
{
        struct token_number a = number_at(call, 0, 0), result = poison, in_a = a;

        function(call->modulus, &a, &result);
        function(call->modulus, &in_a, &in_a);
        if (memcmp(&result, &in_a, sizeof(result)) != 0)
                fail("an operand that is the result changes it");
        put_number(call, &result);
}

static void run_mask(const struct call *call, uint64_t mask)
{
        if (mask != 0 && mask != UINT64_MAX)
                fail("a mask has some bits");
        base_buffer_printf(call->answer, "%d", mask != 0);
}

static void run_add(const struct call *call)
{
        run_binary(call, token_modular_add);
}
static void run_subtract(const struct call *call)
{
        run_binary(call, token_modular_subtract);
}
static void run_multiply(const struct call *call)
{
        run_binary(call, token_modular_multiply);
}
static void run_power(const struct call *call)
{
        run_binary(call, token_modular_power);
}
static void run_negate(const struct call *call)
{
        run_unary(call, token_modular_negate);
}
static void run_square(const struct call *call)
{
        run_unary(call, token_modular_square);
}
static void run_invert(const struct call *call)
{
        run_unary(call, token_modular_invert);
}
static void run_plain(const struct call *call)
{
        run_unary(call, token_modular_plain);
}

static void run_equal(const struct call *call)
{
        struct token_number a = number_at(call, 0, 0), b = number_at(call, 1, 0);

        run_mask(call, token_modular_equal(&a, &b));
}

static void run_odd(const struct call *call)
{
        struct token_number a = number_at(call, 0, 0);

        run_mask(call, token_modular_is_odd(call->modulus, &a));
}

static void run_zero(const struct call *call)
{
        struct token_number a = number_at(call, 0, 0);

        run_mask(call, token_modular_is_zero(&a));
}

static void run_select(const struct call *call)
{
        struct token_number mask = number_at(call, 0, 0), a = number_at(call, 1, 0), result = number_at(call, 2, 0);

        token_modular_select(mask.limbs[0], &a, &result);
        put_number(call, &result);
}

static void run_encode(const struct call *call)
{
        struct token_number a = number_at(call, 0, 0);
        uint8_t bytes[TOKEN_MODULAR_LEN];

        token_modular_encode(call->modulus, &a, bytes);
        base_hex_encode(call->answer, BASE_BYTES_OF(bytes));
}

static void run_decode(const struct call *call)
{
        struct token_number result = poison;

        if (call->count != 1 || call->words[0].len != TOKEN_MODULAR_LEN)
                fail("not the bytes of a number");
        if (token_modular_decode(call->modulus, call->words[0].data, &result))
                put_number(call, &result);
        else if (memcmp(&result, &poison, sizeof(result)) != 0)
                fail("a refused number was written");
        else
                put_none(call);
}

static void run_reduce(const struct call *call)
{
        struct token_number result = poison;

        if (call->count != 1 || call->words[0].len != TOKEN_MODULAR_WIDE_LEN)
                fail("not the bytes of a wide number");
        token_modular_reduce(call->modulus, call->words[0].data, &result);
        put_number(call, &result);
}

static void run_point_add(const struct call *call)
{
        struct token_p384_point a = point_at(call, 0), b = point_at(call, 1), result, in_a = a, in_b = b;

        token_p384_add(&a, &b, &result);
        token_p384_add(&in_a, &b, &in_a);
        token_p384_add(&a, &in_b, &in_b);
        if (memcmp(&result, &in_a, sizeof(result)) != 0 || memcmp(&result, &in_b, sizeof(result)) != 0)
                fail("an operand that is the result changes it");
        put_point(call, &result);
}

static void run_point_multiply(const struct call *call)
{
        struct token_p384_point point = point_at(call, 0);
        struct token_number scalar = number_at(call, 1, 0);
        struct token_p384_comb comb;

        token_p384_comb_init(&comb, &point);
        token_p384_comb_multiply(&comb, &scalar, &point);
        put_point(call, &point);
}

static void run_point_decode(const struct call *call)
{
        struct token_p384_point point;

        if (call->count != 1 || call->words[0].len != TOKEN_P384_ELEMENT_LEN)
                fail("not the bytes of a point");
        if (token_p384_decode(call->words[0].data, &point))
                put_point(call, &point);
        else
                put_none(call);
}

static void run_point_encode(const struct call *call)
{
        struct token_p384_point points[TOKEN_P384_ENCODE_MAX];
        uint8_t bytes[TOKEN_P384_ENCODE_MAX * TOKEN_P384_ELEMENT_LEN];

        if (call->count == 0 || call->count > TOKEN_P384_ENCODE_MAX)
                fail("too many points");
        for (size_t i = 0; i < call->count; i++)
                points[i] = point_at(call, i);
        if (token_p384_encode(points, call->count, bytes))
                base_hex_encode(call->answer, BASE_BYTES(bytes, call->count * TOKEN_P384_ELEMENT_LEN));
        else
                put_none(call);
}

static void run_map(const struct call *call)
{
        struct token_number u = number_at(call, 0, 0);
        struct token_p384_point point;

        token_p384_map(&u, &point);
        put_point(call, &point);
}

static EVP_MD *fetch_hash(void)
{
        EVP_MD *hash = EVP_MD_fetch(NULL, "SHA384", NULL);

        if (hash == NULL)
                fail("there is no SHA-384");
        return hash;
}

static void run_hash_to_group(const struct call *call)
{
        BASE_CLEANUP(EVP_MD_free_p) EVP_MD *hash = fetch_hash();
        const struct token_pieces message = { .items = { call->words[1] }, .count = 1 };
        struct base_error error = BASE_ERROR_INIT;
        struct token_p384_point point;

        if (!token_hash_to_group(hash, &message, call->words[0], &point, &error))
                fail(error.message);
        put_point(call, &point);
}

static void run_hash_to_scalar(const struct call *call)
{
        BASE_CLEANUP(EVP_MD_free_p) EVP_MD *hash = fetch_hash();
        const struct token_pieces message = { .items = { call->words[1] }, .count = 1 };
        struct base_error error = BASE_ERROR_INIT;
        struct token_number number;

        if (!token_hash_to_scalar(hash, &message, call->words[0], &number, &error))
                fail(error.message);
        put_number(call, &number);
}

/* The words that are drawn, in turn. */
struct draws {
        const struct base_bytes *words;
        size_t count;
};

static bool fill_from_words(void *context, void *to, size_t len, struct base_error *error)
{
        struct draws *draws = context;

        if (draws->count == 0 || draws->words[0].len != len)
                return base_error_set(error, BASE_ERROR_CRYPTO, "all words are drawn, or one is of another length");
        memcpy(to, draws->words[0].data, len);
        draws->words++;
        draws->count--;
        return true;
}

static void run_blind(const struct call *call)
{
        struct draws draws = { .words = call->words + 2, .count = call->count - 2 };
        const struct base_random random = { .fill = fill_from_words, .context = &draws };
        BASE_CLEANUP(token_voprf_public_free_p) struct token_voprf_public *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        struct token_voprf_blind blind;

        if (!token_voprf_public_new(TOKEN_VOPRF_MODE_VOPRF, call->words[0], &key, &error))
                fail(error.message);
        if (token_voprf_blind(key, call->words[1], &random, &blind, &error))
                base_hex_encode(call->answer, BASE_BYTES_OF(blind.encoded));
        else
                put_none(call);
}

static void run_evaluate(const struct call *call)
{
        struct draws draws = { .words = call->words + 1, .count = 1 };
        const struct base_random random = { .fill = fill_from_words, .context = &draws };
        BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
        uint8_t blinded[TOKEN_VOPRF_BATCH_MAX * TOKEN_VOPRF_ELEMENT_LEN], evaluated[sizeof(blinded)];
        uint8_t proof[TOKEN_VOPRF_PROOF_LEN];
        struct base_error error = BASE_ERROR_INIT;
        size_t count = call->count - 2;

        if (!token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, call->words[0], &key, &error))
                fail(error.message);
        for (size_t i = 0; i < count && i < TOKEN_VOPRF_BATCH_MAX && call->words[i + 2].len == TOKEN_VOPRF_ELEMENT_LEN; i++)
                memcpy(blinded + i * TOKEN_VOPRF_ELEMENT_LEN, call->words[i + 2].data, TOKEN_VOPRF_ELEMENT_LEN);
        if (!token_voprf_evaluate(key, blinded, count, &random, evaluated, proof, &error)) {
                put_none(call);
                return;
        }
        base_hex_encode(call->answer, BASE_BYTES(evaluated, count * TOKEN_VOPRF_ELEMENT_LEN));
        base_hex_encode(call->answer, BASE_BYTES_OF(proof));
}

static void run_point_double(const struct call *call)
{
        struct token_p384_point a = point_at(call, 0);

        token_p384_double(&a, &a);
        put_point(call, &a);
}

static const struct {
        const char *name;
        bool with_modulus;
        size_t words_min;
        void (*run)(const struct call *call);
} operations[] = {
        { "add", true, 2, run_add },
        { "subtract", true, 2, run_subtract },
        { "multiply", true, 2, run_multiply },
        { "power", true, 2, run_power },
        { "equal", true, 2, run_equal },
        { "negate", true, 1, run_negate },
        { "square", true, 1, run_square },
        { "invert", true, 1, run_invert },
        { "plain", true, 1, run_plain },
        { "odd", true, 1, run_odd },
        { "zero", true, 1, run_zero },
        { "encode", true, 1, run_encode },
        { "select", true, 3, run_select },
        { "decode", true, 1, run_decode },
        { "reduce", true, 1, run_reduce },
        { "point-add", false, 2, run_point_add },
        { "point-double", false, 1, run_point_double },
        { "point-multiply", false, 2, run_point_multiply },
        { "point-decode", false, 1, run_point_decode },
        { "point-encode", false, 1, run_point_encode },
        { "map", false, 1, run_map },
        { "hash-to-group", false, 2, run_hash_to_group },
        { "hash-to-scalar", false, 2, run_hash_to_scalar },
        { "blind", false, 3, run_blind },
        { "evaluate", false, 3, run_evaluate },
};

/* `-` is a word of no bytes. */
static void read_words(struct call *call, char *position, struct base_buffer *store)
{
        uint8_t *data;

        base_buffer_reset(store);
        data = base_buffer_extend(store, BYTES_MAX);
        if (data == NULL)
                fail("there is no memory");
        base_buffer_reset(store);
        for (char *word; (word = strsep(&position, " \n")) != NULL;) {
                size_t start = store->len;

                if (*word == '\0')
                        continue;
                if (call->count == WORDS_MAX || (strcmp(word, "-") != 0 && !base_hex_decode(store, word, strlen(word))))
                        fail("a word is not hex, or there are too many");
                call->words[call->count++] = BASE_BYTES(data + start, store->len - start);
        }
}

static void run_line(char *line, struct base_buffer *store, struct base_buffer *answer)
{
        struct call call = { .answer = answer };
        char *position = line;
        const char *name = strsep(&position, " \n"), *modulus;

        for (size_t i = 0; i < BASE_COUNT(operations); i++) {
                if (strcmp(operations[i].name, name) != 0)
                        continue;
                if (operations[i].with_modulus) {
                        modulus = strsep(&position, " \n");
                        call.modulus = strcmp(modulus, "p") == 0 ? &token_modulus_field : &token_modulus_order;
                }
                read_words(&call, position, store);
                if (call.count < operations[i].words_min)
                        fail("a word is missing");
                operations[i].run(&call);
                return;
        }
        fail("there is no such operation");
}

int main(void)
{
        base_auto_buffer struct base_buffer store = BASE_BUFFER_INIT(BYTES_MAX), answer = BASE_BUFFER_INIT(2 * BYTES_MAX);
        static char line[4 * BYTES_MAX];

        while (fgets(line, sizeof(line), stdin) != NULL) {
                base_buffer_reset(&answer);
                run_line(line, &store, &answer);
                if (!base_buffer_ok(&answer))
                        fail("an answer is too long");
                (void) printf("%.*s\n", (int) answer.len, (const char *) answer.data);
        }
        return 0;
}
