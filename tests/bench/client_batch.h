/* SPDX-License-Identifier: BSD-2-Clause */
/* What a batch costs the client, for the benchmarks of both token types. */
#pragma once

#include "token/issuer.h"

#define CLIENT_BATCH_TOKENS 100 /* go to attesterd in calls of CLIENT_BATCH_MAX and a rest */
#define CLIENT_BATCH_ROUNDS 7

/*
 * Prints how long the client works on CLIENT_BATCH_TOKENS tokens, from the issuer's key as the directory has it to verified
 * tokens, and beside it as many of `raw`, which gives the microseconds of one. Timed in turn after each batch, medians of
 * CLIENT_BATCH_ROUNDS, all of the thread's processor time: what a busy machine takes away in between would be most of sums this
 * large. Ends the program if anything fails.
 */
void client_batch_print_figure(const char *figure, const struct token_issuer_key *issuer, double (*raw)(void *context),
                               void *context);
