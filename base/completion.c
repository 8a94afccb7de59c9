/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/completion.h"

#include <string.h>

/* In single quotes of a shell, with `special` characters behind a backslash. */
static void put_text(const char *text, const char *special, FILE *to)
{
        for (; *text != '\0'; text++) {
                if (*text == '\'') {
                        (void) fputs("'\\''", to);
                        continue;
                }
                if (strchr(special, *text) != NULL)
                        (void) fputc('\\', to);
                (void) fputc(*text, to);
        }
}

static bool is_first_of_name(const struct base_completion *completion, size_t index)
{
        return index == 0 || strcmp(completion->commands[index - 1].name, completion->commands[index].name) != 0;
}

static bool is_last_of_name(const struct base_completion *completion, size_t index)
{
        return index + 1 == completion->command_count || is_first_of_name(completion, index + 1);
}

static bool takes_file(const char *argument)
{
        return argument != NULL &&
               (strstr(argument, "FILE") != NULL || strstr(argument, "DIR") != NULL || strstr(argument, "PATH") != NULL);
}

static bool takes_issuer(const struct base_completion *completion, const struct base_command *command)
{
        return completion->issuers != NULL && strstr(command->arguments, "ISSUER") != NULL;
}

/* The pattern of the shell's `case` for the commands of two words. */
static void put_families(const struct base_completion *completion, FILE *to)
{
        const char *before = "";

        for (size_t i = 0; i < completion->command_count; i++) {
                if (completion->commands[i].subcommand == NULL || !is_first_of_name(completion, i))
                        continue;
                (void) fprintf(to, "%s%s", before, completion->commands[i].name);
                before = " | ";
        }
        if (before[0] == '\0')
                (void) fputs("''", to);
}

static void put_command_words(const struct base_command *command, FILE *to)
{
        (void) fprintf(to, "    '%s%s%s')\n", command->name, command->subcommand != NULL ? " " : "",
                       command->subcommand != NULL ? command->subcommand : "");
}

/* ---- bash ---- */

enum which { ALL_OPTIONS, WITH_VALUE, WITH_FILE };

static void put_option_words(const struct base_option *options, enum which which, FILE *to)
{
        for (; options != NULL && options->name != NULL; options++) {
                if ((which == WITH_VALUE && options->argument == NULL) || (which == WITH_FILE && !takes_file(options->argument)))
                        continue;
                if (base_option_has_short(options))
                        (void) fprintf(to, " -%c", options->letter);
                (void) fprintf(to, " --%s", options->name);
        }
}

/* The variables that hold which words are options, which of them take a value, and which a file's name. */
static void put_bash_options(const char *indent, const struct base_option *own, const struct base_option *common, FILE *to)
{
        static const char *const names[] = { [ALL_OPTIONS] = "options", [WITH_VALUE] = "values", [WITH_FILE] = "files" };

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                (void) fprintf(to, "%s%s='", indent, names[i]);
                put_option_words(own, (enum which) i, to);
                put_option_words(common, (enum which) i, to);
                (void) fputs(" '\n", to);
        }
}

static void put_bash_command(const struct base_completion *completion, const struct base_command *command, FILE *to)
{
        put_command_words(command, to);
        put_bash_options("        ", command->options, completion->common, to);
        if (takes_file(command->arguments))
                (void) fputs("        argument=file\n", to);
        else if (takes_issuer(completion, command))
                (void) fputs("        argument=issuer\n", to);
        (void) fputs("        ;;\n", to);
}

static void put_bash_commands(const struct base_completion *completion, FILE *to)
{
        (void) fputs("    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                     "        if [[ $values == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
                     "            ((i++))\n"
                     "        elif [[ ${COMP_WORDS[i]} != -* ]]; then\n"
                     "            given+=(\"${COMP_WORDS[i]}\")\n"
                     "        fi\n"
                     "    done\n"
                     "    command=${given[0]-}\n"
                     "    case $command in ",
                     to);
        put_families(completion, to);
        (void) fputs(") command+=\" ${given[1]-}\" ;; esac\n    case $command in\n    '') names='", to);
        for (size_t i = 0; i < completion->command_count; i++)
                if (is_first_of_name(completion, i))
                        (void) fprintf(to, " %s", completion->commands[i].name);
        (void) fputs("' ;;\n", to);
        for (size_t i = 0; i < completion->command_count; i++) {
                const struct base_command *command = &completion->commands[i];

                if (command->subcommand == NULL)
                        continue;
                if (is_first_of_name(completion, i))
                        (void) fprintf(to, "    '%s ') names='", command->name);
                (void) fprintf(to, " %s%s", command->subcommand, is_last_of_name(completion, i) ? "' ;;\n" : "");
        }
        for (size_t i = 0; i < completion->command_count; i++)
                put_bash_command(completion, &completion->commands[i], to);
        (void) fputs("    esac\n", to);
}

static void put_bash(const struct base_completion *completion, FILE *to)
{
        (void) fprintf(to,
                       "# bash completion of %s, made of its table of options\n"
                       "_%s()\n{\n"
                       "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                       "    local options values files command names='' argument='' i\n"
                       "    local -a given=()\n"
                       "    COMPREPLY=()\n",
                       completion->program, completion->program);
        put_bash_options("    ", completion->first, NULL, to);
        if (completion->command_count > 0)
                put_bash_commands(completion, to);
        (void) fputs("    if [[ $files == *\" $prev \"* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                     "    elif [[ $values == *\" $prev \"* ]]; then\n"
                     "        return\n"
                     "    elif [[ $cur == -* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
                     "    elif [ -n \"$names\" ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
                     "    elif [ \"$argument\" = file ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n",
                     to);
        if (completion->issuers != NULL)
                (void) fprintf(to,
                               "    elif [ \"$argument\" = issuer ]; then\n"
                               "        mapfile -t COMPREPLY < <(compgen -W \"$(%s)\" -- \"$cur\")\n",
                               completion->issuers);
        (void) fprintf(to, "    fi\n} && complete -o filenames -F _%s %s\n", completion->program, completion->program);
}

/* ---- zsh ---- */

static void put_zsh_options(const struct base_option *options, FILE *to)
{
        for (; options != NULL && options->name != NULL; options++) {
                (void) fputs(" \\\n            ", to);
                if (base_option_has_short(options))
                        (void) fprintf(to, "'(-%c --%s)'{-%c,--%s}'[", options->letter, options->name, options->letter,
                                       options->name);
                else
                        (void) fprintf(to, "'--%s[", options->name);
                put_text(options->help, "[]:\\", to);
                (void) fputc(']', to);
                if (options->argument != NULL) {
                        (void) fputc(':', to);
                        put_text(options->argument, ":\\", to);
                        (void) fprintf(to, ":%s", takes_file(options->argument) ? "_files" : " ");
                }
                (void) fputc('\'', to);
        }
}

/* The commands' first words, or second ones of `family`, with what they do. */
static void put_zsh_names(const struct base_completion *completion, const char *family, FILE *to)
{
        (void) fputs("        names=(", to);
        for (size_t i = 0; i < completion->command_count; i++) {
                const struct base_command *command = &completion->commands[i];

                if (family == NULL ? !is_first_of_name(completion, i) : strcmp(command->name, family) != 0)
                        continue;
                (void) fprintf(to, " '%s:", family == NULL ? command->name : command->subcommand);
                put_text(family == NULL && command->subcommand != NULL ? command->name : command->summary, ":\\", to);
                (void) fputc('\'', to);
        }
        (void) fputs(" )\n", to);
}

static void put_zsh_command(const struct base_completion *completion, const struct base_command *command, FILE *to)
{
        put_command_words(command, to);
        (void) fputs("        _arguments", to);
        put_zsh_options(command->options, to);
        put_zsh_options(completion->common, to);
        if (takes_issuer(completion, command))
                (void) fprintf(to, " \\\n            '*:ISSUER:{ compadd -- $(_%s_issuers) }'\n", completion->program);
        else
                (void) fprintf(to, " \\\n            '*:argument:%s'\n", takes_file(command->arguments) ? "_files" : " ");
        (void) fputs("        ;;\n", to);
}

static void put_zsh_commands(const struct base_completion *completion, FILE *to)
{
        (void) fputs("local -a names given\nlocal command i values='", to);
        put_option_words(completion->first, WITH_VALUE, to);
        (void) fputs(" '\nfor ((i = 2; i < CURRENT; i++)); do\n"
                     "    if [[ $values == *\" $words[i] \"* ]]; then\n        ((i++))\n"
                     "    elif [[ $words[i] != -* ]]; then\n        given+=(\"$words[i]\")\n    fi\ndone\n"
                     "command=$given[1]\ncase $command in ",
                     to);
        put_families(completion, to);
        (void) fputs(") command+=\" $given[2]\" ;; esac\ncase $command in\n    '')\n", to);
        put_zsh_names(completion, NULL, to);
        (void) fputs("        _arguments", to);
        put_zsh_options(completion->first, to);
        (void) fputs(" \\\n            '*:command:{ _describe command names }'\n        ;;\n", to);
        for (size_t i = 0; i < completion->command_count; i++) {
                const struct base_command *command = &completion->commands[i];

                if (command->subcommand != NULL && is_first_of_name(completion, i)) {
                        (void) fprintf(to, "    '%s ')\n", command->name);
                        put_zsh_names(completion, command->name, to);
                        (void) fputs("        _describe command names\n        ;;\n", to);
                }
                put_zsh_command(completion, command, to);
        }
        (void) fputs("esac\n", to);
}

static void put_zsh(const struct base_completion *completion, FILE *to)
{
        (void) fprintf(to, "#compdef %s\n# made of its table of options\n", completion->program);
        if (completion->issuers != NULL)
                (void) fprintf(to, "_%s_issuers() {\n    %s\n}\n", completion->program, completion->issuers);
        if (completion->command_count > 0) {
                put_zsh_commands(completion, to);
                return;
        }
        (void) fputs("_arguments", to);
        put_zsh_options(completion->first, to);
        (void) fputc('\n', to);
}

/* ---- fish ---- */

/* `condition` is a shell's command, or "". */
static void put_fish_options(const char *program, const char *condition, const struct base_option *options, FILE *to)
{
        for (; options != NULL && options->name != NULL; options++) {
                (void) fprintf(to, "complete -c %s", program);
                if (condition[0] != '\0')
                        (void) fprintf(to, " -n '%s'", condition);
                (void) fprintf(to, " -l %s", options->name);
                if (base_option_has_short(options))
                        (void) fprintf(to, " -s %c", options->letter);
                if (options->argument != NULL)
                        (void) fprintf(to, " -x%s", takes_file(options->argument) ? " -a '(__fish_complete_path)'" : "");
                (void) fputs(" -d '", to);
                put_text(options->help, "", to);
                (void) fputs("'\n", to);
        }
}

static void put_fish_subcommand(const struct base_completion *completion, const struct base_command *command, FILE *to)
{
        (void) fprintf(to, "complete -c %s -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from",
                       completion->program, command->name);
        for (size_t i = 0; i < completion->command_count; i++)
                if (strcmp(completion->commands[i].name, command->name) == 0)
                        (void) fprintf(to, " %s", completion->commands[i].subcommand);
        (void) fprintf(to, "' -a %s -d '", command->subcommand);
        put_text(command->summary, "", to);
        (void) fputs("'\n", to);
}

static void put_fish_command(const struct base_completion *completion, size_t index, FILE *to)
{
        const struct base_command *command = &completion->commands[index];
        char condition[256];

        if (is_first_of_name(completion, index)) {
                (void) fprintf(to, "complete -c %s -n __fish_use_subcommand -a %s -d '", completion->program, command->name);
                put_text(command->subcommand == NULL ? command->summary : command->name, "", to);
                (void) fputs("'\n", to);
        }
        if (command->subcommand != NULL)
                put_fish_subcommand(completion, command, to);
        (void) snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %s%s%s", command->name,
                        command->subcommand != NULL ? "; and __fish_seen_subcommand_from " : "",
                        command->subcommand != NULL ? command->subcommand : "");
        if (takes_issuer(completion, command))
                (void) fprintf(to, "complete -c %s -n '%s' -a '(__attester_issuers)'\n", completion->program, condition);
        else if (takes_file(command->arguments))
                (void) fprintf(to, "complete -c %s -n '%s' -a '(__fish_complete_path)'\n", completion->program, condition);
        put_fish_options(completion->program, condition, command->options, to);
}

static void put_fish(const struct base_completion *completion, FILE *to)
{
        bool anywhere = completion->first == completion->common;

        (void) fprintf(to, "# made of the table of options of %s\ncomplete -c %s -f\n", completion->program, completion->program);
        if (completion->issuers != NULL)
                (void) fprintf(to, "function __attester_issuers\n    %s\nend\n", completion->issuers);
        put_fish_options(completion->program, anywhere ? "" : "__fish_use_subcommand", completion->first, to);
        if (!anywhere)
                put_fish_options(completion->program, "not __fish_use_subcommand", completion->common, to);
        for (size_t i = 0; i < completion->command_count; i++)
                put_fish_command(completion, i, to);
}

bool base_completion_print(const struct base_completion *completion, const char *shell, FILE *to)
{
        if (strcmp(shell, "bash") == 0)
                put_bash(completion, to);
        else if (strcmp(shell, "zsh") == 0)
                put_zsh(completion, to);
        else if (strcmp(shell, "fish") == 0)
                put_fish(completion, to);
        else
                return false;
        return true;
}
