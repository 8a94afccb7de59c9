/* SPDX-License-Identifier: BSD-2-Clause */
/* An event loop, a client with a real attester-net, and the misbehaving HTTPS issuer. For test_net_*.c. */
#pragma once

#include "attesterd/net/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/types.h>

#include <cmocka.h>

#define FIXTURE_WAIT_MS 20000 /* nothing that should happen takes as long */

struct issuer {
        pid_t pid;
        int input;
        char directory[64];
        unsigned good, wrong_name, expired, old_tls, plain; /* ports */
        struct base_buffer ca;
        struct base_buffer other_ca;
};

void issuer_start(struct issuer *issuer);
void issuer_stop(struct issuer *issuer);

/* What came of one fetch. */
struct outcome {
        bool done;
        unsigned calls;
        bool ok;
        unsigned status;
        char content_type[256];
        char nonce[1024];
        bool has_max_age, has_retry_after;
        uint32_t max_age, retry_after;
        char body[4096];
        size_t body_len;
        struct base_error error;
};

struct loop {
        sd_event *event;
        struct net_client *client;
        unsigned exits;
        struct base_error last_exit;
};

/* `program` is NULL for the attester-net of the environment. */
void loop_start(struct loop *loop, const char *program);
/* With a client that connects to `socket` instead; it may not be there. */
void loop_start_connecting(struct loop *loop, const char *socket);
void loop_stop(struct loop *loop);
/* Runs the loop until `*flag`, or fails the test. */
void loop_until(struct loop *loop, const bool *flag);
/* Runs the loop for a while. */
void loop_for(struct loop *loop, unsigned ms);

/* A GET of https://HOST:PORT/PATH with 10 s and the largest answer; `url` is static memory of the caller's. */
struct net_request request_to(char url[static 256], const struct issuer *issuer, const char *host, unsigned port,
                              const char *path);

void fetch_start(struct loop *loop, const struct net_request *request, struct outcome *outcome, uint64_t *ret_id);
void fetch(struct loop *loop, const struct net_request *request, struct outcome *outcome);
/* The test's callback; its context is a struct outcome. */
void fetch_done(void *context, const struct net_response *response, const struct base_error *error);
