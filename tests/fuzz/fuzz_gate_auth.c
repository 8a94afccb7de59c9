/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a visitor can put before the gate: a line with the host, then the Authorization field. A challenge of each type, of
 * fixed content, is outstanding, so that inputs that name it reach the signature; nobody has the keys, so nothing may pass.
 */
#include "issuer/gate/gate.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The keys of the first issuance vectors of RFC 9578 for token types 0x0001 and 0x0002. */
static const char directory[] =
        "{\"issuer-request-uri\":\"/token-request\",\"token-keys\":[{\"token-type\":1,\"token-key\":\""
        "AtRb9SJCXN0iJ9PyfSRdnVYwCIKSUhctNOSEaSkMIdoaRtQso4976r3wXAdK7hRVvw==\"},"
        "{\"token-type\":2,\"token-key\":\""
        "MIIBUjA9BgkqhkiG9w0BAQowMKANMAsGCWCGSAFlAwQCAqEaMBgGCSqGSIb3DQEBCDALBglghkgBZQMEAgKiAwIBMAOCAQ8AMIIB"
        "CgKCAQEAyxrta2qV9bHOATpM_KsluUsuZKIwNOQlCn6rQ8DfOowSmTrxKxEZCNS0cb7DHUtsmtnN2pBhKi7pA1I-beWiJNawLwnl"
        "w3TQz-Adj1KcUAp4ovZ5CPpoK1orQwyB6vGvcte155T8mKMTknaHl1fORTtSbvm_bOuZl5uEI7kPRGGiKvN6qwz1cz91l6vkTTHH"
        "MttooYHGy75gfYwOUuBlX9mZbcWE7KC-h6-814ozfRex26noKLvYHikTFxROf_ifVWGXCbCWy7nqR0zq0mTCBz_kl0DAHwDhCRBg"
        "Zpg9IeX4PwhuLoI8h5zUPO9wDSo1Kpur1hLQPK0C2xNLfiJaXwIDAQAB"
        "\"}]}";

static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA5sNBNNzJFkoj8XtuJ\n"
                                  "uwLCqkLgZwnyAdbFGIcdUYEUkQvuPJGb7Ru//j/BuH1TJAqhZANiAATUW/UiQlzd\n"
                                  "IifT8n0kXZ1WMAiCklIXLTTkhGkpDCHaGkbULKOPe+q98FwHSu4UVb8XczkJEamw\n"
                                  "rr44dAlijDBEUyYd1lj+j4mrAdh2uh1kYyULptHXkMiLnKi9TFzJ4kY=\n"
                                  "-----END PRIVATE KEY-----\n";

static uint64_t fixed_time(void *context)
{
        return 1000;
}

static bool fixed_random(void *context, void *to, size_t len, struct base_error *error)
{
        memset(to, 7, len);
        return true;
}

static void check(bool success)
{
        if (!success)
                abort();
}

static struct gate *gate_make(void)
{
        static const char text[] =
                "[Gate]\nOriginName=shop.example\nIssuer=issuer.example\nDirectoryUrl=https://issuer.example/d\n";
        static const struct base_clock clock = { fixed_time, fixed_time, NULL };
        static const struct base_random random_bytes = { fixed_random, NULL };
        struct gate_config *config = calloc(1, sizeof(*config));
        struct gate *gate = calloc(1, sizeof(*gate));
        struct base_error error = BASE_ERROR_INIT;
        int file;

        check(config != NULL && gate != NULL);
        check(gate_config_parse("fuzz", base_bytes_from_string(text), config, &error));
        gate->config = config;
        gate->clock = &clock;
        gate->random = &random_bytes;
        check(gate_keys_new(&gate->keys, &error));
        file = memfd_create("key", MFD_CLOEXEC);
        check(file >= 0 && fchmod(file, 0600) == 0 &&
              write(file, private_key, strlen(private_key)) == (ssize_t) strlen(private_key));
        config->private_key_count = 1;
        (void) snprintf(config->private_key_files[0], sizeof(config->private_key_files[0]), "/proc/self/fd/%d", file);
        check(gate_keys_load(gate->keys, config, base_bytes_from_string(directory), &error));
        (void) close(file);
        check(gate_keys_count(gate->keys, TOKEN_TYPE_VOPRF) == 1 && gate_keys_count(gate->keys, TOKEN_TYPE_BLIND_RSA) == 1);
        check(gate_store_new(4, 60000, &clock, &gate->store, &error));
        return gate;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct gate *gate;
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(GATE_CHALLENGE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct gate_request request = { .host = "shop.example" };
        char *text = malloc(size + 1);
        char *authorization;

        if (gate == NULL)
                gate = gate_make();
        if (text == NULL)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        authorization = strchr(text, '\n');
        if (authorization != NULL)
                *authorization++ = '\0';
        check(gate_decide(gate, &request, &challenge, &error) == GATE_CHALLENGED);
        request.host = text;
        request.authorization = authorization;
        if (gate_decide(gate, &request, &challenge, &error) == GATE_ACCEPTED)
                abort();
        free(text);
        return 0;
}
