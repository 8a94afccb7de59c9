/* SPDX-License-Identifier: BSD-2-Clause */
/* The private half: signs policy bundles. Used by attestctl; may be included by the folders that may include policy/. */
#pragma once

#include "policy/bundle.h"

#define POLICY_SIGNER_PEM_BYTES_MAX (64 * 1024)

struct policy_signer;

/*
 * Takes a private key in PEM without a passphrase (Ed25519, or EC on P-256 or P-384), and, unless `certificates` is empty, the
 * key's certificate and those above it in PEM, up to an authority's at the end, at most POLICY_BUNDLE_CERTIFICATES_MAX. The
 * caller wipes `key` and frees `ret`. Errors: MALFORMED, UNSUPPORTED, LIMIT_EXCEEDED, CRYPTO (the first certificate is another
 * key's), NO_MEMORY.
 */
bool policy_signer_new(struct base_bytes key, struct base_bytes certificates, struct policy_signer **ret,
                       struct base_error *error) BASE_MUST_CHECK;
void policy_signer_free(struct policy_signer *signer);
BASE_DEFINE_CLEANUP(struct policy_signer, policy_signer_free)
#define policy_auto_signer BASE_CLEANUP(policy_signer_free_p)

/* Whom devices have to trust for this signer: the key, or the authority at the end of its certificates. */
struct policy_anchor policy_signer_anchor(const struct policy_signer *signer);

/*
 * Writes the bundle (all but its content and signatures) with a signature of each of `count` signers, at most
 * POLICY_BUNDLE_SIGNATURES_MAX. Errors: as policy_bundle_put_content() and policy_bundle_put_signatures(), CRYPTO.
 */
bool policy_bundle_sign(struct policy_bundle *bundle, struct policy_signer *const *signers, size_t count, struct base_buffer *to,
                        struct base_error *error) BASE_MUST_CHECK;
