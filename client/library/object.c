/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/object.h"
#include "client/library/authorize.h"

#include <string.h>

int attester_new(const char *bus_address, struct attester **ret, struct attester_error *error)
{
        struct base_error failure = BASE_ERROR_INIT;
        struct attester *attester = calloc(1, sizeof(*attester));

        if (attester == NULL || (bus_address != NULL && (attester->bus_address = strdup(bus_address)) == NULL))
                (void) base_error_set_no_memory(&failure);
        else if (client_connection_init(&attester->connection, attester->bus_address, &failure)) {
                TAILQ_INIT(&attester->operations);
                *ret = attester;
                return 0;
        }
        if (attester != NULL)
                free(attester->bus_address);
        free(attester);
        return client_error_export(&failure, error);
}

void attester_free(struct attester *attester)
{
        struct attester_operation *operation;

        if (attester == NULL)
                return;
        while ((operation = TAILQ_FIRST(&attester->operations)) != NULL)
                client_operation_free(operation);
        attester->freed = true;
        if (attester->delivering)
                return;
        client_connection_clear(&attester->connection);
        free(attester->bus_address);
        free(attester);
}

int attester_get_fd(const struct attester *attester)
{
        return attester->connection.poller.fd;
}

static struct attester_operation *find_finished(const struct attester *attester)
{
        struct attester_operation *operation;

        TAILQ_FOREACH(operation, &attester->operations, next)
        if (client_operation_is_to_deliver(operation))
                return operation;
        return NULL;
}

void client_object_arm(struct attester *attester)
{
        client_connection_arm(&attester->connection, find_finished(attester) != NULL);
}

void attester_process(struct attester *attester)
{
        struct attester_operation *operation;

        if (attester->delivering)
                return;
        client_connection_run(&attester->connection);
        attester->delivering = true;
        while ((operation = find_finished(attester)) != NULL)
                client_operation_deliver(operation);
        attester->delivering = false;
        if (attester->freed)
                attester_free(attester);
        else
                client_object_arm(attester);
}

struct wait {
        bool done;
        DBusMessage *reply;
        struct base_error error;
};

static void on_reply(void *context, DBusMessage *reply, const struct base_error *error)
{
        struct wait *wait = context;

        wait->done = true;
        if (error != NULL)
                wait->error = *error;
        else
                wait->reply = dbus_message_ref(reply);
}

bool client_object_call(struct attester *attester, const struct client_call *call, DBusMessage *message, const char *signature,
                        DBusMessage **ret_reply, struct base_error *error)
{
        struct wait wait = { .error = BASE_ERROR_INIT };
        struct client_request request = { .done = on_reply, .context = &wait };
        bool sent = client_connection_ready(&attester->connection, error) &&
                    client_request_send(&attester->connection, &request, call, message, signature, error);

        while (sent && !wait.done)
                client_connection_wait(&attester->connection);
        client_object_arm(attester);
        if (!sent)
                return false;
        if (wait.reply == NULL)
                return base_error_copy(error, &wait.error);
        *ret_reply = wait.reply;
        return true;
}
