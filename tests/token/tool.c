/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client and issuer of tokens for another implementation to talk to. Reads one command a line from standard input, bytes
 * in hex, and answers each with one line; `error` and a sentence if it failed.
 *
 *   key TYPE                      makes an issuer key; its encoded public half
 *   evaluate REQUEST              the TokenResponse
 *   evaluate-batch REQUEST        how many were issued, and the GenericBatchTokenResponse
 *   verify TOKEN CHALLENGE        `valid`, by the private key
 *   blind TYPE KEY CHALLENGE      a TokenRequest; its state is kept behind the earlier ones
 *   batch REQUEST...              the GenericBatchTokenRequest
 *   finalize RESPONSE             the Token of the one state, which is forgotten
 *   finalize-batch RESPONSE       the Tokens of all states, `-` for one that was not issued
 */
#include "base/encode.h"
#include "base/system.h"
#include "token/batch.h"
#include "token/challenge.h"

#include <string.h>

#define KEYS_MAX  8
#define WORDS_MAX (TOKEN_BATCH_MAX + 1)
#define BYTES_MAX 65536

struct tool {
        struct token_issuer_key *keys[KEYS_MAX];
        size_t key_count;
        struct token_client_state *states[TOKEN_BATCH_MAX];
        size_t state_count;
        struct base_bytes words[WORDS_MAX]; /* of the command, decoded */
        size_t word_count;
        struct base_error error;
};

static const struct token_issuer_key *find_key(void *context, uint16_t type, uint8_t truncated_key_id)
{
        const struct tool *tool = context;

        for (size_t i = 0; i < tool->key_count; i++) {
                const struct token_public_key *key = token_issuer_key_public(tool->keys[i]);

                if (token_public_key_type(key)->id == type && token_public_key_id(key)[TOKEN_KEY_ID_LEN - 1] == truncated_key_id)
                        return tool->keys[i];
        }
        return NULL;
}

static bool refuse(struct tool *tool, const char *sentence)
{
        return base_error_set(&tool->error, BASE_ERROR_INVALID_ARGUMENT, "%s", sentence);
}

static uint16_t word_type(const struct tool *tool)
{
        return tool->words[0].len == 2 ? (uint16_t) (tool->words[0].data[0] << 8 | tool->words[0].data[1]) : 0;
}

static bool put_hex(struct base_buffer *to, struct base_bytes bytes)
{
        base_hex_encode(to, bytes);
        return true;
}

static bool run_key(struct tool *tool, struct base_buffer *answer)
{
        struct token_issuer_key *key = NULL;
        uint16_t type = word_type(tool);

        if (tool->key_count == KEYS_MAX)
                return refuse(tool, "there are too many keys");
        /* A truncated key id is one byte: one that is taken is drawn again. */
        do {
                token_issuer_key_free(BASE_STEAL(key));
                if (!token_issuer_key_generate(type, &key, &tool->error))
                        return false;
        } while (find_key(tool, type, token_public_key_id(token_issuer_key_public(key))[TOKEN_KEY_ID_LEN - 1]) != NULL);
        tool->keys[tool->key_count++] = key;
        return put_hex(answer, token_public_key_encoded(token_issuer_key_public(key)));
}

static bool run_evaluate(struct tool *tool, struct base_buffer *answer)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        const struct token_issuer_key *key;
        struct token_request request;

        if (!token_request_decode(tool->words[0], &request, &tool->error))
                return false;
        key = find_key(tool, request.type->id, request.truncated_key_id);
        if (key == NULL)
                return refuse(tool, "there is no such key");
        return token_issuer_evaluate(key, tool->words[0], &response, &tool->error) &&
               put_hex(answer, base_buffer_bytes(&response));
}

static bool run_evaluate_batch(struct tool *tool, struct base_buffer *answer)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        const struct token_batch_keys keys = { .find = find_key, .context = tool };
        size_t issued, count;

        if (!token_batch_evaluate(&keys, tool->words[0], &response, &issued, &count, &tool->error))
                return false;
        base_buffer_printf(answer, "%zu ", issued);
        return put_hex(answer, base_buffer_bytes(&response));
}

static bool run_verify(struct tool *tool, struct base_buffer *answer)
{
        const struct token_issuer_key *key;
        uint8_t digest[TOKEN_DIGEST_LEN];
        struct token token;

        if (!token_decode(tool->words[0], &token, &tool->error) || !token_challenge_digest(tool->words[1], digest, &tool->error))
                return false;
        key = find_key(tool, token.type->id, token.key_id.data[TOKEN_KEY_ID_LEN - 1]);
        if (key == NULL)
                return refuse(tool, "there is no such key");
        base_buffer_put_string(answer, "valid");
        return token_issuer_verify(key, tool->words[0], digest, &tool->error);
}

static bool run_blind(struct tool *tool, struct base_buffer *answer)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        uint8_t digest[TOKEN_DIGEST_LEN];

        if (tool->state_count == TOKEN_BATCH_MAX)
                return refuse(tool, "there are too many requests");
        if (!token_public_key_decode(word_type(tool), tool->words[1], &key, &tool->error) ||
            !token_challenge_digest(tool->words[2], digest, &tool->error) ||
            !token_client_blind(key, digest, &base_system_random, &request, &tool->states[tool->state_count], &tool->error))
                return false;
        tool->state_count++;
        return put_hex(answer, base_buffer_bytes(&request));
}

static bool run_batch(struct tool *tool, struct base_buffer *answer)
{
        base_auto_buffer struct base_buffer batch = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);

        return token_batch_request_encode(tool->words, tool->word_count, &batch, &tool->error) &&
               put_hex(answer, base_buffer_bytes(&batch));
}

static void forget_states(struct tool *tool)
{
        while (tool->state_count > 0)
                token_client_state_free(tool->states[--tool->state_count]);
}

static bool run_finalize(struct tool *tool, struct base_buffer *answer)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        bool ok;

        if (tool->state_count != 1)
                return refuse(tool, "there is not one request");
        ok = token_client_finalize(tool->states[0], tool->words[0], &token, &tool->error);
        forget_states(tool);
        return ok && put_hex(answer, base_buffer_bytes(&token));
}

static bool run_finalize_batch(struct tool *tool, struct base_buffer *answer)
{
        const struct token_client_state *states[TOKEN_BATCH_MAX] = { NULL };
        struct base_buffer tokens[TOKEN_BATCH_MAX];
        size_t count = tool->state_count, issued;
        bool ok;

        for (size_t i = 0; i < count; i++) {
                states[i] = tool->states[i];
                base_buffer_init(&tokens[i], TOKEN_BYTES_MAX);
        }
        ok = token_batch_finalize(states, count, tool->words[0], tokens, &issued, &tool->error);
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        base_buffer_put_u8(answer, ' ');
                if (tokens[i].len == 0)
                        base_buffer_put_u8(answer, '-');
                base_hex_encode(answer, base_buffer_bytes(&tokens[i]));
                base_buffer_clear(&tokens[i]);
        }
        forget_states(tool);
        return ok;
}

static const struct {
        const char *name;
        size_t words_min, words_max;
        bool (*run)(struct tool *tool, struct base_buffer *answer);
} commands[] = {
        { "key", 1, 1, run_key },
        { "evaluate", 1, 1, run_evaluate },
        { "evaluate-batch", 1, 1, run_evaluate_batch },
        { "verify", 2, 2, run_verify },
        { "blind", 3, 3, run_blind },
        { "batch", 1, TOKEN_BATCH_MAX, run_batch },
        { "finalize", 1, 1, run_finalize },
        { "finalize-batch", 1, 1, run_finalize_batch },
};

/* Decodes the words behind the command's name into `store`, which holds half as many bytes as the line. */
static bool read_words(struct tool *tool, char *position, struct base_buffer *store)
{
        uint8_t *data = base_buffer_extend(store, BYTES_MAX);

        if (data == NULL)
                return base_error_set_no_memory(&tool->error);
        base_buffer_reset(store);
        tool->word_count = 0;
        for (char *word; (word = strsep(&position, " \n")) != NULL;) {
                size_t start = store->len;

                if (*word == '\0')
                        continue;
                if (tool->word_count == WORDS_MAX || !base_hex_decode(store, word, strlen(word)))
                        return refuse(tool, "a word is not hex, or there are too many");
                tool->words[tool->word_count++] = BASE_BYTES(data + start, store->len - start);
        }
        return true;
}

static bool run_line(struct tool *tool, char *line, struct base_buffer *answer)
{
        base_auto_buffer struct base_buffer store = BASE_BUFFER_INIT(BYTES_MAX);
        char *position = line;
        const char *name = strsep(&position, " \n");

        for (size_t i = 0; i < BASE_COUNT(commands); i++) {
                if (strcmp(commands[i].name, name) != 0)
                        continue;
                if (!read_words(tool, position, &store))
                        return false;
                if (tool->word_count < commands[i].words_min || tool->word_count > commands[i].words_max)
                        return refuse(tool, "the command takes another number of words");
                return commands[i].run(tool, answer);
        }
        return refuse(tool, "there is no such command");
}

int main(void)
{
        static char line[2 * BYTES_MAX];
        struct tool tool = { .key_count = 0 };

        while (fgets(line, sizeof(line), stdin) != NULL) {
                base_auto_buffer struct base_buffer answer = BASE_BUFFER_INIT(2 * BYTES_MAX);

                if (run_line(&tool, line, &answer))
                        (void) printf("%.*s\n", (int) answer.len, (const char *) answer.data);
                else
                        (void) printf("error %s\n", tool.error.message);
                (void) fflush(stdout);
        }
        forget_states(&tool);
        while (tool.key_count > 0)
                token_issuer_key_free(tool.keys[--tool.key_count]);
        return 0;
}
