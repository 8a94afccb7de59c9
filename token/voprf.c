/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/voprf.h"

#include "token/secret.h"

#include <string.h>

#define ELEMENT_LEN     TOKEN_VOPRF_ELEMENT_LEN
#define SCALAR_LEN      TOKEN_VOPRF_SCALAR_LEN
#define DERIVATIONS_MAX 256
/* A draw misses the range with a chance below 2^-190, unless the random source is broken. */
#define SCALAR_DRAWS_MAX 128

static const struct token_modulus *const order = &token_modulus_order;

/* Big-endian lengths of what goes into a transcript. */
static const uint8_t element_len[] = { 0, ELEMENT_LEN };
static const uint8_t hash_len[] = { 0, TOKEN_HASH_LEN };

/* A domain separation tag: a prefix and the context string of the mode. RFC 9497, section 3.1. */
struct tag {
        uint8_t bytes[TOKEN_DST_MAX];
        size_t len;
};

static struct base_bytes tag_make(struct tag *tag, const char *prefix, enum token_voprf_mode mode)
{
        int len = snprintf((char *) tag->bytes, sizeof(tag->bytes), "%sOPRFV1-?-P384-SHA384", prefix);

        tag->len = (size_t) len;
        tag->bytes[strlen(prefix) + strlen("OPRFV1-")] = (uint8_t) mode;
        return BASE_BYTES(tag->bytes, tag->len);
}

static bool hash_to_scalar(const struct token_voprf_public *key, const struct token_pieces *message, struct token_number *ret,
                           struct base_error *error)
{
        struct tag tag;

        return token_hash_to_scalar(key->hash, message, tag_make(&tag, "HashToScalar-", key->mode), ret, error);
}

static bool hash_to_group(const struct token_voprf_public *key, struct base_bytes input, struct token_p384_point *ret,
                          struct base_error *error)
{
        const struct token_pieces message = { .items = { input }, .count = 1 };
        struct tag tag;
        uint64_t is_identity;

        if (input.len > TOKEN_VOPRF_INPUT_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "an input of %zu bytes is too long", input.len);
        if (!token_hash_to_group(key->hash, &message, tag_make(&tag, "HashToGroup-", key->mode), ret, error))
                return false;
        is_identity = token_modular_is_zero(&ret->z);
        token_secret_declassify(&is_identity, sizeof(is_identity)); /* nobody can bring it about */
        return !is_identity || base_error_set(error, BASE_ERROR_CRYPTO, "the input hashes to the identity");
}

/* Encodes a multiple of a point by a number that is not 0: it can be encoded as long as the processor counts right. */
static bool encode(const struct token_p384_point *point, uint8_t *ret, struct base_error *error)
{
        return token_p384_encode(point, 1, ret) ||
               base_error_set(error, BASE_ERROR_CRYPTO, "a point that was computed is not on the curve");
}

static bool draw_scalar(const struct base_random *random, struct token_number *ret, struct base_error *error)
{
        uint8_t bytes[SCALAR_LEN];
        uint64_t is_zero;
        bool found = false;

        for (unsigned i = 0; !found && i < SCALAR_DRAWS_MAX; i++) {
                if (!random->fill(random->context, bytes, sizeof(bytes), error))
                        return false;
                if (!token_modular_decode(order, bytes, ret))
                        continue;
                is_zero = token_modular_is_zero(ret);
                token_secret_declassify(&is_zero, sizeof(is_zero)); /* it is thrown away */
                found = !is_zero;
        }
        explicit_bzero(bytes, sizeof(bytes));
        return found || base_error_set(error, BASE_ERROR_CRYPTO, "the random source gives no scalar");
}

void token_voprf_public_free(struct token_voprf_public *key)
{
        if (key == NULL)
                return;
        EVP_MD_free(key->hash);
        free(key);
}

bool token_voprf_public_new(enum token_voprf_mode mode, struct base_bytes encoded, struct token_voprf_public **ret,
                            struct base_error *error)
{
        BASE_CLEANUP(token_voprf_public_free_p)
        struct token_voprf_public *key = calloc(1, sizeof(*key));
        struct token_p384_point point;

        if (key == NULL)
                return base_error_set_no_memory(error);
        if (encoded.len != ELEMENT_LEN || !token_p384_decode(encoded.data, &point))
                return base_error_set(error, BASE_ERROR_CRYPTO, "the token key is not a compressed point of P-384");
        key->mode = mode;
        memcpy(key->encoded, encoded.data, ELEMENT_LEN);
        key->hash = EVP_MD_fetch(NULL, "SHA384", NULL);
        if (key->hash == NULL)
                return token_crypto_error(error, "there is no SHA-384");
        token_p384_comb_init(&key->generator, &token_p384_generator);
        token_p384_comb_init(&key->key, &point);
        *ret = BASE_STEAL(key);
        return true;
}

void token_voprf_private_free(struct token_voprf_private *key)
{
        if (key == NULL)
                return;
        token_voprf_public_free(key->public_key);
        explicit_bzero(key, sizeof(*key));
        free(key);
}

bool token_voprf_private_new(enum token_voprf_mode mode, struct base_bytes scalar, struct token_voprf_private **ret,
                             struct base_error *error)
{
        BASE_CLEANUP(token_voprf_private_free_p)
        struct token_voprf_private *key = calloc(1, sizeof(*key));
        struct token_p384_comb generator;
        struct token_p384_point point;
        uint8_t encoded[ELEMENT_LEN];
        uint64_t is_zero;
        bool ok;

        if (key == NULL)
                return base_error_set_no_memory(error);
        if (scalar.len != SCALAR_LEN || !token_modular_decode(order, scalar.data, &key->scalar))
                return base_error_set(error, BASE_ERROR_CRYPTO, "the issuer key is not a scalar of P-384");
        is_zero = token_modular_is_zero(&key->scalar);
        token_secret_declassify(&is_zero, sizeof(is_zero)); /* not a key */
        if (is_zero)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the issuer key is zero");
        token_p384_comb_init(&generator, &token_p384_generator);
        token_p384_comb_multiply(&generator, &key->scalar, &point);
        ok = encode(&point, encoded, error);
        explicit_bzero(&point, sizeof(point));
        token_secret_wipe_stack();
        token_secret_declassify(encoded, sizeof(encoded)); /* the public key */
        if (!ok || !token_voprf_public_new(mode, BASE_BYTES_OF(encoded), &key->public_key, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

bool token_voprf_private_derive(enum token_voprf_mode mode, const uint8_t seed[static 32], struct base_bytes info,
                                struct token_voprf_private **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_MD_free_p) EVP_MD *hash = EVP_MD_fetch(NULL, "SHA384", NULL);
        const uint8_t info_len[] = { (uint8_t) (info.len >> 8), (uint8_t) info.len };
        struct token_number scalar = { 0 };
        uint64_t is_zero = UINT64_MAX;
        uint8_t bytes[SCALAR_LEN];
        struct tag tag;
        bool ok;

        if (info.len > TOKEN_VOPRF_INPUT_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "key info of %zu bytes is too long", info.len);
        if (hash == NULL)
                return token_crypto_error(error, "there is no SHA-384");
        for (unsigned i = 0; i < DERIVATIONS_MAX && is_zero; i++) {
                uint8_t counter = (uint8_t) i;
                const struct token_pieces message = {
                        .items = { BASE_BYTES(seed, 32), BASE_BYTES_OF(info_len), info, BASE_BYTES(&counter, 1) },
                        .count = 4,
                };

                if (!token_hash_to_scalar(hash, &message, tag_make(&tag, "DeriveKeyPair", mode), &scalar, error))
                        return false;
                is_zero = token_modular_is_zero(&scalar);
                token_secret_declassify(&is_zero, sizeof(is_zero)); /* then it is no key */
        }
        token_secret_wipe_stack();
        token_modular_encode(order, &scalar, bytes);
        ok = token_voprf_private_new(mode, BASE_BYTES_OF(bytes), ret, error);
        explicit_bzero(bytes, sizeof(bytes));
        explicit_bzero(&scalar, sizeof(scalar));
        return ok;
}

bool token_voprf_blind(const struct token_voprf_public *key, struct base_bytes input, const struct base_random *random,
                       struct token_voprf_blind *ret, struct base_error *error)
{
        struct token_p384_comb comb;
        struct token_p384_point point;
        bool ok = hash_to_group(key, input, &point, error) && draw_scalar(random, &ret->blind, error);

        if (ok) {
                token_p384_comb_init(&comb, &point);
                token_p384_comb_multiply(&comb, &ret->blind, &ret->element);
                ok = encode(&ret->element, ret->encoded, error);
                explicit_bzero(&comb, sizeof(comb));
        }
        explicit_bzero(&point, sizeof(point));
        token_secret_wipe_stack();
        token_secret_declassify(ret->encoded, sizeof(ret->encoded)); /* sent to the issuer */
        return ok;
}

/* The seed of the factors d_i that a proof over several elements weighs them with. Section 2.2.1, ComputeComposites. */
static bool composite_seed(const struct token_voprf_public *key, uint8_t ret[static TOKEN_HASH_LEN], struct base_error *error)
{
        struct tag tag;
        struct base_bytes dst = tag_make(&tag, "Seed-", key->mode);
        const uint8_t dst_len[] = { 0, (uint8_t) dst.len };
        const struct token_pieces transcript = {
                .items = { BASE_BYTES_OF(element_len), BASE_BYTES_OF(key->encoded), BASE_BYTES_OF(dst_len), dst },
                .count = 4,
        };

        return token_hash(key->hash, &transcript, ret, error);
}

static bool composite_factor(const struct token_voprf_public *key, const uint8_t *seed, size_t index, const uint8_t *blinded,
                             const uint8_t *evaluated, struct token_number *ret, struct base_error *error)
{
        const uint8_t index_bytes[] = { 0, (uint8_t) index };
        const struct token_pieces transcript = {
                .items = { BASE_BYTES_OF(hash_len), BASE_BYTES(seed, TOKEN_HASH_LEN), BASE_BYTES_OF(index_bytes),
                           BASE_BYTES_OF(element_len), BASE_BYTES(blinded, ELEMENT_LEN), BASE_BYTES_OF(element_len),
                           BASE_BYTES(evaluated, ELEMENT_LEN), base_bytes_from_string("Composite") },
                .count = 8,
        };

        return hash_to_scalar(key, &transcript, ret, error);
}

/* The four points of a proof: the composites M and Z, and the commitments t2 and t3. Sections 2.2.1 and 2.2.2. */
struct proof_points {
        struct token_p384_point m, z, t2, t3;
};

/*
 * The challenge c over the points. Who knows the private key can make a proof with the identity for t2: there is no
 * transcript of that, so it is refused.
 */
static bool proof_challenge(const struct token_voprf_public *key, const struct proof_points *points, struct token_number *ret,
                            struct base_error *error)
{
        const struct token_p384_point list[] = { points->m, points->z, points->t2, points->t3 };
        uint8_t encoded[BASE_COUNT(list)][ELEMENT_LEN];
        struct token_pieces transcript = {
                .items = { BASE_BYTES_OF(element_len), BASE_BYTES_OF(key->encoded) },
                .count = 2,
        };

        if (!token_p384_encode(list, BASE_COUNT(list), encoded[0]))
                return base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the issuer's proof has no transcript");
        token_secret_declassify(encoded, sizeof(encoded)); /* whoever verifies the proof computes them */
        for (size_t i = 0; i < BASE_COUNT(list); i++) {
                token_pieces_put(&transcript, BASE_BYTES_OF(element_len));
                token_pieces_put(&transcript, BASE_BYTES_OF(encoded[i]));
        }
        token_pieces_put(&transcript, base_bytes_from_string("Challenge"));
        return hash_to_scalar(key, &transcript, ret, error);
}

/* sum += factor * scalar * P */
static void add_multiple(const struct token_p384_comb *comb, const struct token_number *factor, const struct token_number *scalar,
                         struct token_p384_point *sum)
{
        struct token_p384_point point;
        struct token_number product;

        token_modular_multiply(order, factor, scalar, &product);
        token_p384_comb_multiply(comb, &product, &point);
        token_p384_add(sum, &point, sum);
        explicit_bzero(&product, sizeof(product));
}

static const struct proof_points no_points = {
        .m.y = { { 0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0 } },
        .z.y = { { 0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0 } },
        .t3.y = { { 0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0 } },
};

static bool check_count(size_t count, struct base_error *error)
{
        return (count > 0 && count <= TOKEN_VOPRF_BATCH_MAX) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%zu elements are not 1 to %d", count, TOKEN_VOPRF_BATCH_MAX);
}

/*
 * One element: its evaluation and, under a proof, its share in the points. As multiples of the one blinded element, M is
 * d, Z is k * d and t3 is r * d of it: they share its comb.
 */
static bool evaluate_one(const struct token_voprf_private *key, size_t index, const uint8_t *blinded, const uint8_t *seed,
                         const struct token_number *r, struct proof_points *points, uint8_t *ret_evaluated,
                         struct base_error *error)
{
        struct token_p384_point point;
        struct token_p384_comb comb;
        struct token_number d;

        if (!token_p384_decode(blinded, &point))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a blinded message is not a compressed point of P-384");
        token_p384_comb_init(&comb, &point);
        token_p384_comb_multiply(&comb, &key->scalar, &point);
        if (!encode(&point, ret_evaluated, error))
                return false;
        token_secret_declassify(ret_evaluated, ELEMENT_LEN); /* sent to the client */
        if (key->public_key->mode == TOKEN_VOPRF_MODE_OPRF)
                return true;
        if (!composite_factor(key->public_key, seed, index, blinded, ret_evaluated, &d, error))
                return false;
        add_multiple(&comb, &order->one, &d, &points->m);
        add_multiple(&comb, &key->scalar, &d, &points->z);
        add_multiple(&comb, r, &d, &points->t3);
        return true;
}

bool token_voprf_evaluate(const struct token_voprf_private *key, const uint8_t *blinded, size_t count,
                          const struct base_random *random, uint8_t *ret_evaluated, uint8_t *ret_proof, struct base_error *error)
{
        const struct token_voprf_public *public_key = key->public_key;
        bool with_proof = public_key->mode == TOKEN_VOPRF_MODE_VOPRF;
        struct proof_points points = no_points;
        struct token_number r = { 0 }, c, s;
        uint8_t seed[TOKEN_HASH_LEN];
        bool ok = check_count(count, error);

        if (with_proof)
                ok = ok && draw_scalar(random, &r, error) && composite_seed(public_key, seed, error);
        for (size_t i = 0; ok && i < count; i++)
                ok = evaluate_one(key, i, blinded + i * ELEMENT_LEN, seed, &r, &points, ret_evaluated + i * ELEMENT_LEN, error);
        if (ok && with_proof) {
                token_p384_comb_multiply(&public_key->generator, &r, &points.t2);
                ok = proof_challenge(public_key, &points, &c, error);
        }
        if (ok && with_proof) {
                token_modular_multiply(order, &c, &key->scalar, &s);
                token_modular_subtract(order, &r, &s, &s);
                token_modular_encode(order, &c, ret_proof);
                token_modular_encode(order, &s, ret_proof + SCALAR_LEN);
                token_secret_declassify(ret_proof, TOKEN_VOPRF_PROOF_LEN); /* sent to the client */
        }
        explicit_bzero(&r, sizeof(r));
        explicit_bzero(&points, sizeof(points)); /* their z tell about r */
        token_secret_wipe_stack();
        return ok;
}

static bool hash_output(const struct token_voprf_public *key, struct base_bytes input, const struct token_p384_point *element,
                        uint8_t *ret, struct base_error *error)
{
        const uint8_t input_len[] = { (uint8_t) (input.len >> 8), (uint8_t) input.len };
        uint8_t encoded[ELEMENT_LEN];
        const struct token_pieces transcript = {
                .items = { BASE_BYTES_OF(input_len), input, BASE_BYTES_OF(element_len), BASE_BYTES_OF(encoded),
                           base_bytes_from_string("Finalize") },
                .count = 5,
        };
        bool ok;

        ok = encode(element, encoded, error) && token_hash(key->hash, &transcript, ret, error);
        explicit_bzero(encoded, sizeof(encoded));
        return ok;
}

bool token_voprf_output(const struct token_voprf_private *key, struct base_bytes input,
                        uint8_t ret[static TOKEN_VOPRF_OUTPUT_LEN], struct base_error *error)
{
        struct token_p384_point point;
        struct token_p384_comb comb;
        bool ok;

        if (!hash_to_group(key->public_key, input, &point, error))
                return false;
        token_p384_comb_init(&comb, &point);
        token_p384_comb_multiply(&comb, &key->scalar, &point);
        ok = hash_output(key->public_key, input, &point, ret, error);
        explicit_bzero(&point, sizeof(point));
        token_secret_wipe_stack();
        return ok;
}

struct proof {
        struct token_number c, s;
        uint8_t seed[TOKEN_HASH_LEN];
        struct proof_points points;
};

/* t2 = s * G + c * K; the elements add to the others. */
static bool proof_open(const struct token_voprf_public *key, const uint8_t *bytes, struct proof *ret, struct base_error *error)
{
        ret->points = no_points;
        if (!token_modular_decode(order, bytes, &ret->c) || !token_modular_decode(order, bytes + SCALAR_LEN, &ret->s))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a number of the issuer's proof is out of range");
        if (!composite_seed(key, ret->seed, error))
                return false;
        token_p384_comb_multiply(&key->generator, &ret->s, &ret->points.t2);
        add_multiple(&key->key, &order->one, &ret->c, &ret->points.t2);
        return true;
}

/* One element: its output, which is not to be shown yet, and its share in the proof's points. */
static bool finalize_one(const struct token_voprf_public *key, size_t index, struct base_bytes input,
                         const struct token_voprf_blind *blind, const uint8_t *evaluated, struct proof *proof,
                         uint8_t *ret_output, struct base_error *error)
{
        struct token_p384_point point;
        struct token_p384_comb comb;
        struct token_number d, inverse;
        bool ok;

        if (!token_p384_decode(evaluated, &point))
                return base_error_set(error, BASE_ERROR_MALFORMED, "an evaluated message is not a compressed point of P-384");
        token_p384_comb_init(&comb, &point);
        token_modular_invert(order, &blind->blind, &inverse);
        token_p384_comb_multiply(&comb, &inverse, &point);
        ok = hash_output(key, input, &point, ret_output, error);
        explicit_bzero(&inverse, sizeof(inverse));
        explicit_bzero(&point, sizeof(point));
        if (!ok || key->mode == TOKEN_VOPRF_MODE_OPRF)
                return ok;
        if (!composite_factor(key, proof->seed, index, blind->encoded, evaluated, &d, error))
                return false;
        add_multiple(&comb, &order->one, &d, &proof->points.z);
        add_multiple(&comb, &proof->c, &d, &proof->points.t3);
        token_p384_comb_init(&comb, &blind->element);
        add_multiple(&comb, &order->one, &d, &proof->points.m);
        add_multiple(&comb, &proof->s, &d, &proof->points.t3);
        return true;
}

bool token_voprf_finalize(const struct token_voprf_public *key, const struct base_bytes *inputs,
                          const struct token_voprf_blind *blinds, size_t count, const uint8_t *evaluated,
                          const uint8_t *proof_bytes, uint8_t *ret_outputs, struct base_error *error)
{
        bool with_proof = key->mode == TOKEN_VOPRF_MODE_VOPRF;
        uint8_t outputs[TOKEN_VOPRF_BATCH_MAX * TOKEN_VOPRF_OUTPUT_LEN];
        struct token_number expected;
        struct proof proof;
        bool ok = check_count(count, error) && (!with_proof || proof_open(key, proof_bytes, &proof, error));

        for (size_t i = 0; ok && i < count; i++)
                ok = finalize_one(key, i, inputs[i], &blinds[i], evaluated + i * ELEMENT_LEN, &proof,
                                  outputs + i * TOKEN_VOPRF_OUTPUT_LEN, error);
        if (ok && with_proof)
                ok = proof_challenge(key, &proof.points, &expected, error) &&
                     (token_modular_equal(&expected, &proof.c) ||
                      base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the issuer's proof does not verify"));
        if (ok)
                memcpy(ret_outputs, outputs, count * TOKEN_VOPRF_OUTPUT_LEN);
        explicit_bzero(outputs, sizeof(outputs));
        token_secret_wipe_stack();
        return ok;
}
