/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "base/ini.h"
#include "policy/nearest.h"
#include "policy/policy.h"
#include "policy/position.h"
#include "policy/remedy.h"
#include "policy/rule_table.h"
#include "policy/rule_value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECTION_WORD_BYTES_MAX 48

enum section {
        SECTION_IS_POLICY,
        SECTION_IS_RULE,
        SECTION_IS_WRONG, /* was reported; its entries are not */
};

struct loader {
        struct policy_rule_table table;
        uint64_t version;
        struct policy_diagnostics *diagnostics;
        const char *file;
        struct base_bytes text;
        unsigned file_number;  /* from 1 */
        unsigned version_file; /* number of the file that set Version= last */
        enum section section;
        struct policy_draft *draft; /* of the section, if it is a rule */
};

static void report(struct loader *loader, struct policy_position at, enum base_error_code code, const char *what)
{
        policy_diagnostics_add(loader->diagnostics, code, loader->file, at.line, at.column, "%s", what);
}

/* Reports about the byte `offset` of the entry's value. */
static void report_value(struct loader *loader, const struct base_ini_entry *entry, size_t offset, enum base_error_code code,
                         const char *what)
{
        report(loader, policy_position_in_file(loader->text, entry->line, entry->value_column + (unsigned) offset), code, what);
}

static void report_unknown(struct loader *loader, struct policy_position at, const char *kind, const char *found,
                           const char *const *known, size_t count)
{
        const char *nearest = policy_nearest_name(found, known, count);

        policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, at.line, at.column,
                               "unknown %s '%.40s'%s%s%s", kind, found, nearest == NULL ? "" : "; did you mean '",
                               nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static bool open_rule(struct loader *loader, const struct base_ini_entry *entry, const char *name, struct base_error *error)
{
        struct policy_position at = policy_position_in_file(loader->text, entry->line,
                                                            entry->value_column + (unsigned) (name - entry->section));
        struct policy_draft *draft;

        loader->section = SECTION_IS_WRONG;
        if (!policy_rule_name_valid(name)) {
                report(loader, at, BASE_ERROR_POLICY_INVALID,
                       *name == '\0'
                               ? "a rule needs a name, as in [Rule os-current]"
                               : "a rule's name is at most 64 letters, digits, '_', '-' and '.', the first a letter or digit");
                return true;
        }
        draft = policy_rule_table_find(&loader->table, name);
        if (draft != NULL && draft->file_number == loader->file_number) {
                policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, at.line, at.column,
                                       "rule '%s' stands in this file twice, first in line %u", name, draft->line);
                return true;
        }
        if (draft == NULL && loader->table.count == POLICY_RULES_MAX) {
                report(loader, at, BASE_ERROR_LIMIT_EXCEEDED, "the policy has too many rules (at most 1024)");
                return true;
        }
        if (draft == NULL && !policy_rule_table_add(&loader->table, name, loader->file, at, &draft, error))
                return false;
        draft->file_number = loader->file_number;
        draft->line = entry->line;
        draft->keys_seen = 0;
        loader->draft = draft;
        loader->section = SECTION_IS_RULE;
        return true;
}

static bool open_section(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        static const char *const known[] = { "Policy", "Rule" };
        size_t word_len = strcspn(entry->section, " \t");
        const char *name = entry->section + word_len + strspn(entry->section + word_len, " \t");
        struct policy_position at = policy_position_in_file(loader->text, entry->line, entry->value_column);
        char word[SECTION_WORD_BYTES_MAX];

        (void) snprintf(word, sizeof(word), "%.*s", (int) (word_len < sizeof(word) ? word_len : sizeof(word) - 1),
                        entry->section);
        if (strcmp(word, known[1]) == 0)
                return open_rule(loader, entry, name, error);
        loader->section = SECTION_IS_WRONG;
        if (strcmp(word, known[0]) != 0) {
                report_unknown(loader, at, "section", word, known, BASE_COUNT(known));
        } else if (*name != '\0') {
                at.column += (unsigned) (name - entry->section);
                report(loader, at, BASE_ERROR_POLICY_INVALID, "[Policy] takes no name");
        } else {
                loader->section = SECTION_IS_POLICY;
        }
        return true;
}

static bool set_version(struct loader *loader, const struct base_ini_entry *entry)
{
        static const char *const known[] = { "Version" };
        uintmax_t version;

        if (strcmp(entry->key, known[0]) != 0) {
                report_unknown(loader, policy_position_of_key(loader->text, entry->line), "key", entry->key, known,
                               BASE_COUNT(known));
                return true;
        }
        if (loader->version_file == loader->file_number) {
                report(loader, policy_position_of_key(loader->text, entry->line), BASE_ERROR_POLICY_INVALID,
                       "Version= stands in this file twice");
                return true;
        }
        loader->version_file = loader->file_number;
        errno = 0;
        version = strtoumax(entry->value, NULL, 10);
        if (*entry->value == '\0' || entry->value[strspn(entry->value, "0123456789")] != '\0' || errno != 0)
                report_value(loader, entry, 0, BASE_ERROR_POLICY_INVALID, "Version= is not an unsigned integer of 64 bits");
        else
                loader->version = version;
        return true;
}

struct place {
        struct loader *loader;
        const struct base_ini_entry *entry;
};

static void report_in_value(size_t offset, const char *what, void *context)
{
        const struct place *place = context;

        report_value(place->loader, place->entry, offset, BASE_ERROR_POLICY_INVALID, what);
}

/* An empty value takes back what earlier files said. */
static bool set_expression(struct loader *loader, const struct base_ini_entry *entry, char **text,
                           struct policy_expression **expression, struct base_error *error)
{
        policy_auto_expression struct policy_expression *parsed = NULL;
        base_auto_free char *copy = NULL;
        struct place place = { .loader = loader, .entry = entry };
        struct base_error problem;
        size_t offset;

        if (*entry->value != '\0') {
                copy = strdup(entry->value);
                if (copy == NULL)
                        return base_error_set_no_memory(error);
                if (!policy_expression_parse(base_bytes_from_string(copy), &parsed, &offset, &problem)) {
                        if (problem.code == BASE_ERROR_NO_MEMORY)
                                return base_error_copy(error, &problem);
                        report_value(loader, entry, offset, problem.code, problem.message);
                        loader->draft->broken = true;
                        return true;
                }
                if (!policy_expression_check(parsed, report_in_value, &place)) {
                        loader->draft->broken = true;
                        return true;
                }
        }
        free(*text);
        policy_expression_free(*expression);
        *text = BASE_STEAL(copy);
        *expression = BASE_STEAL(parsed);
        return true;
}

/* Reports a remedy that cannot be shown. */
static bool check_remedy(struct loader *loader, const struct base_ini_entry *entry)
{
        if (strlen(entry->value) > POLICY_RULE_REMEDY_BYTES_MAX)
                report_value(loader, entry, POLICY_RULE_REMEDY_BYTES_MAX, BASE_ERROR_LIMIT_EXCEEDED,
                             "the remedy is too long (at most 512 bytes)");
        else if (!policy_text_valid(entry->value))
                report_value(loader, entry, 0, BASE_ERROR_POLICY_INVALID,
                             "the remedy is not UTF-8 text without control characters");
        else
                return true;
        return false;
}

static bool set_remedy(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;
        char *copy;

        if (!check_remedy(loader, entry))
                return true;
        copy = strdup(entry->value);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        free(rule->remedy);
        rule->remedy = copy;
        policy_translations_drop_before(rule, loader->file_number);
        return true;
}

/* The locale in the key "Remedy[locale]"; false if it is another key. */
static bool take_locale(const char *key, char locale[POLICY_LOCALE_BYTES_MAX + 1])
{
        static const char prefix[] = "Remedy[";
        size_t len = strlen(key);

        if (strncmp(key, prefix, strlen(prefix)) != 0 || key[len - 1] != ']')
                return false;
        len -= strlen(prefix) + 1;
        if (len > POLICY_LOCALE_BYTES_MAX)
                len = 0; /* which is no locale */
        memcpy(locale, key + strlen(prefix), len);
        locale[len] = '\0';
        return true;
}

static bool set_translation(struct loader *loader, const struct base_ini_entry *entry, const char *locale,
                            struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;
        struct policy_position at = policy_position_of_key(loader->text, entry->line);
        const struct policy_translation *old = policy_translation_find(rule, locale);
        struct base_error problem;

        if (!policy_locale_valid(locale)) {
                report(loader, at, BASE_ERROR_POLICY_INVALID, "the brackets hold no locale, as in Remedy[de] or Remedy[pt_BR]");
        } else if (old != NULL && old->file_number == loader->file_number) {
                policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, at.line, at.column,
                                       "Remedy[%s]= stands in this rule twice", locale);
        } else if (check_remedy(loader, entry) &&
                   !policy_translation_set(rule, locale, entry->value, loader->file_number, &problem)) {
                if (problem.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &problem);
                report(loader, at, problem.code, problem.message);
        }
        return true;
}

static bool set_when(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;

        return set_expression(loader, entry, &rule->when, &rule->when_expression, error);
}

static bool set_require(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;

        loader->draft->removed = *entry->value == '\0';
        return set_expression(loader, entry, &rule->require, &rule->require_expression, error);
}

/* Reports what is wrong with a value; true, since the loader goes on. */
static bool report_problem(struct loader *loader, const struct base_ini_entry *entry, const struct base_error *problem)
{
        report_value(loader, entry, 0, problem->code, problem->message);
        return true;
}

static bool set_severity(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_severity_parse(entry->value, &loader->draft->rule.severity, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_grace(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_grace_parse(entry->value, &loader->draft->rule.grace_s, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_rollout(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_rollout_parse(entry->value, &loader->draft->rule.rollout_percent, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_issuer(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;
        char *copy = NULL;

        if (!policy_issuer_check(entry->value, &problem))
                return report_problem(loader, entry, &problem);
        if (*entry->value != '\0') {
                copy = strdup(entry->value);
                if (copy == NULL)
                        return base_error_set_no_memory(error);
        }
        free(loader->draft->rule.issuer);
        loader->draft->rule.issuer = copy;
        return true;
}

static const struct {
        const char *name;
        bool (*set)(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error);
} rule_keys[] = {
        { "When", set_when },   { "Require", set_require }, { "Remedy", set_remedy }, { "Severity", set_severity },
        { "Grace", set_grace }, { "Rollout", set_rollout }, { "Issuer", set_issuer },
};

static bool set_rule_key(struct loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_position at = policy_position_of_key(loader->text, entry->line);
        const char *known[BASE_COUNT(rule_keys)];
        char locale[POLICY_LOCALE_BYTES_MAX + 1];

        if (take_locale(entry->key, locale))
                return set_translation(loader, entry, locale, error);
        for (size_t key = 0; key < BASE_COUNT(rule_keys); key++) {
                known[key] = rule_keys[key].name;
                if (strcmp(entry->key, known[key]) != 0)
                        continue;
                if ((loader->draft->keys_seen & 1U << key) == 0) {
                        loader->draft->keys_seen |= 1U << key;
                        return rule_keys[key].set(loader, entry, error);
                }
                policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, entry->line, at.column,
                                       "%s= stands in this rule twice", known[key]);
                return true;
        }
        report_unknown(loader, at, "key", entry->key, known, BASE_COUNT(known));
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct loader *loader = context;

        if (entry->key == NULL)
                return open_section(loader, entry, error);
        if (loader->section == SECTION_IS_WRONG)
                return true;
        return loader->section == SECTION_IS_POLICY ? set_version(loader, entry) : set_rule_key(loader, entry, error);
}

/* base/ini.h says where in its message: takes it apart again for those who want the parts. */
static void report_ini_error(struct loader *loader, const struct base_error *problem)
{
        size_t prefix_len = strlen(loader->file);
        unsigned line;
        unsigned column;
        int what_at = 0;

        if (strncmp(problem->message, loader->file, prefix_len) == 0 &&
            sscanf(problem->message + prefix_len, ":%u:%u: %n", &line, &column, &what_at) == 2 && what_at > 0)
                policy_diagnostics_add(loader->diagnostics,
                                       problem->code == BASE_ERROR_CONFIG_INVALID ? BASE_ERROR_POLICY_INVALID : problem->code,
                                       loader->file, line, column, "%s", problem->message + prefix_len + what_at);
        else
                policy_diagnostics_add(loader->diagnostics, problem->code, loader->file, 0, 0, "%s", problem->message);
}

static bool read_text(struct loader *loader, const char *name, struct base_bytes text, struct base_error *error)
{
        struct base_error problem;

        loader->file = name;
        loader->text = text;
        loader->file_number++;
        loader->section = SECTION_IS_WRONG;
        if (base_ini_parse(name, text, visit, loader, &problem))
                return true;
        if (problem.code == BASE_ERROR_NO_MEMORY)
                return base_error_copy(error, &problem);
        report_ini_error(loader, &problem);
        return true;
}

static bool read_file(struct loader *loader, const char *path, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BASE_INI_FILE_BYTES_MAX);
        struct base_error problem;

        if (base_file_read(path, &text, &problem))
                return read_text(loader, path, base_buffer_bytes(&text), error);
        if (problem.code == BASE_ERROR_NO_MEMORY)
                return base_error_copy(error, &problem);
        policy_diagnostics_add(loader->diagnostics, problem.code, path, 0, 0, "%s", problem.message);
        return true;
}

/* What a load reads: texts, or files. */
struct input {
        const struct policy_text *texts;
        size_t text_count;
        char **paths;
        size_t path_count;
};

static bool load(const struct input *input, struct policy_diagnostics *diagnostics, struct policy **ret, struct base_error *error)
{
        base_auto_free struct policy_diagnostics *own = NULL;
        struct loader loader = { .diagnostics = diagnostics };
        bool ok = true;

        if (diagnostics == NULL) {
                loader.diagnostics = own = calloc(1, sizeof(*own));
                if (own == NULL)
                        return base_error_set_no_memory(error);
        }
        for (size_t i = 0; ok && i < input->text_count; i++)
                ok = read_text(&loader, input->texts[i].name, input->texts[i].text, error);
        for (size_t i = 0; ok && i < input->path_count; i++)
                ok = read_file(&loader, input->paths[i], error);
        if (ok)
                policy_rule_table_check(&loader.table, loader.diagnostics);
        if (ok && loader.diagnostics->count > 0)
                ok = policy_diagnostics_first(loader.diagnostics, error);
        ok = ok && policy_rule_table_finish(&loader.table, loader.version, ret, error);
        policy_rule_table_clear(&loader.table);
        return ok;
}

bool policy_load_buffer(const char *name, struct base_bytes text, struct policy_diagnostics *diagnostics, struct policy **ret,
                        struct base_error *error)
{
        return policy_load_texts(&(struct policy_text){ .name = name, .text = text }, 1, diagnostics, ret, error);
}

bool policy_load_texts(const struct policy_text *texts, size_t count, struct policy_diagnostics *diagnostics, struct policy **ret,
                       struct base_error *error)
{
        struct input input = { .texts = texts, .text_count = count };

        return load(&input, diagnostics, ret, error);
}

bool policy_load_file(const char *path, struct policy_diagnostics *diagnostics, struct policy **ret, struct base_error *error)
{
        char *paths[] = { (char *) path };
        struct input input = { .paths = paths, .path_count = 1 };

        return load(&input, diagnostics, ret, error);
}

bool policy_load_directories(const char *const *directories, size_t count, struct policy_diagnostics *diagnostics,
                             struct policy **ret, struct base_error *error)
{
        base_auto_ini_files struct base_ini_files files = { 0 };
        struct input input = { 0 };

        if (!base_ini_list(directories, count, ".conf", &files, error))
                return false;
        input.paths = files.paths;
        input.path_count = files.count;
        return load(&input, diagnostics, ret, error);
}

bool policy_load_system(const char *root, struct policy_diagnostics *diagnostics, struct policy **ret, struct base_error *error)
{
        static const char *const places[] = { "/etc", "/run", "/usr/lib" };
        char *directories[BASE_COUNT(places)] = { NULL };
        bool ok = true;

        for (size_t i = 0; ok && i < BASE_COUNT(places); i++)
                if (asprintf(&directories[i], "%s%s/attesterd/policy.d", root, places[i]) < 0) {
                        directories[i] = NULL;
                        ok = base_error_set_no_memory(error);
                }
        ok = ok && policy_load_directories((const char *const *) directories, BASE_COUNT(places), diagnostics, ret, error);
        for (size_t i = 0; i < BASE_COUNT(places); i++)
                free(directories[i]);
        return ok;
}
