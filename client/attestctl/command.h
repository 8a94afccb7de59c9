/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of attestctl: one file a command, one table of all (commands.c). Runs in attestctl; may be included by
 * client/attestctl only.
 */
#pragma once

#include "base/error.h"
#include "base/option.h"
#include "client/attestctl/table.h"
#include "client/library/attester.h"

#include <jansson.h>

/* Exit statuses beyond those of base_error_exit_status(); docs/attestctl.md has all of them. */
enum attestctl_exit {
        ATTESTCTL_EXIT_HTTP_STATUS = 60, /* fetch: the website's last answer was not 2xx */
        ATTESTCTL_EXIT_TRANSFER = 61,    /* fetch: no answer at all: name, connection, TLS, time */
};

struct attestctl;

struct attestctl_command {
        const char *name;
        const char *subcommand; /* NULL, or the second word */
        const char *arguments;  /* for the usage line, as in "ISSUER"; "" */
        const char *summary;
        const char *help; /* more, for `--help` only; "" */
        int arguments_min;
        int arguments_max;
        const struct base_option *options; /* ends with a zero row; NULL: only the common ones */
        /* Takes one of `options`. Errors: INVALID_ARGUMENT. NULL if there are none. */
        bool (*take_option)(void *state, char letter, const char *value, struct base_error *error);
        size_t state_size; /* bytes of zeroed memory that `take_option` and `run` share */
        /* Returns the exit status. `arguments` are the words behind the options. */
        int (*run)(struct attestctl *ctl, void *state, char **arguments, int count);
};

/* All commands, in the order of the help; ends with NULL. */
extern const struct attestctl_command *const attestctl_commands[];

struct attestctl {
        const struct attestctl_command *command;
        const char *bus_address;
        bool json;
        bool silent;    /* failures are not told as text */
        bool color_out; /* standard output is a terminal that shows colours */
        bool color_err;
        bool verbose;                    /* tell on standard error what happens */
        struct attester *attester;       /* made before a command runs */
        struct attester_options options; /* interactive; for every call */
        char issuer[264];                /* whose token was asked for last, or "" */
};

/* Shows a failure of the library, or of attestctl itself, as text or JSON, and returns its exit status. */
int attestctl_fail(struct attestctl *ctl, const struct attester_error *error);
int attestctl_fail_own(struct attestctl *ctl, const struct base_error *error);
/* As attestctl_fail_own(), with an exit status of attestctl's own. */
int attestctl_fail_as(struct attestctl *ctl, const struct base_error *error, int status);

/* Tells what happens, if that is wanted. */
void attestctl_narrate(const struct attestctl *ctl, const char *format, ...) BASE_PRINTF(2, 3);
/* A trace function for attester_authorize() that keeps the issuer's name, and narrates; `context` is the struct attestctl. */
void attestctl_trace(enum attester_step step, const char *text, void *context);

/* What a token type is called; "unknown" if it has no name here. */
const char *attestctl_token_type_name(uint16_t token_type);

/*
 * As attestctl_fail(), for a failed token request: if the policy denied it, asks the daemon which of the issuer's rules
 * failed and shows them with their remedies.
 */
int attestctl_fail_token(struct attestctl *ctl, const struct attester_error *error);

/* Prints a JSON document (NULL: out of memory) and gives the reference up. Returns 0 or an exit status. */
int attestctl_print_json(json_t *document);

/* A string as JSON, whatever its bytes: those that are not UTF-8 become '?'. */
json_t *attestctl_json_string(const char *text);

/* A time, in seconds since 1970, for people. */
#define ATTESTCTL_TIME_BYTES 32
void attestctl_time_text(uint64_t seconds, char ret[static ATTESTCTL_TIME_BYTES]);

/* Facts as a JSON array, and as a table. */
json_t *attestctl_json_facts(const struct attester_fact *facts, size_t count);
void attestctl_print_facts(FILE *to, bool color, int indent, const struct attester_fact *facts, size_t count);

enum attestctl_color attestctl_outcome_color(const char *outcome);
