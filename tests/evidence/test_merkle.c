/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/claims.h"
#include "evidence/merkle.h"
#include "tests/evidence/support.h"

#include "base/hash.h"

#include <string.h>

static uint8_t leaves[EVIDENCE_TREE_LEAVES_MAX][EVIDENCE_HASH_LEN];

static int make_leaves(void **state)
{
        struct base_error error;

        for (uint32_t i = 0; i < EVIDENCE_TREE_LEAVES_MAX; i++)
                if (!evidence_leaf_hash(BASE_BYTES(&i, sizeof(i)), leaves[i], &error))
                        return -1;
        return 0;
}

/* RFC 9162, section 2.1.1, word for word: split at the largest power of two below n. */
static void reference_root(size_t from, size_t n, uint8_t ret[static EVIDENCE_HASH_LEN])
{
        uint8_t left[EVIDENCE_HASH_LEN], right[EVIDENCE_HASH_LEN];
        const uint8_t prefix = 0x01;
        struct base_error error;
        size_t k = 1;

        if (n == 1) {
                memcpy(ret, leaves[from], EVIDENCE_HASH_LEN);
                return;
        }
        while (k * 2 < n)
                k *= 2;
        reference_root(from, k, left);
        reference_root(from + k, n - k, right);
        const struct base_bytes pieces[] = { BASE_BYTES(&prefix, 1), BASE_BYTES_OF(left), BASE_BYTES_OF(right) };
        assert_ok(base_sha256(pieces, 3, ret, &error));
}

static struct evidence_tree *tree_of(size_t count)
{
        struct evidence_tree *tree = NULL;
        struct base_error error;

        assert_ok(evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaves, count, &tree, &error));
        return tree;
}

static void tree_every_size_has_rfc_root_and_proofs(void **state)
{
        static const size_t sizes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 31, 33, 64, 100, 127, 129, 1000, 1023, 1024 };

        for (size_t s = 0; s < BASE_COUNT(sizes); s++) {
                evidence_auto_tree struct evidence_tree *tree = tree_of(sizes[s]);
                uint8_t wanted[EVIDENCE_HASH_LEN], root[EVIDENCE_HASH_LEN];
                struct evidence_proof proof;
                struct base_error error;

                reference_root(0, sizes[s], wanted);
                assert_memory_equal(evidence_tree_root(tree), wanted, EVIDENCE_HASH_LEN);
                for (size_t i = 0; i < sizes[s]; i++) {
                        assert_ok(evidence_tree_prove(tree, i, &proof, &error));
                        assert_true(proof.path_len <= EVIDENCE_PROOF_PATH_MAX);
                        assert_ok(evidence_proof_root(&proof, leaves[i], root, &error));
                        assert_memory_equal(root, wanted, EVIDENCE_HASH_LEN);
                }
        }
}

static void tree_new_no_or_too_many_leaves_refused(void **state)
{
        struct evidence_tree *tree = NULL;
        struct base_error error;

        assert_refused(evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaves, 0, &tree, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "0");
        assert_refused(
                evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaves, EVIDENCE_TREE_LEAVES_MAX + 1, &tree, &error),
                BASE_ERROR_INVALID_ARGUMENT, "1025");
        assert_null(tree);
}

static void tree_prove_beyond_end_refused(void **state)
{
        evidence_auto_tree struct evidence_tree *tree = tree_of(5);
        struct evidence_proof proof;
        struct base_error error;

        assert_refused(evidence_tree_prove(tree, 5, &proof, &error), BASE_ERROR_INVALID_ARGUMENT, "5");
}

static bool proves(const struct evidence_proof *proof, const uint8_t *leaf, const uint8_t *quoted)
{
        uint8_t root[EVIDENCE_HASH_LEN], qualifying[EVIDENCE_HASH_LEN];
        struct base_error error;

        return evidence_proof_root(proof, leaf, root, &error) &&
               evidence_batch_qualifying_data(root, proof->tree_size, qualifying, &error) &&
               memcmp(qualifying, quoted, EVIDENCE_HASH_LEN) == 0;
}

static void proof_of_another_leaf_or_index_does_not_verify(void **state)
{
        evidence_auto_tree struct evidence_tree *tree = tree_of(13);
        uint8_t quoted[EVIDENCE_HASH_LEN];
        struct base_error error;

        assert_ok(evidence_tree_qualifying_data(tree, quoted, &error));
        for (size_t i = 0; i < 13; i++) {
                struct evidence_proof proof;

                assert_ok(evidence_tree_prove(tree, i, &proof, &error));
                for (size_t leaf = 0; leaf < 20; leaf++)
                        assert_int_equal(proves(&proof, leaves[leaf], quoted), leaf == i);
                for (proof.index = 0; proof.index < 13; proof.index++)
                        assert_int_equal(proves(&proof, leaves[i], quoted), proof.index == i);
        }
}

/* Taking a subtree's node for a leaf, or claiming another size, changes what must have been quoted. */
static void proof_of_truncated_or_resized_tree_does_not_verify(void **state)
{
        evidence_auto_tree struct evidence_tree *tree = tree_of(8);
        uint8_t quoted[EVIDENCE_HASH_LEN], node[EVIDENCE_HASH_LEN], root[EVIDENCE_HASH_LEN];
        struct evidence_proof proof, cut;
        struct base_error error;

        assert_ok(evidence_tree_qualifying_data(tree, quoted, &error));
        assert_ok(evidence_tree_prove(tree, 2, &proof, &error));
        assert_true(proves(&proof, leaves[2], quoted));

        /* The node over leaves 2 and 3, as leaf 1 of a tree of 4: same root, so only the signed size refuses it. */
        reference_root(2, 2, node);
        cut = (struct evidence_proof){ .index = 1, .tree_size = 4, .path_len = 2 };
        memcpy(cut.path, proof.path + 1, 2 * (size_t) EVIDENCE_HASH_LEN);
        assert_ok(evidence_proof_root(&cut, node, root, &error));
        assert_memory_equal(root, evidence_tree_root(tree), EVIDENCE_HASH_LEN);
        assert_false(proves(&cut, node, quoted));

        for (proof.tree_size = 3; proof.tree_size <= EVIDENCE_TREE_LEAVES_MAX; proof.tree_size++)
                assert_int_equal(proves(&proof, leaves[2], quoted), proof.tree_size == 8);
}

static void proof_root_wrong_shape_refused(void **state)
{
        evidence_auto_tree struct evidence_tree *tree = tree_of(5);
        struct evidence_proof proof, wrong;
        uint8_t root[EVIDENCE_HASH_LEN];
        struct base_error error;

        assert_ok(evidence_tree_prove(tree, 1, &proof, &error));
        wrong = proof;
        wrong.path_len--;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
        wrong = proof;
        wrong.path_len++;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
        wrong = proof;
        wrong.index = 5;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
        wrong = proof;
        wrong.tree_size = 0;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
        wrong.tree_size = EVIDENCE_TREE_LEAVES_MAX + 1;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
        wrong = proof;
        wrong.path_len = EVIDENCE_PROOF_PATH_MAX + 1;
        assert_refused(evidence_proof_root(&wrong, leaves[1], root, &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
}

/* What one requester knows of another on the same device: everything but the salt. */
static void known_leaf(uint64_t iat, const uint8_t salt[static EVIDENCE_CTI_LEN], uint8_t ret[static EVIDENCE_HASH_LEN])
{
        evidence_auto_claims struct evidence_claims claims = EVIDENCE_CLAIMS_INIT;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        const struct evidence_fact fact = { .name = "window.focused", .kind = EVIDENCE_FACT_BOOL, .boolean = true };
        struct base_error error;

        claims.iat = iat;
        claims.nonce_len = EVIDENCE_NONCE_BYTES_MIN;
        memcpy(claims.cti, salt, sizeof(claims.cti));
        (void) snprintf(claims.software, sizeof(claims.software), "1");
        assert_ok(evidence_claims_add_fact(&claims, &fact, &error));
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        assert_ok(evidence_leaf_hash(base_buffer_bytes(&encoded), ret, &error));
}

/* Tries each second of an hour against the sibling in one's own proof, with the salt that one guesses. */
static bool sibling_is_guessed(const uint8_t salt[static EVIDENCE_CTI_LEN], const uint8_t guess[static EVIDENCE_CTI_LEN])
{
        enum { BEGIN = 1700000000, SECONDS = 3600 };
        uint8_t batch[2][EVIDENCE_HASH_LEN], tried[EVIDENCE_HASH_LEN];
        evidence_auto_tree struct evidence_tree *tree = NULL;
        struct evidence_proof own;
        struct base_error error;

        memcpy(batch[0], leaves[0], EVIDENCE_HASH_LEN);
        known_leaf(BEGIN + 1234, salt, batch[1]);
        assert_ok(evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) batch, 2, &tree, &error));
        assert_ok(evidence_tree_prove(tree, 0, &own, &error));
        for (uint64_t second = 0; second < SECONDS; second++) {
                known_leaf(BEGIN + second, guess, tried);
                if (memcmp(tried, own.path[0], EVIDENCE_HASH_LEN) == 0)
                        return true;
        }
        return false;
}

static void sibling_is_guessed_from_known_claims_without_the_salt_only(void **state)
{
        static const uint8_t none[EVIDENCE_CTI_LEN];
        uint8_t salt[EVIDENCE_CTI_LEN], own[EVIDENCE_CTI_LEN];
        struct base_error error;

        assert_ok(base_system_random.fill(base_system_random.context, salt, sizeof(salt), &error));
        assert_ok(base_system_random.fill(base_system_random.context, own, sizeof(own), &error));
        assert_true(sibling_is_guessed(none, none));
        assert_true(sibling_is_guessed(salt, salt));
        assert_false(sibling_is_guessed(salt, none));
        assert_false(sibling_is_guessed(salt, own));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tree_every_size_has_rfc_root_and_proofs),
                cmocka_unit_test(tree_new_no_or_too_many_leaves_refused),
                cmocka_unit_test(tree_prove_beyond_end_refused),
                cmocka_unit_test(proof_of_another_leaf_or_index_does_not_verify),
                cmocka_unit_test(proof_of_truncated_or_resized_tree_does_not_verify),
                cmocka_unit_test(proof_root_wrong_shape_refused),
                cmocka_unit_test(sibling_is_guessed_from_known_claims_without_the_salt_only),
        };

        return cmocka_run_group_tests(tests, make_leaves, NULL);
}
