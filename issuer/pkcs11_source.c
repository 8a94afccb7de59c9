/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/pkcs11_source.h"

#include "base/system.h"

#include <p11-kit/p11-kit.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct pkcs11_source {
        atomic_uint references;
        pthread_rwlock_t lock; /* reading: within the module */
        char *path;
        CK_FUNCTION_LIST *one[2];   /* the module of `path`, and NULL */
        CK_FUNCTION_LIST **modules; /* `one`, or what p11-kit allocated; NULL: not initialised */
        uint64_t generation;
        uint64_t retry_ms;
        atomic_bool barred;
};

bool pkcs11_source_new(const char *module_path, struct pkcs11_source **ret, struct base_error *error)
{
        struct pkcs11_source *source = calloc(1, sizeof(*source));

        if (source == NULL || (module_path != NULL && (source->path = strdup(module_path)) == NULL)) {
                free(source);
                return base_error_set_no_memory(error);
        }
        atomic_init(&source->references, 1);
        (void) pthread_rwlock_init(&source->lock, NULL);
        *ret = source;
        return true;
}

struct pkcs11_source *pkcs11_source_ref(struct pkcs11_source *source)
{
        atomic_fetch_add(&source->references, 1);
        return source;
}

static void finalize(struct pkcs11_source *source)
{
        if (source->modules == NULL)
                return;
        if (source->modules == source->one) {
                (void) p11_kit_module_finalize(source->one[0]);
                p11_kit_module_release(source->one[0]);
        } else {
                p11_kit_modules_finalize_and_release(source->modules);
        }
        source->modules = NULL;
}

void pkcs11_source_unref(struct pkcs11_source *source)
{
        if (source == NULL || atomic_fetch_sub(&source->references, 1) > 1)
                return;
        finalize(source);
        (void) pthread_rwlock_destroy(&source->lock);
        free(source->path);
        free(source);
}

bool pkcs11_source_is_for(const struct pkcs11_source *source, const char *module_path)
{
        return module_path == NULL ? source->path == NULL : source->path != NULL && strcmp(source->path, module_path) == 0;
}

static bool load(struct pkcs11_source *source, struct base_error *error)
{
        CK_RV result;

        if (source->path == NULL) {
                source->modules = p11_kit_modules_load_and_initialize(0);
                return source->modules != NULL || base_error_set(error, BASE_ERROR_NOT_FOUND, "no PKCS #11 module can be loaded");
        }
        source->one[0] = p11_kit_module_load(source->path, 0);
        if (source->one[0] == NULL)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "the PKCS #11 module %s cannot be loaded", source->path);
        result = p11_kit_module_initialize(source->one[0]);
        if (result == CKR_OK) {
                source->modules = source->one;
                return true;
        }
        p11_kit_module_release(source->one[0]);
        (void) base_error_set(error, BASE_ERROR_IO, "the PKCS #11 module does not start");
        base_error_set_detail(error, "%s: %s (0x%lx)", source->path, p11_kit_strerror(result), result);
        return false;
}

/* With the lock held for writing. */
static bool initialize(struct pkcs11_source *source, struct base_error *error)
{
        uint64_t now_ms = base_system_clock.monotonic_ms(base_system_clock.context);

        if (source->modules != NULL)
                return true;
        if (source->retry_ms != 0 && now_ms < source->retry_ms)
                return base_error_set(error, BASE_ERROR_IO, "the PKCS #11 token was lost; it is looked for again in a moment");
        source->retry_ms = now_ms + PKCS11_RETRY_MS;
        source->generation++;
        return load(source, error);
}

bool pkcs11_source_enter(struct pkcs11_source *source, CK_FUNCTION_LIST ***ret_modules, uint64_t *ret_generation,
                         struct base_error *error)
{
        bool ready;

        if (atomic_load(&source->barred))
                return base_error_set(error, BASE_ERROR_IO,
                                      "the PKCS #11 token refused the PIN and is not asked again until the next reload");
        for (;;) {
                (void) pthread_rwlock_rdlock(&source->lock);
                if (source->modules != NULL) {
                        *ret_modules = source->modules;
                        *ret_generation = source->generation;
                        return true;
                }
                (void) pthread_rwlock_unlock(&source->lock);
                (void) pthread_rwlock_wrlock(&source->lock);
                ready = initialize(source, error);
                (void) pthread_rwlock_unlock(&source->lock);
                if (!ready)
                        return false;
        }
}

bool pkcs11_source_enter_again(struct pkcs11_source *source, uint64_t generation)
{
        (void) pthread_rwlock_rdlock(&source->lock);
        if (source->modules != NULL && source->generation == generation)
                return true;
        (void) pthread_rwlock_unlock(&source->lock);
        return false;
}

void pkcs11_source_leave(struct pkcs11_source *source)
{
        (void) pthread_rwlock_unlock(&source->lock);
}

void pkcs11_source_lose(struct pkcs11_source *source, uint64_t generation)
{
        (void) pthread_rwlock_wrlock(&source->lock);
        if (source->generation == generation)
                finalize(source);
        (void) pthread_rwlock_unlock(&source->lock);
}

void pkcs11_source_bar(struct pkcs11_source *source)
{
        atomic_store(&source->barred, true);
}
