/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many callers of RequestTokens, CALLERS_PER_BUS of them on a bus connection, each blinding anew, asking, finalizing and asking
 * again. Usage: bench_daemon ISSUER SPKI-BASE64URL CALLERS TOKENS [flood] Prints one JSON object: tokens a second, median and
 * 99th percentile of a call from its sending to its reply and of the daemon's wait for its quote, requests a quote. The first
 * CALLERS answers warm caches and connections up and are not counted. With "flood" a refusal is an answer, too, and is counted as
 * such; callers then send the same request again and again. The bus is DBUS_SYSTEM_BUS_ADDRESS.
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
        struct base_buffer request;
        double started;
};

struct bench {
        DBusConnection *buses[BUSES_MAX];
        size_t bus_count;
        const char *issuer;
        struct token_public_key *key;
        struct caller callers[CALLERS_MAX];
        bool flood;
        double *latencies;   /* seconds; of counted answers */
        double *quote_waits; /* of these, the daemon's wait for the quote */
        size_t warm_up, wanted, asked, answered, refused;
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

/* What the daemon says of a request: 0 without evidence. */
struct info {
        dbus_uint32_t shared_by;
        dbus_uint32_t quote_wait_ms;
};

static struct info read_info(DBusMessageIter *info)
{
        DBusMessageIter entries, entry, value;
        struct info read = { 0 };
        const char *name;

        for (dbus_message_iter_recurse(info, &entries); dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
             dbus_message_iter_next(&entries)) {
                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                dbus_message_iter_next(&entry);
                dbus_message_iter_recurse(&entry, &value);
                if (strcmp(name, "quote-shared-by") == 0)
                        dbus_message_iter_get_basic(&value, &read.shared_by);
                else if (strcmp(name, "quote-wait-ms") == 0)
                        dbus_message_iter_get_basic(&value, &read.quote_wait_ms);
        }
        return read;
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

/* Counts an answer that came at `time`; the first ones are not counted. */
static void count(struct caller *caller, const struct info *info, double time)
{
        struct bench *bench = caller->bench;
        size_t i = bench->answered++ - bench->warm_up;

        if (bench->answered == bench->warm_up)
                bench->first_counted = time;
        if (bench->answered <= bench->warm_up)
                return;
        bench->latencies[i] = time - caller->started;
        bench->quote_waits[i] = info->quote_wait_ms / 1e3;
        bench->quotes += info->shared_by == 0 ? 0 : 1.0 / info->shared_by;
}

static void answered(DBusPendingCall *pending, void *context)
{
        struct caller *caller = context;
        struct bench *bench = caller->bench;
        double time = now();
        DBusMessage *reply = dbus_pending_call_steal_reply(pending);
        DBusMessageIter iterator;
        DBusError error = DBUS_ERROR_INIT;
        struct info info = { 0 };
        bool refused = dbus_set_error_from_message(&error, reply);

        dbus_pending_call_unref(pending);
        if (refused && !bench->flood)
                die(error.name, error.message);
        dbus_error_free(&error);
        if (!refused) {
                dbus_message_iter_init(reply, &iterator);
                if (!bench->flood)
                        finalize(caller, &iterator);
                dbus_message_iter_next(&iterator);
                info = read_info(&iterator);
        }
        bench->refused += refused;
        count(caller, &info, time);
        dbus_message_unref(reply);
        if (bench->asked < bench->warm_up + bench->wanted)
                ask(caller);
}

static void blind(struct caller *caller)
{
        static const uint8_t challenge_digest[TOKEN_DIGEST_LEN] = { 1 };
        struct base_error error = BASE_ERROR_INIT;

        if (caller->bench->flood && caller->state != NULL)
                return;
        token_client_state_free(BASE_STEAL(caller->state));
        base_buffer_reset(&caller->request);
        if (!token_client_blind(caller->bench->key, challenge_digest, &base_system_random, &caller->request, &caller->state,
                                &error))
                die("blind", error.message);
}

static void ask(struct caller *caller)
{
        struct bench *bench = caller->bench;
        DBusMessage *message = dbus_message_new_method_call("org.attesterd", "/org/attesterd", "org.attesterd.Attester1",
                                                            "RequestTokens");
        DBusMessageIter iterator, list, bytes;
        DBusPendingCall *pending = NULL;
        const uint8_t *data;

        blind(caller);
        data = caller->request.data;
        caller->started = now();
        bench->asked++;
        dbus_message_iter_init_append(message, &iterator);
        dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &bench->issuer);
        dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "ay", &list);
        dbus_message_iter_open_container(&list, DBUS_TYPE_ARRAY, "y", &bytes);
        dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &data, (int) caller->request.len);
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

static void report_percentiles(const char *name, double *seconds, size_t count)
{
        qsort(seconds, count, sizeof(double), compare);
        (void) printf("\"%sp50_ms\": %.3f, \"%sp99_ms\": %.3f, ", name, seconds[count / 2] * 1e3, name,
                      seconds[count * 99 / 100] * 1e3);
}

static void report(struct bench *bench, size_t callers, double seconds)
{
        (void) printf("{\"callers\": %zu, \"tokens\": %zu, \"refused\": %zu, \"tokens_per_second\": %.1f, ", callers,
                      bench->wanted, bench->refused, (double) bench->wanted / seconds);
        report_percentiles("", bench->latencies, bench->wanted);
        report_percentiles("quote_wait_", bench->quote_waits, bench->wanted);
        (void) printf("\"requests_per_quote\": %.1f}\n", bench->quotes == 0 ? 0 : (double) bench->wanted / bench->quotes);
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

static void start_callers(struct bench *bench, size_t callers)
{
        DBusError error = DBUS_ERROR_INIT;

        for (size_t i = 0; i < callers; i++) {
                if (i % CALLERS_PER_BUS == 0)
                        bench->buses[bench->bus_count++] = dbus_bus_get_private(DBUS_BUS_SYSTEM, &error);
                if (bench->buses[bench->bus_count - 1] == NULL)
                        die("bus", error.message);
                bench->callers[i] = (struct caller){ .bench = bench, .bus = bench->buses[bench->bus_count - 1] };
                base_buffer_init(&bench->callers[i].request, 4096);
                ask(&bench->callers[i]);
        }
}

int main(int argc, char **argv)
{
        static struct bench bench;
        base_auto_buffer struct base_buffer spki = BASE_BUFFER_INIT(4096);
        struct base_error error = BASE_ERROR_INIT;
        size_t callers = argc >= 5 ? strtoul(argv[3], NULL, 10) : 0;
        double end = now() + RUN_SECONDS_MAX;

        bench.wanted = argc >= 5 ? strtoul(argv[4], NULL, 10) : 0;
        bench.flood = argc == 6 && strcmp(argv[5], "flood") == 0;
        if (callers < 1 || callers > CALLERS_MAX || bench.wanted < 1 || bench.wanted > TOKENS_MAX || argc > (bench.flood ? 6 : 5))
                die("usage", "bench_daemon ISSUER SPKI CALLERS TOKENS [flood]");
        bench.warm_up = callers;
        bench.issuer = argv[1];
        if (!base_base64_decode(&spki, argv[2], strlen(argv[2]), BASE_BASE64_URL) ||
            !token_public_key_decode(2, base_buffer_bytes(&spki), &bench.key, &error))
                die("key", error.message);
        bench.latencies = calloc(bench.wanted, sizeof(double));
        bench.quote_waits = calloc(bench.wanted, sizeof(double));
        if (bench.latencies == NULL || bench.quote_waits == NULL)
                die("memory", "there is none");
        start_callers(&bench, callers);
        while (bench.answered < bench.warm_up + bench.wanted && now() < end)
                turn(&bench);
        if (bench.answered < bench.warm_up + bench.wanted)
                die("run", "not done in time");
        report(&bench, callers, now() - bench.first_counted);
        free(bench.latencies);
        free(bench.quote_waits);
        token_public_key_unref(bench.key);
        for (size_t i = 0; i < callers; i++) {
                token_client_state_free(bench.callers[i].state);
                base_buffer_clear(&bench.callers[i].request);
        }
        for (size_t i = 0; i < bench.bus_count; i++) {
                dbus_connection_close(bench.buses[i]);
                dbus_connection_unref(bench.buses[i]);
        }
        return 0;
}
