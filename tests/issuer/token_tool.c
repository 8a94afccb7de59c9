/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client and issuer in one, for tests of the gate in other languages.
 * usage: token_tool keygen PRIVATE PUBLIC | token_tool keygen-voprf PRIVATE PUBLIC | token_tool token PRIVATE WWW-AUTHENTICATE
 * The last prints the Authorization value that an honest client gets from the issuer with that key, for the first challenge
 * of the key's type.
 */
#include "base/file.h"
#include "base/system.h"
#include "token/client.h"
#include "token/header.h"
#include "token/issuer.h"

#include <fcntl.h>
#include <string.h>

static bool keygen(uint16_t type, const char *private_path, const char *public_path, struct base_error *error)
{
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);

        return token_issuer_key_generate(type, &key, error) && token_issuer_key_save(key, &text, error) &&
               base_file_replace_at(AT_FDCWD, private_path, base_buffer_bytes(&text), 0600, error) &&
               base_file_replace_at(AT_FDCWD, public_path, token_public_key_encoded(token_issuer_key_public(key)), 0644, error);
}

static bool load(const char *path, struct token_issuer_key **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);

        return base_file_read(path, &text, error) &&
               (token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), ret, error) ||
                token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), ret, error));
}

static bool token(const char *private_path, const char *header, struct base_error *error)
{
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        base_auto_token_client_state struct token_client_state *state = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        base_auto_buffer struct base_buffer authorization = BASE_BUFFER_INIT(4096);
        uint8_t digest[TOKEN_DIGEST_LEN];
        size_t i = 0;

        if (!load(private_path, &key, error) || !token_www_authenticate_parse(base_bytes_from_string(header), &offers, error))
                return false;
        while (i < offers.count && offers.items[i].challenge.type != token_public_key_type(token_issuer_key_public(key))->id)
                i++;
        if (i == offers.count)
                return base_error_set(error, BASE_ERROR_MALFORMED, "no challenge");
        if (!token_challenge_digest(base_buffer_bytes(&offers.items[i].encoded), digest, error) ||
            !token_client_blind(token_issuer_key_public(key), digest, &base_system_random, &request, &state, error) ||
            !token_issuer_evaluate(key, base_buffer_bytes(&request), &response, error) ||
            !token_client_finalize(state, base_buffer_bytes(&response), &bytes, error) ||
            !token_authorization_format(base_buffer_bytes(&bytes), &authorization, error))
                return false;
        return puts(base_buffer_c_string(&authorization)) >= 0;
}

int main(int argc, char **argv)
{
        struct base_error error = BASE_ERROR_INIT;
        bool success = false;

        if (argc == 4 && strcmp(argv[1], "keygen") == 0)
                success = keygen(TOKEN_TYPE_BLIND_RSA, argv[2], argv[3], &error);
        else if (argc == 4 && strcmp(argv[1], "keygen-voprf") == 0)
                success = keygen(TOKEN_TYPE_VOPRF, argv[2], argv[3], &error);
        else if (argc == 4 && strcmp(argv[1], "token") == 0)
                success = token(argv[2], argv[3], &error);
        if (!success)
                (void) fprintf(stderr, "token_tool: %s\n", error.message);
        return success ? 0 : 1;
}
