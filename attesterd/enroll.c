/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/enroll.h"

#include "attesterd/problem.h"
#include "base/log.h"

#include <string.h>

/*
 * directory → identity (or a new key) → first post → the TPM opens the credential → second post → state file → reply.
 * A TPM job cannot be taken back: while one is under way a cancelled enrolment stays, without its call, until the job ends.
 */
struct enrollment {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call; /* NULL: cancelled */
        struct attesterd_issuer *issuer;
        sd_event_source *deadline;
        struct attesterd_waiter waiter;
        uint64_t fetch_id; /* 0: none under way */
        bool job;          /* one is under way in the TPM */
        bool key_made;
        uint64_t expires; /* of the challenge */
        struct base_buffer ek_certificate;
        struct base_buffer ek_public;
        struct base_buffer ak_public;
        struct attesterd_enrolment result;
};

static void begin(struct enrollment *enrollment);

static void enrollment_free(struct enrollment *enrollment)
{
        attesterd_waiter_cancel(&enrollment->waiter);
        if (enrollment->fetch_id != 0)
                enrollment->daemon->transport.cancel(enrollment->daemon->transport.context, enrollment->fetch_id);
        enrollment->fetch_id = 0;
        enrollment->deadline = sd_event_source_disable_unref(enrollment->deadline);
        if (enrollment->job)
                return;
        attesterd_issuer_unref(enrollment->issuer);
        base_buffer_clear(&enrollment->ek_certificate);
        base_buffer_clear(&enrollment->ek_public);
        base_buffer_clear(&enrollment->ak_public);
        free(enrollment);
}

static void on_cancel(void *work)
{
        struct enrollment *enrollment = work;

        enrollment->call = NULL;
        enrollment_free(enrollment);
}

static void finish(struct enrollment *enrollment, const struct attesterd_denials *denials, const struct base_error *error)
{
        struct attesterd_call *call = BASE_STEAL(enrollment->call);

        base_log_event(BASE_EVENT_ENROLMENT_FAILED, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, enrollment->issuer->config.name }),
                       error, "enrolment with %s", enrollment->issuer->config.name);
        if (denials != NULL && error->code == BASE_ERROR_POLICY_DENIED)
                attesterd_call_reply(call, attesterd_denials_message(denials, call->message, error));
        else
                attesterd_call_fail(call, error);
        enrollment_free(enrollment);
}

/* To be called first by every callback of a TPM job. False: the enrolment was cancelled meanwhile, and is gone. */
static bool job_ended(struct enrollment *enrollment)
{
        enrollment->job = false;
        if (enrollment->call != NULL)
                return true;
        enrollment_free(enrollment);
        return false;
}

static void succeed(struct enrollment *enrollment)
{
        struct attesterd_call *call = BASE_STEAL(enrollment->call);
        DBusMessage *reply = dbus_message_new_method_return(call->message);
        const char *device = enrollment->result.device;

        if (reply != NULL && !dbus_message_append_args(reply, DBUS_TYPE_STRING, &device, DBUS_TYPE_INVALID)) {
                dbus_message_unref(reply);
                reply = NULL;
        }
        base_log_event(BASE_EVENT_ENROLLED,
                       BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, enrollment->issuer->config.name },
                                       { BASE_EVENT_FIELD_DEVICE, device }),
                       NULL, "enrolled with %s as %s", enrollment->issuer->config.name, device);
        attesterd_daemon_announce(enrollment->daemon);
        attesterd_call_reply(call, reply);
        enrollment_free(enrollment);
}

static bool take_result(struct enrollment *enrollment, struct base_bytes body, struct base_error *error)
{
        struct evidence_enrollment_result result;
        struct attesterd_issuer *current;
        const char *name = enrollment->issuer->config.name;

        if (!evidence_enrollment_result_decode(body, &result, error) || !attesterd_device_valid(result.device))
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                      "the issuer %s ends the enrolment with a malformed answer", name);
        (void) snprintf(enrollment->result.device, sizeof(enrollment->result.device), "%s", result.device);
        enrollment->result.enrolled = true;
        if (!attesterd_enrolment_save(enrollment->daemon->state_dir_fd, name, &enrollment->result, error))
                return base_error_prefix(error, "the issuer %s knows this device as %s, but that cannot be remembered", name,
                                         result.device);
        enrollment->issuer->enrolment = enrollment->result;
        enrollment->issuer->event_log.not_before_ms = 0; /* what the issuer knew is of the old key */
        /* A reload may have put another object in this one's place meanwhile. */
        if (attesterd_daemon_find_issuer(enrollment->daemon, name, &current, NULL))
                current->enrolment = enrollment->result;
        return true;
}

/* What both posts have in common: ends the enrolment and returns false unless there is a message to look at. */
static bool take_response(struct enrollment *enrollment, const struct net_response *response, const struct base_error *error)
{
        attesterd_auto_denials struct attesterd_denials denials = { 0 };
        struct base_error problem = BASE_ERROR_INIT;

        enrollment->fetch_id = 0;
        if (error != NULL) {
                finish(enrollment, NULL, error);
                return false;
        }
        attesterd_issuer_note_nonce(enrollment->issuer, response);
        if (response->status == 200 && attesterd_media_type_is(response->content_type, EVIDENCE_ENROLLMENT_MEDIA_TYPE))
                return true;
        (void) attesterd_problem_error(enrollment->issuer->config.name, response, &denials, &problem);
        finish(enrollment, &denials, &problem);
        return false;
}

static void on_second_answer(void *context, const struct net_response *response, const struct base_error *error)
{
        struct enrollment *enrollment = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (!take_response(enrollment, response, error))
                return;
        if (take_result(enrollment, response->body, &problem))
                succeed(enrollment);
        else
                finish(enrollment, NULL, &problem);
}

/* `secret` NULL: the first post. */
static bool post(struct enrollment *enrollment, const uint8_t *secret, net_fetch_callback *callback, struct base_error *error)
{
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        struct evidence_enrollment_request message = {
                .ek_certificate = base_buffer_bytes(&enrollment->ek_certificate),
                .ek_public = base_buffer_bytes(&enrollment->ek_public),
                .ak_public = base_buffer_bytes(&enrollment->ak_public),
                .has_activation = secret != NULL,
                .expires = enrollment->expires,
        };
        struct net_request request = attesterd_issuer_request(enrollment->issuer, NET_METHOD_POST,
                                                              enrollment->issuer->directory->enroll_uri);
        bool encoded;

        if (secret != NULL)
                memcpy(message.secret, secret, sizeof(message.secret));
        encoded = evidence_enrollment_request_encode(&message, &body, error);
        explicit_bzero(&message, sizeof(message));
        if (!encoded)
                return false;
        request.content_type = EVIDENCE_ENROLLMENT_MEDIA_TYPE;
        request.accept = EVIDENCE_ENROLLMENT_MEDIA_TYPE;
        request.body = base_buffer_bytes(&body);
        return enrollment->daemon->transport.fetch(enrollment->daemon->transport.context, &request, callback, enrollment,
                                                   &enrollment->fetch_id, error);
}

static void on_secret(void *context, const uint8_t *secret, const struct base_error *error)
{
        struct enrollment *enrollment = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (!job_ended(enrollment))
                return;
        if (error != NULL)
                finish(enrollment, NULL, error);
        else if (!post(enrollment, secret, on_second_answer, &problem))
                finish(enrollment, NULL, &problem);
}

static bool activate(struct enrollment *enrollment, struct base_bytes body, struct base_error *error)
{
        struct evidence_enrollment_challenge challenge;

        if (!evidence_enrollment_challenge_decode(body, &challenge, error))
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer %s gives a malformed enrolment challenge",
                                      enrollment->issuer->config.name);
        enrollment->expires = challenge.expires;
        enrollment->job = tpm_worker_activate(enrollment->daemon->worker, challenge.id_object, challenge.encrypted_secret,
                                              on_secret, enrollment, error);
        return enrollment->job;
}

static void on_first_answer(void *context, const struct net_response *response, const struct base_error *error)
{
        struct enrollment *enrollment = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (take_response(enrollment, response, error) && !activate(enrollment, response->body, &problem))
                finish(enrollment, NULL, &problem);
}

static bool keep(struct base_buffer *to, struct base_bytes from)
{
        base_buffer_reset(to);
        base_buffer_put_bytes(to, from);
        return base_buffer_ok(to);
}

static bool take_identity(struct enrollment *enrollment, const struct tpm_identity *identity, struct base_error *error)
{
        if (!keep(&enrollment->ek_certificate, identity->ek_certificate) || !keep(&enrollment->ek_public, identity->ek_public) ||
            !keep(&enrollment->ak_public, identity->ak_public))
                return base_error_set(error, BASE_ERROR_TPM_FAILED, "the TPM's keys are larger than an enrolment can carry");
        memcpy(enrollment->result.key_name, identity->ak_name, sizeof(enrollment->result.key_name));
        return post(enrollment, NULL, on_first_answer, error);
}

static void on_identity(void *context, const struct tpm_identity *identity, const struct base_error *error)
{
        struct enrollment *enrollment = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (!job_ended(enrollment))
                return;
        if (error != NULL && error->code == BASE_ERROR_NOT_ENROLLED && !enrollment->key_made) {
                enrollment->key_made = true;
                enrollment->job = tpm_worker_create_key(enrollment->daemon->worker, on_identity, enrollment, &problem);
                if (!enrollment->job)
                        finish(enrollment, NULL, &problem);
        } else if (error != NULL) {
                finish(enrollment, NULL, error);
        } else if (!take_identity(enrollment, identity, &problem)) {
                finish(enrollment, NULL, &problem);
        }
}

static void on_awake(void *context, const struct base_error *error)
{
        struct enrollment *enrollment = context;

        if (error != NULL)
                finish(enrollment, NULL, error);
        else
                begin(enrollment);
}

static void begin(struct enrollment *enrollment)
{
        struct attesterd_issuer *issuer = enrollment->issuer;
        struct base_error error = BASE_ERROR_INIT;

        switch (attesterd_issuer_need_directory(issuer, &enrollment->waiter, &error)) {
        case ATTESTERD_ISSUER_WAIT:
                return;
        case ATTESTERD_ISSUER_READY:
                if (!attesterd_issuer_attested(issuer) || issuer->directory->enroll_uri[0] == '\0')
                        (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED, "the issuer %s needs no enrolment",
                                              issuer->config.name);
                else
                        enrollment->job = tpm_worker_identity(enrollment->daemon->worker, on_identity, enrollment, &error);
                break;
        case ATTESTERD_ISSUER_FAILED:
                break;
        }
        if (!enrollment->job)
                finish(enrollment, NULL, &error);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) source;
        (void) usec;
        (void) base_error_set(&error, BASE_ERROR_TIMEOUT, "the enrolment took more than %d s",
                              ATTESTERD_ENROLL_TIMEOUT_MS / 1000);
        finish(userdata, NULL, &error);
        return 0;
}

void attesterd_enroll(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct enrollment *enrollment;
        struct attesterd_issuer *issuer;
        struct base_error error = BASE_ERROR_INIT;
        const char *name = NULL;

        (void) dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
        if (!attesterd_daemon_find_issuer(daemon, name, &issuer, &error)) {
                attesterd_call_fail(call, &error);
                return;
        }
        enrollment = calloc(1, sizeof(*enrollment));
        if (enrollment == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        enrollment->daemon = daemon;
        enrollment->call = call;
        enrollment->issuer = attesterd_issuer_ref(issuer);
        enrollment->waiter.done = on_awake;
        enrollment->waiter.context = enrollment;
        base_buffer_init(&enrollment->ek_certificate, TPM_CERTIFICATE_BYTES_MAX);
        base_buffer_init(&enrollment->ek_public, EVIDENCE_PUBLIC_BYTES_MAX);
        base_buffer_init(&enrollment->ak_public, EVIDENCE_PUBLIC_BYTES_MAX);
        if (sd_event_add_time_relative(daemon->event, &enrollment->deadline, CLOCK_MONOTONIC,
                                       ATTESTERD_ENROLL_TIMEOUT_MS * 1000ull, 0, on_deadline, enrollment) < 0) {
                enrollment_free(enrollment);
                attesterd_call_reply(call, NULL);
                return;
        }
        call->cancel = on_cancel;
        call->work = enrollment;
        begin(enrollment);
}
