/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for attesterd on a private bus, for tests of the client: issues real tokens with a key of its own, and fails
 * in the manner that the issuer's name asks for. A message that it receives is appended to a dump, byte for byte.
 * Beside attesterd's methods it has some of its own, so that tests can direct it: see direct().
 * usage: fake_attesterd BUS-ADDRESS DIRECTORY; writes DIRECTORY/{a.spki,b.spki,c.point,c.pem}, dump, and "ready" to its output.
 */
#include "tests/client/fake_message.h"
#include "tests/client/fake_policy.h"

#include "base/file.h"
#include "token/issuer.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#define HUGE_BYTES   (2 * 1024 * 1024)
#define HELD_MAX     64
#define REQUESTS_MAX 16 /* of one call */

struct fake {
        DBusConnection *connection;
        struct token_issuer_key *a, *b;   /* type 0x0002 */
        struct token_issuer_key *c;       /* type 0x0001 */
        struct base_buffer first_request; /* what swapped.example answers ever after */
        FILE *dump;
        dbus_uint32_t call_count, request_count; /* of RequestTokens */
        DBusMessage *held[HELD_MAX];             /* calls about held.example, until Release */
        size_t held_count;
};

static const char *const issuers[] = {
        "good.example",
        "wrong-signature.example",
        "swapped.example",
        "short.example",
        "two.example",
        "slow.example",
        "dies.example",
        "nokeys.example",
        "early.example",
        "soon.example",
        "hour.example",
        "evilkey.example",
        "badtype.example",
        "badsignature.example",
        "badkey.example",
        "huge.example",
        "unreachable.example",
        "incomplete.example",
        "slow-directory.example",
        "foreign-error.example",
        "fail-PolicyDenied.example",
        "held.example",
        "voprf.example",
        "both.example",
        "wrong-proof.example",
        "shuffled.example",
        "denied.example",
        "denied-disk.example",
        "denied-often.example",
};

static void get_all(DBusMessage *reply)
{
        DBusMessageIter iterator, dictionary, entry, variant, array;
        static const char *const failure[] = { "org.attesterd.Error.IssuerUnreachable", "bundles.example does not answer" };
        dbus_uint64_t policy_version = 7, failed_at = 1760000000;

        dbus_message_iter_init_append(reply, &iterator);
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &dictionary));
        put_string(&dictionary, "Version", "0.1.0-fake");
        put_string(&dictionary, "TpmState", "ready");
        put_string(&dictionary, "SealState", "sealed: PCR 7 changed");
        put_basic(&dictionary, "PolicyVersion", DBUS_TYPE_UINT64, &policy_version);
        put_string(&dictionary, "PolicyError", "x.conf:3:9: unknown word \"ored\"");
        put_string(&dictionary, "ConfigError", "");
        open_variant(&dictionary, "PolicyFetchError", "(sst)", &entry, &variant);
        check(dbus_message_iter_open_container(&variant, DBUS_TYPE_STRUCT, NULL, &array));
        for (size_t i = 0; i < BASE_COUNT(failure); i++)
                check(dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &failure[i]));
        check(dbus_message_iter_append_basic(&array, DBUS_TYPE_UINT64, &failed_at));
        check(dbus_message_iter_close_container(&variant, &array));
        close_variant(&dictionary, &entry, &variant);
        put_string(&dictionary, "SomethingNewer", "skipped");
        open_variant(&dictionary, "Issuers", "a(ss)", &entry, &variant);
        check(dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "(ss)", &array));
        for (size_t i = 0; i < BASE_COUNT(issuers); i++)
                put_row(&array, (const char *const[]){ issuers[i], i == 0 ? "enrolled" : "not-enrolled" }, 2);
        /* fail-NAME.example fails with that error. */
        for (int code = 1; code < BASE_ERROR_CODE_COUNT; code++) {
                char name[128];

                (void) snprintf(name, sizeof(name), "fail-%s.example", base_error_name((enum base_error_code) code));
                put_row(&array, (const char *const[]){ name, "unattested" }, 2);
        }
        check(dbus_message_iter_close_container(&variant, &array));
        close_variant(&dictionary, &entry, &variant);
        check(dbus_message_iter_close_container(&iterator, &dictionary));
}

static void put_key_of_type(DBusMessageIter *array, dbus_uint16_t type, struct base_bytes key, uint64_t not_before)
{
        DBusMessageIter row, bytes;
        dbus_uint64_t seconds = not_before;

        check(dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &row));
        check(dbus_message_iter_append_basic(&row, DBUS_TYPE_UINT16, &type));
        check(dbus_message_iter_open_container(&row, DBUS_TYPE_ARRAY, "y", &bytes));
        check(dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &key.data, (int) key.len));
        check(dbus_message_iter_close_container(&row, &bytes));
        check(dbus_message_iter_append_basic(&row, DBUS_TYPE_UINT64, &seconds));
        check(dbus_message_iter_close_container(array, &row));
}

static void put_key(DBusMessageIter *array, struct base_bytes key, uint64_t not_before)
{
        put_key_of_type(array, TOKEN_TYPE_BLIND_RSA, key, not_before);
}

static bool has_voprf_key(const char *issuer)
{
        return is(issuer, "voprf.example") || is(issuer, "wrong-proof.example") || is(issuer, "both.example");
}

static void get_issuer(const struct fake *fake, const char *issuer, DBusMessage *reply)
{
        struct base_bytes a = token_public_key_encoded(token_issuer_key_public(fake->a));
        struct base_bytes b = token_public_key_encoded(token_issuer_key_public(fake->b));
        struct base_bytes c = token_public_key_encoded(token_issuer_key_public(fake->c));
        DBusMessageIter iterator, dictionary, entry, variant, array;
        dbus_uint64_t fetched = 1760000000;
        const char *mirror = "agrees";
        dbus_bool_t attestation = TRUE;
        dbus_uint32_t number = 1;

        dbus_message_iter_init_append(reply, &iterator);
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &dictionary));
        if (is(issuer, "badtype.example"))
                put_basic(&dictionary, "name", DBUS_TYPE_UINT32, &number);
        else if (!is(issuer, "incomplete.example"))
                put_string(&dictionary, "name", issuer);
        put_string(&dictionary, "request-uri", "https://issuer.example/token-request");
        put_basic(&dictionary, "attestation", DBUS_TYPE_BOOLEAN, &attestation);
        put_basic(&dictionary, "fetched", DBUS_TYPE_UINT64, &fetched);
        put_basic(&dictionary, "mirror", DBUS_TYPE_STRING, &mirror);
        open_variant(&dictionary, "token-keys", "a(qayt)", &entry, &variant);
        check(dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "(qayt)", &array));
        if (is(issuer, "evilkey.example"))
                put_key(&array, b, 0);
        else if (is(issuer, "badkey.example"))
                put_key(&array, BASE_BYTES("\x30\x03garbage", 9), 0);
        else if (is(issuer, "early.example"))
                put_key(&array, a, (uint64_t) 1 << 40);
        else if (is(issuer, "soon.example"))
                put_key(&array, a, (uint64_t) time(NULL) + 300);
        else if (is(issuer, "hour.example"))
                put_key(&array, a, (uint64_t) time(NULL) + 3600);
        else if (!is(issuer, "nokeys.example") && (!has_voprf_key(issuer) || is(issuer, "both.example")))
                put_key(&array, a, 1);
        if (has_voprf_key(issuer))
                put_key_of_type(&array, TOKEN_TYPE_VOPRF, c, 1);
        check(dbus_message_iter_close_container(&variant, &array));
        close_variant(&dictionary, &entry, &variant);
        check(dbus_message_iter_close_container(&iterator, &dictionary));
}

static void put_response(DBusMessageIter *list, struct base_bytes response)
{
        DBusMessageIter bytes;

        check(dbus_message_iter_open_container(list, DBUS_TYPE_ARRAY, "y", &bytes));
        check(dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &response.data, (int) response.len));
        check(dbus_message_iter_close_container(list, &bytes));
}

static void put_info(DBusMessageIter *to)
{
        DBusMessageIter dictionary;
        dbus_uint32_t shared = 3, elapsed_ms = 12;
        dbus_bool_t attested = TRUE;

        check(dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &dictionary));
        put_basic(&dictionary, "quote-shared-by", DBUS_TYPE_UINT32, &shared);
        put_basic(&dictionary, "attested", DBUS_TYPE_BOOLEAN, &attested);
        put_basic(&dictionary, "elapsed-ms", DBUS_TYPE_UINT32, &elapsed_ms);
        check(dbus_message_iter_close_container(to, &dictionary));
}

static void put_answer(struct fake *fake, const char *issuer, struct base_bytes request, DBusMessageIter *list)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(HUGE_BYTES);
        struct base_error error = BASE_ERROR_INIT;

        if (fake->first_request.len == 0)
                base_buffer_put_bytes(&fake->first_request, request);
        if (is(issuer, "swapped.example"))
                request = base_buffer_bytes(&fake->first_request);
        check(token_issuer_evaluate(request.data[1] == TOKEN_TYPE_VOPRF ? fake->c : fake->a, request, &response, &error));
        if (is(issuer, "wrong-signature.example") || is(issuer, "wrong-proof.example"))
                response.data[100] ^= 1;
        if (is(issuer, "short.example"))
                response.len--;
        if (is(issuer, "huge.example"))
                check(base_buffer_extend(&response, HUGE_BYTES - response.len) != NULL);
        put_response(list, base_buffer_bytes(&response));
        if (is(issuer, "two.example"))
                put_response(list, base_buffer_bytes(&response));
}

static size_t requests_read(DBusMessageIter *from, struct base_bytes ret[static REQUESTS_MAX])
{
        DBusMessageIter list;
        size_t count = 0;

        dbus_message_iter_recurse(from, &list);
        for (; dbus_message_iter_get_arg_type(&list) == DBUS_TYPE_ARRAY; (void) dbus_message_iter_next(&list)) {
                DBusMessageIter bytes;
                const uint8_t *data = NULL;
                int len = 0;

                check(count < REQUESTS_MAX);
                dbus_message_iter_recurse(&list, &bytes);
                dbus_message_iter_get_fixed_array(&bytes, &data, &len);
                ret[count++] = BASE_BYTES(data, (size_t) len);
        }
        return count;
}

static void request_tokens(struct fake *fake, const char *issuer, DBusMessage *message, DBusMessage *reply)
{
        struct base_bytes requests[REQUESTS_MAX];
        DBusMessageIter from, iterator, list;
        size_t count;

        check(dbus_message_iter_init(message, &from) && dbus_message_iter_next(&from));
        count = requests_read(&from, requests);
        fake->call_count++;
        fake->request_count += (dbus_uint32_t) count;
        dbus_message_iter_init_append(reply, &iterator);
        if (is(issuer, "badsignature.example")) {
                check(dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &issuer));
                return;
        }
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "ay", &list));
        for (size_t i = 0; i < count; i++)
                put_answer(fake, issuer, requests[is(issuer, "shuffled.example") ? count - 1 - i : i], &list);
        check(dbus_message_iter_close_container(&iterator, &list));
        put_info(&iterator);
}

/* The error that the name asks for, or NULL. */
static const char *error_name_of(const char *issuer, const char *member, char *space, size_t space_size)
{
        const char *prefix = "fail-";

        if (is(issuer, "unreachable.example") && strcmp(member, "GetIssuer") == 0)
                return base_error_dbus_name(BASE_ERROR_ISSUER_UNREACHABLE);
        if (strncmp(issuer, "denied", strlen("denied")) == 0 && strcmp(member, "RequestTokens") == 0)
                return base_error_dbus_name(BASE_ERROR_POLICY_DENIED);
        if (is(issuer, "foreign-error.example") && strcmp(member, "RequestTokens") == 0)
                return "com.example.Surprise";
        if (strcmp(member, "Reseal") == 0)
                return base_error_dbus_name(BASE_ERROR_NOT_AUTHORIZED);
        if (strncmp(issuer, prefix, strlen(prefix)) != 0 ||
            (strcmp(member, "RequestTokens") != 0 && strcmp(member, "Enroll") != 0))
                return NULL;
        (void) snprintf(space, space_size, "org.attesterd.Error.%.*s", (int) strcspn(issuer + strlen(prefix), "."),
                        issuer + strlen(prefix));
        return space;
}

static void message_dump(struct fake *fake, DBusMessage *message)
{
        char *bytes = NULL;
        int len = 0;

        check(dbus_message_marshal(message, &bytes, &len));
        check(fwrite(bytes, 1, (size_t) len, fake->dump) == (size_t) len && fflush(fake->dump) == 0);
        dbus_free(bytes);
}

static void policy_change(struct fake *fake)
{
        DBusMessage *signal = dbus_message_new_signal("/org/attesterd", DBUS_INTERFACE_PROPERTIES, "PropertiesChanged");
        const char *interface = "org.attesterd.Attester1";
        DBusMessageIter iterator, dictionary, names;
        dbus_uint64_t policy_version = 8;

        check(signal != NULL);
        dbus_message_iter_init_append(signal, &iterator);
        check(dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &interface));
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &dictionary));
        put_basic(&dictionary, "PolicyVersion", DBUS_TYPE_UINT64, &policy_version);
        check(dbus_message_iter_close_container(&iterator, &dictionary));
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "s", &names));
        check(dbus_message_iter_close_container(&iterator, &names));
        check(dbus_connection_send(fake->connection, signal, NULL));
        dbus_message_unref(signal);
}

static void held_release(struct fake *fake)
{
        for (size_t i = 0; i < fake->held_count; i++) {
                DBusMessage *reply = dbus_message_new_method_return(fake->held[i]);

                check(reply != NULL);
                request_tokens(fake, "held.example", fake->held[i], reply);
                check(dbus_connection_send(fake->connection, reply, NULL));
                dbus_message_unref(reply);
                dbus_message_unref(fake->held[i]);
        }
        fake->held_count = 0;
}

/* What a test tells the stand-in; `reply` gets (u calls, u requests, u held) of RequestTokens. */
static void direct(struct fake *fake, const char *member, DBusMessage *reply)
{
        struct token_issuer_key *key = fake->a;
        dbus_uint32_t held;

        if (strcmp(member, "Rotate") == 0) {
                fake->a = fake->b;
                fake->b = key;
        }
        if (strcmp(member, "ChangePolicy") == 0)
                policy_change(fake);
        if (strcmp(member, "Release") == 0)
                held_release(fake);
        held = (dbus_uint32_t) fake->held_count;
        check(dbus_message_append_args(reply, DBUS_TYPE_UINT32, &fake->call_count, DBUS_TYPE_UINT32, &fake->request_count,
                                       DBUS_TYPE_UINT32, &held, DBUS_TYPE_INVALID));
}

/* Fills in `reply`, or returns false if there is none to send. */
static bool answer(struct fake *fake, const char *issuer, const char *member, DBusMessage *message, DBusMessage *reply)
{
        const char *device = "device-1";

        if (is(issuer, "slow.example") && strcmp(member, "RequestTokens") == 0)
                return false;
        if (is(issuer, "slow-directory.example") && strcmp(member, "GetIssuer") == 0)
                return false;
        if (is(issuer, "held.example") && strcmp(member, "RequestTokens") == 0) {
                check(fake->held_count < HELD_MAX);
                fake->held[fake->held_count++] = dbus_message_ref(message);
                return false;
        }
        if (is(issuer, "dies.example") && strcmp(member, "RequestTokens") == 0)
                exit(0);
        if (dbus_message_has_interface(message, "com.example.Director"))
                direct(fake, member, reply);
        if (strcmp(member, "GetAll") == 0)
                get_all(reply);
        if (strcmp(member, "GetIssuer") == 0)
                get_issuer(fake, issuer, reply);
        if (strcmp(member, "RequestTokens") == 0)
                request_tokens(fake, issuer, message, reply);
        if (strcmp(member, "GetFacts") == 0)
                fake_policy_get_facts(reply);
        if (strcmp(member, "Evaluate") == 0)
                fake_policy_evaluate(issuer, reply);
        if (strcmp(member, "Explain") == 0)
                fake_policy_explain(issuer, reply);
        if (strcmp(member, "Enroll") == 0)
                check(dbus_message_append_args(reply, DBUS_TYPE_STRING, &device, DBUS_TYPE_INVALID));
        return true;
}

static DBusHandlerResult filter(DBusConnection *connection, DBusMessage *message, void *context)
{
        const char *member = dbus_message_get_member(message);
        struct fake *fake = context;
        char space[128];
        const char *issuer = "", *error_name;
        DBusMessage *reply;

        if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        message_dump(fake, message);
        (void) dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &issuer, DBUS_TYPE_INVALID);
        error_name = error_name_of(issuer, member, space, sizeof(space));
        if (error_name != NULL)
                reply = dbus_message_new_error(message, error_name, "the sentence of the daemon");
        else
                reply = dbus_message_new_method_return(message);
        check(reply != NULL);
        if (strncmp(issuer, "denied", strlen("denied")) == 0 && error_name != NULL)
                fake_policy_put_denials(issuer, message, reply);
        if (error_name != NULL || answer(fake, issuer, member, message, reply))
                check(dbus_connection_send(connection, reply, NULL));
        dbus_message_unref(reply);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void public_key_write(const struct token_issuer_key *key, int directory, const char *name)
{
        struct base_error error = BASE_ERROR_INIT;

        check(base_file_replace_at(directory, name, token_public_key_encoded(token_issuer_key_public(key)), 0644, &error));
}

static void private_key_write(const struct token_issuer_key *key, int directory, const char *name)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;

        check(token_issuer_key_save(key, &text, &error));
        check(base_file_replace_at(directory, name, base_buffer_bytes(&text), 0600, &error));
}

static void key_load(uint16_t type, const char *name, struct token_issuer_key **ret)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_close int keys = open(TEST_KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct base_error error = BASE_ERROR_INIT;

        check(base_file_read_at(keys, name, &text, &error));
        check(token_issuer_key_load(type, base_buffer_bytes(&text), ret, &error));
}

int main(int argc, char **argv)
{
        struct fake fake = { .first_request = BASE_BUFFER_INIT(4096) };
        DBusError reason = DBUS_ERROR_INIT;
        int directory = -1;

        check(argc == 3 && (directory = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
        key_load(TOKEN_TYPE_BLIND_RSA, "rsa-00.pem", &fake.a);
        key_load(TOKEN_TYPE_BLIND_RSA, "rsa-01.pem", &fake.b);
        key_load(TOKEN_TYPE_VOPRF, "voprf.pem", &fake.c);
        public_key_write(fake.a, directory, "a.spki");
        public_key_write(fake.b, directory, "b.spki");
        public_key_write(fake.c, directory, "c.point");
        private_key_write(fake.c, directory, "c.pem");
        check((fake.dump = fdopen(openat(directory, "dump", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "a")) != NULL);
        fake.connection = dbus_connection_open_private(argv[1], &reason);
        check(fake.connection != NULL && dbus_bus_register(fake.connection, &reason));
        check(dbus_connection_add_filter(fake.connection, filter, &fake, NULL));
        check(dbus_bus_request_name(fake.connection, "org.attesterd", 0, &reason) == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER);
        (void) puts("ready");
        (void) fflush(stdout);
        /* Ends with the bus. */
        while (dbus_connection_read_write_dispatch(fake.connection, -1))
                ;
        return 0;
}
