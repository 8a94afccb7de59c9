/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpkg's list of installed packages and apt's lists of packages that are offered, and which of the former the latter would
 * replace. Used by the collector of os.updates.* only.
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_PACKAGES_MAX        32768 /* installed */
#define POSTURE_PACKAGE_LINE_MAX    512   /* of the fields that count, with the NUL */
#define POSTURE_PACKAGE_NAME_MAX    128
#define POSTURE_PACKAGE_VERSION_MAX 256

/* One paragraph; "" stands for a field that is not there. */
struct posture_package {
        char name[POSTURE_PACKAGE_NAME_MAX];
        char architecture[32];
        char version[POSTURE_PACKAGE_VERSION_MAX];
        char status[64];
};

typedef void posture_package_visitor(const struct posture_package *package, void *context);

/* Reads paragraphs from pieces of a file, of any size. Zeroed means: at its start. */
struct posture_package_reader {
        char line[POSTURE_PACKAGE_LINE_MAX];
        size_t len;
        bool cut;     /* the line is longer */
        bool skip;    /* the line is none that counts, by how it begins */
        bool damaged; /* a field that counts was too long */
        bool any;     /* a field of the paragraph was read */
        struct posture_package package;
};

/*
 * Calls `visit` for each paragraph that ends in `text`; posture_packages_finish() for the last one. Fields that do not count are
 * passed over, whatever they hold.
 * Source: deb822(5); dpkg's status file and the archive's Packages files.
 */
void posture_packages_feed(struct posture_package_reader *reader, struct base_bytes text, posture_package_visitor *visit,
                           void *context);
void posture_packages_finish(struct posture_package_reader *reader, posture_package_visitor *visit, void *context);

struct posture_installed {
        struct posture_installed_item *items;
        size_t count;
        size_t capacity;
        bool sorted;
        bool failed; /* no memory, or more than POSTURE_PACKAGES_MAX */
};

void posture_installed_clear(struct posture_installed *installed);
#define posture_auto_installed BASE_CLEANUP(posture_installed_clear)

/* A posture_package_visitor for dpkg's status: adds what is installed. */
void posture_installed_add(const struct posture_package *package, void *installed);

/* A posture_package_visitor for lists of packages: notes which installed ones are older than what is offered. */
void posture_installed_compare(const struct posture_package *package, void *installed);

/* How many were noted. */
int64_t posture_installed_outdated(const struct posture_installed *installed);
