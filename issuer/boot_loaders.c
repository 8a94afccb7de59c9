/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/boot_loaders.h"

#include "base/encode.h"
#include "base/hash.h"
#include "policy/facts.h"

#include <string.h>

#define PCR_APPLICATIONS 4
#define PARAMETER_FAMILY "boot.parameter."
#define PARAMETER_MAX    (EVIDENCE_FACT_NAME_MAX - (sizeof(PARAMETER_FAMILY) - 1)) /* bytes of a name */

/* issuer/boot.c has seven more. */
_Static_assert(7 + 1 + ISSUER_BOOT_APPLICATIONS_MAX + 4 + ISSUER_BOOT_PARAMETERS_MAX <= ISSUER_BOOT_FACTS_MAX, "facts of a boot");

/* A kernel parameter: its name with '_' for '-', which the kernel takes for the same, and its values. */
struct parameter {
        char name[PARAMETER_MAX + 1];
        char value[EVIDENCE_FACT_TEXT_MAX + 1];
};

/* Sorted by name, each once. */
struct parameters {
        size_t count;
        struct parameter items[ISSUER_BOOT_PARAMETERS_MAX];
};

struct evidence_fact *issuer_boot_add(struct issuer_boot *boot, const char *name, enum evidence_fact_kind kind)
{
        struct evidence_fact *fact = &boot->facts[boot->fact_count++];

        *fact = (struct evidence_fact){ .kind = kind };
        (void) snprintf(fact->name, sizeof(fact->name), "%s", name);
        return fact;
}

static void add_text(struct issuer_boot *boot, const char *name, const char *text)
{
        struct evidence_fact *fact = issuer_boot_add(boot, name, EVIDENCE_FACT_STRING);

        memcpy(fact->text, text, strnlen(text, EVIDENCE_FACT_TEXT_MAX));
}

static bool add_digest(struct issuer_boot *boot, const char *name, struct base_bytes digest, struct base_error *error)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1);

        base_hex_encode(&hex, digest);
        if (base_buffer_c_string(&hex) == NULL)
                return base_error_set_no_memory(error);
        add_text(boot, name, base_buffer_c_string(&hex));
        return true;
}

/*
 * In the order of the log, which is the order of PCR 4 in every bank: what a running system extends PCR 4 with comes last and
 * never becomes the loader.
 */
static bool add_applications(struct issuer_boot *boot, const struct evidence_boot *derived, struct base_error *error)
{
        int64_t count = 0;

        for (size_t i = 0; i < derived->application_count; i++) {
                const struct evidence_boot_application *application = &derived->applications[i];
                char name[EVIDENCE_FACT_NAME_MAX + 1] = "boot.loader";

                if (application->pcr != PCR_APPLICATIONS || ++count > ISSUER_BOOT_APPLICATIONS_MAX)
                        continue;
                if (count > 1)
                        (void) snprintf(name, sizeof(name), "boot.application.%d", (int) count);
                if (!add_digest(boot, name, BASE_BYTES(application->digest, application->digest_len), error))
                        return false;
        }
        if (derived->applications_complete)
                issuer_boot_add(boot, "boot.applications", EVIDENCE_FACT_INT)->integer = count;
        return true;
}

/* Where a parameter of that name stands, or is put with an empty value; NULL if there is no room. */
static struct parameter *find_or_insert(struct parameters *parameters, const char *name, bool *ret_found)
{
        size_t at = 0;

        while (at < parameters->count && strcmp(parameters->items[at].name, name) < 0)
                at++;
        *ret_found = at < parameters->count && strcmp(parameters->items[at].name, name) == 0;
        if (*ret_found)
                return &parameters->items[at];
        if (parameters->count == ISSUER_BOOT_PARAMETERS_MAX)
                return NULL;
        memmove(&parameters->items[at + 1], &parameters->items[at], (parameters->count - at) * sizeof(parameters->items[0]));
        parameters->count++;
        parameters->items[at] = (struct parameter){ .name = "" };
        (void) snprintf(parameters->items[at].name, sizeof(parameters->items[at].name), "%s", name);
        return &parameters->items[at];
}

/* One word of the line. False if it is more than there is room for. */
static bool take_word(struct parameters *parameters, const char *word, size_t len)
{
        const char *equals = memchr(word, '=', len);
        size_t name_len = equals == NULL ? len : (size_t) (equals - word);
        size_t value_len = equals == NULL ? 0 : len - name_len - 1, used;
        char name[PARAMETER_MAX + 1] = "";
        struct parameter *parameter;
        bool found;

        if (name_len > PARAMETER_MAX)
                return false;
        for (size_t i = 0; i < name_len; i++)
                name[i] = word[i] == '-' ? '_' : word[i];
        parameter = find_or_insert(parameters, name, &found);
        if (parameter == NULL)
                return false;
        used = strlen(parameter->value);
        if (used + 1 + value_len > EVIDENCE_FACT_TEXT_MAX)
                return false;
        (void) snprintf(parameter->value + used, sizeof(parameter->value) - used, "%s%.*s", found ? "," : "", (int) value_len,
                        equals == NULL ? "" : equals + 1);
        return true;
}

/*
 * A line with quotes or backslashes has no parameters here: kernel, loaders and service managers do not agree on what they mean,
 * and what one of them takes for a parameter another would hide.
 */
static bool split(const char *line, struct parameters *ret)
{
        *ret = (struct parameters){ .count = 0 };
        if (strpbrk(line, "\"'\\") != NULL)
                return false;
        for (line += strspn(line, " "); *line != '\0'; line += strspn(line, " ")) {
                size_t len = strcspn(line, " ");

                if (!take_word(ret, line, len))
                        return false;
                line += len;
        }
        return true;
}

static void add_parameters(struct issuer_boot *boot, const char *line)
{
        char names[EVIDENCE_FACT_TEXT_MAX + 1] = "";
        struct parameters parameters;
        size_t len = 0;

        if (!split(line, &parameters))
                return;
        for (size_t i = 0; i < parameters.count; i++) {
                const char *name = parameters.items[i].name;

                if (len + 1 + strlen(name) > EVIDENCE_FACT_TEXT_MAX)
                        return;
                len += (size_t) snprintf(names + len, sizeof(names) - len, "%s%s", len == 0 ? "" : " ", name);
        }
        add_text(boot, "boot.parameters", names);
        for (size_t i = 0; i < parameters.count; i++) {
                char name[EVIDENCE_FACT_NAME_MAX + 1];

                (void) snprintf(name, sizeof(name), PARAMETER_FAMILY "%s", parameters.items[i].name);
                if (policy_fact_name_valid(name))
                        add_text(boot, name, parameters.items[i].value);
        }
}

/* systemd-boot and the stub that it starts measure the same line, each for itself. */
static int64_t count_different(const struct evidence_boot *derived)
{
        int64_t count = 0;

        for (size_t i = 0; i < derived->command_line_count; i++) {
                size_t before = 0;

                while (before < i && strcmp(derived->command_lines[before].text, derived->command_lines[i].text) != 0)
                        before++;
                count += before == i;
        }
        return count;
}

static bool add_command_line(struct issuer_boot *boot, const struct evidence_boot *derived, struct base_error *error)
{
        const struct evidence_boot_command_line *line = &derived->command_lines[0];
        int64_t count = count_different(derived);
        struct base_bytes text = base_bytes_from_string(line->text);
        uint8_t hash[BASE_SHA256_LEN];

        if (!derived->command_lines_complete)
                return true;
        issuer_boot_add(boot, "boot.command_lines", EVIDENCE_FACT_INT)->integer = count;
        for (size_t i = 0; i < derived->command_line_count; i++)
                if (!derived->command_lines[i].authentic || !derived->command_lines[i].plain)
                        return true;
        if (count != 1)
                return true;
        if (!base_sha256(&text, 1, hash, error) || !add_digest(boot, "boot.command_line_sha256", BASE_BYTES_OF(hash), error))
                return false;
        if (text.len <= EVIDENCE_FACT_TEXT_MAX)
                add_text(boot, "boot.command_line", line->text);
        /* GRUB's has the kernel's file in front, which is no parameter. */
        add_parameters(boot, line->loader == EVIDENCE_BOOT_LOADER_GRUB ? line->text + strcspn(line->text, " ") : line->text);
        return true;
}

bool issuer_boot_add_loaders(struct issuer_boot *boot, const struct evidence_boot *derived, struct base_error *error)
{
        return add_applications(boot, derived, error) && add_command_line(boot, derived, error);
}
