/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/grace.h"

#include "policy/policy.h"
#include "policy/rule_table.h"

#include <string.h>

_Static_assert(POLICY_GRACE_RULE_MAX == POLICY_RULE_NAME_BYTES_MAX, "a rule's name fits");
_Static_assert(POLICY_GRACES_MAX >= POLICY_RULES_MAX, "a policy's rules fit");

void policy_graces_clear(struct policy_graces *graces)
{
        if (graces == NULL)
                return;
        free(graces->items);
        *graces = (struct policy_graces) POLICY_GRACES_INIT;
}

bool policy_graces_copy(const struct policy_graces *from, struct policy_graces *ret, struct base_error *error)
{
        struct policy_graces copy = *from;

        copy.items = calloc(from->count + 1, sizeof(*copy.items));
        if (copy.items == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < from->count; i++)
                copy.items[i] = from->items[i];
        *ret = copy;
        return true;
}

static struct policy_grace *find(const struct policy_graces *graces, const char *rule)
{
        for (size_t i = 0; i < graces->count; i++)
                if (strcmp(graces->items[i].rule, rule) == 0)
                        return &graces->items[i];
        return NULL;
}

const struct policy_grace *policy_graces_find(const struct policy_graces *graces, const char *rule)
{
        return find(graces, rule);
}

static void change(struct policy_graces *graces, struct policy_grace *grace, uint64_t failing_since, uint64_t passing_since)
{
        grace->changed = grace->changed || grace->failing_since != failing_since || grace->passing_since != passing_since;
        graces->changed = graces->changed || grace->changed;
        grace->failing_since = failing_since;
        grace->passing_since = passing_since;
}

/* NULL without memory. */
static struct policy_grace *append(struct policy_graces *graces, const char *rule)
{
        struct policy_grace *grown = reallocarray(graces->items, graces->count + 1, sizeof(*grown));

        if (grown == NULL)
                return NULL;
        graces->items = grown;
        grown[graces->count] = (struct policy_grace){ .failing_since = 0 };
        (void) snprintf(grown[graces->count].rule, sizeof(grown->rule), "%s", rule);
        return &grown[graces->count++];
}

bool policy_graces_add(struct policy_graces *graces, const char *rule, uint64_t failing_since, uint64_t passing_since,
                       struct base_error *error)
{
        struct policy_grace *grace;

        if (!policy_rule_name_valid(rule) || failing_since == 0 || find(graces, rule) != NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "what is remembered of a rule makes no sense");
        if (graces->count == POLICY_GRACES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "at most %d rules are remembered", POLICY_GRACES_MAX);
        grace = append(graces, rule);
        if (grace == NULL)
                return base_error_set_no_memory(error);
        grace->failing_since = failing_since;
        grace->passing_since = passing_since;
        return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

bool policy_graces_note_failure(struct policy_graces *graces, const char *rule, uint32_t grace_s, uint64_t now,
                                uint64_t *ret_left_s, struct base_error *error)
{
        struct policy_grace *grace = find(graces, rule);
        uint64_t since = now, passed;

        if (grace == NULL && graces->count == POLICY_GRACES_MAX) {
                *ret_left_s = 0;
                return true;
        }
        if (grace == NULL)
                grace = append(graces, rule);
        if (grace == NULL)
                return base_error_set_no_memory(error);
        passed = grace->passing_since == 0 ? 0 : now - earlier(grace->passing_since, now);
        if (grace->failing_since != 0 && passed < grace_s)
                since = earlier(grace->failing_since, now);
        change(graces, grace, since, 0);
        *ret_left_s = now - since < grace_s ? grace_s - (now - since) : 0;
        return true;
}

void policy_graces_note_pass(struct policy_graces *graces, const char *rule, uint32_t grace_s, uint64_t now)
{
        struct policy_grace *grace = find(graces, rule);
        uint64_t since;

        if (grace == NULL || grace->failing_since == 0)
                return;
        since = grace->passing_since == 0 ? now : earlier(grace->passing_since, now);
        change(graces, grace, now - since < grace_s ? grace->failing_since : 0, since);
}

/* Times stay above 0, which has a meaning of its own. */
static uint64_t shifted(uint64_t time, int64_t seconds)
{
        if (time == 0)
                return 0;
        if (seconds < 0)
                return time > (uint64_t) -seconds ? time - (uint64_t) -seconds : 1;
        return time > UINT64_MAX - (uint64_t) seconds ? UINT64_MAX : time + (uint64_t) seconds;
}

void policy_graces_shift(struct policy_graces *graces, int64_t seconds)
{
        for (size_t i = 0; i < graces->count; i++)
                change(graces, &graces->items[i], shifted(graces->items[i].failing_since, seconds),
                       shifted(graces->items[i].passing_since, seconds));
}

void policy_graces_settle(struct policy_graces *graces)
{
        size_t kept = 0;

        for (size_t i = 0; i < graces->count; i++) {
                if (graces->items[i].failing_since == 0)
                        continue;
                graces->items[kept] = graces->items[i];
                graces->items[kept++].changed = false;
        }
        graces->count = kept;
        graces->changed = false;
}
