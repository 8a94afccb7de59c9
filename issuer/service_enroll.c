/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /enroll: docs/PROTOCOL.md and the enrolment messages of docs/evidence.cddl. */
#include "issuer/service_internal.h"

#include "evidence/enrollment.h"

#include <string.h>

/* One request, its keys parsed. */
struct enrolling {
        struct evidence_enrollment_request message;
        struct evidence_public *endorsement_key;
        struct evidence_public *attestation_key;
        struct issuer_admission admission;
        uint64_t now;
        unsigned per_hour;
};

static void enrolling_clear(struct enrolling *enrolling)
{
        evidence_public_free(enrolling->endorsement_key);
        evidence_public_free(enrolling->attestation_key);
        explicit_bzero(enrolling->message.secret, sizeof(enrolling->message.secret));
}

static bool refuse(struct issuer_verdict *verdict, uint64_t now, const struct base_error *reason)
{
        switch (reason->code) {
        case BASE_ERROR_RATE_LIMITED:
                verdict->status = 429;
                verdict->retry_after_s = (unsigned) (3600 - now % 3600);
                return base_error_copy(&verdict->error, reason);
        case BASE_ERROR_MALFORMED:
                verdict->status = 400;
                return base_error_copy(&verdict->error, reason);
        case BASE_ERROR_EVIDENCE_INVALID:
        case BASE_ERROR_EVIDENCE_STALE:
        case BASE_ERROR_UNSUPPORTED:
        case BASE_ERROR_NOT_AUTHORIZED:
                verdict->status = 403;
                return base_error_copy(&verdict->error, reason);
        default:
                issuer_verdict_set_failure(verdict, reason);
                return false;
        }
}

static bool parse(struct base_bytes body, struct enrolling *enrolling, struct base_error *error)
{
        if (!evidence_enrollment_request_decode(body, &enrolling->message, error))
                return false;
        if (!evidence_public_new(enrolling->message.ek_public, &enrolling->endorsement_key, error))
                return base_error_prefix(error, "endorsement key");
        if (!evidence_public_new(enrolling->message.ak_public, &enrolling->attestation_key, error))
                return base_error_prefix(error, "attestation key");
        return true;
}

static struct issuer_enrollment enrollment_of(const struct enrolling *enrolling)
{
        const struct issuer_admission *admission = &enrolling->admission;

        return (struct issuer_enrollment){
                .ek_name = evidence_public_name(enrolling->endorsement_key),
                .ek_other_name = BASE_BYTES(admission->ek_other_name, admission->ek_other_name_len),
                .ek_fingerprint = BASE_BYTES(admission->fingerprint, admission->has_fingerprint ? ISSUER_FINGERPRINT_LEN : 0),
                .ek_certified = admission->certified,
                .ak_name = evidence_public_name(enrolling->attestation_key),
                .ak_public = evidence_public_bytes(enrolling->attestation_key),
                .now = enrolling->now,
                .per_hour = enrolling->per_hour,
        };
}

/* What the registry would refuse is refused before the TPM works for it, so that a copied key is seen here, too. */
static bool challenge(struct issuer_service *service, const struct enrolling *enrolling, struct base_buffer *to,
                      struct base_error *error)
{
        struct issuer_enrollment enrollment = enrollment_of(enrolling);

        return issuer_registry_check_enrollment(service->registry, &enrollment, error) &&
               evidence_enrollment_challenge_make(base_buffer_bytes(&service->enrollment_secret), enrolling->endorsement_key,
                                                  enrolling->attestation_key, enrolling->now + ISSUER_ENROLLMENT_LIFETIME_S, to,
                                                  error);
}

static bool enroll(struct issuer_service *service, const struct enrolling *enrolling, struct base_buffer *to,
                   char ret_device[static ISSUER_DEVICE_ID_LEN + 1], struct base_error *error)
{
        struct evidence_enrollment_result result = { 0 };
        struct issuer_enrollment enrollment = enrollment_of(enrolling);

        if (!evidence_enrollment_check(base_buffer_bytes(&service->enrollment_secret), &enrolling->message,
                                       enrolling->endorsement_key, enrolling->attestation_key, enrolling->now, error) ||
            !issuer_registry_enroll(service->registry, &enrollment, ret_device, error))
                return false;
        (void) snprintf(result.device, sizeof(result.device), "%s", ret_device);
        return evidence_enrollment_result_encode(&result, to, error);
}

static bool process(struct issuer_service *service, const struct issuer_http_request *request, struct base_buffer *to,
                    bool *ret_challenged, struct issuer_verdict *verdict)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);
        BASE_CLEANUP(enrolling_clear)
        struct enrolling enrolling = { .now = service->clock->wall_seconds(service->clock->context) };
        struct base_error reason = BASE_ERROR_INIT;

        if (!issuer_http_request_is_media_type(request, EVIDENCE_ENROLLMENT_MEDIA_TYPE)) {
                verdict->status = 415;
                return base_error_set(&verdict->error, BASE_ERROR_UNSUPPORTED,
                                      "The body must be " EVIDENCE_ENROLLMENT_MEDIA_TYPE ".");
        }
        enrolling.per_hour = snapshot->enrollments_per_hour;
        if (!parse(request->body, &enrolling, &reason) ||
            !evidence_public_check_endorsement_key(enrolling.endorsement_key, &reason) ||
            !evidence_public_check_attestation_key(enrolling.attestation_key, &reason) ||
            !issuer_snapshot_admit(snapshot, enrolling.endorsement_key, enrolling.message.ek_certificate, enrolling.now,
                                   &enrolling.admission, &reason))
                return refuse(verdict, enrolling.now, &reason);
        *ret_challenged = !enrolling.message.has_activation;
        if (*ret_challenged)
                return challenge(service, &enrolling, to, &reason) || refuse(verdict, enrolling.now, &reason);
        return enroll(service, &enrolling, to, verdict->device, &reason) || refuse(verdict, enrolling.now, &reason);
}

void issuer_service_on_enroll(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;
        issuer_auto_verdict struct issuer_verdict verdict = { .status = 200 };
        base_auto_buffer struct base_buffer answer = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        bool challenged = false;

        if (!process(service, request, &answer, &challenged, &verdict)) {
                issuer_service_refuse(service, &verdict, response);
                issuer_service_log(service, request, "enroll", "refused", &verdict);
                return;
        }
        issuer_http_response_put_body(response, 200, EVIDENCE_ENROLLMENT_MEDIA_TYPE, base_buffer_bytes(&answer));
        if (!challenged)
                atomic_fetch_add(&service->metrics.enrollments, 1);
        issuer_service_log(service, request, "enroll", challenged ? "challenged" : "enrolled", &verdict);
}
