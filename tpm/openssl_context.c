/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/openssl_context.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <pthread.h>

/* Written once, by make(). What calls the functions below has no place to keep it. */
static OSSL_LIB_CTX *shared;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
        OSSL_LIB_CTX *(*next)(void) = NULL;

        *(void **) &next = dlsym(RTLD_NEXT, "OSSL_LIB_CTX_new");
        shared = next == NULL ? NULL : next();
}

void tpm_openssl_context_prepare(void)
{
        (void) pthread_once(&made, make);
}

OSSL_LIB_CTX *OSSL_LIB_CTX_new(void)
{
        tpm_openssl_context_prepare();
        return shared;
}

/* The others go on with it. */
void OSSL_LIB_CTX_free(OSSL_LIB_CTX *context)
{
        (void) context;
}
