/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was refused since the process started, for an operator to look at: a bounded number of kinds, each with how often and
 * when. It knows the device and the reason, as the log does, and nothing of the request. Any thread may use it. Used by
 * attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/registry.h"

#define ISSUER_REFUSALS_OF_DEVICES_MAX 512
#define ISSUER_REFUSALS_OF_OTHERS_MAX  64 /* of no device that is known: strangers cannot push out the devices' */
#define ISSUER_REFUSALS_MAX            (ISSUER_REFUSALS_OF_DEVICES_MAX + ISSUER_REFUSALS_OF_OTHERS_MAX)

struct issuer_refusal {
        char device[ISSUER_DEVICE_ID_LEN + 1]; /* "" if it is not known */
        char event[16];                        /* as in the log */
        unsigned status;
        enum base_error_code reason;
        char text[BASE_ERROR_TEXT_MAX]; /* of the last one */
        uint64_t count;                 /* 0: the place is free */
        uint64_t first, last;           /* seconds since 1970 */
};

struct issuer_refusals;

bool issuer_refusals_new(struct issuer_refusals **ret, struct base_error *error) BASE_MUST_CHECK;
void issuer_refusals_free(struct issuer_refusals *refusals);
BASE_DEFINE_CLEANUP(struct issuer_refusals, issuer_refusals_free)
#define issuer_auto_refusals BASE_CLEANUP(issuer_refusals_free_p)

/* Notes one. Of the same device, event, status and reason there is one entry; where there is no room, the one goes whose last was
 * longest ago. */
void issuer_refusals_note(struct issuer_refusals *refusals, const char *event, const char *device, unsigned status,
                          enum base_error_code reason, const char *text, uint64_t now);

/* Copies entries, the latest first: of `device`, or of all if it is NULL. Returns how many, at most `max`. */
size_t issuer_refusals_copy(struct issuer_refusals *refusals, const char *device, struct issuer_refusal *ret, size_t max);

/* How many refusals of this device the entries count. */
uint64_t issuer_refusals_count(struct issuer_refusals *refusals, const char *device);
