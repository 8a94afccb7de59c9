/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/refusals.h"

#include <pthread.h>
#include <string.h>

struct issuer_refusals {
        pthread_mutex_t lock;
        struct issuer_refusal of_devices[ISSUER_REFUSALS_OF_DEVICES_MAX];
        struct issuer_refusal of_others[ISSUER_REFUSALS_OF_OTHERS_MAX];
};

bool issuer_refusals_new(struct issuer_refusals **ret, struct base_error *error)
{
        struct issuer_refusals *refusals = calloc(1, sizeof(*refusals));

        if (refusals == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&refusals->lock, NULL);
        *ret = refusals;
        return true;
}

void issuer_refusals_free(struct issuer_refusals *refusals)
{
        if (refusals == NULL)
                return;
        (void) pthread_mutex_destroy(&refusals->lock);
        free(refusals);
}

/* The entry for these, or a free one, or else the one that is longest ago. */
static struct issuer_refusal *place(struct issuer_refusal *entries, size_t count, const char *event, const char *device,
                                    unsigned status, enum base_error_code reason)
{
        struct issuer_refusal *oldest = &entries[0];

        for (size_t i = 0; i < count; i++) {
                struct issuer_refusal *entry = &entries[i];

                if (entry->count == 0)
                        return entry;
                if (strcmp(entry->device, device) == 0 && entry->status == status && entry->reason == reason &&
                    strcmp(entry->event, event) == 0)
                        return entry;
                if (entry->last < oldest->last)
                        oldest = entry;
        }
        oldest->count = 0;
        return oldest;
}

void issuer_refusals_note(struct issuer_refusals *refusals, const char *event, const char *device, unsigned status,
                          enum base_error_code reason, const char *text, uint64_t now)
{
        struct issuer_refusal *entry;

        pthread_mutex_lock(&refusals->lock);
        if (device[0] != '\0')
                entry = place(refusals->of_devices, ISSUER_REFUSALS_OF_DEVICES_MAX, event, device, status, reason);
        else
                entry = place(refusals->of_others, ISSUER_REFUSALS_OF_OTHERS_MAX, event, device, status, reason);
        if (entry->count == 0) {
                *entry = (struct issuer_refusal){ .status = status, .reason = reason, .first = now };
                (void) snprintf(entry->device, sizeof(entry->device), "%s", device);
                (void) snprintf(entry->event, sizeof(entry->event), "%s", event);
        }
        (void) snprintf(entry->text, sizeof(entry->text), "%s", text);
        entry->count++;
        entry->last = now;
        pthread_mutex_unlock(&refusals->lock);
}

static int compare(const void *a, const void *b)
{
        const struct issuer_refusal *first = *(const struct issuer_refusal *const *) a;
        const struct issuer_refusal *second = *(const struct issuer_refusal *const *) b;

        return first->last > second->last ? -1 : first->last < second->last;
}

static size_t collect(const struct issuer_refusal *entries, size_t count, const char *device, const struct issuer_refusal **ret)
{
        size_t found = 0;

        for (size_t i = 0; i < count && entries[i].count > 0; i++)
                if (device == NULL || strcmp(entries[i].device, device) == 0)
                        ret[found++] = &entries[i];
        return found;
}

size_t issuer_refusals_copy(struct issuer_refusals *refusals, const char *device, struct issuer_refusal *ret, size_t max)
{
        const struct issuer_refusal *found[ISSUER_REFUSALS_MAX];
        size_t count;

        pthread_mutex_lock(&refusals->lock);
        count = collect(refusals->of_devices, ISSUER_REFUSALS_OF_DEVICES_MAX, device, found);
        count += collect(refusals->of_others, ISSUER_REFUSALS_OF_OTHERS_MAX, device, found + count);
        if (count > 0)
                qsort(found, count, sizeof(found[0]), compare);
        if (count > max)
                count = max;
        for (size_t i = 0; i < count; i++)
                ret[i] = *found[i];
        pthread_mutex_unlock(&refusals->lock);
        return count;
}

uint64_t issuer_refusals_count(struct issuer_refusals *refusals, const char *device)
{
        uint64_t count = 0;

        pthread_mutex_lock(&refusals->lock);
        for (size_t i = 0; i < ISSUER_REFUSALS_OF_DEVICES_MAX && refusals->of_devices[i].count > 0; i++)
                if (strcmp(refusals->of_devices[i].device, device) == 0)
                        count += refusals->of_devices[i].count;
        pthread_mutex_unlock(&refusals->lock);
        return count;
}
