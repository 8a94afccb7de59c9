/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens from the agent's cache, one blocking call after the other, each in turn with a Ping that libdbus answers by itself.
 * Every challenge is met twice: the first meeting leaves a token behind, the second one is timed. usage: bench_agent
 * SESSION-BUS-ADDRESS SPKI-FILE CALLS; prints one JSON object.
 */
#include "base/file.h"
#include "token/header.h"

#include <dbus/dbus.h>
#include <string.h>
#include <time.h>

#define CALLS_MAX  100000
#define TIMEOUT_MS 30000
#define NAME       "org.attesterd.Client1"
#define PATH       "/org/attesterd/Client"

static void check(bool success, const char *what)
{
        if (success)
                return;
        (void) fprintf(stderr, "bench_agent: %s failed\n", what);
        exit(1);
}

static double now_ms(void)
{
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time);
        return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

/* Sends a call and waits for its return; gives the milliseconds that it took. Consumes `message`. */
static double timed(DBusConnection *bus, DBusMessage *message, DBusMessage **ret_reply)
{
        DBusError error = DBUS_ERROR_INIT;
        double started = now_ms();
        DBusMessage *reply = dbus_connection_send_with_reply_and_block(bus, message, TIMEOUT_MS, &error);
        double took = now_ms() - started;

        check(reply != NULL, error.message == NULL ? "a call" : error.message);
        dbus_message_unref(message);
        *ret_reply = reply;
        return took;
}

static double ping(DBusConnection *bus)
{
        DBusMessage *reply = NULL;
        double took = timed(bus, dbus_message_new_method_call(NAME, PATH, DBUS_INTERFACE_PEER, "Ping"), &reply);

        dbus_message_unref(reply);
        return took;
}

/* Whether the reply's info says "from-cache". */
static bool from_cache(DBusMessage *reply)
{
        DBusMessageIter iterator, entries;
        dbus_bool_t value = FALSE;

        check(dbus_message_has_signature(reply, "sa{sv}") && dbus_message_iter_init(reply, &iterator) &&
                      dbus_message_iter_next(&iterator),
              "reading the reply");
        dbus_message_iter_recurse(&iterator, &entries);
        for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; (void) dbus_message_iter_next(&entries)) {
                DBusMessageIter entry, variant;
                const char *name = NULL;

                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                (void) dbus_message_iter_next(&entry);
                dbus_message_iter_recurse(&entry, &variant);
                if (strcmp(name, "from-cache") == 0)
                        dbus_message_iter_get_basic(&variant, &value);
        }
        return value;
}

static double authorize(DBusConnection *bus, const char *header, const char *origin, bool want_cached)
{
        DBusMessage *message = dbus_message_new_method_call(NAME, PATH, NAME, "GetAuthorization");
        DBusMessage *reply = NULL;
        DBusMessageIter iterator, options;
        double took;

        dbus_message_iter_init_append(message, &iterator);
        check(dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &header) &&
                      dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &origin) &&
                      dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &options) &&
                      dbus_message_iter_close_container(&iterator, &options),
              "writing a call");
        took = timed(bus, message, &reply);
        check(from_cache(reply) == want_cached, want_cached ? "a kept token" : "a new token");
        dbus_message_unref(reply);
        return took;
}

static void header_write(struct base_buffer *header, const char *origin, struct base_bytes key)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        struct token_challenge challenge = {
                .type = TOKEN_TYPE_BLIND_RSA,
                .issuer_name = base_bytes_from_string("good.example"),
                .origin_info = base_bytes_from_string(origin),
        };

        base_buffer_reset(header);
        check(token_challenge_encode(&challenge, &encoded, NULL) &&
                      token_www_authenticate_append(header, base_buffer_bytes(&encoded), key, NULL, NULL),
              "making a challenge");
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
        base_auto_buffer struct base_buffer key = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_free double *cached = NULL, *bare = NULL;
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *bus;
        long calls = argc == 4 ? strtol(argv[3], NULL, 10) : 0;

        check(calls > 0 && calls <= CALLS_MAX, "reading the arguments");
        check(base_file_read(argv[2], &key, NULL), "reading the key");
        check((bus = dbus_connection_open_private(argv[1], &error)) != NULL && dbus_bus_register(bus, &error), "connecting");
        cached = calloc((size_t) calls, sizeof(*cached));
        bare = calloc((size_t) calls, sizeof(*bare));
        check(cached != NULL && bare != NULL, "allocating");
        for (long i = 0; i < calls; i++) {
                char origin[64];

                (void) snprintf(origin, sizeof(origin), "host%ld.example", i);
                header_write(&header, origin, base_buffer_bytes(&key));
                (void) authorize(bus, base_buffer_c_string(&header), origin, false);
                cached[i] = authorize(bus, base_buffer_c_string(&header), origin, true);
                bare[i] = ping(bus);
        }
        qsort(cached, (size_t) calls, sizeof(*cached), compare);
        qsort(bare, (size_t) calls, sizeof(*bare), compare);
        (void) printf("{\"calls\": %ld, \"cached_p50_ms\": %.4f, \"cached_p99_ms\": %.4f, \"bare_p50_ms\": %.4f}\n", calls,
                      cached[calls / 2], cached[calls * 99 / 100], bare[calls / 2]);
        dbus_connection_close(bus);
        dbus_connection_unref(bus);
        return 0;
}
