/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sentences that Ubuntu's update-notifier keeps for the message of the day. Used by the collector of os.updates.* only.
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_UPDATES_AVAILABLE_BYTES_MAX (16 * 1024)

/*
 * Counts the security updates of a text like "12 updates can be applied immediately." and "5 of these updates are standard
 * security updates.", those of expanded maintenance that is turned on included. False if it has no line of the first form,
 * as in another language, or a number that does not fit.
 * Source: apt_check.py of update-notifier, whose output human-readable this is.
 */
bool posture_updates_available_parse(struct base_bytes text, int64_t *ret_security) BASE_MUST_CHECK;
