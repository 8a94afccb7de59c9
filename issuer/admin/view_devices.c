/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/internal.h"

#include <ctype.h>
#include <string.h>

/* In the order of the menu; NULL ends it. */
static const struct {
        const char *name;
        const char *label;
        enum issuer_browse_by by;
} kinds[] = {
        { "", "Anything", ISSUER_BROWSE_ALL },
        { "id", "Identifier", ISSUER_BROWSE_ID },
        { "name", "Key name", ISSUER_BROWSE_EK_NAME },
        { "group", "Group", ISSUER_BROWSE_GROUP },
};

struct search {
        char text[ADMIN_FORM_VALUE_MAX + 1]; /* hex digits in lower case, a group as it was given */
        const char *kind;                    /* of `kinds`, or "revoked", or "" for all */
        struct issuer_browse browse;
};

static bool is_hex(const char *text)
{
        return text[0] != '\0' && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

static void to_lower(char *text)
{
        for (; *text != '\0'; text++)
                *text = (char) tolower((unsigned char) *text);
}

static void search_by(struct search *search, enum issuer_browse_by by, const char *kind)
{
        search->browse.by = by;
        search->kind = kind;
        if (by != ISSUER_BROWSE_GROUP)
                to_lower(search->text);
}

/* A group of that very name; or else an identifier that begins so; or else, if there is none, a key's name that does. */
static bool guess(struct admin_page *page, struct search *search, struct issuer_browse_page *found, struct base_error *error)
{
        struct issuer_registry *registry = page->admin->registry;
        bool has_group;

        if (!issuer_registry_has_group(registry, search->text, &has_group, error))
                return false;
        if (has_group || !is_hex(search->text)) {
                search_by(search, ISSUER_BROWSE_GROUP, "group");
                return true;
        }
        search_by(search, ISSUER_BROWSE_ID, "id");
        if (strlen(search->text) <= ISSUER_DEVICE_ID_LEN) {
                if (!issuer_registry_browse(registry, &search->browse, page->now, found, error))
                        return false;
                if (found->count > 0)
                        return true;
        }
        search_by(search, ISSUER_BROWSE_EK_NAME, "name");
        return true;
}

static bool understand(struct admin_page *page, struct search *search, struct issuer_browse_page *found, struct base_error *error)
{
        const char *kind = admin_form_get(&page->query, "in");
        const char *before = admin_form_get(&page->query, "before");

        (void) snprintf(search->text, sizeof(search->text), "%s", admin_form_get(&page->query, "q"));
        search->browse.text = search->text;
        search->browse.backwards = before[0] != '\0';
        search->browse.cursor = search->browse.backwards ? before : admin_form_get(&page->query, "after");
        search->kind = "";
        if (strcmp(kind, "revoked") == 0) {
                search_by(search, ISSUER_BROWSE_REVOKED, "revoked");
                return true;
        }
        for (size_t i = 1; i < BASE_COUNT(kinds); i++)
                if (strcmp(kind, kinds[i].name) == 0) {
                        search_by(search, kinds[i].by, kinds[i].name);
                        return true;
                }
        if (kind[0] != '\0')
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "nothing is looked for in that way");
        return search->text[0] == '\0' || guess(page, search, found, error);
}

static void put_search(struct admin_page *page, const struct search *search)
{
        struct base_buffer *to = page->body;

        admin_html_put(to, "<div class=\"bar\">\n<form class=\"search\" role=\"search\" action=\"/devices\" method=\"get\">\n"
                           "<input type=\"search\" name=\"q\" aria-label=\"Look for\" "
                           "placeholder=\"Identifier, key name or group\" maxlength=\"160\" spellcheck=\"false\" "
                           "autocomplete=\"off\" value=\"");
        admin_html_put_text(to, search->text);
        admin_html_put(to, "\">\n<select name=\"in\" aria-label=\"Look in\">\n");
        for (size_t i = 0; i < BASE_COUNT(kinds); i++)
                base_buffer_printf(to, "<option value=\"%s\"%s>%s</option>\n", kinds[i].name,
                                   strcmp(kinds[i].name, search->kind) == 0 ? " selected" : "", kinds[i].label);
        admin_html_put(to, "</select>\n<button>Search</button>\n</form>\n<ul class=\"tabs\" aria-label=\"Which devices\">\n");
        base_buffer_printf(to,
                           "<li><a href=\"/devices\"%s>All</a></li>\n<li><a href=\"/devices?in=revoked\"%s>Revoked</a></li>\n",
                           search->browse.by == ISSUER_BROWSE_ALL ? " aria-current=\"page\"" : "",
                           search->browse.by == ISSUER_BROWSE_REVOKED ? " aria-current=\"page\"" : "");
        admin_html_put(to, "</ul>\n</div>\n");
}

static bool put_sentence(struct admin_page *page, const struct search *search, struct base_error *error)
{
        struct base_buffer *to = page->body;
        uint64_t active, revoked;

        if (!issuer_registry_count(page->admin->registry, ISSUER_DEVICE_ACTIVE, &active, error) ||
            !issuer_registry_count(page->admin->registry, ISSUER_DEVICE_REVOKED, &revoked, error))
                return false;
        admin_html_put(to, "<p class=\"lead\">");
        switch (search->browse.by) {
        case ISSUER_BROWSE_REVOKED:
                admin_html_put_number(to, revoked);
                base_buffer_put_string(to, revoked == 1 ? " revoked device" : " revoked devices, the newest first");
                break;
        case ISSUER_BROWSE_GROUP:
                admin_html_put(to, "Devices of the group <b><bdi>");
                admin_html_put_text(to, search->text[0] == '\0' ? "(none)" : search->text);
                admin_html_put(to, "</bdi></b>, the newest first");
                break;
        case ISSUER_BROWSE_ID:
        case ISSUER_BROWSE_EK_NAME:
                base_buffer_printf(to, "Devices whose %s begins with <code>",
                                   search->browse.by == ISSUER_BROWSE_ID ? "identifier" : "endorsement key’s name");
                admin_html_put_text(to, search->text);
                admin_html_put(to, "</code>");
                break;
        default:
                admin_html_put_number(to, active);
                admin_html_put(to, " active and ");
                admin_html_put_number(to, revoked);
                admin_html_put(to, " revoked devices, the newest first");
        }
        admin_html_put(to, "</p>\n");
        return true;
}

static void put_row(struct admin_page *page, const struct issuer_device_summary *summary)
{
        struct issuer_refusals *refusals = issuer_service_refusals(page->admin->service);
        const struct issuer_device *device = &summary->device;
        struct base_buffer *to = page->body;

        admin_html_put(to, "<tr><th scope=\"row\" data-label=\"Device\">");
        admin_put_device_link(to, device->id);
        admin_html_put(to, "</th><td data-label=\"Group\">");
        admin_put_group_link(to, device->group);
        admin_html_put(to, "</td><td data-label=\"Standing\">");
        admin_put_standing(to, device->status);
        admin_html_put(to, "</td><td data-label=\"Enrolled\">");
        admin_html_put_time(to, device->enrolled_at);
        admin_html_put(to, "</td><td data-label=\"Last token\">");
        admin_html_put_time(to, device->last_verified);
        admin_html_put(to, "</td><td data-label=\"Seal\">");
        admin_put_seal(to, device->seal);
        admin_html_put(to, "</td><td data-label=\"Boot state\">");
        admin_put_boot_state(to, summary);
        admin_html_put(to, "</td><td data-label=\"Tokens today\" class=\"number\">");
        admin_html_put_number(to, summary->tokens_today);
        admin_html_put(to, "</td><td data-label=\"Refusals\" class=\"number\">");
        admin_html_put_number(to, issuer_refusals_count(refusals, device->id));
        admin_html_put(to, "</td></tr>\n");
}

static void put_pager_link(struct admin_page *page, const struct search *search, bool there, const char *which, const char *id,
                           const char *label)
{
        struct base_buffer *to = page->body;

        if (!there) {
                base_buffer_printf(to, "<span class=\"off\" aria-hidden=\"true\">%s</span>\n", label);
                return;
        }
        base_buffer_printf(to, "<a rel=\"%s\" href=\"/devices?in=%s&amp;q=", strcmp(which, "after") == 0 ? "next" : "prev",
                           search->kind);
        admin_html_put_query(to, search->text);
        base_buffer_printf(to, "&amp;%s=", which);
        admin_html_put_query(to, id);
        base_buffer_printf(to, "\">%s</a>\n", label);
}

static void put_table(struct admin_page *page, const struct search *search, const struct issuer_browse_page *found)
{
        struct base_buffer *to = page->body;

        if (found->count == 0 && search->browse.by == ISSUER_BROWSE_ALL) {
                admin_put_empty(to, "No device has enrolled yet. A device’s administrator enrols it with "
                                    "<code>attestctl enroll</code>.");
                return;
        }
        if (found->count == 0 && search->browse.by == ISSUER_BROWSE_REVOKED) {
                admin_put_empty(to, "No device is revoked.");
                return;
        }
        if (found->count == 0) {
                admin_put_empty(to, "There is no such device.");
                return;
        }
        admin_html_put(to, "<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Device</th><th scope=\"col\">Group</th>"
                           "<th scope=\"col\">Standing</th><th scope=\"col\">Enrolled</th><th scope=\"col\">Last token</th>"
                           "<th scope=\"col\">Seal</th><th scope=\"col\">Boot state</th>"
                           "<th scope=\"col\" class=\"number\">Tokens today</th><th scope=\"col\" class=\"number\">Refusals</th>"
                           "</tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < found->count; i++)
                put_row(page, &found->items[i]);
        admin_html_put(to, "</tbody></table></div>\n");
        if (found->more_before || found->more_after) {
                admin_html_put(to, "<nav class=\"pager\" aria-label=\"Pages of the list\">\n");
                put_pager_link(page, search, found->more_before, "before", found->items[0].device.id, "← Back");
                put_pager_link(page, search, found->more_after, "after", found->items[found->count - 1].device.id, "Further →");
                admin_html_put(to, "</nav>\n");
        }
}

bool admin_view_devices(struct admin_page *page, struct base_error *error)
{
        base_auto_free struct issuer_browse_page *found = calloc(1, sizeof(*found));
        struct base_error reason = BASE_ERROR_INIT;
        struct search search = { .kind = "" };
        bool ok;

        if (found == NULL)
                return base_error_set_no_memory(error);
        if (!understand(page, &search, found, error))
                return false;
        put_search(page, &search);
        ok = issuer_registry_browse(page->admin->registry, &search.browse, page->now, found, &reason);
        /* What cannot be a device's is not one's: said in the page, where the search stands. */
        if (!ok && reason.code == BASE_ERROR_INVALID_ARGUMENT) {
                found->count = 0;
                admin_html_put(page->body, "<p class=\"lead\">");
                admin_html_put_sentence(page->body, reason.message);
                admin_html_put(page->body, "</p>\n");
        } else if (!ok) {
                return base_error_copy(error, &reason);
        } else if (!put_sentence(page, &search, error)) {
                return false;
        }
        put_table(page, &search, found);
        return true;
}
