/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/option.h"

#include "base/encode.h"

#include <ctype.h>
#include <string.h>

#define GAP        2
#define LEFT_BYTES 128

bool base_option_has_short(const struct base_option *option)
{
        return isalpha((unsigned char) option->letter);
}

void base_getopt_add(struct base_getopt *tables, const struct base_option *options)
{
        size_t end = strlen(tables->shorts);

        for (; options != NULL && options->name != NULL && tables->count < BASE_OPTIONS_MAX; options++) {
                tables->longs[tables->count++] = (struct option){
                        .name = options->name,
                        .has_arg = options->argument != NULL ? required_argument : no_argument,
                        .val = options->letter,
                };
                if (!base_option_has_short(options))
                        continue;
                tables->shorts[end++] = options->letter;
                if (options->argument != NULL)
                        tables->shorts[end++] = ':';
        }
}

static int columns(const char *text)
{
        return (int) base_utf8_columns(text);
}

static bool any_short(const struct base_option *options)
{
        for (; options != NULL && options->name != NULL; options++)
                if (base_option_has_short(options))
                        return true;
        return false;
}

/* The left side of an option's line. */
static void option_left(const struct base_option *option, bool shorts, char ret[static LEFT_BYTES])
{
        char letter[] = "    ";

        if (base_option_has_short(option))
                (void) snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        (void) snprintf(ret, LEFT_BYTES, "%s--%s%s%s", shorts ? letter : "", option->name, option->argument != NULL ? " " : "",
                        option->argument != NULL ? option->argument : "");
}

static int widest_option(const struct base_option *options, bool shorts)
{
        char left[LEFT_BYTES];
        int width = 0;

        for (; options != NULL && options->name != NULL; options++) {
                option_left(options, shorts, left);
                if (columns(left) > width)
                        width = columns(left);
        }
        return width;
}

static void print_row(const char *left, int width, const char *right, FILE *to)
{
        (void) fprintf(to, "  %s%*s%s\n", left, width - columns(left) + GAP, "", right);
}

void base_option_print_help(const struct base_option *own, const struct base_option *common, FILE *to)
{
        const struct base_option *const lists[] = { own, common };
        bool shorts = any_short(own) || any_short(common);
        int width = widest_option(own, shorts), common_width = widest_option(common, shorts);
        char left[LEFT_BYTES];

        if (common_width > width)
                width = common_width;
        for (size_t i = 0; i < BASE_COUNT(lists); i++)
                for (const struct base_option *option = lists[i]; option != NULL && option->name != NULL; option++) {
                        option_left(option, shorts, left);
                        print_row(left, width, option->help, to);
                }
}

static void command_left(const struct base_command *command, char ret[static LEFT_BYTES])
{
        (void) snprintf(ret, LEFT_BYTES, "%s%s%s%s%s", command->name, command->subcommand != NULL ? " " : "",
                        command->subcommand != NULL ? command->subcommand : "", command->arguments[0] != '\0' ? " " : "",
                        command->arguments);
}

void base_command_print_help(const struct base_command *commands, size_t count, FILE *to)
{
        char left[LEFT_BYTES];
        int width = 0;

        for (size_t i = 0; i < count; i++) {
                command_left(&commands[i], left);
                if (columns(left) > width)
                        width = columns(left);
        }
        for (size_t i = 0; i < count; i++) {
                command_left(&commands[i], left);
                print_row(left, width, commands[i].summary, to);
        }
}
