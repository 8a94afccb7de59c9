/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/daemon.h"

#include <string.h>
#include <strings.h>

LIST_HEAD(agent_waiters, agent_waiter);

/* One call that is on its way. */
struct question {
        LIST_ENTRY(question) of_all;
        struct agent_daemon *daemon;
        char *issuer; /* NULL: the properties */
        struct client_call limits;
        DBusPendingCall *pending;
        struct agent_waiters waiters;
};

struct directory {
        struct attester_issuer *issuer;
        uint64_t asked_ms;
};

struct agent_daemon {
        struct base_bus *system;
        const struct base_clock *clock;
        struct agent_daemon_events events;
        struct attester_status *status;
        struct directory directories[AGENT_DAEMON_DIRECTORIES_MAX];
        LIST_HEAD(, question) questions;
};

static uint64_t now_ms(const struct agent_daemon *daemon)
{
        return daemon->clock->boottime_ms(daemon->clock->context);
}

bool agent_daemon_new(struct base_bus *system, const struct base_clock *clock, const struct agent_daemon_events *events,
                      struct agent_daemon **ret, struct base_error *error)
{
        struct agent_daemon *daemon = calloc(1, sizeof(*daemon));

        if (daemon == NULL)
                return base_error_set_no_memory(error);
        *daemon = (struct agent_daemon){ .system = system, .clock = clock, .events = *events };
        LIST_INIT(&daemon->questions);
        *ret = daemon;
        return true;
}

void agent_waiter_cancel(struct agent_waiter *waiter)
{
        if (!waiter->waiting)
                return;
        LIST_REMOVE(waiter, next);
        waiter->waiting = false;
}

static void question_free(struct question *question)
{
        LIST_REMOVE(question, of_all);
        base_bus_call_drop(&question->pending);
        free(question->issuer);
        free(question);
}

/* Ends the question, then tells who waited, each of whom may ask again or cancel another. */
static void question_end(struct question *question, const struct base_error *error)
{
        struct agent_waiters waiters = LIST_HEAD_INITIALIZER(waiters);
        struct agent_waiter *waiter;

        while ((waiter = LIST_FIRST(&question->waiters)) != NULL) {
                LIST_REMOVE(waiter, next);
                LIST_INSERT_HEAD(&waiters, waiter, next);
        }
        question_free(question);
        while ((waiter = LIST_FIRST(&waiters)) != NULL) {
                agent_waiter_cancel(waiter);
                waiter->done(waiter->context, error);
        }
}

void agent_daemon_forget_status(struct agent_daemon *daemon)
{
        attester_status_free_p(&daemon->status);
}

void agent_daemon_forget(struct agent_daemon *daemon)
{
        agent_daemon_forget_status(daemon);
        for (size_t i = 0; i < AGENT_DAEMON_DIRECTORIES_MAX; i++)
                attester_issuer_free_p(&daemon->directories[i].issuer);
}

void agent_daemon_free(struct agent_daemon *daemon)
{
        struct base_error error = BASE_ERROR_INIT;

        if (daemon == NULL)
                return;
        (void) base_error_set(&error, BASE_ERROR_CANCELLED, "attester-agent is stopping");
        while (!LIST_EMPTY(&daemon->questions))
                question_end(LIST_FIRST(&daemon->questions), &error);
        agent_daemon_forget(daemon);
        free(daemon);
}

const struct attester_status *agent_daemon_status(const struct agent_daemon *daemon)
{
        return daemon->status;
}

const struct attester_issuer *agent_daemon_directory(const struct agent_daemon *daemon, const char *issuer)
{
        for (size_t i = 0; i < AGENT_DAEMON_DIRECTORIES_MAX; i++) {
                const struct directory *directory = &daemon->directories[i];

                if (directory->issuer != NULL && strcasecmp(directory->issuer->name, issuer) == 0 &&
                    now_ms(daemon) - directory->asked_ms < AGENT_DAEMON_DIRECTORY_AGE_MAX_MS)
                        return directory->issuer;
        }
        return NULL;
}

/* The place of an issuer's directory: its own, an empty one, or the oldest. */
static struct directory *place_of(struct agent_daemon *daemon, const char *issuer)
{
        struct directory *place = &daemon->directories[0];

        for (size_t i = 0; i < AGENT_DAEMON_DIRECTORIES_MAX; i++) {
                struct directory *candidate = &daemon->directories[i];

                if (candidate->issuer != NULL && strcasecmp(candidate->issuer->name, issuer) == 0)
                        return candidate;
                if (place->issuer != NULL && (candidate->issuer == NULL || candidate->asked_ms < place->asked_ms))
                        place = candidate;
        }
        return place;
}

static bool directory_set(struct agent_daemon *daemon, const char *name, DBusMessage *reply, struct base_error *error)
{
        client_auto_issuer struct attester_issuer *issuer = NULL;
        struct directory *place;

        if (!client_issuer_read(reply, name, &issuer, error))
                return false;
        if (strcasecmp(issuer->name, name) != 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd answered with the directory of another issuer");
        place = place_of(daemon, name);
        attester_issuer_free_p(&place->issuer);
        place->issuer = BASE_STEAL(issuer);
        place->asked_ms = now_ms(daemon);
        daemon->events.directory(daemon->events.context, place->issuer);
        return true;
}

static bool status_set(struct agent_daemon *daemon, DBusMessage *reply, struct base_error *error)
{
        struct attester_status *status = NULL;

        if (!client_status_read(reply, &status, error))
                return false;
        agent_daemon_forget_status(daemon);
        daemon->status = status;
        return true;
}

static void on_reply(void *context, DBusMessage *reply)
{
        struct question *question = context;
        struct agent_daemon *daemon = question->daemon;
        struct base_error error = BASE_ERROR_INIT;
        bool answered;

        answered = client_bus_check(&question->limits, reply, "a{sv}", &error) &&
                   (question->issuer == NULL ? status_set(daemon, reply, &error)
                                             : directory_set(daemon, question->issuer, reply, &error));
        question_end(question, answered ? NULL : &error);
}

static struct question *find(const struct agent_daemon *daemon, const char *issuer)
{
        struct question *question;

        LIST_FOREACH(question, &daemon->questions, of_all)
        if ((issuer == NULL) == (question->issuer == NULL) && (issuer == NULL || strcasecmp(issuer, question->issuer) == 0))
                return question;
        return NULL;
}

static bool question_send(struct question *question, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;

        if (!(question->issuer == NULL ? client_status_message(&message, error)
                                       : client_issuer_message(question->issuer, &message, error)))
                return false;
        return base_bus_call(question->daemon->system, message, (int) client_call_left_ms(&question->limits), on_reply, question,
                             &question->pending, error);
}

static struct question *question_new(struct agent_daemon *daemon, const char *issuer, struct base_error *error)
{
        struct question *question = calloc(1, sizeof(*question));

        if (question == NULL || (issuer != NULL && (question->issuer = strdup(issuer)) == NULL)) {
                free(question);
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        question->daemon = daemon;
        question->limits = client_call_start(NULL);
        LIST_INIT(&question->waiters);
        LIST_INSERT_HEAD(&daemon->questions, question, of_all);
        if (question_send(question, error))
                return question;
        question_free(question);
        return NULL;
}

static bool ask(struct agent_daemon *daemon, const char *issuer, struct agent_waiter *waiter, struct base_error *error)
{
        struct question *question = find(daemon, issuer);

        if (question == NULL)
                question = question_new(daemon, issuer, error);
        if (question == NULL)
                return false;
        LIST_INSERT_HEAD(&question->waiters, waiter, next);
        waiter->waiting = true;
        return true;
}

bool agent_daemon_ask_status(struct agent_daemon *daemon, struct agent_waiter *waiter, struct base_error *error)
{
        return ask(daemon, NULL, waiter, error);
}

bool agent_daemon_ask_directory(struct agent_daemon *daemon, const char *issuer, struct agent_waiter *waiter,
                                struct base_error *error)
{
        return ask(daemon, issuer, waiter, error);
}
