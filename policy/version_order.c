/* SPDX-License-Identifier: BSD-2-Clause */
/* The versions of Debian's and of RPM's packages, each in its own order. */
#include "policy/version.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DEBIAN_EPOCH_MAX INT32_MAX
#define RPM_EPOCH_MAX    UINT32_MAX

/* A piece of a version that somebody else owns. */
struct part {
        const char *at;
        size_t len;
};

struct package_version {
        uint64_t epoch; /* 0 if there is none */
        struct part version;
        struct part revision; /* of Debian's; the release of RPM's */
        bool has_revision;
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int compare_sizes(uint64_t a, uint64_t b)
{
        return (a > b) - (a < b);
}

/* The next character; '\0' at the end, which no valid version holds. */
static char first(struct part part)
{
        return part.len > 0 ? *part.at : '\0';
}

static struct part rest_of(struct part part, size_t skipped)
{
        return (struct part){ part.at + skipped, part.len - skipped };
}

static size_t digits_len(struct part part)
{
        size_t len = 0;

        while (len < part.len && is_digit(part.at[len]))
                len++;
        return len;
}

static size_t letters_len(struct part part)
{
        size_t len = 0;

        while (len < part.len && is_letter(part.at[len]))
                len++;
        return len;
}

/* Two runs of digits, as numbers of any length. */
static int compare_numbers(struct part a, struct part b)
{
        while (first(a) == '0')
                a = rest_of(a, 1);
        while (first(b) == '0')
                b = rest_of(b, 1);
        return a.len != b.len ? compare_sizes(a.len, b.len) : memcmp(a.at, b.at, a.len);
}

static bool has_only(struct part part, const char *others)
{
        for (size_t i = 0; i < part.len; i++)
                if (!is_digit(part.at[i]) && !is_letter(part.at[i]) && strchr(others, part.at[i]) == NULL)
                        return false;
        return true;
}

/* Takes "EPOCH:" off the front, if the text has a colon. False if what stands before it is no number up to `max`. */
static bool take_epoch(const char *text, uint64_t max, uint64_t *ret_epoch, const char **ret_rest)
{
        const char *colon = strchr(text, ':');
        uint64_t epoch = 0;

        *ret_epoch = 0;
        *ret_rest = text;
        if (colon == NULL)
                return true;
        if (colon == text)
                return false;
        for (; text < colon; text++) {
                if (!is_digit(*text))
                        return false;
                epoch = epoch * 10 + (uint64_t) (*text - '0');
                if (epoch > max)
                        return false;
        }
        *ret_epoch = epoch;
        *ret_rest = colon + 1;
        return true;
}

static bool split(enum policy_version_order order, const char *text, struct package_version *ret)
{
        bool debian = order == POLICY_VERSION_DEBIAN;
        const char *rest, *dash;

        if (!take_epoch(text, debian ? DEBIAN_EPOCH_MAX : RPM_EPOCH_MAX, &ret->epoch, &rest))
                return false;
        dash = strrchr(rest, '-');
        ret->has_revision = dash != NULL;
        ret->version = (struct part){ rest, dash == NULL ? strlen(rest) : (size_t) (dash - rest) };
        ret->revision = dash == NULL ? (struct part){ "", 0 } : (struct part){ dash + 1, strlen(dash + 1) };
        if (ret->version.len == 0 || (ret->has_revision && ret->revision.len == 0))
                return false;
        if (debian)
                return is_digit(*ret->version.at) && has_only(ret->version, ".+-~:") && has_only(ret->revision, ".+~");
        return has_only(ret->version, "._+~^") && has_only(ret->revision, "._+~^");
}

/* Where a character stands in Debian's order: `~`, the end and digits, letters, everything else. */
static int debian_weight(char c)
{
        if (c == '~')
                return -1;
        if (c == '\0' || is_digit(c))
                return 0;
        return is_letter(c) ? c : c + 256;
}

/* Runs of other characters and runs of digits in turn. Source: deb-version(7), "Sorting algorithm". */
static int compare_debian(struct part a, struct part b)
{
        int order = 0;

        while (order == 0 && (a.len > 0 || b.len > 0)) {
                size_t a_digits, b_digits;

                while (order == 0 && ((a.len > 0 && !is_digit(*a.at)) || (b.len > 0 && !is_digit(*b.at)))) {
                        order = debian_weight(first(a)) - debian_weight(first(b));
                        if (order == 0) {
                                a = rest_of(a, 1);
                                b = rest_of(b, 1);
                        }
                }
                if (order != 0)
                        break;
                a_digits = digits_len(a);
                b_digits = digits_len(b);
                order = compare_numbers((struct part){ a.at, a_digits }, (struct part){ b.at, b_digits });
                a = rest_of(a, a_digits);
                b = rest_of(b, b_digits);
        }
        return order;
}

static struct part skip_separators(struct part part)
{
        while (part.len > 0 && !is_digit(*part.at) && !is_letter(*part.at) && *part.at != '~' && *part.at != '^')
                part = rest_of(part, 1);
        return part;
}

/* One segment of each, of the kind that `a` starts with; a number is newer than letters. */
static int compare_segments(struct part *a, struct part *b)
{
        bool number = is_digit(*a->at);
        size_t a_len = number ? digits_len(*a) : letters_len(*a);
        size_t b_len = number ? digits_len(*b) : letters_len(*b);
        struct part a_segment = { a->at, a_len }, b_segment = { b->at, b_len };
        int order;

        if (b_len == 0)
                return number ? 1 : -1;
        *a = rest_of(*a, a_len);
        *b = rest_of(*b, b_len);
        if (number)
                return compare_numbers(a_segment, b_segment);
        order = memcmp(a_segment.at, b_segment.at, a_len < b_len ? a_len : b_len);
        return order != 0 ? order : compare_sizes(a_len, b_len);
}

/* Source: rpm-version(7), and rpmvercmp() of rpm 4.18. */
static int compare_rpm(struct part a, struct part b)
{
        int order = 0;

        while (order == 0) {
                a = skip_separators(a);
                b = skip_separators(b);
                if (first(a) == '~' || first(b) == '~') {
                        /* Older than anything, even the end. */
                        order = (first(b) == '~') - (first(a) == '~');
                } else if (first(a) == '^' || first(b) == '^') {
                        /* Newer than the end, and older than anything else. */
                        order = a.len == 0 || b.len == 0 ? compare_sizes(a.len, b.len) : (first(b) == '^') - (first(a) == '^');
                } else if (a.len == 0 || b.len == 0) {
                        return compare_sizes(a.len > 0, b.len > 0);
                } else {
                        order = compare_segments(&a, &b);
                        continue;
                }
                if (order == 0) {
                        a = rest_of(a, 1);
                        b = rest_of(b, 1);
                }
        }
        return order;
}

bool policy_version_valid(enum policy_version_order order, const char *text)
{
        struct package_version version;

        return order == POLICY_VERSION_PLAIN || split(order, text, &version);
}

int policy_version_compare_in(enum policy_version_order order, const char *a, const char *b)
{
        int (*compare)(struct part, struct part) = order == POLICY_VERSION_DEBIAN ? compare_debian : compare_rpm;
        struct package_version one, other;
        int result;

        if (order == POLICY_VERSION_PLAIN || !split(order, a, &one) || !split(order, b, &other))
                return policy_version_compare(a, b);
        result = compare_sizes(one.epoch, other.epoch);
        if (result == 0)
                result = compare(one.version, other.version);
        /* What has a release is newer for rpm; for Debian none is as good as 0. */
        if (result == 0 && order == POLICY_VERSION_RPM)
                result = compare_sizes(one.has_revision, other.has_revision);
        return result != 0 ? result : compare(one.revision, other.revision);
}

const char *policy_version_order_name(enum policy_version_order order)
{
        static const char *const names[POLICY_VERSION_ORDER_COUNT] = {
                [POLICY_VERSION_PLAIN] = "plain",
                [POLICY_VERSION_DEBIAN] = "debian",
                [POLICY_VERSION_RPM] = "rpm",
        };

        return names[order];
}
