/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/limits.h"

#include <string.h>

/* Bucket levels are in thousandths of a request, so that a refill of a millisecond is not lost. */
#define UNIT 1000u

struct user {
        uid_t uid;
        unsigned in_flight;
        uint64_t level;
        uint64_t filled_ms;
};

struct attesterd_limits {
        struct attesterd_limits_config config;
        const struct base_clock *clock;
        unsigned in_flight;
        struct user *users; /* in no order */
        size_t count;
        size_t capacity;
};

bool attesterd_limits_new(const struct attesterd_limits_config *config, const struct base_clock *clock,
                          struct attesterd_limits **ret, struct base_error *error)
{
        struct attesterd_limits *limits = calloc(1, sizeof(*limits));

        if (limits == NULL)
                return base_error_set_no_memory(error);
        limits->config = *config;
        limits->clock = clock;
        *ret = limits;
        return true;
}

void attesterd_limits_free(struct attesterd_limits *limits)
{
        if (limits == NULL)
                return;
        free(limits->users);
        free(limits);
}

void attesterd_limits_configure(struct attesterd_limits *limits, const struct attesterd_limits_config *config)
{
        limits->config = *config;
}

static void refill(struct attesterd_limits *limits, struct user *user)
{
        uint64_t full = (uint64_t) limits->config.requests_burst * UNIT;
        uint64_t now_ms = limits->clock->monotonic_ms(limits->clock->context);
        uint64_t per_ms = limits->config.requests_per_second; /* thousandths a millisecond */
        uint64_t elapsed_ms = now_ms - user->filled_ms;

        if (elapsed_ms >= full / per_ms + 1 || user->level + elapsed_ms * per_ms > full)
                user->level = full;
        else
                user->level += elapsed_ms * per_ms;
        user->filled_ms = now_ms;
}

/* A user with a full bucket and nothing in flight is as good as a new one. */
static void forget_idle(struct attesterd_limits *limits)
{
        for (size_t i = 0; i < limits->count;) {
                struct user *user = &limits->users[i];

                refill(limits, user);
                if (user->in_flight == 0 && user->level >= (uint64_t) limits->config.requests_burst * UNIT)
                        *user = limits->users[--limits->count];
                else
                        i++;
        }
}

static struct user *find(struct attesterd_limits *limits, uid_t uid)
{
        for (size_t i = 0; i < limits->count; i++)
                if (limits->users[i].uid == uid)
                        return &limits->users[i];
        return NULL;
}

static struct user *add(struct attesterd_limits *limits, uid_t uid)
{
        if (limits->count == limits->capacity)
                forget_idle(limits);
        if (limits->count == ATTESTERD_USERS_MAX)
                return NULL;
        if (limits->count == limits->capacity) {
                size_t capacity = limits->capacity == 0 ? 4 : limits->capacity * 2;
                struct user *users = reallocarray(limits->users, capacity, sizeof(*users));

                if (users == NULL)
                        return NULL;
                limits->users = users;
                limits->capacity = capacity;
        }
        limits->users[limits->count] = (struct user){
                .uid = uid,
                .level = (uint64_t) limits->config.requests_burst * UNIT,
                .filled_ms = limits->clock->monotonic_ms(limits->clock->context),
        };
        return &limits->users[limits->count++];
}

bool attesterd_limits_enter(struct attesterd_limits *limits, uid_t uid, unsigned weight, struct base_error *error)
{
        struct user *user = find(limits, uid);

        if ((user == NULL ? 0 : user->in_flight) + weight > limits->config.in_flight_per_user)
                return base_error_set(error, BASE_ERROR_RATE_LIMITED,
                                      "you have %u requests waiting already; retry when some of them are answered",
                                      user == NULL ? 0 : user->in_flight);
        if (limits->in_flight + weight > limits->config.in_flight)
                return base_error_set(error, BASE_ERROR_BUSY, "the attester has too much to do; retry in a moment");
        if (user == NULL)
                user = add(limits, uid);
        if (user == NULL)
                return base_error_set(error, BASE_ERROR_BUSY, "too many users ask at once; retry in a moment");
        user->in_flight += weight;
        limits->in_flight += weight;
        return true;
}

void attesterd_limits_leave(struct attesterd_limits *limits, uid_t uid, unsigned weight)
{
        struct user *user = find(limits, uid);

        if (user == NULL || user->in_flight < weight)
                return;
        user->in_flight -= weight;
        limits->in_flight -= weight;
}

bool attesterd_limits_spend(struct attesterd_limits *limits, uid_t uid, unsigned cost, struct base_error *error)
{
        struct user *user = find(limits, uid);
        uint64_t wanted = (uint64_t) (cost < limits->config.requests_burst ? cost : limits->config.requests_burst) * UNIT;
        uint64_t wait_ms;

        if (user == NULL)
                return base_error_set(error, BASE_ERROR_INTERNAL, "a user who has no call in flight spends");
        refill(limits, user);
        if (user->level >= wanted) {
                user->level -= wanted;
                return true;
        }
        wait_ms = (wanted - user->level + limits->config.requests_per_second - 1) / limits->config.requests_per_second;
        return base_error_set(error, BASE_ERROR_RATE_LIMITED, "you asked for too much at once; retry in %llu.%03llu seconds",
                              (unsigned long long) (wait_ms / 1000), (unsigned long long) (wait_ms % 1000));
}
