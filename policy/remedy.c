/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/remedy.h"

#include <string.h>

#define LOCALE_ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@"

bool policy_locale_valid(const char *locale)
{
        size_t len = strspn(locale, LOCALE_ALPHABET);

        return len > 0 && len <= POLICY_LOCALE_BYTES_MAX && locale[len] == '\0' && strchr("0123456789_-@", locale[0]) == NULL;
}

struct policy_translation *policy_translation_find(const struct policy_rule *rule, const char *locale)
{
        for (size_t i = 0; i < rule->translation_count; i++)
                if (strcmp(rule->translations[i].locale, locale) == 0)
                        return &rule->translations[i];
        return NULL;
}

static void remove_at(struct policy_rule *rule, size_t at)
{
        free(rule->translations[at].locale);
        free(rule->translations[at].text);
        rule->translation_count--;
        memmove(&rule->translations[at], &rule->translations[at + 1],
                (rule->translation_count - at) * sizeof(rule->translations[0]));
}

static bool add(struct policy_rule *rule, const char *locale, const char *text, unsigned file_number, struct base_error *error)
{
        struct policy_translation *grown;
        struct policy_translation new = { .file_number = file_number };
        size_t at = 0;

        if (rule->translation_count == POLICY_TRANSLATIONS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the remedy has too many translations (at most %d)",
                                      POLICY_TRANSLATIONS_MAX);
        grown = reallocarray(rule->translations, rule->translation_count + 1, sizeof(*grown));
        if (grown == NULL)
                return base_error_set_no_memory(error);
        rule->translations = grown;
        new.locale = strdup(locale);
        new.text = strdup(text);
        if (new.locale == NULL || new.text == NULL) {
                free(new.locale);
                free(new.text);
                return base_error_set_no_memory(error);
        }
        while (at < rule->translation_count && strcmp(grown[at].locale, locale) < 0)
                at++;
        memmove(&grown[at + 1], &grown[at], (rule->translation_count - at) * sizeof(*grown));
        grown[at] = new;
        rule->translation_count++;
        return true;
}

bool policy_translation_set(struct policy_rule *rule, const char *locale, const char *text, unsigned file_number,
                            struct base_error *error)
{
        struct policy_translation *old = policy_translation_find(rule, locale);

        if (old != NULL)
                remove_at(rule, (size_t) (old - rule->translations));
        return *text == '\0' ? true : add(rule, locale, text, file_number, error);
}

void policy_translations_drop_before(struct policy_rule *rule, unsigned file_number)
{
        for (size_t i = rule->translation_count; i > 0; i--)
                if (rule->translations[i - 1].file_number < file_number)
                        remove_at(rule, i - 1);
}

/* A locale taken apart: "de_AT.UTF-8@euro" is "de", "_AT", "@euro". */
struct parts {
        int language_len;
        int territory_len;
        const char *territory;
        const char *modifier;
};

static struct parts take_apart(const char *locale)
{
        struct parts parts = { .language_len = (int) strcspn(locale, "_-.@") };

        parts.territory = locale + parts.language_len;
        if (*parts.territory == '_' || *parts.territory == '-')
                parts.territory_len = (int) strcspn(parts.territory, ".@");
        parts.modifier = strchr(locale, '@') == NULL ? "" : strchr(locale, '@');
        return parts;
}

/* "de-AT" and "de_AT" are the same. */
static bool same_locale(const char *a, const char *b)
{
        for (; *a != '\0' && *b != '\0'; a++, b++)
                if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
                        return false;
        return *a == *b;
}

const char *policy_rule_remedy(const struct policy_rule *rule, const char *locale)
{
        struct parts parts;

        if (locale == NULL || strlen(locale) > POLICY_LOCALE_BYTES_MAX)
                return rule->remedy;
        parts = take_apart(locale);
        /* With and without territory and modifier, the fullest first. */
        for (int attempt = 0; attempt < 4; attempt++) {
                bool with_territory = attempt < 2;
                bool with_modifier = attempt % 2 == 0;
                char wanted[POLICY_LOCALE_BYTES_MAX + 1];

                (void) snprintf(wanted, sizeof(wanted), "%.*s%.*s%s", parts.language_len, locale,
                                with_territory ? parts.territory_len : 0, parts.territory, with_modifier ? parts.modifier : "");
                for (size_t i = 0; i < rule->translation_count; i++)
                        if (same_locale(rule->translations[i].locale, wanted))
                                return rule->translations[i].text;
        }
        return rule->remedy;
}
