/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/packages.h"

#include "policy/version.h"

#include <string.h>
#include <strings.h>

#define FIRST_CAPACITY 1024

struct posture_installed_item {
        char *name; /* starts the one block that has the others, too */
        const char *architecture;
        const char *version;
        bool outdated;
};

/* Takes the value of a field into `to` if `line` is that field. */
static bool take(struct posture_package_reader *reader, const char *field, char *to, size_t to_size)
{
        size_t len = strlen(field);
        const char *value = reader->line + len;

        if (reader->len < len || strncasecmp(reader->line, field, len) != 0)
                return false;
        value += strspn(value, " \t");
        if (reader->cut || strlen(value) >= to_size)
                reader->damaged = true;
        else
                memcpy(to, value, strlen(value) + 1);
        reader->any = true;
        return true;
}

static void end_paragraph(struct posture_package_reader *reader, posture_package_visitor *visit, void *context)
{
        if (reader->any && reader->package.name[0] != '\0')
                visit(&reader->package, context);
        reader->any = false;
        memset(&reader->package, 0, sizeof(reader->package));
}

static void end_line(struct posture_package_reader *reader, posture_package_visitor *visit, void *context)
{
        struct posture_package *package = &reader->package;

        while (reader->len > 0 && strchr(" \t\r", reader->line[reader->len - 1]) != NULL && !reader->cut)
                reader->len--;
        reader->line[reader->len] = '\0';
        if (reader->len == 0)
                end_paragraph(reader, visit, context);
        else if (!take(reader, "Package:", package->name, sizeof(package->name)) &&
                 !take(reader, "Status:", package->status, sizeof(package->status)) &&
                 !take(reader, "Architecture:", package->architecture, sizeof(package->architecture)))
                (void) take(reader, "Version:", package->version, sizeof(package->version));
        reader->len = 0;
        reader->cut = false;
}

/* Most lines of such a file are neither the end of a paragraph nor of a field that counts. */
static bool may_count(uint8_t first)
{
        return strchr("PpSsAaVv \t\r\n", first) != NULL && first != '\0';
}

void posture_packages_feed(struct posture_package_reader *reader, struct base_bytes text, posture_package_visitor *visit,
                           void *context)
{
        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                size_t len = newline == NULL ? text.len : (size_t) (newline - text.data);
                size_t room = sizeof(reader->line) - 1 - reader->len;
                size_t taken = len < room ? len : room;

                if (reader->len == 0 && !reader->skip)
                        reader->skip = !may_count(text.data[0]);
                if (!reader->skip) {
                        memcpy(reader->line + reader->len, text.data, taken);
                        reader->len += taken;
                        reader->cut = reader->cut || len > room;
                }
                if (newline == NULL)
                        return;
                if (!reader->skip)
                        end_line(reader, visit, context);
                reader->skip = false;
                text = BASE_BYTES(text.data + len + 1, text.len - len - 1);
        }
}

void posture_packages_finish(struct posture_package_reader *reader, posture_package_visitor *visit, void *context)
{
        if (reader->len > 0)
                end_line(reader, visit, context);
        end_paragraph(reader, visit, context);
}

void posture_installed_clear(struct posture_installed *installed)
{
        for (size_t i = 0; i < installed->count; i++)
                free(installed->items[i].name);
        free(installed->items);
        *installed = (struct posture_installed){ .count = 0 };
}

/* "install ok installed": selection, error, state. One that waits for triggers is installed, too. */
static bool is_installed(const char *status)
{
        const char *state = strrchr(status, ' ');

        return state != NULL && (strcmp(state, " installed") == 0 || strncmp(state, " triggers-", strlen(" triggers-")) == 0);
}

static bool reserve(struct posture_installed *installed)
{
        size_t capacity = installed->capacity == 0 ? FIRST_CAPACITY : installed->capacity * 2;
        struct posture_installed_item *items;

        if (installed->count < installed->capacity)
                return true;
        items = installed->count < POSTURE_PACKAGES_MAX ? reallocarray(installed->items, capacity, sizeof(*items)) : NULL;
        if (items == NULL)
                return false;
        installed->items = items;
        installed->capacity = capacity;
        return true;
}

void posture_installed_add(const struct posture_package *package, void *context)
{
        struct posture_installed *installed = context;
        struct posture_installed_item *item;
        size_t name_size = strlen(package->name) + 1;
        size_t architecture_size = strlen(package->architecture) + 1;
        char *block;

        if (!is_installed(package->status) || installed->failed)
                return;
        block = reserve(installed) ? malloc(name_size + architecture_size + strlen(package->version) + 1) : NULL;
        if (block == NULL) {
                installed->failed = true;
                return;
        }
        item = &installed->items[installed->count++];
        *item = (struct posture_installed_item){ .name = block };
        item->architecture = memcpy((char *) memcpy(block, package->name, name_size) + name_size, package->architecture,
                                    architecture_size);
        item->version = strcpy(block + name_size + architecture_size, package->version);
        installed->sorted = false;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const struct posture_installed_item *) a)->name, ((const struct posture_installed_item *) b)->name);
}

/* The first of that name, or the count. */
static size_t find(const struct posture_installed *installed, const char *name)
{
        size_t low = 0;
        size_t high = installed->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(installed->items[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* A package may become one for all architectures, or stop being one. */
static bool fits(const char *a, const char *b)
{
        return strcmp(a, b) == 0 || strcmp(a, "all") == 0 || strcmp(b, "all") == 0;
}

void posture_installed_compare(const struct posture_package *package, void *context)
{
        struct posture_installed *installed = context;

        if (!installed->sorted && installed->count > 1)
                qsort(installed->items, installed->count, sizeof(*installed->items), compare_names);
        installed->sorted = true;
        if (!policy_version_valid(POLICY_VERSION_DEBIAN, package->version))
                return;
        for (size_t i = find(installed, package->name);
             i < installed->count && strcmp(installed->items[i].name, package->name) == 0; i++) {
                struct posture_installed_item *item = &installed->items[i];

                if (fits(item->architecture, package->architecture) &&
                    policy_version_valid(POLICY_VERSION_DEBIAN, item->version) &&
                    policy_version_compare_in(POLICY_VERSION_DEBIAN, item->version, package->version) < 0)
                        item->outdated = true;
        }
}

int64_t posture_installed_outdated(const struct posture_installed *installed)
{
        int64_t count = 0;

        for (size_t i = 0; i < installed->count; i++)
                count += installed->items[i].outdated;
        return count;
}
