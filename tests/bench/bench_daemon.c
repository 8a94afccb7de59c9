/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many callers of RequestTokens, CALLERS_PER_BUS of them on a bus connection, each blinding anew, asking, finalizing and asking
 * again. Usage: bench_daemon ISSUER SPKI-BASE64URL CALLERS TOKENS Prints one JSON object: tokens a second, median and 99th
 * percentile of a call, requests a quote. The first CALLERS answers warm caches and connections up and are not counted. The bus
 * is DBUS_SYSTEM_BUS_ADDRESS.
 */
#include "base/encode.h"
#include "base/system.h"
#include "token/client.h"

#include <dbus/dbus.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define CALLERS_MAX     1024
#define CALLERS_PER_BUS 100 /* dbus-daemon lets a connection wait for 128 replies */
#define BUSES_MAX       (CALLERS_MAX / CALLERS_PER_BUS + 1)
#define TOKENS_MAX      1000000
#define CALL_MS_MAX     60000
#define RUN_SECONDS_MAX 300

struct bench;

struct caller {
        struct bench *bench;
        DBusConnection *bus;
        struct token_client_state *state;
        double started;
};

struct bench {
        DBusConnection *buses[BUSES_MAX];
        size_t bus_count;
        const char *issuer;
        struct token_public_key *key;
        struct caller callers[CALLERS_MAX];
        double *latencies; /* seconds; of counted answers */
        size_t warm_up, wanted, asked, answered, failed;
        double quotes; /* a request that shared its quote with n - 1 others used 1/n of it */
        double first_counted;
};

static double now(void)
{
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time);
        return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
        (void) fprintf(stderr, "bench_daemon: %s: %s\n", what, why);
        exit(1);
}

static void ask(struct caller *caller);

/* info's "quote-shared-by"; 0 if no evidence was sent. */
static dbus_uint32_t shared_by(DBusMessageIter *info)
{
        DBusMessageIter entries, entry, value;
        dbus_uint32_t shared = 0;
        const char *name;

        for (dbus_message_iter_recurse(info, &entries); dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
             dbus_message_iter_next(&entries)) {
                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                dbus_message_iter_next(&entry);
                dbus_message_iter_recurse(&entry, &value);
                if (strcmp(name, "quote-shared-by") == 0)
                        dbus_message_iter_get_basic(&value, &shared);
        }
        return shared;
}

static void finalize(struct caller *caller, DBusMessageIter *responses)
{
        DBusMessageIter list, bytes;
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096);
        struct base_error error = BASE_ERROR_INIT;
        const uint8_t *data;
        int len;

        dbus_message_iter_recurse(responses, &list);
        dbus_message_iter_recurse(&list, &bytes);
        dbus_message_iter_get_fixed_array(&bytes, &data, &len);
        if (!token_client_finalize(caller->state, BASE_BYTES(data, (size_t) len), &token, &error))
                die("finalize", error.message);
}

static void answered(DBusPendingCall *pending, void *context)
{
        struct caller *caller = context;
        struct bench *bench = caller->bench;
        DBusMessage *reply = dbus_pending_call_steal_reply(pending);
        DBusMessageIter iterator;
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t shared;

        dbus_pending_call_unref(pending);
        if (dbus_set_error_from_message(&error, reply))
                die(error.name, error.message);
        dbus_message_iter_init(reply, &iterator);
        finalize(caller, &iterator);
        dbus_message_iter_next(&iterator);
        shared = shared_by(&iterator);
        dbus_message_unref(reply);
        if (bench->answered++ == bench->warm_up)
                bench->first_counted = now();
        if (bench->answered > bench->warm_up) {
                bench->latencies[bench->answered - bench->warm_up - 1] = now() - caller->started;
                bench->quotes += shared == 0 ? 0 : 1.0 / shared;
        }
        token_client_state_free(BASE_STEAL(caller->state));
        if (bench->asked < bench->warm_up + bench->wanted)
                ask(caller);
}

static void ask(struct caller *caller)
{
        static const uint8_t challenge_digest[TOKEN_DIGEST_LEN] = { 1 };
        struct bench *bench = caller->bench;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(4096);
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *message = dbus_message_new_method_call("org.attesterd", "/org/attesterd", "org.attesterd.Attester1",
                                                            "RequestTokens");
        DBusMessageIter iterator, list, bytes;
        DBusPendingCall *pending = NULL;
        const uint8_t *data;

        if (!token_client_blind(bench->key, challenge_digest, &base_system_random, &request, &caller->state, &error))
                die("blind", error.message);
        data = request.data;
        caller->started = now();
        bench->asked++;
        dbus_message_iter_init_append(message, &iterator);
        dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &bench->issuer);
        dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "ay", &list);
        dbus_message_iter_open_container(&list, DBUS_TYPE_ARRAY, "y", &bytes);
        dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &data, (int) request.len);
        dbus_message_iter_close_container(&list, &bytes);
        dbus_message_iter_close_container(&iterator, &list);
        dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &list);
        dbus_message_iter_close_container(&iterator, &list);
        if (!dbus_connection_send_with_reply(caller->bus, message, &pending, CALL_MS_MAX) || pending == NULL ||
            !dbus_pending_call_set_notify(pending, answered, caller, NULL))
                die("send", "no memory or no connection");
        dbus_message_unref(message);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

static void report(struct bench *bench, size_t callers, double seconds)
{
        qsort(bench->latencies, bench->wanted, sizeof(double), compare);
        (void) printf("{\"callers\": %zu, \"tokens\": %zu, \"tokens_per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
                      "\"requests_per_quote\": %.1f}\n",
                      callers, bench->wanted, (double) bench->wanted / seconds, bench->latencies[bench->wanted / 2] * 1e3,
                      bench->latencies[bench->wanted * 99 / 100] * 1e3,
                      bench->quotes == 0 ? 0 : (double) bench->wanted / bench->quotes);
}

/* Sends what waits and takes in what came, on every connection; waits at most a second for something to come. */
static void turn(struct bench *bench)
{
        struct pollfd fds[BUSES_MAX];

        for (size_t i = 0; i < bench->bus_count; i++) {
                fds[i] = (struct pollfd){ .events = POLLIN };
                (void) dbus_connection_get_unix_fd(bench->buses[i], &fds[i].fd);
                dbus_connection_flush(bench->buses[i]);
        }
        (void) poll(fds, bench->bus_count, 1000);
        for (size_t i = 0; i < bench->bus_count; i++) {
                if (fds[i].revents == 0)
                        continue;
                if (!dbus_connection_read_write(bench->buses[i], 0))
                        die("bus", "disconnected");
                while (dbus_connection_dispatch(bench->buses[i]) == DBUS_DISPATCH_DATA_REMAINS)
                        continue;
        }
}

int main(int argc, char **argv)
{
        static struct bench bench;
        base_auto_buffer struct base_buffer spki = BASE_BUFFER_INIT(4096);
        struct base_error error = BASE_ERROR_INIT;
        DBusError bus_error = DBUS_ERROR_INIT;
        size_t callers = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
        double end = now() + RUN_SECONDS_MAX;

        bench.wanted = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
        if (callers < 1 || callers > CALLERS_MAX || bench.wanted < 1 || bench.wanted > TOKENS_MAX)
                die("usage", "bench_daemon ISSUER SPKI CALLERS TOKENS");
        bench.warm_up = callers;
        bench.issuer = argv[1];
        if (!base_base64_decode(&spki, argv[2], strlen(argv[2]), BASE_BASE64_URL) ||
            !token_public_key_decode(2, base_buffer_bytes(&spki), &bench.key, &error))
                die("key", error.message);
        bench.latencies = calloc(bench.wanted, sizeof(double));
        if (bench.latencies == NULL)
                die("memory", "there is none");
        for (size_t i = 0; i < callers; i++) {
                if (i % CALLERS_PER_BUS == 0)
                        bench.buses[bench.bus_count++] = dbus_bus_get_private(DBUS_BUS_SYSTEM, &bus_error);
                if (bench.buses[bench.bus_count - 1] == NULL)
                        die("bus", bus_error.message);
                bench.callers[i] = (struct caller){ .bench = &bench, .bus = bench.buses[bench.bus_count - 1] };
                ask(&bench.callers[i]);
        }
        while (bench.answered < bench.warm_up + bench.wanted && now() < end)
                turn(&bench);
        if (bench.answered < bench.warm_up + bench.wanted)
                die("run", "not done in time");
        report(&bench, callers, now() - bench.first_counted);
        free(bench.latencies);
        token_public_key_unref(bench.key);
        for (size_t i = 0; i < bench.bus_count; i++) {
                dbus_connection_close(bench.buses[i]);
                dbus_connection_unref(bench.buses[i]);
        }
        return 0;
}
