/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/challenge.h"

#include "base/hash.h"
#include "token/module.h"
#include "token/server_name.h"

#include <string.h>
#include <strings.h>

bool token_server_name_valid(struct base_bytes name)
{
        struct base_bytes host;
        uint16_t port;

        return name.len <= TOKEN_SERVER_NAME_MAX && token_server_name_parse(name, &host, &port);
}

/* Takes the next of the comma-separated names off `rest`; false at the end. */
static bool next_origin(struct base_bytes *rest, struct base_bytes *ret)
{
        const uint8_t *comma;

        if (rest->data == NULL)
                return false;
        comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
        *ret = BASE_BYTES(rest->data, comma == NULL ? rest->len : (size_t) (comma - rest->data));
        *rest = comma == NULL ? BASE_BYTES(NULL, 0) : BASE_BYTES(comma + 1, rest->len - ret->len - 1);
        return true;
}

static bool origin_info_valid(struct base_bytes origin_info)
{
        struct base_bytes rest = origin_info, name;

        while (origin_info.len > 0 && next_origin(&rest, &name))
                if (!token_server_name_valid(name))
                        return false;
        return true;
}

/* `code` tells whose fault it is: the caller's or the bytes'. */
static bool check_fields(const struct token_challenge *challenge, enum base_error_code code, struct base_error *error)
{
        size_t context_len = challenge->redemption_context.len;

        if (challenge->issuer_name.len > TOKEN_SERVER_NAME_MAX || challenge->origin_info.len > TOKEN_ORIGIN_INFO_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the challenge's issuer name or origin list is too long");
        if (!token_server_name_valid(challenge->issuer_name))
                return base_error_set(error, code, "the challenge's issuer name is not a server name");
        if (context_len != 0 && context_len != TOKEN_REDEMPTION_CONTEXT_LEN)
                return base_error_set(error, code, "the challenge's redemption context has %zu bytes, not 0 or 32", context_len);
        if (!origin_info_valid(challenge->origin_info))
                return base_error_set(error, code, "the challenge's origin list has a name in it that is not a server name");
        return true;
}

bool token_challenge_encode(const struct token_challenge *challenge, struct base_buffer *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);

        if (!check_fields(challenge, BASE_ERROR_INVALID_ARGUMENT, error))
                return false;
        base_buffer_put_u16(&encoded, challenge->type);
        base_buffer_put_u16(&encoded, (uint16_t) challenge->issuer_name.len);
        base_buffer_put_bytes(&encoded, challenge->issuer_name);
        base_buffer_put_u8(&encoded, (uint8_t) challenge->redemption_context.len);
        base_buffer_put_bytes(&encoded, challenge->redemption_context);
        base_buffer_put_u16(&encoded, (uint16_t) challenge->origin_info.len);
        base_buffer_put_bytes(&encoded, challenge->origin_info);
        if (!base_buffer_ok(&encoded))
                return base_error_set_no_memory(error);
        base_buffer_put_bytes(ret, base_buffer_bytes(&encoded));
        if (!base_buffer_ok(ret))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the challenge");
        return true;
}

bool token_challenge_decode(struct base_bytes bytes, struct token_challenge *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        const struct token_type *type;
        struct token_challenge challenge;
        uint8_t context_len;

        if (!base_reader_get_u16(&reader, &challenge.type))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a challenge of %zu bytes has no type", bytes.len);
        if (!token_type_require(challenge.type, &type, error))
                return false;
        if (!base_reader_get_u16_prefixed(&reader, &challenge.issuer_name) || !base_reader_get_u8(&reader, &context_len) ||
            !base_reader_get_bytes(&reader, context_len, &challenge.redemption_context) ||
            !base_reader_get_u16_prefixed(&reader, &challenge.origin_info))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the challenge is cut short");
        if (!base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the challenge has %zu bytes behind its end",
                                      base_reader_left(&reader));
        if (!check_fields(&challenge, BASE_ERROR_MALFORMED, error))
                return false;
        *ret = challenge;
        return true;
}

bool token_challenge_digest(struct base_bytes encoded, uint8_t ret[static TOKEN_DIGEST_LEN], struct base_error *error)
{
        return base_sha256(&encoded, 1, ret, error);
}

bool token_challenge_matches_origin(const struct token_challenge *challenge, struct base_bytes origin)
{
        struct base_bytes rest = challenge->origin_info, name, host, name_host;
        uint16_t port, name_port;

        if (!token_server_name_parse(origin, &host, &port))
                return false;
        if (challenge->origin_info.len == 0)
                return true;
        while (next_origin(&rest, &name))
                if (token_server_name_parse(name, &name_host, &name_port) && name_port == port && name_host.len == host.len &&
                    strncasecmp((const char *) name_host.data, (const char *) host.data, host.len) == 0)
                        return true;
        return false;
}
