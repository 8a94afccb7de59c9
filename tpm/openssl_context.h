/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One OpenSSL library context for all of tss2-esys. That makes one of its own for each digest and each HMAC, with all that a
 * provider loads: some thirty for one quote in a salted session, and three quarters of the time that a quote takes (measured
 * with 3.2.1). It can be given other functions for that only from 4.0 on, so this file stands in front of OpenSSL's
 * OSSL_LIB_CTX_new() and OSSL_LIB_CTX_free(), in the programs that are linked with it. Runs in attesterd; may be included by tpm/
 * alone.
 */
#pragma once

/* Makes the context. To be called before ESAPI is used; more often does no harm. If there is no memory, ESAPI will say so. */
void tpm_openssl_context_prepare(void);
