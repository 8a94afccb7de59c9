/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "policy/loader.h"
#include "policy/nearest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECTION_WORD_BYTES_MAX 48

void policy_loader_report(struct policy_loader *loader, struct policy_position at, enum base_error_code code, const char *what)
{
        policy_diagnostics_add(loader->diagnostics, code, loader->file, at.line, at.column, "%s", what);
}

void policy_loader_report_value(struct policy_loader *loader, const struct base_ini_entry *entry, size_t offset,
                                enum base_error_code code, const char *what)
{
        policy_loader_report(loader, policy_position_in_file(loader->text, entry->line, entry->value_column + (unsigned) offset),
                             code, what);
}

void policy_loader_report_unknown(struct policy_loader *loader, struct policy_position at, const char *kind, const char *found,
                                  const char *const *known, size_t count)
{
        const char *nearest = policy_nearest_name(found, known, count);

        policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, at.line, at.column,
                               "unknown %s '%.40s'%s%s%s", kind, found, nearest == NULL ? "" : "; did you mean '",
                               nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static bool open_rule(struct policy_loader *loader, const struct base_ini_entry *entry, const char *name,
                      struct base_error *error)
{
        struct policy_position at = policy_position_in_file(loader->text, entry->line,
                                                            entry->value_column + (unsigned) (name - entry->section));
        struct policy_draft *draft;

        loader->section = POLICY_SECTION_IS_WRONG;
        if (!policy_rule_name_valid(name)) {
                policy_loader_report(
                        loader, at, BASE_ERROR_POLICY_INVALID,
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
                policy_loader_report(loader, at, BASE_ERROR_LIMIT_EXCEEDED, "the policy has too many rules (at most 1024)");
                return true;
        }
        if (draft == NULL && !policy_rule_table_add(&loader->table, name, loader->file, at, &draft, error))
                return false;
        draft->file_number = loader->file_number;
        draft->line = entry->line;
        draft->keys_seen = 0;
        loader->draft = draft;
        loader->section = POLICY_SECTION_IS_RULE;
        return true;
}

static bool open_section(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
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
        loader->section = POLICY_SECTION_IS_WRONG;
        if (strcmp(word, known[0]) != 0) {
                policy_loader_report_unknown(loader, at, "section", word, known, BASE_COUNT(known));
        } else if (*name != '\0') {
                at.column += (unsigned) (name - entry->section);
                policy_loader_report(loader, at, BASE_ERROR_POLICY_INVALID, "[Policy] takes no name");
        } else {
                loader->section = POLICY_SECTION_IS_POLICY;
        }
        return true;
}

static bool set_version(struct policy_loader *loader, const struct base_ini_entry *entry)
{
        static const char *const known[] = { "Version" };
        uintmax_t version;

        if (strcmp(entry->key, known[0]) != 0) {
                policy_loader_report_unknown(loader, policy_position_of_key(loader->text, entry->line), "key", entry->key, known,
                                             BASE_COUNT(known));
                return true;
        }
        if (loader->version_file == loader->file_number) {
                policy_loader_report(loader, policy_position_of_key(loader->text, entry->line), BASE_ERROR_POLICY_INVALID,
                                     "Version= stands in this file twice");
                return true;
        }
        loader->version_file = loader->file_number;
        errno = 0;
        version = strtoumax(entry->value, NULL, 10);
        if (*entry->value == '\0' || entry->value[strspn(entry->value, "0123456789")] != '\0' || errno != 0)
                policy_loader_report_value(loader, entry, 0, BASE_ERROR_POLICY_INVALID,
                                           "Version= is not an unsigned integer of 64 bits");
        else
                loader->version = version;
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct policy_loader *loader = context;

        if (entry->key == NULL)
                return open_section(loader, entry, error);
        if (loader->section == POLICY_SECTION_IS_WRONG)
                return true;
        return loader->section == POLICY_SECTION_IS_POLICY ? set_version(loader, entry)
                                                           : policy_loader_set_rule_key(loader, entry, error);
}

/* base/ini.h says where in its message: takes it apart again for those who want the parts. */
static void report_ini_error(struct policy_loader *loader, const struct base_error *problem)
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

static bool read_text(struct policy_loader *loader, const char *name, struct base_bytes text, struct base_error *error)
{
        struct base_error problem;

        loader->file = name;
        loader->text = text;
        loader->file_number++;
        loader->section = POLICY_SECTION_IS_WRONG;
        if (base_ini_parse(name, text, visit, loader, &problem))
                return true;
        if (problem.code == BASE_ERROR_NO_MEMORY)
                return base_error_copy(error, &problem);
        report_ini_error(loader, &problem);
        return true;
}

static bool read_file(struct policy_loader *loader, const char *path, struct base_error *error)
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
        struct policy_loader loader = { .diagnostics = diagnostics };
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
