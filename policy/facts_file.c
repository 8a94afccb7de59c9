/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/facts_file.h"

#include "base/file.h"
#include "base/ini.h"
#include "policy/fact_value.h"
#include "policy/position.h"
#include "policy/rule_table.h"
#include "policy/rule_value.h"

#include <string.h>

struct reader {
        struct policy_facts_file *file;
        struct policy_diagnostics *diagnostics;
        const char *name;
        struct base_bytes text;
        struct policy_facts_section *section; /* NULL: none, or one that was reported */
};

static void clear_section(struct policy_facts_section *section)
{
        for (size_t i = 0; i < section->expectation_count; i++)
                free(section->expectations[i].rule);
        free(section->expectations);
        free(section->name);
        free(section->issuer);
        policy_facts_clear(&section->facts);
}

void policy_facts_file_free(struct policy_facts_file *file)
{
        if (file == NULL)
                return;
        for (size_t i = 0; i < file->count; i++)
                clear_section(&file->sections[i]);
        free(file->sections);
        free(file);
}

/* Reports about the byte `offset` of the entry's value; true, since the reader goes on. */
static bool report(struct reader *reader, const struct base_ini_entry *entry, size_t offset, enum base_error_code code,
                   const char *what)
{
        struct policy_position at = policy_position_in_file(reader->text, entry->line, entry->value_column + (unsigned) offset);

        policy_diagnostics_add(reader->diagnostics, code, reader->name, at.line, at.column, "%s", what);
        return true;
}

static bool report_key(struct reader *reader, const struct base_ini_entry *entry, const char *what)
{
        struct policy_position at = policy_position_of_key(reader->text, entry->line);

        policy_diagnostics_add(reader->diagnostics, BASE_ERROR_POLICY_INVALID, reader->name, at.line, at.column, "%s", what);
        return true;
}

static bool is_section_name(const char *name)
{
        return *name != '\0' && strlen(name) <= POLICY_FACTS_FILE_NAME_BYTES_MAX && policy_text_valid(name);
}

static struct policy_facts_section *find_section(const struct policy_facts_file *file, bool is_case, const char *name)
{
        for (size_t i = 0; i < file->count; i++)
                if (file->sections[i].is_case == is_case && strcmp(file->sections[i].name, name) == 0)
                        return &file->sections[i];
        return NULL;
}

static bool add_section(struct reader *reader, const char *name, bool is_case, unsigned line, struct base_error *error)
{
        struct policy_facts_file *file = reader->file;
        struct policy_facts_section *grown = reallocarray(file->sections, file->count + 1, sizeof(*grown));

        if (grown == NULL)
                return base_error_set_no_memory(error);
        file->sections = grown;
        grown[file->count] = (struct policy_facts_section){ .name = strdup(name), .is_case = is_case, .line = line };
        if (grown[file->count].name == NULL)
                return base_error_set_no_memory(error);
        reader->section = &grown[file->count++];
        return true;
}

static bool open_section(struct reader *reader, const struct base_ini_entry *entry, struct base_error *error)
{
        size_t word_len = strcspn(entry->section, " \t");
        const char *name = entry->section + word_len + strspn(entry->section + word_len, " \t");
        bool is_case = word_len == strlen("Case") && strncmp(entry->section, "Case", word_len) == 0;

        reader->section = NULL;
        if (!is_case && (word_len != strlen("Facts") || strncmp(entry->section, "Facts", word_len) != 0))
                return report(reader, entry, 0, BASE_ERROR_POLICY_INVALID, "a section is [Facts NAME] or [Case NAME]");
        if (!is_section_name(name))
                return report(reader, entry, (size_t) (name - entry->section), BASE_ERROR_POLICY_INVALID,
                              "a section has a name of at most 128 bytes of UTF-8");
        if (find_section(reader->file, is_case, name) != NULL)
                return report(reader, entry, (size_t) (name - entry->section), BASE_ERROR_POLICY_INVALID,
                              "this name stands in the file twice");
        if (reader->file->count == POLICY_FACTS_FILE_SECTIONS_MAX)
                return report(reader, entry, 0, BASE_ERROR_LIMIT_EXCEEDED, "the file has too many sections (at most 1024)");
        return add_section(reader, name, is_case, entry->line, error);
}

/* Facts=NAME: the facts of a device of the same file, before those that are different. */
static bool take_base(struct reader *reader, const struct base_ini_entry *entry, struct base_error *error)
{
        const struct policy_facts_section *base = find_section(reader->file, false, entry->value);

        if (reader->section->facts.count > 0)
                return report_key(reader, entry, "Facts= stands once, and before the facts that are different");
        if (base == NULL)
                return report(reader, entry, 0, BASE_ERROR_POLICY_INVALID, "no section [Facts NAME] above has this name");
        return policy_facts_merge(&reader->section->facts, &base->facts, error);
}

static bool take_issuer(struct reader *reader, const struct base_ini_entry *entry, struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = "Issuer=" };
        struct base_error problem;

        if (!policy_issuer_check(entry->value, &problem))
                return report(reader, entry, 0, problem.code, problem.message);
        if (reader->section->issuer != NULL)
                return report_key(reader, entry, "Issuer= stands in this case twice");
        reader->section->issuer = strdup(entry->value);
        if (reader->section->issuer == NULL)
                return base_error_set_no_memory(error);
        return policy_facts_set_string(&reader->section->facts, "request.issuer", entry->value, origin, &problem) ||
               report(reader, entry, 0, problem.code, problem.message);
}

static bool outcome_from_name(const char *name, enum policy_outcome *ret)
{
        for (int i = 0; i < POLICY_OUTCOME_GRACE; i++) {
                *ret = (enum policy_outcome) i;
                if (strcmp(name, policy_outcome_name(*ret)) == 0)
                        return true;
        }
        return false;
}

/* The rule in "Expect[rule]"; false if it is another key. */
static bool take_rule(const char *key, char rule[POLICY_RULE_NAME_BYTES_MAX + 1])
{
        static const char prefix[] = "Expect[";
        size_t len = strlen(key);

        if (strncmp(key, prefix, strlen(prefix)) != 0 || key[len - 1] != ']')
                return false;
        len -= strlen(prefix) + 1;
        (void) snprintf(rule, POLICY_RULE_NAME_BYTES_MAX + 1, "%.*s", (int) (len > POLICY_RULE_NAME_BYTES_MAX ? 0 : len),
                        key + strlen(prefix));
        return true;
}

/* `rule` "": the policy as a whole. */
static bool take_expectation(struct reader *reader, const struct base_ini_entry *entry, const char *rule,
                             struct base_error *error)
{
        struct policy_facts_section *section = reader->section;
        struct policy_position at = policy_position_of_key(reader->text, entry->line);
        struct policy_expectation expectation = { .line = at.line, .column = at.column };
        struct policy_expectation *grown;

        if (!outcome_from_name(entry->value, &expectation.outcome) ||
            (*rule == '\0' && expectation.outcome != POLICY_OUTCOME_PASS && expectation.outcome != POLICY_OUTCOME_FAIL))
                return report(reader, entry, 0, BASE_ERROR_POLICY_INVALID,
                              *rule == '\0' ? "Expect= is 'pass' or 'fail'"
                                            : "a rule is expected to 'pass', to 'fail', to 'warn' or to be 'skipped'");
        if (section->expectation_count == POLICY_FACTS_FILE_EXPECTATIONS_MAX)
                return report(reader, entry, 0, BASE_ERROR_LIMIT_EXCEEDED, "the case expects too much (at most 64)");
        for (size_t i = 0; i < section->expectation_count; i++)
                if (strcmp(section->expectations[i].rule == NULL ? "" : section->expectations[i].rule, rule) == 0)
                        return report_key(reader, entry, "this is expected twice");
        grown = reallocarray(section->expectations, section->expectation_count + 1, sizeof(*grown));
        if (grown == NULL)
                return base_error_set_no_memory(error);
        section->expectations = grown;
        if (*rule != '\0' && (expectation.rule = strdup(rule)) == NULL)
                return base_error_set_no_memory(error);
        grown[section->expectation_count++] = expectation;
        return true;
}

static bool take_fact(struct reader *reader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;
        size_t offset;

        if (policy_fact_value_parse(entry->key, base_bytes_from_string(entry->value), &reader->section->facts, &offset, &problem))
                return true;
        if (problem.code == BASE_ERROR_NO_MEMORY)
                return base_error_copy(error, &problem);
        if (strncmp(problem.message, "there is no fact", strlen("there is no fact")) == 0)
                return report_key(reader, entry, problem.message);
        return report(reader, entry, offset, problem.code, problem.message);
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct reader *reader = context;
        char rule[POLICY_RULE_NAME_BYTES_MAX + 1];

        if (entry->key == NULL)
                return open_section(reader, entry, error);
        if (reader->section == NULL)
                return true;
        if (!reader->section->is_case)
                return take_fact(reader, entry, error);
        if (strcmp(entry->key, "Facts") == 0)
                return take_base(reader, entry, error);
        if (strcmp(entry->key, "Issuer") == 0)
                return take_issuer(reader, entry, error);
        if (strcmp(entry->key, "Expect") == 0)
                return take_expectation(reader, entry, "", error);
        if (!take_rule(entry->key, rule))
                return take_fact(reader, entry, error);
        if (!policy_rule_name_valid(rule))
                return report_key(reader, entry, "the brackets hold no rule's name, as in Expect[os-current]");
        return take_expectation(reader, entry, rule, error);
}

/* base/ini.h says where in its message: takes it apart again. */
static void report_ini_error(struct reader *reader, const struct base_error *problem)
{
        size_t prefix_len = strlen(reader->name);
        unsigned line, column;
        int what_at = 0;

        if (strncmp(problem->message, reader->name, prefix_len) == 0 &&
            sscanf(problem->message + prefix_len, ":%u:%u: %n", &line, &column, &what_at) == 2 && what_at > 0)
                policy_diagnostics_add(reader->diagnostics,
                                       problem->code == BASE_ERROR_CONFIG_INVALID ? BASE_ERROR_POLICY_INVALID : problem->code,
                                       reader->name, line, column, "%s", problem->message + prefix_len + what_at);
        else
                policy_diagnostics_add(reader->diagnostics, problem->code, reader->name, 0, 0, "%s", problem->message);
}

static void check_cases(struct reader *reader)
{
        for (size_t i = 0; i < reader->file->count; i++) {
                const struct policy_facts_section *section = &reader->file->sections[i];

                if (section->is_case && section->expectation_count == 0)
                        policy_diagnostics_add(reader->diagnostics, BASE_ERROR_POLICY_INVALID, reader->name, section->line, 1,
                                               "case '%s' expects nothing", section->name);
        }
}

bool policy_facts_file_parse(const char *name, struct base_bytes text, struct policy_diagnostics *diagnostics,
                             struct policy_facts_file **ret, struct base_error *error)
{
        policy_auto_facts_file struct policy_facts_file *file = calloc(1, sizeof(*file));
        base_auto_free struct policy_diagnostics *own = calloc(1, sizeof(*own));
        struct reader reader = { .file = file, .name = name, .text = text };
        struct base_error problem;

        if (file == NULL || own == NULL)
                return base_error_set_no_memory(error);
        reader.diagnostics = diagnostics == NULL ? own : diagnostics;
        if (!base_ini_parse(name, text, visit, &reader, &problem)) {
                if (problem.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &problem);
                report_ini_error(&reader, &problem);
        }
        if (reader.diagnostics->count == 0)
                check_cases(&reader);
        if (reader.diagnostics->count > 0)
                return policy_diagnostics_first(reader.diagnostics, error);
        *ret = BASE_STEAL(file);
        return true;
}

bool policy_facts_file_load(const char *path, struct policy_diagnostics *diagnostics, struct policy_facts_file **ret,
                            struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BASE_INI_FILE_BYTES_MAX);

        return base_file_read(path, &text, error) &&
               policy_facts_file_parse(path, base_buffer_bytes(&text), diagnostics, ret, error);
}

void policy_facts_file_write(const char *name, const struct policy_facts *facts, struct base_buffer *to)
{
        base_buffer_printf(to, "[Facts %s]\n", name);
        for (size_t i = 0; i < facts->count; i++) {
                base_buffer_printf(to, "%s=", facts->items[i].name);
                policy_fact_value_write(&facts->items[i], to);
                base_buffer_put_u8(to, '\n');
        }
}
