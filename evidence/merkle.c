/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/merkle.h"

#include "base/hash.h"

#include <string.h>

/* Domain separation: a leaf, a node and a quoted batch can never be taken for one another. */
#define PREFIX_LEAF  0x00
#define PREFIX_NODE  0x01
#define PREFIX_BATCH 0x02

#define LEVELS_MAX (EVIDENCE_PROOF_PATH_MAX + 1)

struct evidence_tree {
        size_t level_count;
        size_t level_size[LEVELS_MAX];
        uint8_t (*levels[LEVELS_MAX])[EVIDENCE_HASH_LEN]; /* from the leaves to the root; all in one allocation */
        uint8_t nodes[][EVIDENCE_HASH_LEN];
};

bool evidence_leaf_hash(struct base_bytes claims, uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error)
{
        const uint8_t prefix = PREFIX_LEAF;
        const struct base_bytes pieces[] = { BASE_BYTES(&prefix, 1), claims };

        return base_sha256(pieces, BASE_COUNT(pieces), ret, error);
}

static bool node_hash(const uint8_t *left, const uint8_t *right, uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error)
{
        const uint8_t prefix = PREFIX_NODE;
        const struct base_bytes pieces[] = {
                BASE_BYTES(&prefix, 1),
                BASE_BYTES(left, EVIDENCE_HASH_LEN),
                BASE_BYTES(right, EVIDENCE_HASH_LEN),
        };

        return base_sha256(pieces, BASE_COUNT(pieces), ret, error);
}

bool evidence_batch_qualifying_data(const uint8_t root[static EVIDENCE_HASH_LEN], uint64_t tree_size,
                                    uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error)
{
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(1 + sizeof(uint64_t) + EVIDENCE_HASH_LEN);
        struct base_bytes piece;

        base_buffer_put_u8(&input, PREFIX_BATCH);
        base_buffer_put_u64(&input, tree_size);
        base_buffer_put(&input, root, EVIDENCE_HASH_LEN);
        if (!base_buffer_ok(&input))
                return base_error_set_no_memory(error);
        piece = base_buffer_bytes(&input);
        return base_sha256(&piece, 1, ret, error);
}

/* Lays the levels out behind each other and returns how many nodes they have. */
static size_t plan_levels(struct evidence_tree *tree, size_t leaves)
{
        size_t total = 0;

        tree->level_count = 0;
        for (size_t size = leaves;; size = (size + 1) / 2) {
                tree->level_size[tree->level_count++] = size;
                total += size;
                if (size == 1)
                        return total;
        }
}

/* RFC 9162's tree, bottom up: pairs are hashed, and a node without a partner moves up as it is. */
static bool build_level(struct evidence_tree *tree, size_t level, struct base_error *error)
{
        uint8_t(*below)[EVIDENCE_HASH_LEN] = tree->levels[level - 1];
        size_t below_size = tree->level_size[level - 1];

        for (size_t i = 0; i < tree->level_size[level]; i++) {
                uint8_t *node = tree->levels[level][i];

                if (2 * i + 1 == below_size)
                        memcpy(node, below[2 * i], EVIDENCE_HASH_LEN);
                else if (!node_hash(below[2 * i], below[2 * i + 1], node, error))
                        return false;
        }
        return true;
}

bool evidence_tree_new(const uint8_t (*leaves)[EVIDENCE_HASH_LEN], size_t count, struct evidence_tree **ret,
                       struct base_error *error)
{
        evidence_auto_tree struct evidence_tree *tree = NULL;
        struct evidence_tree plan;
        size_t nodes, offset = 0;

        if (count == 0 || count > EVIDENCE_TREE_LEAVES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A batch has 1 to %d requests, not %zu.",
                                      EVIDENCE_TREE_LEAVES_MAX, count);
        nodes = plan_levels(&plan, count);
        tree = malloc(sizeof(*tree) + nodes * EVIDENCE_HASH_LEN);
        if (tree == NULL)
                return base_error_set_no_memory(error);
        (void) plan_levels(tree, count);
        for (size_t level = 0; level < tree->level_count; level++) {
                tree->levels[level] = &tree->nodes[offset];
                offset += tree->level_size[level];
        }
        memcpy(tree->levels[0], leaves, count * EVIDENCE_HASH_LEN);
        for (size_t level = 1; level < tree->level_count; level++)
                if (!build_level(tree, level, error))
                        return false;
        *ret = BASE_STEAL(tree);
        return true;
}

void evidence_tree_free(struct evidence_tree *tree)
{
        free(tree);
}

const uint8_t *evidence_tree_root(const struct evidence_tree *tree)
{
        return tree->levels[tree->level_count - 1][0];
}

bool evidence_tree_qualifying_data(const struct evidence_tree *tree, uint8_t ret[static EVIDENCE_HASH_LEN],
                                   struct base_error *error)
{
        return evidence_batch_qualifying_data(evidence_tree_root(tree), tree->level_size[0], ret, error);
}

bool evidence_tree_prove(const struct evidence_tree *tree, size_t index, struct evidence_proof *ret, struct base_error *error)
{
        struct evidence_proof proof = { .index = index, .tree_size = tree->level_size[0] };

        if (index >= tree->level_size[0])
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The batch has no request number %zu.", index);
        for (size_t level = 0, at = index; level + 1 < tree->level_count; level++, at /= 2) {
                size_t sibling = at ^ 1;

                if (sibling < tree->level_size[level])
                        memcpy(proof.path[proof.path_len++], tree->levels[level][sibling], EVIDENCE_HASH_LEN);
        }
        *ret = proof;
        return true;
}

static bool proof_invalid(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                              "The evidence's inclusion proof does not have the shape of its batch.");
}

bool evidence_proof_root(const struct evidence_proof *proof, const uint8_t leaf[static EVIDENCE_HASH_LEN],
                         uint8_t ret[static EVIDENCE_HASH_LEN], struct base_error *error)
{
        uint8_t node[EVIDENCE_HASH_LEN];
        size_t used = 0;

        if (proof->tree_size == 0 || proof->tree_size > EVIDENCE_TREE_LEAVES_MAX || proof->index >= proof->tree_size ||
            proof->path_len > EVIDENCE_PROOF_PATH_MAX)
                return proof_invalid(error);
        memcpy(node, leaf, sizeof(node));
        for (uint64_t at = proof->index, last = proof->tree_size - 1; last > 0; at /= 2, last /= 2) {
                if (at == last && at % 2 == 0)
                        continue; /* no partner on this level */
                if (used == proof->path_len)
                        return proof_invalid(error);
                if (!(at % 2 == 1 ? node_hash(proof->path[used], node, node, error)
                                  : node_hash(node, proof->path[used], node, error)))
                        return false;
                used++;
        }
        if (used != proof->path_len)
                return proof_invalid(error);
        memcpy(ret, node, sizeof(node));
        return true;
}
