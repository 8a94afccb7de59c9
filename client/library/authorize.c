/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/authorize.h"
#include "base/system.h"
#include "client/library/query.h"

#include <string.h>

#define AUTHORIZATION_BYTES_MAX (TOKEN_BYTES_MAX * 2 + 64)

static void finish(struct attester_operation *operation, const struct base_error *error)
{
        operation->finished = true;
        if (error != NULL)
                operation->error = *error;
}

/* Sends the next request of an operation, or ends it. Takes the reference of `message`. */
static bool send_next(struct attester_operation *operation, DBusMessage *message, const char *signature,
                      client_request_done *done, struct base_error *error)
{
        bool sent;

        operation->request.done = done;
        operation->request.context = operation;
        sent = client_request_send(&operation->attester->connection, &operation->request, &operation->call, message, signature,
                                   error);
        dbus_message_unref(message);
        return sent;
}

/* Unblinds, and makes the Authorization value. */
static bool tokens_read(struct attester_operation *operation, DBusMessage *reply, struct base_error *error)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        base_auto_buffer struct base_buffer authorization = BASE_BUFFER_INIT(AUTHORIZATION_BYTES_MAX);
        struct base_bytes responses[CLIENT_BATCH_MAX];

        if (!client_batch_read(&operation->batch, reply, responses, &operation->info, error))
                return false;
        client_call_trace(&operation->call, ATTESTER_STEP_RESPONSE, "%zu bytes", responses[0].len);
        if (!client_batch_finalize(&operation->batch, 0, operation->choice.issuer, responses[0], &token, error))
                return false;
        client_call_trace(&operation->call, ATTESTER_STEP_TOKEN, "%zu bytes", token.len);
        if (!token_authorization_format(base_buffer_bytes(&token), &authorization, error))
                return false;
        operation->authorization = strndup((const char *) authorization.data, authorization.len);
        return operation->authorization != NULL || base_error_set_no_memory(error);
}

static void on_tokens(void *context, DBusMessage *reply, const struct base_error *error)
{
        struct attester_operation *operation = context;
        struct base_error failure = BASE_ERROR_INIT;

        if (error == NULL && !tokens_read(operation, reply, &failure))
                error = &failure;
        finish(operation, error);
}

/* Blinds a request for the chosen challenge and sends it. */
static bool tokens_request(struct attester_operation *operation, const struct attester_key *key, struct base_error *error)
{
        const struct client_choice *choice = &operation->choice;
        DBusMessage *message = NULL;
        uint8_t digest[TOKEN_DIGEST_LEN];

        client_call_trace(&operation->call, ATTESTER_STEP_KEY, "type 0x%04x, key id %s", (unsigned) key->token_type, key->id);
        (void) snprintf(operation->info.issuer, sizeof(operation->info.issuer), "%s", choice->issuer);
        operation->info.token_type = key->token_type;
        if (!token_challenge_digest(base_buffer_bytes(&choice->offer->encoded), digest, error) ||
            !client_batch_blind(&operation->batch, key, digest, 1, error))
                return false;
        client_call_trace(&operation->call, ATTESTER_STEP_BLINDED, "%zu bytes", operation->batch.requests[0].len);
        return client_batch_message(&operation->batch, &operation->call, NULL, choice->issuer, &message, error) &&
               send_next(operation, message, CLIENT_BATCH_REPLY, on_tokens, error);
}

static void on_directory(void *context, DBusMessage *reply, const struct base_error *error);

static bool directory_request(struct attester_operation *operation, struct base_error *error)
{
        DBusMessage *message = NULL;

        return client_issuer_message(operation->choice.issuer, &message, error) &&
               send_next(operation, message, "a{sv}", on_directory, error);
}

static void offer_failed(struct attester_operation *operation, const struct base_error *error)
{
        if (operation->first.code == BASE_ERROR_NONE)
                operation->first = *error;
        operation->from = (size_t) (operation->choice.offer - operation->offers.items) + 1;
}

/*
 * Goes on with the first offer that may be served: an offer without a usable key gives way to the next one, as when a website
 * offers several token types and the issuer has a key for one. If none can be served the first one's error is the one to tell.
 */
static void search(struct attester_operation *operation)
{
        struct base_bytes origin = base_bytes_from_string(operation->origin);
        struct base_error next = BASE_ERROR_INIT;

        while (client_choose_offer(&operation->offers, operation->from, origin, operation->status, &operation->choice, &next)) {
                client_call_trace(&operation->call, ATTESTER_STEP_CHALLENGE, "%s", operation->choice.issuer);
                if (directory_request(operation, &next))
                        return;
                offer_failed(operation, &next);
        }
        finish(operation, operation->first.code == BASE_ERROR_NONE ? &next : &operation->first);
}

static void on_directory(void *context, DBusMessage *reply, const struct base_error *error)
{
        uint64_t now_s = base_system_clock.wall_seconds(base_system_clock.context);
        struct attester_operation *operation = context;
        client_auto_issuer struct attester_issuer *directory = NULL;
        const struct attester_key *key = NULL;
        struct base_error failure = BASE_ERROR_INIT;

        if (error == NULL && (!client_issuer_read(reply, operation->choice.issuer, &directory, &failure) ||
                              !client_choose_key(operation->choice.offer, directory, now_s, &key, &failure)))
                error = &failure;
        if (error != NULL) {
                offer_failed(operation, error);
                search(operation);
        } else if (!tokens_request(operation, key, &failure)) {
                finish(operation, &failure);
        }
}

static void on_status(void *context, DBusMessage *reply, const struct base_error *error)
{
        struct attester_operation *operation = context;
        struct base_error failure = BASE_ERROR_INIT;

        if (error == NULL && !client_status_read(reply, &operation->status, &failure))
                error = &failure;
        if (error != NULL)
                finish(operation, error);
        else
                search(operation);
}

void client_operation_free(struct attester_operation *operation)
{
        client_request_drop(&operation->request);
        if (operation->attester != NULL) {
                TAILQ_REMOVE(&operation->attester->operations, operation, next);
                operation->attester->operation_count--;
        }
        client_batch_clear(&operation->batch);
        token_offers_clear(&operation->offers);
        attester_status_free(operation->status);
        attester_string_free(operation->authorization);
        free(operation->origin);
        free(operation);
}

BASE_DEFINE_CLEANUP(struct attester_operation, client_operation_free)

/* Reads the arguments and sends the first request. */
static bool operation_start(struct attester_operation *operation, const char *www_authenticate, struct base_error *error)
{
        struct client_connection *connection = &operation->attester->connection;
        DBusMessage *message = NULL;

        if (!token_server_name_valid(base_bytes_from_string(operation->origin)))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "the origin is not a host name, with or without a port");
        if (!token_www_authenticate_parse(base_bytes_from_string(www_authenticate), &operation->offers, error))
                return base_error_prefix(error, "the website's WWW-Authenticate");
        return client_connection_ready(connection, error) && client_status_message(&message, error) &&
               send_next(operation, message, "a{sv}", on_status, error);
}

static bool operation_new(struct attester *attester, const char *www_authenticate, const char *origin,
                          const struct attester_options *options, struct attester_operation **ret, struct base_error *error)
{
        BASE_CLEANUP(client_operation_free_p) struct attester_operation *operation = calloc(1, sizeof(*operation));

        if (operation == NULL || (operation->origin = strdup(origin)) == NULL)
                return base_error_set_no_memory(error);
        if (attester->operation_count >= ATTESTER_OPERATIONS_MAX)
                return base_error_set(error, BASE_ERROR_BUSY, "%d requests are under way; wait for one of them",
                                      ATTESTER_OPERATIONS_MAX);
        operation->call = client_call_start(options);
        operation->info = (struct attester_info) ATTESTER_INFO_INIT;
        operation->attester = attester;
        attester->operation_count++;
        TAILQ_INSERT_TAIL(&attester->operations, operation, next);
        if (!operation_start(operation, www_authenticate, error))
                return false;
        *ret = BASE_STEAL(operation);
        return true;
}

int attester_authorize_start(struct attester *attester, const char *www_authenticate, const char *origin,
                             const struct attester_options *options, attester_authorize_callback *callback, void *context,
                             struct attester_operation **ret, struct attester_error *error)
{
        struct attester_operation *operation = NULL;
        struct base_error failure = BASE_ERROR_INIT;
        bool started = operation_new(attester, www_authenticate, origin, options, &operation, &failure);

        client_object_arm(attester);
        if (!started)
                return client_error_export(&failure, error);
        operation->callback = callback;
        operation->context = context;
        if (ret != NULL)
                *ret = operation;
        return 0;
}

void attester_operation_cancel(struct attester_operation *operation)
{
        struct attester *attester;

        if (operation == NULL)
                return;
        attester = operation->attester;
        client_operation_free(operation);
        client_object_arm(attester);
}

bool client_operation_is_to_deliver(const struct attester_operation *operation)
{
        return operation->finished && operation->callback != NULL;
}

/* The callback may end the object: it is not looked at behind it. */
void client_operation_deliver(struct attester_operation *operation)
{
        struct attester_error error = ATTESTER_ERROR_INIT;

        TAILQ_REMOVE(&operation->attester->operations, operation, next);
        operation->attester->operation_count--;
        operation->attester = NULL;
        if (operation->error.code == BASE_ERROR_NONE) {
                operation->callback(operation->context, operation->authorization, &operation->info, NULL);
        } else {
                (void) client_error_export(&operation->error, &error);
                operation->callback(operation->context, NULL, NULL, &error);
        }
        client_operation_free(operation);
}

static void info_export(const struct attester_info *from, struct attester_info *ret)
{
        size_t size = sizeof(*from);

        if (ret == NULL || ret->size < sizeof(ret->size))
                return;
        if (ret->size < size)
                size = ret->size;
        memcpy(ret, from, size);
        ret->size = size;
}

int attester_authorize(struct attester *attester, const char *www_authenticate, const char *origin,
                       const struct attester_options *options, char **ret_authorization, struct attester_info *ret_info,
                       struct attester_error *error)
{
        BASE_CLEANUP(client_operation_free_p) struct attester_operation *operation = NULL;
        struct base_error failure = BASE_ERROR_INIT;
        bool started = operation_new(attester, www_authenticate, origin, options, &operation, &failure);

        while (started && !operation->finished)
                client_connection_wait(&attester->connection);
        client_object_arm(attester);
        if (!started)
                return client_error_export(&failure, error);
        if (operation->error.code != BASE_ERROR_NONE)
                return client_error_export(&operation->error, error);
        info_export(&operation->info, ret_info);
        *ret_authorization = BASE_STEAL(operation->authorization);
        return 0;
}
