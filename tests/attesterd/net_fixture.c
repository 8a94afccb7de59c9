/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_fixture.h"

#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

static void read_pem(const struct issuer *issuer, const char *name, struct base_buffer *to)
{
        char path[128];

        base_buffer_init(to, NET_CA_BUNDLE_BYTES_MAX);
        (void) snprintf(path, sizeof(path), "%s/%s", issuer->directory, name);
        assert_true(base_file_read(path, to, NULL));
}

void issuer_start(struct issuer *issuer)
{
        char python[] = "python3", *script = getenv("ATTESTER_HTTPS_SERVER");
        int input[2], output[2];
        posix_spawn_file_actions_t actions;
        char line[256];
        FILE *reader;

        *issuer = (struct issuer){ 0 };
        strcpy(issuer->directory, "/tmp/attester-net-test-XXXXXX");
        assert_non_null(mkdtemp(issuer->directory));
        assert_non_null(script);
        assert_int_equal(pipe2(input, O_CLOEXEC), 0);
        assert_int_equal(pipe2(output, O_CLOEXEC), 0);
        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO), 0);
        assert_int_equal(posix_spawnp(&issuer->pid, python, &actions, NULL,
                                      (char *[]){ python, (char[]){ "-Wignore" }, script, issuer->directory, NULL }, environ),
                         0);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) close(input[0]);
        (void) close(output[1]);
        issuer->input = input[1];
        reader = fdopen(output[0], "r");
        assert_non_null(reader);
        assert_non_null(fgets(line, sizeof(line), reader));
        (void) fclose(reader);
        assert_int_equal(sscanf(line, "good=%u wrong_name=%u expired=%u old_tls=%u plain=%u", &issuer->good, &issuer->wrong_name,
                                &issuer->expired, &issuer->old_tls, &issuer->plain),
                         5);
        read_pem(issuer, "ca.pem", &issuer->ca);
        read_pem(issuer, "other-ca.pem", &issuer->other_ca);
}

void issuer_stop(struct issuer *issuer)
{
        static const char *const files[] = { "ca.key",      "ca.pem",     "ca.srl",    "other-ca.key", "other-ca.pem",
                                             "good.csr",    "good.ext",   "good.key",  "good.pem",     "wrong.csr",
                                             "wrong.ext",   "wrong.key",  "wrong.pem", "expired.csr",  "expired.ext",
                                             "expired.key", "expired.pem" };

        (void) close(issuer->input);
        (void) kill(issuer->pid, SIGKILL);
        (void) waitpid(issuer->pid, NULL, 0);
        for (size_t i = 0; i < BASE_COUNT(files); i++) {
                char path[128];

                (void) snprintf(path, sizeof(path), "%s/%s", issuer->directory, files[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(issuer->directory), 0);
        base_buffer_clear(&issuer->ca);
        base_buffer_clear(&issuer->other_ca);
}

static void on_exit_of_child(void *context, const struct base_error *error)
{
        struct loop *loop = context;

        loop->exits++;
        loop->last_exit = *error;
}

static void start_client(struct loop *loop, const char *program, const char *socket)
{
        struct net_client_options options = {
                .program = program != NULL ? program : getenv("ATTESTER_NET"),
                .socket = socket,
                .on_exit = on_exit_of_child,
                .on_exit_context = loop,
        };
        struct base_error error = BASE_ERROR_INIT;

        *loop = (struct loop){ 0 };
        assert_non_null(options.program);
        assert_true(sd_event_new(&loop->event) >= 0);
        if (!net_client_new(loop->event, &options, &loop->client, &error))
                fail_msg("%s", error.message);
}

void loop_start(struct loop *loop, const char *program)
{
        start_client(loop, program, NULL);
}

void loop_start_connecting(struct loop *loop, const char *socket)
{
        start_client(loop, NULL, socket);
}

void loop_stop(struct loop *loop)
{
        net_client_free(loop->client);
        (void) sd_event_unref(loop->event);
}

void loop_until(struct loop *loop, const bool *flag)
{
        for (unsigned waited_ms = 0; !*flag; waited_ms += 10) {
                assert_true(waited_ms < FIXTURE_WAIT_MS);
                while (!*flag && sd_event_run(loop->event, 10 * 1000) > 0)
                        ;
        }
}

void loop_for(struct loop *loop, unsigned ms)
{
        for (unsigned waited_ms = 0; waited_ms < ms; waited_ms += 10)
                while (sd_event_run(loop->event, 10 * 1000) > 0)
                        ;
}

struct net_request request_to(char url[static 256], const struct issuer *issuer, const char *host, unsigned port,
                              const char *path)
{
        (void) snprintf(url, 256, "https://%s:%u/%s", host, port, path);
        return (struct net_request){
                .method = NET_METHOD_GET,
                .url = url,
                .ca_bundle = base_buffer_bytes(&issuer->ca),
                .timeout_ms = 10000,
                .response_bytes_max = NET_RESPONSE_BODY_MAX,
        };
}

void fetch_done(void *context, const struct net_response *response, const struct base_error *error)
{
        struct outcome *outcome = context;

        assert_true((response == NULL) != (error == NULL));
        outcome->done = true;
        outcome->calls++;
        outcome->ok = response != NULL;
        if (error != NULL) {
                outcome->error = *error;
                return;
        }
        outcome->status = response->status;
        (void) snprintf(outcome->content_type, sizeof(outcome->content_type), "%s", response->content_type);
        (void) snprintf(outcome->nonce, sizeof(outcome->nonce), "%s", response->attestation_nonce);
        outcome->has_max_age = response->has_max_age;
        outcome->max_age = response->max_age_seconds;
        outcome->has_retry_after = response->has_retry_after;
        outcome->retry_after = response->retry_after_seconds;
        outcome->body_len = response->body.len;
        (void) snprintf(outcome->body, sizeof(outcome->body), "%.*s", (int) response->body.len,
                        (const char *) response->body.data);
}

void fetch_start(struct loop *loop, const struct net_request *request, struct outcome *outcome, uint64_t *ret_id)
{
        struct base_error error = BASE_ERROR_INIT;

        *outcome = (struct outcome){ 0 };
        if (!net_client_fetch(loop->client, request, fetch_done, outcome, ret_id, &error))
                fail_msg("%s", error.message);
        assert_false(outcome->done);
}

void fetch(struct loop *loop, const struct net_request *request, struct outcome *outcome)
{
        fetch_start(loop, request, outcome, NULL);
        loop_until(loop, &outcome->done);
}
