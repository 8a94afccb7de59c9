/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/internal.h"

#include <inttypes.h>

#define REFUSALS_MAX 20
#define TOKEN_DAYS   (ISSUER_REGISTRY_TOKEN_DAYS_KEPT + 1)

static void put_term(struct base_buffer *to, const char *term)
{
        base_buffer_printf(to, "<div><dt>%s</dt><dd>", term);
}

static void end_term(struct base_buffer *to)
{
        admin_html_put(to, "</dd></div>\n");
}

static bool put_keys(struct admin_page *page, const struct issuer_device *device, struct base_error *error)
{
        struct base_buffer *to = page->body;
        struct issuer_device_keys keys;

        if (!issuer_registry_device_keys(page->admin->registry, device->row, &keys, error))
                return false;
        put_term(to, "Endorsement key");
        admin_html_put(to, "<code class=\"hex\">");
        admin_html_put_hex(to, BASE_BYTES(device->ek_name, device->ek_name_len));
        admin_html_put(to, "</code>");
        end_term(to);
        put_term(to, "Its certificate");
        if (device->ek_certified)
                admin_html_put(to, "<span class=\"badge good\">by a trusted authority</span> ");
        else if (device->has_ek_fingerprint)
                admin_html_put(to, "<span class=\"badge warn\">by an authority that nobody asked for</span> ");
        else
                admin_html_put(to, "<span class=\"badge warn\">none</span>");
        if (device->has_ek_fingerprint) {
                admin_html_put(to, "<code class=\"hex\">");
                admin_html_put_hex(to, BASE_BYTES_OF(device->ek_fingerprint));
                admin_html_put(to, "</code>");
        }
        end_term(to);
        put_term(to, "Attestation key");
        if (keys.has_ak_name) {
                admin_html_put(to, "<code class=\"hex\">");
                admin_html_put_hex(to, BASE_BYTES_OF(keys.ak_name));
                admin_html_put(to, "</code>");
        }
        if (keys.superseded > 0)
                base_buffer_printf(to, " <span class=\"quiet\">after %zu that it replaced</span>", keys.superseded);
        end_term(to);
        return true;
}

static bool put_facts(struct admin_page *page, const struct issuer_device_summary *summary, struct base_error *error)
{
        const struct issuer_device *device = &summary->device;
        struct base_buffer *to = page->body;

        admin_html_put(to, "<dl class=\"facts\">\n");
        put_term(to, "Group");
        admin_put_group_link(to, device->group);
        end_term(to);
        put_term(to, "Enrolled");
        admin_html_put_time(to, device->enrolled_at);
        end_term(to);
        put_term(to, "Last token");
        admin_html_put_time(to, device->last_verified);
        end_term(to);
        put_term(to, "Tokens today");
        admin_html_put_number(to, summary->tokens_today);
        end_term(to);
        put_term(to, "Sealed to");
        admin_put_seal(to, device->seal);
        end_term(to);
        put_term(to, "Boot state");
        admin_put_boot_state(to, summary);
        if (summary->state_known) {
                admin_html_put(to, " since ");
                admin_html_put_time(to, summary->state_at);
                admin_html_put(to, "<br>");
                admin_put_state(to, summary->state);
        }
        end_term(to);
        if (!put_keys(page, device, error))
                return false;
        admin_html_put(to, "</dl>\n");
        return true;
}

static void put_button(struct base_buffer *to, const char *what, const char *id, const char *class, const char *label)
{
        base_buffer_printf(to, "<a class=\"button %s\" href=\"/change?do=%s&amp;id=", class, what);
        admin_html_put_query(to, id);
        base_buffer_printf(to, "\">%s…</a>\n", label);
}

static void put_actions(struct admin_page *page, const struct issuer_device_summary *summary)
{
        const char *id = summary->device.id;
        struct base_buffer *to = page->body;

        admin_html_put(to, "<div class=\"bar actions\">\n");
        if (summary->state_known && !summary->state_approved)
                put_button(to, "approve", id, "primary", "Approve its boot state");
        if (summary->device.status == ISSUER_DEVICE_ACTIVE)
                put_button(to, "revoke", id, "danger", "Revoke");
        else
                put_button(to, "restore", id, "", "Restore");
        admin_html_put(to, "<form class=\"search\" action=\"/change\" method=\"get\">\n"
                           "<input type=\"hidden\" name=\"do\" value=\"group\"><input type=\"hidden\" name=\"id\" value=\"");
        admin_html_put_text(to, id);
        admin_html_put(to, "\"><input name=\"group\" aria-label=\"Group\" placeholder=\"No group\" maxlength=\"64\" "
                           "autocomplete=\"off\" spellcheck=\"false\" value=\"");
        admin_html_put_text(to, summary->device.group);
        admin_html_put(to, "\"><button>Change the group…</button>\n</form>\n</div>\n");
}

static void put_boot_fact(struct base_buffer *to, const struct evidence_fact *fact)
{
        admin_html_put(to, "<tr><th scope=\"row\"><code>");
        admin_html_put_text(to, fact->name);
        admin_html_put(to, "</code></th><td>");
        if (fact->kind == EVIDENCE_FACT_BOOL)
                base_buffer_put_string(to, fact->boolean ? "yes" : "no");
        else if (fact->kind == EVIDENCE_FACT_INT)
                base_buffer_printf(to, "%" PRId64, fact->integer);
        else
                admin_html_put_text(to, fact->text);
        admin_html_put(to, "</td></tr>\n");
}

static bool put_boot(struct admin_page *page, int64_t row, struct base_error *error)
{
        base_auto_free struct issuer_boot *boot = calloc(1, sizeof(*boot));
        struct base_error reason = BASE_ERROR_INIT;
        struct base_buffer *to = page->body;

        if (boot == NULL)
                return base_error_set_no_memory(error);
        admin_html_put(to, "<h2>What its event log proves</h2>\n");
        if (!issuer_registry_find_boot(page->admin->registry, row, boot, &reason)) {
                if (reason.code != BASE_ERROR_NOT_FOUND)
                        return base_error_copy(error, &reason);
                admin_put_empty(to, "No event log of this device was accepted yet.");
                return true;
        }
        admin_html_put(to, "<div class=\"table\"><table class=\"slim plain\"><tbody>\n");
        for (size_t i = 0; i < boot->fact_count; i++)
                put_boot_fact(to, &boot->facts[i]);
        admin_html_put(to, "</tbody></table></div>\n");
        return true;
}

static bool put_tokens(struct admin_page *page, int64_t row, struct base_error *error)
{
        uint64_t counts[TOKEN_DAYS], first = page->now / 86400 - (TOKEN_DAYS - 1);

        if (!issuer_registry_token_days(page->admin->registry, row, first, counts, TOKEN_DAYS, error))
                return false;
        admin_html_put(page->body, "<h2>Tokens a day</h2>\n");
        admin_put_plot(page->body, counts, TOKEN_DAYS, first);
        return true;
}

static bool put_refused(struct admin_page *page, const char *id, struct base_error *error)
{
        base_auto_free struct issuer_refusal *refusals = calloc(REFUSALS_MAX, sizeof(*refusals));
        size_t count;

        if (refusals == NULL)
                return base_error_set_no_memory(error);
        admin_html_put(page->body, "<h2>Refusals</h2>\n");
        count = issuer_refusals_copy(issuer_service_refusals(page->admin->service), id, refusals, REFUSALS_MAX);
        if (count > 0)
                admin_put_refusals(page, refusals, count, false);
        else
                admin_put_empty(page->body, "Nothing was refused to this device since the issuer was started.");
        return true;
}

bool admin_view_device(struct admin_page *page, struct base_error *error)
{
        struct issuer_device_summary summary;
        struct base_buffer *to = page->body;

        if (!issuer_registry_summary(page->admin->registry, admin_form_get(&page->query, "id"), page->now, &summary, error))
                return false;
        admin_html_put(to, "<p class=\"title\"><code class=\"hex\">");
        admin_html_put_text(to, summary.device.id);
        admin_html_put(to, "</code> ");
        admin_put_standing(to, summary.device.status);
        admin_html_put(to, "</p>\n");
        put_actions(page, &summary);
        return put_facts(page, &summary, error) && put_refused(page, summary.device.id, error) &&
               put_tokens(page, summary.device.row, error) && put_boot(page, summary.device.row, error);
}
