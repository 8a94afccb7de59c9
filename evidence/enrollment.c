/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/enrollment.h"

#include "base/hash.h"
#include "evidence/cbor.h"

#include <string.h>

#define MESSAGE_VERSION 1

#define REQUEST_VERSION        1
#define REQUEST_EK_CERTIFICATE 2
#define REQUEST_EK_PUBLIC      3
#define REQUEST_AK_PUBLIC      4
#define REQUEST_ACTIVATION     5
#define REQUEST_KEYS_MIN       3
#define REQUEST_KEYS_MAX       5

#define CHALLENGE_VERSION          1
#define CHALLENGE_EXPIRES          2
#define CHALLENGE_ID_OBJECT        3
#define CHALLENGE_ENCRYPTED_SECRET 4
#define CHALLENGE_KEYS             4

#define RESULT_VERSION 1
#define RESULT_DEVICE  2
#define RESULT_KEYS    2

static bool in_bounds(struct base_bytes bytes, size_t max)
{
        return bytes.len >= 1 && bytes.len <= max;
}

static bool malformed(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "The enrolment message is malformed: %s.", what);
}

static bool unfit(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A field of the enrolment message is empty or too long.");
}

static bool written(struct base_buffer *to, struct base_error *error)
{
        return base_buffer_ok(to) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The enrolment message does not fit into %zu bytes.", to->limit);
}

static void put_version(struct base_buffer *to, size_t keys)
{
        evidence_cbor_put_map(to, keys);
        evidence_cbor_put_uint(to, REQUEST_VERSION);
        evidence_cbor_put_uint(to, MESSAGE_VERSION);
}

static bool get_version(struct base_reader *reader, struct evidence_cbor_map *map)
{
        uint64_t version;

        return evidence_cbor_map_take(reader, map, REQUEST_VERSION) &&
               evidence_cbor_get_uint(reader, MESSAGE_VERSION, &version) && version == MESSAGE_VERSION;
}

bool evidence_enrollment_request_encode(const struct evidence_enrollment_request *request, struct base_buffer *to,
                                        struct base_error *error)
{
        bool has_certificate = request->ek_certificate.len > 0;

        if (request->ek_certificate.len > EVIDENCE_EK_CERTIFICATE_BYTES_MAX ||
            !in_bounds(request->ek_public, EVIDENCE_PUBLIC_BYTES_MAX) ||
            !in_bounds(request->ak_public, EVIDENCE_PUBLIC_BYTES_MAX))
                return unfit(error);
        put_version(to, REQUEST_KEYS_MIN + (has_certificate ? 1 : 0) + (request->has_activation ? 1 : 0));
        if (has_certificate) {
                evidence_cbor_put_uint(to, REQUEST_EK_CERTIFICATE);
                evidence_cbor_put_bytes(to, request->ek_certificate);
        }
        evidence_cbor_put_uint(to, REQUEST_EK_PUBLIC);
        evidence_cbor_put_bytes(to, request->ek_public);
        evidence_cbor_put_uint(to, REQUEST_AK_PUBLIC);
        evidence_cbor_put_bytes(to, request->ak_public);
        if (request->has_activation) {
                evidence_cbor_put_uint(to, REQUEST_ACTIVATION);
                evidence_cbor_put_array(to, 2);
                evidence_cbor_put_uint(to, request->expires);
                evidence_cbor_put_bytes(to, BASE_BYTES_OF(request->secret));
        }
        return written(to, error);
}

static bool get_activation(struct base_reader *reader, struct evidence_enrollment_request *request)
{
        size_t count;

        request->has_activation = true;
        return evidence_cbor_get_array(reader, 2, 2, &count) && evidence_cbor_get_uint(reader, UINT64_MAX, &request->expires) &&
               evidence_cbor_copy_bytes(reader, request->secret, sizeof(request->secret));
}

bool evidence_enrollment_request_decode(struct base_bytes encoded, struct evidence_enrollment_request *ret,
                                        struct base_error *error)
{
        struct evidence_enrollment_request request = { .has_activation = false };
        struct base_reader reader = base_reader_over(encoded);
        struct evidence_cbor_map map;

        if (encoded.len > EVIDENCE_ENROLLMENT_BYTES_MAX ||
            !evidence_cbor_get_map(&reader, REQUEST_KEYS_MIN, REQUEST_KEYS_MAX, &map) || !get_version(&reader, &map))
                return malformed(error, "not a request of version 1");
        if (evidence_cbor_map_take(&reader, &map, REQUEST_EK_CERTIFICATE) &&
            !evidence_cbor_get_bytes(&reader, 1, EVIDENCE_EK_CERTIFICATE_BYTES_MAX, &request.ek_certificate))
                return malformed(error, "EK certificate (2)");
        if (!evidence_cbor_map_take(&reader, &map, REQUEST_EK_PUBLIC) ||
            !evidence_cbor_get_bytes(&reader, 1, EVIDENCE_PUBLIC_BYTES_MAX, &request.ek_public))
                return malformed(error, "EK (3)");
        if (!evidence_cbor_map_take(&reader, &map, REQUEST_AK_PUBLIC) ||
            !evidence_cbor_get_bytes(&reader, 1, EVIDENCE_PUBLIC_BYTES_MAX, &request.ak_public))
                return malformed(error, "AK (4)");
        if (evidence_cbor_map_take(&reader, &map, REQUEST_ACTIVATION) && !get_activation(&reader, &request))
                return malformed(error, "activation (5)");
        if (map.left > 0 || !base_reader_at_end(&reader))
                return malformed(error, "something after the end");
        *ret = request;
        return true;
}

bool evidence_enrollment_challenge_encode(const struct evidence_enrollment_challenge *challenge, struct base_buffer *to,
                                          struct base_error *error)
{
        if (!in_bounds(challenge->id_object, EVIDENCE_ID_OBJECT_BYTES_MAX) ||
            !in_bounds(challenge->encrypted_secret, EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX))
                return unfit(error);
        put_version(to, CHALLENGE_KEYS);
        evidence_cbor_put_uint(to, CHALLENGE_EXPIRES);
        evidence_cbor_put_uint(to, challenge->expires);
        evidence_cbor_put_uint(to, CHALLENGE_ID_OBJECT);
        evidence_cbor_put_bytes(to, challenge->id_object);
        evidence_cbor_put_uint(to, CHALLENGE_ENCRYPTED_SECRET);
        evidence_cbor_put_bytes(to, challenge->encrypted_secret);
        return written(to, error);
}

bool evidence_enrollment_challenge_decode(struct base_bytes encoded, struct evidence_enrollment_challenge *ret,
                                          struct base_error *error)
{
        struct evidence_enrollment_challenge challenge = { .expires = 0 };
        struct base_reader reader = base_reader_over(encoded);
        struct evidence_cbor_map map;

        if (encoded.len > EVIDENCE_ENROLLMENT_BYTES_MAX ||
            !evidence_cbor_get_map(&reader, CHALLENGE_KEYS, CHALLENGE_KEYS, &map) || !get_version(&reader, &map))
                return malformed(error, "not a challenge of version 1");
        if (!evidence_cbor_map_take(&reader, &map, CHALLENGE_EXPIRES) ||
            !evidence_cbor_get_uint(&reader, UINT64_MAX, &challenge.expires))
                return malformed(error, "expiry (2)");
        if (!evidence_cbor_map_take(&reader, &map, CHALLENGE_ID_OBJECT) ||
            !evidence_cbor_get_bytes(&reader, 1, EVIDENCE_ID_OBJECT_BYTES_MAX, &challenge.id_object))
                return malformed(error, "credential (3)");
        if (!evidence_cbor_map_take(&reader, &map, CHALLENGE_ENCRYPTED_SECRET) ||
            !evidence_cbor_get_bytes(&reader, 1, EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX, &challenge.encrypted_secret))
                return malformed(error, "encrypted secret (4)");
        if (!base_reader_at_end(&reader))
                return malformed(error, "something after the end");
        *ret = challenge;
        return true;
}

bool evidence_enrollment_result_encode(const struct evidence_enrollment_result *result, struct base_buffer *to,
                                       struct base_error *error)
{
        struct base_bytes device = BASE_BYTES(result->device, strnlen(result->device, sizeof(result->device)));

        if (!in_bounds(device, EVIDENCE_DEVICE_MAX) || !evidence_cbor_text_ok(device))
                return unfit(error);
        put_version(to, RESULT_KEYS);
        evidence_cbor_put_uint(to, RESULT_DEVICE);
        evidence_cbor_put_text(to, result->device);
        return written(to, error);
}

bool evidence_enrollment_result_decode(struct base_bytes encoded, struct evidence_enrollment_result *ret,
                                       struct base_error *error)
{
        struct base_reader reader = base_reader_over(encoded);
        struct evidence_cbor_map map;
        struct base_bytes device;

        if (!evidence_cbor_get_map(&reader, RESULT_KEYS, RESULT_KEYS, &map) || !get_version(&reader, &map))
                return malformed(error, "not a result of version 1");
        if (!evidence_cbor_map_take(&reader, &map, RESULT_DEVICE) ||
            !evidence_cbor_get_text(&reader, 1, EVIDENCE_DEVICE_MAX, &device))
                return malformed(error, "device (2)");
        if (!base_reader_at_end(&reader))
                return malformed(error, "something after the end");
        memcpy(ret->device, device.data, device.len);
        ret->device[device.len] = '\0';
        return true;
}

static bool check_keys(struct base_bytes key, const struct evidence_public *endorsement_key,
                       const struct evidence_public *attestation_key, struct base_error *error)
{
        if (key.len < EVIDENCE_ENROLLMENT_KEY_BYTES_MIN)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The enrolment key must have at least %d bytes.",
                                      EVIDENCE_ENROLLMENT_KEY_BYTES_MIN);
        return evidence_public_check_endorsement_key(endorsement_key, error) &&
               evidence_public_check_attestation_key(attestation_key, error);
}

/* Names say how long they are by the algorithm that they begin with, so the concatenation has one reading. */
static bool make_secret(struct base_bytes key, const struct evidence_public *endorsement_key,
                        const struct evidence_public *attestation_key, uint64_t expires, uint8_t ret[static BASE_SHA256_LEN],
                        struct base_error *error)
{
        base_auto_buffer struct base_buffer expiry = BASE_BUFFER_INIT(sizeof(expires));

        base_buffer_put_u64(&expiry, expires);
        if (!base_buffer_ok(&expiry))
                return base_error_set_no_memory(error);

        const struct base_bytes pieces[] = {
                base_bytes_from_string("attesterd enrollment"),
                evidence_public_name(endorsement_key),
                evidence_public_name(attestation_key),
                base_buffer_bytes(&expiry),
        };

        return base_hmac_sha256(key, pieces, BASE_COUNT(pieces), ret, error);
}

bool evidence_enrollment_challenge_make(struct base_bytes key, const struct evidence_public *endorsement_key,
                                        const struct evidence_public *attestation_key, uint64_t expires, struct base_buffer *to,
                                        struct base_error *error)
{
        base_auto_buffer struct base_buffer secret = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_SECRET_LEN);
        base_auto_buffer struct base_buffer id_object = BASE_BUFFER_INIT(EVIDENCE_ID_OBJECT_BYTES_MAX);
        base_auto_buffer struct base_buffer encrypted_secret = BASE_BUFFER_INIT(EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX);
        struct evidence_enrollment_challenge challenge = { .expires = expires };
        uint8_t *secret_bytes;

        if (!check_keys(key, endorsement_key, attestation_key, error))
                return false;
        secret_bytes = base_buffer_extend(&secret, EVIDENCE_ENROLLMENT_SECRET_LEN);
        if (secret_bytes == NULL)
                return base_error_set_no_memory(error);
        if (!make_secret(key, endorsement_key, attestation_key, expires, secret_bytes, error) ||
            !evidence_credential_make(endorsement_key, evidence_public_name(attestation_key), base_buffer_bytes(&secret),
                                      &id_object, &encrypted_secret, error))
                return false;
        challenge.id_object = base_buffer_bytes(&id_object);
        challenge.encrypted_secret = base_buffer_bytes(&encrypted_secret);
        return evidence_enrollment_challenge_encode(&challenge, to, error);
}

bool evidence_enrollment_check(struct base_bytes key, const struct evidence_enrollment_request *request,
                               const struct evidence_public *endorsement_key, const struct evidence_public *attestation_key,
                               uint64_t now, struct base_error *error)
{
        base_auto_buffer struct base_buffer secret = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_SECRET_LEN);
        uint8_t *secret_bytes = base_buffer_extend(&secret, EVIDENCE_ENROLLMENT_SECRET_LEN);

        if (secret_bytes == NULL)
                return base_error_set_no_memory(error);
        if (!check_keys(key, endorsement_key, attestation_key, error))
                return false;
        if (!request->has_activation)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The enrolment request carries no opened credential.");
        if (!make_secret(key, endorsement_key, attestation_key, request->expires, secret_bytes, error))
                return false;
        if (!base_bytes_equal(base_buffer_bytes(&secret), BASE_BYTES_OF(request->secret)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The credential was not opened: the secret is not the one made for these keys.");
        if (now >= request->expires)
                return base_error_set(error, BASE_ERROR_EVIDENCE_STALE, "The enrolment challenge has expired: begin again.");
        return true;
}
