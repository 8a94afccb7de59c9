/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of a rule's smaller keys. Used by the loader of policy files only. Each sets POLICY_INVALID with what the key
 * takes; an empty value is what the key means when it is not there.
 */
#pragma once

#include "policy/policy.h"

/* Severity=: require or warn. */
bool policy_severity_parse(const char *value, enum policy_severity *ret, struct base_error *error) BASE_MUST_CHECK;

/* Grace=: a span of time up to POLICY_GRACE_S_MAX, in seconds; 0 for none. */
bool policy_grace_parse(const char *value, uint32_t *ret, struct base_error *error) BASE_MUST_CHECK;

/* Rollout=: 0% to 100%. */
bool policy_rollout_parse(const char *value, uint8_t *ret, struct base_error *error) BASE_MUST_CHECK;

/* Issuer=: whether a text can be the name of an issuer. */
bool policy_issuer_check(const char *value, struct base_error *error) BASE_MUST_CHECK;
