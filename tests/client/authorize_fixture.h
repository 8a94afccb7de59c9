/* SPDX-License-Identifier: BSD-2-Clause */
/* A website's challenges and the stand-in for attesterd, for tests of attester_authorize() and attester_authorize_start(). */
#pragma once

#include "client/library/attester.h"
#include "tests/client/bus.h"
#include "token/header.h"
#include "token/key.h"

#define ORIGIN "shop.example"

struct fixture {
        struct test_bus bus;
        struct attester *attester;
        struct token_public_key *key;
        struct base_buffer key_bytes;       /* the issuer's */
        struct base_buffer other_key_bytes; /* nobody's */
        struct base_buffer header;          /* of the last challenge */
        uint8_t digest[TOKEN_DIGEST_LEN];
};

int set_up(void **state);
int tear_down(void **state);

/* Adds a challenge for a token of `type` to the header; its digest becomes the fixture's. */
void challenge_of_type_add(struct fixture *fixture, uint16_t type, const char *issuer, const char *origin_info,
                           struct base_bytes key);
/* The same for TOKEN_TYPE_BLIND_RSA. */
void challenge_add(struct fixture *fixture, const char *issuer, const char *origin_info, struct base_bytes key);

/* Fails unless the token is of the stand-in, for the challenge that was added last. */
void assert_token_valid(struct fixture *fixture, const char *authorization);
