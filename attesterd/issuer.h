/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One issuer as the daemon knows it: its directory, fetched once for all users of the machine and cached, the newest nonce
 * it gave, and whether this device is enrolled with it. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/config.h"
#include "attesterd/enrolment.h"
#include "attesterd/mirror.h"
#include "attesterd/net/transport.h"
#include "attesterd/notice.h"
#include "attesterd/outbox.h"
#include "attesterd/waiter.h"
#include "base/system.h"
#include "evidence/claims.h"
#include "evidence/directory.h"

#define ATTESTERD_DIRECTORY_AGE_DEFAULT_MS (60ull * 60 * 1000) /* without Cache-Control: max-age */
#define ATTESTERD_DIRECTORY_AGE_MIN_MS     1000ull             /* whatever it says: a flood fetches once a second */
#define ATTESTERD_DIRECTORY_AGE_MAX_MS     (24ull * 60 * 60 * 1000)
#define ATTESTERD_DIRECTORY_AGE_DOUBT_MS                                                                                         \
        60000ull                                /* once the issuer has refused a key: no flood of refusals fetches more often    \
                                                 */
#define ATTESTERD_NONCE_FRESH_MS       60000ull /* an older nonce is replaced before a quote is spent on it */
#define ATTESTERD_BATCHES_REFUSED_MS   (60ull * 60 * 1000) /* so long requests go one by one to an issuer that takes no batches */
#define ATTESTERD_FETCH_TIMEOUT_MS     20000
#define ATTESTERD_MIRROR_TIMEOUT_MS    5000                /* nobody waits long for the mirror: it may be out of reach for days */
#define ATTESTERD_MIRROR_AGAIN_MS      (10ull * 60 * 1000) /* then it is asked again */
#define ATTESTERD_FETCH_BACKOFF_MIN_MS 500ull              /* after a failed fetch its error is the answer: doubles ... */
#define ATTESTERD_FETCH_BACKOFF_MAX_MS 10000ull            /* ... up to this */

/* A GET that many wait for. */
struct attesterd_fetch {
        uint64_t id; /* in the transport; 0: not under way */
        struct attesterd_waiters waiters;
        struct base_error failure; /* of the last one, in force until `retry_ms` */
        uint64_t retry_ms;
        uint64_t backoff_ms;
};

/* The boot's event log, as far as this issuer is concerned; see attesterd/event_log.h. */
struct attesterd_log_state {
        bool sending;
        uint64_t not_before_ms; /* monotonic: it is not sent again until then */
        unsigned accepted;      /* how often it was */
        struct attesterd_waiters waiters;
};

struct attesterd_issuer {
        unsigned references;
        const struct net_transport *transport;
        const struct base_clock *clock;
        struct attesterd_issuer_config config;
        struct evidence_directory *directory; /* NULL: never fetched */
        uint64_t fetched_seconds;             /* since 1970 */
        uint64_t fetched_ms;                  /* monotonic */
        uint64_t expires_ms;                  /* monotonic */
        struct evidence_directory *candidate; /* has come, and its mirror not yet; else NULL */
        uint64_t candidate_age_ms;            /* how long it may be kept */
        struct attesterd_mirror mirror;
        struct attesterd_fetch directory_fetch;
        uint8_t nonce[EVIDENCE_NONCE_BYTES_MAX];
        size_t nonce_len;
        uint64_t nonce_ms; /* when it came */
        struct attesterd_fetch nonce_fetch;
        struct attesterd_enrolment enrolment;
        struct attesterd_lane lane;
        struct attesterd_log_state event_log;
        uint64_t batches_from_ms; /* monotonic: until then it is sent no batches of token requests */
        struct attesterd_notice denied; /* what the journal was told of requests that failed: attesterd/outcome.h */
        struct attesterd_notice failed;
        bool failing;
};

/* What `transport` and `clock` point to must outlive the issuer. Copies `config`. Errors: NO_MEMORY. */
bool attesterd_issuer_new(const struct attesterd_issuer_config *config, const struct net_transport *transport,
                          const struct base_clock *clock, struct attesterd_issuer **ret,
                          struct base_error *error) BASE_MUST_CHECK;
struct attesterd_issuer *attesterd_issuer_ref(struct attesterd_issuer *issuer);
/* NULL is fine. With the last reference fetches are cancelled. */
void attesterd_issuer_unref(struct attesterd_issuer *issuer);

/* Gives up a reference to each, and frees the array. */
void attesterd_issuers_free(struct attesterd_issuer **issuers, size_t count);

bool attesterd_issuer_config_equal(const struct attesterd_issuer_config *a, const struct attesterd_issuer_config *b);

enum attesterd_issuer_state {
        ATTESTERD_ISSUER_READY,
        ATTESTERD_ISSUER_WAIT, /* `waiter` is told when to ask again */
        ATTESTERD_ISSUER_FAILED,
};

/*
 * Sees to it that the directory is there and valid, and agrees with its mirror if that can be asked. Only a WAIT takes `waiter`;
 * only a FAILED sets `error`: ISSUER_UNREACHABLE, ISSUER_REJECTED, TIMEOUT, BUSY, NO_MEMORY.
 */
enum attesterd_issuer_state attesterd_issuer_need_directory(struct attesterd_issuer *issuer, struct attesterd_waiter *waiter,
                                                            struct base_error *error);
/* The same for a nonce that is likely still valid. An issuer whose directory has no nonce-uri is ready without one. */
enum attesterd_issuer_state attesterd_issuer_need_nonce(struct attesterd_issuer *issuer, struct attesterd_waiter *waiter,
                                                        struct base_error *error);

/* Whether evidence goes to it: configured so, and its directory takes it. The directory must be there. */
bool attesterd_issuer_attested(const struct attesterd_issuer *issuer);

/* Keeps the nonce of a response if there is one. */
void attesterd_issuer_note_nonce(struct attesterd_issuer *issuer, const struct net_response *response);

/* Whether it is worth while to send it a batch of token requests; and that it refused one but took the requests one by one. */
bool attesterd_issuer_takes_batches(const struct attesterd_issuer *issuer);
void attesterd_issuer_note_batches_refused(struct attesterd_issuer *issuer);

/* The issuer does not know a key that its directory named: a directory that is not quite new will be fetched again. */
void attesterd_issuer_doubt_directory(struct attesterd_issuer *issuer);

/* A request with the issuer's trust anchors and the given URL and method filled in. */
struct net_request attesterd_issuer_request(const struct attesterd_issuer *issuer, enum net_method method, const char *url);

/* Whether a Content-Type is `wanted`, parameters aside. */
bool attesterd_media_type_is(const char *content_type, const char *wanted);
