/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that wait for the TPM share one quote: their leaves form the Merkle tree of RFC 9162, section 2.1, over SHA-256.
 * attesterd builds trees and proofs, attester-issuer checks proofs.
 *   leaf = SHA-256(0x00 || claims) · node = SHA-256(0x01 || left || right)
 *   what the TPM quotes = SHA-256(0x02 || uint64 tree-size || root)
 * The size is under the signature because a proof's meaning depends on it: a node is as good a hash as a leaf, so whoever
 * could choose the size could cut levels off the tree or give one leaf several positions.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define EVIDENCE_HASH_LEN        32
#define EVIDENCE_TREE_LEAVES_MAX 1024
#define EVIDENCE_PROOF_PATH_MAX  10

struct evidence_proof {
        uint64_t index;
        uint64_t tree_size;
        size_t path_len;
        uint8_t path[EVIDENCE_PROOF_PATH_MAX][EVIDENCE_HASH_LEN]; /* siblings, from the leaf upwards */
};

/* The leaf of one request: the hash of its encoded claims. Errors: CRYPTO. */
bool evidence_leaf_hash(struct base_bytes claims, uint8_t ret[static EVIDENCE_HASH_LEN],
                        struct base_error *error) BASE_MUST_CHECK;

/*
 * Builds the tree over `count` (1..EVIDENCE_TREE_LEAVES_MAX) leaves, which are copied. All nodes are kept, so each proof
 * is a copy and no hashing. Free with evidence_tree_free(). Errors: INVALID_ARGUMENT, NO_MEMORY, CRYPTO.
 */
struct evidence_tree;
bool evidence_tree_new(const uint8_t (*leaves)[EVIDENCE_HASH_LEN], size_t count, struct evidence_tree **ret,
                       struct base_error *error) BASE_MUST_CHECK;
void evidence_tree_free(struct evidence_tree *tree);
BASE_DEFINE_CLEANUP(struct evidence_tree, evidence_tree_free)
#define evidence_auto_tree BASE_CLEANUP(evidence_tree_free_p)

/* The quote's extraData for this tree. Errors: CRYPTO. */
bool evidence_tree_qualifying_data(const struct evidence_tree *tree, uint8_t ret[static EVIDENCE_HASH_LEN],
                                   struct base_error *error) BASE_MUST_CHECK;

/* EVIDENCE_HASH_LEN bytes, owned by the tree. */
const uint8_t *evidence_tree_root(const struct evidence_tree *tree);

/* The inclusion proof of leaf `index`. Errors: INVALID_ARGUMENT (no such leaf). */
bool evidence_tree_prove(const struct evidence_tree *tree, size_t index, struct evidence_proof *ret,
                         struct base_error *error) BASE_MUST_CHECK;

/*
 * The root that `proof` gives for `leaf` (RFC 9162, section 2.1.3.2).
 * Errors: EVIDENCE_INVALID (index outside the tree, path too short or too long for the size), CRYPTO.
 */
bool evidence_proof_root(const struct evidence_proof *proof, const uint8_t leaf[static EVIDENCE_HASH_LEN],
                         uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error) BASE_MUST_CHECK;

/* Root and size to the quote's extraData. Errors: CRYPTO. */
bool evidence_batch_qualifying_data(const uint8_t root[static EVIDENCE_HASH_LEN], uint64_t tree_size,
                                    uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error) BASE_MUST_CHECK;
