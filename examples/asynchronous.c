/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program with a loop of its own, which answers many challenges at once: reads lines "ORIGIN WWW-AUTHENTICATE" from standard
 * input and prints "ORIGIN AUTHORIZATION", or "ORIGIN error: …", in the order in which attesterd answers.
 * cc asynchronous.c $(pkg-config --cflags --libs libattester) && ./a.out <challenges
 */
#include <attester.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES_MAX 32768

struct program {
        struct attester *attester;
        char input[INPUT_BYTES_MAX];
        size_t input_len;
        unsigned running;
};

/* One challenge that is being answered. */
struct request {
        struct program *program;
        char origin[300];
};

static void on_end(void *context, const char *authorization, const struct attester_info *info, const struct attester_error *error)
{
        struct request *request = context;

        (void) info;
        if (error == NULL)
                printf("%s %s\n", request->origin, authorization);
        else
                printf("%s error: %s: %s\n", request->origin, error->name, error->message);
        fflush(stdout);
        request->program->running--;
        free(request);
}

static void start(struct program *program, char *line)
{
        struct request *request = calloc(1, sizeof(*request));
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *space = strchr(line, ' ');

        if (request == NULL || space == NULL) {
                free(request);
                return;
        }
        *space = '\0';
        request->program = program;
        snprintf(request->origin, sizeof(request->origin), "%s", line);
        program->running++;
        /* After a failure no callback follows. */
        if (attester_authorize_start(program->attester, space + 1, request->origin, NULL, on_end, request, NULL, &error) < 0)
                on_end(request, NULL, NULL, &error);
}

/* Reads what is there, and starts on each whole line. False at the end, or if a line is too long. */
static bool read_lines(struct program *program)
{
        ssize_t got = read(STDIN_FILENO, program->input + program->input_len, sizeof(program->input) - program->input_len);
        char *line = program->input, *end;

        if (got <= 0)
                return false;
        program->input_len += (size_t) got;
        while ((end = memchr(line, '\n', program->input_len - (size_t) (line - program->input))) != NULL) {
                *end = '\0';
                start(program, line);
                line = end + 1;
        }
        program->input_len -= (size_t) (line - program->input);
        memmove(program->input, line, program->input_len);
        return true;
}

int main(void)
{
        static struct program program;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

        if (attester_new(NULL, &program.attester, &error) < 0) {
                fprintf(stderr, "%s\n", error.message);
                return 1;
        }
        fds[1].fd = attester_get_fd(program.attester);
        /* poll() passes over a descriptor below zero. Each request ends by its deadline, so that the loop ends, too. */
        while (fds[0].fd >= 0 || program.running > 0) {
                if (poll(fds, 2, -1) < 0)
                        break;
                if (fds[0].revents != 0 && !read_lines(&program))
                        fds[0].fd = -1;
                if (fds[1].revents != 0)
                        attester_process(program.attester);
        }
        attester_free(program.attester);
        return 0;
}
