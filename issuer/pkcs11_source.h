/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PKCS #11 module, or all that p11-kit knows, initialised once for all keys in its tokens. Many modules look for tokens only
 * when they are initialised, and their sessions end with the token; so when a token was lost the module is finalised, as soon as
 * nobody is within it, and initialised anew for who comes next. Any thread may use one. Used by attester-issuer; may be included
 * by issuer/pkcs11.c alone.
 */
#pragma once

#include "base/error.h"

#include <p11-kit/pkcs11.h>
#include <stdint.h>

#define PKCS11_RETRY_MS 1000 /* a module that was just initialised is not initialised again so soon */

struct pkcs11_source;

/* `module_path` is copied; NULL: all modules of the system. Nothing is loaded yet. Ends with the last reference. Errors:
 * NO_MEMORY. */
bool pkcs11_source_new(const char *module_path, struct pkcs11_source **ret, struct base_error *error) BASE_MUST_CHECK;
struct pkcs11_source *pkcs11_source_ref(struct pkcs11_source *source);
void pkcs11_source_unref(struct pkcs11_source *source);
/* Whether it is for that path, which may be NULL. */
bool pkcs11_source_is_for(const struct pkcs11_source *source, const char *module_path);

/*
 * Until pkcs11_source_leave() the module stays as it is. `ret_modules` ends with a NULL and holds until then; sessions of another
 * generation than `ret_generation`, which is above 0, are gone. Errors: NOT_FOUND (no module can be loaded), IO (it does not
 * start, or not so soon again), NOT_AUTHORIZED (after pkcs11_source_bar()).
 */
bool pkcs11_source_enter(struct pkcs11_source *source, CK_FUNCTION_LIST ***ret_modules, uint64_t *ret_generation,
                         struct base_error *error) BASE_MUST_CHECK;
/* The same, if it is of that generation still. */
bool pkcs11_source_enter_again(struct pkcs11_source *source, uint64_t generation) BASE_MUST_CHECK;
void pkcs11_source_leave(struct pkcs11_source *source);

/* A token of that generation does not answer any more. Not between enter and leave. */
void pkcs11_source_lose(struct pkcs11_source *source, uint64_t generation);
/* Its PIN was refused: it is not tried again, since tokens lock themselves. */
void pkcs11_source_bar(struct pkcs11_source *source);
