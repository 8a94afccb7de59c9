/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/vault.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define VAULT_BYTES ((size_t) AGENT_VAULT_SLOTS * TOKEN_BYTES_MAX)

_Static_assert(VAULT_BYTES <= 60 * 1024, "more than every user may lock");

struct agent_vault {
        uint8_t *memory;
        bool taken[AGENT_VAULT_SLOTS];
};

bool agent_vault_new(struct agent_vault **ret, struct base_error *error)
{
        struct agent_vault *vault = calloc(1, sizeof(*vault));
        void *memory;

        if (vault == NULL)
                return base_error_set_no_memory(error);
        memory = mmap(NULL, VAULT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
                free(vault);
                return base_error_set_no_memory(error);
        }
        vault->memory = memory;
        /* mlock2() without flags is mlock(), which sanitizers turn into nothing: then a test could not look at it. */
        if (mlock2(memory, VAULT_BYTES, 0) < 0 || madvise(memory, VAULT_BYTES, MADV_DONTDUMP) < 0 ||
            madvise(memory, VAULT_BYTES, MADV_DONTFORK) < 0) {
                (void) base_error_set_errno(error, errno, "memory for tokens cannot be locked; raise RLIMIT_MEMLOCK");
                agent_vault_free(vault);
                return false;
        }
        *ret = vault;
        return true;
}

void agent_vault_free(struct agent_vault *vault)
{
        if (vault == NULL)
                return;
        explicit_bzero(vault->memory, VAULT_BYTES);
        (void) munmap(vault->memory, VAULT_BYTES);
        free(vault);
}

uint8_t *agent_vault_take(struct agent_vault *vault)
{
        for (size_t i = 0; i < AGENT_VAULT_SLOTS; i++)
                if (!vault->taken[i]) {
                        vault->taken[i] = true;
                        return vault->memory + i * TOKEN_BYTES_MAX;
                }
        return NULL;
}

void agent_vault_give(struct agent_vault *vault, uint8_t *slot)
{
        explicit_bzero(slot, TOKEN_BYTES_MAX);
        vault->taken[(size_t) (slot - vault->memory) / TOKEN_BYTES_MAX] = false;
}
