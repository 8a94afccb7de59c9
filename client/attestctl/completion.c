/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl-completion SHELL: prints the completion of attestctl for bash, zsh or fish. Runs at build time. */
#include "client/attestctl/options.h"

#include <ctype.h>
#include <string.h>

/* The names of the configured issuers, from the daemon. */
#define ISSUER_NAMES "attestctl issuers --json --timeout 1000 2>/dev/null | grep -o '\"name\": *\"[^\"]*\"' | cut -d '\"' -f 4"

static const struct attestctl_option *const no_options = &(const struct attestctl_option){ 0 };

static const struct attestctl_option *own_options(const struct attestctl_command *command)
{
        return command->options != NULL ? command->options : no_options;
}

/* In single quotes of a shell, with `special` characters behind a backslash. */
static void put_text(const char *text, const char *special)
{
        for (; *text != '\0'; text++) {
                if (*text == '\'') {
                        (void) fputs("'\\''", stdout);
                        continue;
                }
                if (strchr(special, *text) != NULL)
                        (void) putchar('\\');
                (void) putchar(*text);
        }
}

static bool has_short(const struct attestctl_option *option)
{
        return isalpha((unsigned char) option->letter);
}

static bool is_first_of_name(size_t index)
{
        return index == 0 || strcmp(attestctl_commands[index - 1]->name, attestctl_commands[index]->name) != 0;
}

/* ---- bash ---- */

enum which { ALL_OPTIONS, WITH_VALUE, WITH_FILE };

static void put_option_words(const struct attestctl_option *options, enum which which)
{
        for (; options->name != NULL; options++) {
                if (which == WITH_VALUE && options->argument == NULL)
                        continue;
                if (which == WITH_FILE && (options->argument == NULL || strcmp(options->argument, "FILE") != 0))
                        continue;
                if (has_short(options))
                        (void) printf(" -%c", options->letter);
                (void) printf(" --%s", options->name);
        }
}

static void put_word_list(const char *name, const struct attestctl_command *command, enum which which)
{
        (void) printf("        %s='", name);
        put_option_words(own_options(command), which);
        put_option_words(attestctl_common_options, which);
        (void) puts(" '");
}

static void put_bash_command(const struct attestctl_command *command)
{
        (void) printf("    '%s%s%s')\n", command->name, command->subcommand != NULL ? " " : "",
                      command->subcommand != NULL ? command->subcommand : "");
        put_word_list("options", command, ALL_OPTIONS);
        put_word_list("values", command, WITH_VALUE);
        put_word_list("files", command, WITH_FILE);
        if (strstr(command->arguments, "FILE") != NULL)
                (void) puts("        argument=file");
        else if (strstr(command->arguments, "ISSUER") != NULL)
                (void) puts("        argument=issuer");
        (void) puts("        ;;");
}

static void put_bash(void)
{
        (void) fputs("# bash completion of attestctl, made of its table of commands\n"
                     "_attestctl()\n{\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}\n"
                     "    local options='' values='' files='' argument='' subcommands=''\n"
                     "    COMPREPLY=()\n"
                     "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W '--help --version",
                     stdout);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++)
                if (is_first_of_name(i))
                        (void) printf(" %s", attestctl_commands[i]->name);
        (void) fputs("' -- \"$cur\")\n        return\n    fi\n    case $command in\n", stdout);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                if (attestctl_commands[i]->subcommand == NULL)
                        continue;
                if (is_first_of_name(i))
                        (void) printf("    %s) subcommands='", attestctl_commands[i]->name);
                (void) printf(" %s", attestctl_commands[i]->subcommand);
                if (attestctl_commands[i + 1] == NULL || is_first_of_name(i + 1))
                        (void) puts("' ;;");
        }
        (void) fputs("    esac\n"
                     "    if [ -n \"$subcommands\" ]; then\n"
                     "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
                     "            mapfile -t COMPREPLY < <(compgen -W \"$subcommands\" -- \"$cur\")\n"
                     "            return\n"
                     "        fi\n"
                     "        command+=\" ${COMP_WORDS[2]}\"\n"
                     "    fi\n"
                     "    case $command in\n",
                     stdout);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++)
                put_bash_command(attestctl_commands[i]);
        (void) fputs("    esac\n"
                     "    if [[ $files == *\" $prev \"* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                     "    elif [[ $values == *\" $prev \"* ]]; then\n"
                     "        return\n"
                     "    elif [[ $cur == -* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
                     "    elif [ \"$argument\" = file ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                     "    elif [ \"$argument\" = issuer ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$(" ISSUER_NAMES ")\" -- \"$cur\")\n"
                     "    fi\n"
                     "} && complete -o filenames -F _attestctl attestctl\n",
                     stdout);
}

/* ---- zsh ---- */

static void put_zsh_options(const struct attestctl_option *options)
{
        for (; options->name != NULL; options++) {
                bool is_file = options->argument != NULL && strcmp(options->argument, "FILE") == 0;

                (void) fputs("            ", stdout);
                if (has_short(options))
                        (void) printf("'(-%c --%s)'{-%c,--%s}'[", options->letter, options->name, options->letter, options->name);
                else
                        (void) printf("'--%s[", options->name);
                put_text(options->help, "[]:\\");
                (void) putchar(']');
                if (options->argument != NULL)
                        (void) printf(":%s:%s", options->argument, is_file ? "_files" : " ");
                (void) puts("' \\");
        }
}

static void put_zsh_names(const char *name)
{
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                const struct attestctl_command *command = attestctl_commands[i];
                bool has_subcommand = command->subcommand != NULL;

                if (name == NULL ? !is_first_of_name(i) : strcmp(command->name, name) != 0)
                        continue;
                (void) printf(" '%s:", name == NULL ? command->name : command->subcommand);
                put_text(name == NULL && has_subcommand ? command->name : command->summary, ":\\");
                (void) putchar('\'');
        }
}

static void put_zsh(void)
{
        (void) fputs("#compdef attestctl\n# made of attestctl's table of commands\n"
                     "_attestctl_issuers() {\n    local -a issuers=( $(" ISSUER_NAMES ") )\n    compadd -a issuers\n}\n"
                     "local -a names\nlocal command=$words[2]\n"
                     "if (( CURRENT == 2 )); then\n    names=(",
                     stdout);
        put_zsh_names(NULL);
        (void) fputs(" )\n    _describe command names\n    return\nfi\ncase $command in\n", stdout);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                if (attestctl_commands[i]->subcommand == NULL || !is_first_of_name(i))
                        continue;
                (void) printf("    %s)\n        names=(", attestctl_commands[i]->name);
                put_zsh_names(attestctl_commands[i]->name);
                (void) puts(" )\n        ;;");
        }
        (void) fputs(
                "esac\nif (( $#names )); then\n    if (( CURRENT == 3 )); then\n        _describe command names\n        return\n"
                "    fi\n    command+=\" $words[3]\"\nfi\ncase $command in\n",
                stdout);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                const struct attestctl_command *command = attestctl_commands[i];

                (void) printf("    '%s%s%s')\n        _arguments \\\n", command->name, command->subcommand != NULL ? " " : "",
                              command->subcommand != NULL ? command->subcommand : "");
                put_zsh_options(own_options(command));
                put_zsh_options(attestctl_common_options);
                if (strstr(command->arguments, "ISSUER") != NULL)
                        (void) puts("            '*:ISSUER:_attestctl_issuers'");
                else
                        (void) printf("            '*:argument:%s'\n",
                                      strstr(command->arguments, "FILE") != NULL ? "_files" : " ");
                (void) puts("        ;;");
        }
        (void) puts("esac");
}

/* ---- fish ---- */

static void put_fish_option(const struct attestctl_command *command, const struct attestctl_option *option)
{
        (void) printf("complete -c attestctl -n '__fish_seen_subcommand_from %s", command->name);
        if (command->subcommand != NULL)
                (void) printf("; and __fish_seen_subcommand_from %s", command->subcommand);
        (void) printf("' -l %s", option->name);
        if (has_short(option))
                (void) printf(" -s %c", option->letter);
        if (option->argument != NULL)
                (void) printf(" -x%s", strcmp(option->argument, "FILE") == 0 ? " -a '(__fish_complete_path)'" : "");
        (void) fputs(" -d '", stdout);
        put_text(option->help, "");
        (void) puts("'");
}

static void put_fish_command(size_t index)
{
        const struct attestctl_command *command = attestctl_commands[index];

        if (is_first_of_name(index)) {
                (void) printf("complete -c attestctl -n __fish_use_subcommand -a %s -d '", command->name);
                put_text(command->subcommand == NULL ? command->summary : command->name, "");
                (void) puts("'");
        }
        if (command->subcommand != NULL) {
                (void) printf("complete -c attestctl -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from",
                              command->name);
                for (size_t i = 0; attestctl_commands[i] != NULL; i++)
                        if (strcmp(attestctl_commands[i]->name, command->name) == 0)
                                (void) printf(" %s", attestctl_commands[i]->subcommand);
                (void) printf("' -a %s -d '", command->subcommand);
                put_text(command->summary, "");
                (void) puts("'");
        }
        if (command->arguments[0] != '\0') {
                const char *words = strstr(command->arguments, "ISSUER") != NULL ? "(__attestctl_issuers)"
                                                                                 : "(__fish_complete_path)";

                (void) printf("complete -c attestctl -n '__fish_seen_subcommand_from %s' -a '%s'\n",
                              command->subcommand != NULL ? command->subcommand : command->name, words);
        }
        for (const struct attestctl_option *option = own_options(command); option->name != NULL; option++)
                put_fish_option(command, option);
        for (const struct attestctl_option *option = attestctl_common_options; option->name != NULL; option++)
                put_fish_option(command, option);
}

static void put_fish(void)
{
        (void) puts("# made of attestctl's table of commands\ncomplete -c attestctl -f\n"
                    "function __attestctl_issuers\n    " ISSUER_NAMES "\nend");
        for (size_t i = 0; attestctl_commands[i] != NULL; i++)
                put_fish_command(i);
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "bash") == 0)
                put_bash();
        else if (argc == 2 && strcmp(argv[1], "zsh") == 0)
                put_zsh();
        else if (argc == 2 && strcmp(argv[1], "fish") == 0)
                put_fish();
        else
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        return fflush(stdout) == 0 ? 0 : base_error_exit_status(BASE_ERROR_IO);
}
