/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which issuers know this device, under which name and with which key: one small file an issuer in the state directory,
 * issuers/NAME, replaced atomically. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/error.h"
#include "evidence/enrollment.h"

#include <stdint.h>

struct attesterd_enrolment {
        bool enrolled;
        char device[EVIDENCE_DEVICE_MAX + 1];
        uint8_t key_name[EVIDENCE_KEY_ID_LEN]; /* of the attestation key that was enrolled */
};

/*
 * Reads the enrolment with `issuer`; without a file `ret` says that there is none.
 * Errors: STATE_INVALID (a damaged file), IO.
 */
bool attesterd_enrolment_load(int state_dir_fd, const char *issuer, struct attesterd_enrolment *ret,
                              struct base_error *error) BASE_MUST_CHECK;
/* Errors: IO. */
bool attesterd_enrolment_save(int state_dir_fd, const char *issuer, const struct attesterd_enrolment *enrolment,
                              struct base_error *error) BASE_MUST_CHECK;
/* No file is fine. Errors: IO. */
bool attesterd_enrolment_remove(int state_dir_fd, const char *issuer, struct base_error *error) BASE_MUST_CHECK;

/* Whether a text can be a device's identifier: printable ASCII without spaces. */
bool attesterd_device_valid(const char *device);
