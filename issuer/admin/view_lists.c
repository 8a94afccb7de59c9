/* SPDX-License-Identifier: BSD-2-Clause */
/* The overview, and the pages that are one table each. */
#include "issuer/admin/internal.h"

#include "base/encode.h"

#include <string.h>

#define OVERVIEW_REFUSALS 5

static void put_tile(struct base_buffer *to, const char *href, const char *label, uint64_t number)
{
        base_buffer_printf(to, "<li><a href=\"%s\"><span>%s</span><b>", href, label);
        admin_html_put_number(to, number);
        admin_html_put(to, "</b></a></li>\n");
}

static bool put_tiles(struct admin_page *page, uint64_t tokens_today, uint64_t refusals, struct base_error *error)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(page->admin->service);
        struct base_buffer *to = page->body;
        uint64_t active, revoked;

        if (!issuer_registry_count(page->admin->registry, ISSUER_DEVICE_ACTIVE, &active, error) ||
            !issuer_registry_count(page->admin->registry, ISSUER_DEVICE_REVOKED, &revoked, error))
                return false;
        admin_html_put(to, "<ul class=\"tiles\">\n");
        put_tile(to, "/devices", "Active devices", active);
        put_tile(to, "/devices?in=revoked", "Revoked devices", revoked);
        put_tile(to, "#tokens", "Tokens today", tokens_today);
        put_tile(to, "/refusals", "Refusals since the start", refusals);
        put_tile(to, "/keys", "Token keys", snapshot->keys.count);
        admin_html_put(to, "</ul>\n");
        return true;
}

static uint64_t sum_of(const struct issuer_refusal *refusals, size_t count)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < count; i++)
                sum += refusals[i].count;
        return sum;
}

bool admin_view_overview(struct admin_page *page, struct base_error *error)
{
        base_auto_free struct issuer_refusal *refusals = calloc(ISSUER_REFUSALS_MAX, sizeof(*refusals));
        uint64_t counts[ADMIN_DAYS], first = page->now / 86400 - (ADMIN_DAYS - 1);
        struct base_buffer *to = page->body;
        size_t count;

        if (refusals == NULL)
                return base_error_set_no_memory(error);
        count = issuer_refusals_copy(issuer_service_refusals(page->admin->service), NULL, refusals, ISSUER_REFUSALS_MAX);
        if (!issuer_registry_token_days(page->admin->registry, 0, first, counts, ADMIN_DAYS, error) ||
            !put_tiles(page, counts[ADMIN_DAYS - 1], sum_of(refusals, count), error))
                return false;
        admin_html_put(to, "<h2 id=\"tokens\">Tokens a day</h2>\n");
        admin_put_plot(to, counts, ADMIN_DAYS, first);
        admin_html_put(to, "<h2>Latest refusals</h2>\n");
        if (count > 0)
                admin_put_refusals(page, refusals, count < OVERVIEW_REFUSALS ? count : OVERVIEW_REFUSALS, true);
        else
                admin_put_empty(to, "Nothing was refused since the issuer was started.");
        return true;
}

bool admin_view_refusals(struct admin_page *page, struct base_error *error)
{
        base_auto_free struct issuer_refusal *refusals = calloc(ISSUER_REFUSALS_MAX, sizeof(*refusals));
        struct base_buffer *to = page->body;
        size_t count;

        if (refusals == NULL)
                return base_error_set_no_memory(error);
        count = issuer_refusals_copy(issuer_service_refusals(page->admin->service), NULL, refusals, ISSUER_REFUSALS_MAX);
        base_buffer_printf(
                to,
                "<p class=\"lead\">Since the issuer was started, the latest first; the log has each. Refusals of one device "
                "for one reason are one line. At most %d lines are kept for devices and %d for others.</p>\n",
                ISSUER_REFUSALS_OF_DEVICES_MAX, ISSUER_REFUSALS_OF_OTHERS_MAX);
        if (count > 0)
                admin_put_refusals(page, refusals, count, true);
        else
                admin_put_empty(to, "Nothing was refused since the issuer was started.");
        return true;
}

static void put_group(struct admin_page *page, const struct issuer_snapshot *snapshot, const struct issuer_group_summary *group)
{
        struct base_buffer *to = page->body;
        unsigned limit = issuer_snapshot_tokens_per_day(snapshot, group->name);
        const struct policy *policy = issuer_snapshot_policy(snapshot, group->name);

        admin_html_put(to, "<tr><th scope=\"row\" data-label=\"Group\">");
        if (group->name[0] == '\0')
                admin_html_put(to, "<a class=\"quiet\" href=\"/devices?in=group&amp;q=\">none</a>");
        else
                admin_put_group_link(to, group->name);
        admin_html_put(to, "</th><td data-label=\"Active\" class=\"number\">");
        admin_html_put_number(to, group->active);
        admin_html_put(to, "</td><td data-label=\"Revoked\" class=\"number\">");
        admin_html_put_number(to, group->revoked);
        admin_html_put(to, "</td><td data-label=\"Tokens today\" class=\"number\">");
        admin_html_put_number(to, group->tokens_today);
        admin_html_put(to, "</td><td data-label=\"A device gets a day\" class=\"number\">");
        if (limit == 0)
                admin_html_put(to, "<span class=\"quiet\">no limit</span>");
        else
                admin_html_put_number(to, limit);
        admin_html_put(to, "</td><td data-label=\"Policy\">");
        base_buffer_put_string(to, policy == NULL               ? "<span class=\"badge warn\">none</span>"
                                   : policy == snapshot->policy ? "common"
                                                                : "its own");
        admin_html_put(to, "</td></tr>\n");
}

bool admin_view_groups(struct admin_page *page, struct base_error *error)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(page->admin->service);
        struct issuer_group_summary groups[ISSUER_BROWSE_ROWS_MAX];
        const char *after = admin_form_get(&page->query, "after");
        struct base_buffer *to = page->body;
        size_t count;
        bool more;

        if (!issuer_registry_browse_groups(page->admin->registry, after[0] == '\0' ? NULL : after, page->now, groups, &count,
                                           &more, error))
                return false;
        if (count == 0) {
                admin_put_empty(to, "No device has enrolled yet.");
                return true;
        }
        admin_html_put(to,
                       "<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Group</th>"
                       "<th scope=\"col\" class=\"number\">Active</th><th scope=\"col\" class=\"number\">Revoked</th>"
                       "<th scope=\"col\" class=\"number\">Tokens today</th>"
                       "<th scope=\"col\" class=\"number\">A device gets a day</th><th scope=\"col\">Policy</th></tr></thead>\n"
                       "<tbody>\n");
        for (size_t i = 0; i < count; i++)
                put_group(page, snapshot, &groups[i]);
        admin_html_put(to, "</tbody></table></div>\n");
        if (more) {
                admin_html_put(to, "<nav class=\"pager\" aria-label=\"Pages of the list\"><a rel=\"next\" href=\"/groups?after=");
                admin_html_put_query(to, groups[count - 1].name);
                admin_html_put(to, "\">Further →</a></nav>\n");
        }
        return true;
}

/* The last approval of a page, as "after=HEX&group=NAME" names it; NULL: the first page. */
static bool read_after(struct admin_page *page, struct issuer_approval *to, const struct issuer_approval **ret,
                       struct base_error *error)
{
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(EVIDENCE_PCR_DIGEST_LEN);
        const char *hex = admin_form_get(&page->query, "after"), *group = admin_form_get(&page->query, "group");

        *ret = NULL;
        if (hex[0] == '\0')
                return true;
        if (!base_hex_decode(&digest, hex, strlen(hex)) || digest.len != sizeof(to->digest) ||
            strlen(group) > ISSUER_DEVICE_GROUP_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no such page of boot states");
        memcpy(to->digest, digest.data, digest.len);
        (void) snprintf(to->group, sizeof(to->group), "%s", group);
        *ret = to;
        return true;
}

static void put_approval(struct base_buffer *to, const struct issuer_approval *approval)
{
        admin_html_put(to, "<tr><td data-label=\"Group\">");
        admin_put_group_link(to, approval->group);
        admin_html_put(to, "</td><td data-label=\"Boot state\" class=\"wide\">");
        admin_put_state(to, approval->digest);
        admin_html_put(to, "</td><td data-label=\"Approved\">");
        admin_html_put_time(to, approval->approved_at);
        admin_html_put(to, "</td><td class=\"number\"><a class=\"button danger\" href=\"/change?do=disapprove&amp;state=");
        admin_html_put_hex(to, BASE_BYTES_OF(approval->digest));
        admin_html_put(to, "&amp;group=");
        admin_html_put_query(to, approval->group);
        admin_html_put(to, "\">Take back…</a></td></tr>\n");
}

bool admin_view_states(struct admin_page *page, struct base_error *error)
{
        struct issuer_approval approvals[ISSUER_BROWSE_ROWS_MAX], place = { 0 };
        const struct issuer_approval *after = NULL;
        struct base_buffer *to = page->body;
        size_t count;
        bool more;

        if (!read_after(page, &place, &after, error) ||
            !issuer_registry_browse_approved(page->admin->registry, after, approvals, &count, &more, error))
                return false;
        admin_html_put(
                to,
                "<p class=\"lead\">Boot states that an operator approved: firmware, boot loader and Secure Boot policy (PCRs 0, "
                "2, 4 and 7). They are approved from a device’s page. Those of <code>ReferenceValues=</code> are not "
                "among them.</p>\n");
        if (count == 0) {
                admin_put_empty(to, "No boot state is approved.");
                return true;
        }
        admin_html_put(to,
                       "<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Group</th><th scope=\"col\">Boot state</th>"
                       "<th scope=\"col\">Approved</th><th scope=\"col\"><span class=\"hidden\">Change</span></th></tr></thead>\n"
                       "<tbody>\n");
        for (size_t i = 0; i < count; i++)
                put_approval(to, &approvals[i]);
        admin_html_put(to, "</tbody></table></div>\n");
        if (more) {
                admin_html_put(to, "<nav class=\"pager\" aria-label=\"Pages of the list\"><a rel=\"next\" href=\"/states?after=");
                admin_html_put_hex(to, BASE_BYTES_OF(approvals[count - 1].digest));
                admin_html_put(to, "&amp;group=");
                admin_html_put_query(to, approvals[count - 1].group);
                admin_html_put(to, "\">Further →</a></nav>\n");
        }
        return true;
}

/* The key of the same type that clients were to use next, or NULL: keys are newest first. */
static const struct issuer_key *successor(const struct issuer_keys *keys, size_t at)
{
        for (size_t i = at; i-- > 0;)
                if (keys->items[i].type == keys->items[at].type)
                        return &keys->items[i];
        return NULL;
}

static void put_key(struct admin_page *page, const struct issuer_snapshot *snapshot, size_t at)
{
        const struct issuer_key *key = &snapshot->keys.items[at], *next = successor(&snapshot->keys, at);
        const struct token_public_key *public = token_issuer_key_public(key->key);
        struct base_buffer *to = page->body;

        admin_html_put(to, "<tr><td data-label=\"Type\" class=\"word\">");
        base_buffer_printf(to, "0x%04x <span class=\"quiet\">", key->type);
        admin_html_put_text(to, key->type == TOKEN_TYPE_BLIND_RSA ? "Blind RSA, 2048 bits" : "VOPRF, P-384");
        admin_html_put(to, "</span></td><td data-label=\"Standing\">");
        if (key->not_before > page->now)
                admin_html_put(to, "<span class=\"badge\">announced</span>");
        else if (next == NULL || next->not_before > page->now)
                admin_html_put(to, "<span class=\"badge good\">in use</span>");
        else
                admin_html_put(to, "<span class=\"badge warn\">answers still</span>");
        admin_html_put(to, "</td><td data-label=\"Valid from\">");
        admin_html_put_time(to, key->not_before);
        admin_html_put(to, "</td><td data-label=\"Age\" class=\"word\">");
        if (key->not_before > page->now)
                admin_html_put(to, "<span class=\"quiet\">not yet valid</span>");
        else
                admin_html_put_duration(to, page->now - key->not_before);
        admin_html_put(to, "</td><td data-label=\"Answers until\" class=\"word\">");
        if (next == NULL)
                admin_html_put(to, "<span class=\"quiet\">7 days after the next</span>");
        else
                admin_html_put_time(to, next->not_before + ISSUER_KEY_OVERLAP_S);
        admin_html_put(to, "</td><td data-label=\"Key id\" class=\"wide\"><code class=\"hex\">");
        admin_html_put_hex(to, BASE_BYTES(token_public_key_id(public), TOKEN_KEY_ID_LEN));
        admin_html_put(to, "</code></td></tr>\n");
}

bool admin_view_keys(struct admin_page *page, struct base_error *error)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(page->admin->service);
        unsigned rotate_days = page->admin->config->rotate_days;
        struct base_buffer *to = page->body;

        if (rotate_days == 0)
                admin_html_put(to, "<p class=\"lead\"><code>RotateDays=0</code>: no key is made or removed by itself.</p>\n");
        else
                base_buffer_printf(
                        to,
                        "<p class=\"lead\"><code>RotateDays=%u</code>: the next key is made when the newest is %u days "
                        "old.</p>\n",
                        rotate_days, rotate_days);
        admin_html_put(to, "<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Type</th><th scope=\"col\">Standing</th>"
                           "<th scope=\"col\">Valid from</th><th scope=\"col\">Age</th><th scope=\"col\">Answers until</th>"
                           "<th scope=\"col\">Key id</th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < snapshot->keys.count; i++)
                put_key(page, snapshot, i);
        admin_html_put(to, "</tbody></table></div>\n");
        return true;
}
