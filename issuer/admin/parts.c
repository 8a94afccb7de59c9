/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/internal.h"

#include <string.h>

void admin_put_device_link(struct base_buffer *to, const char *id)
{
        admin_html_put(to, "<a class=\"id\" href=\"/device?id=");
        admin_html_put_query(to, id);
        admin_html_put(to, "\">");
        admin_html_put_text(to, id);
        admin_html_put(to, "</a>");
}

void admin_put_group_link(struct base_buffer *to, const char *group)
{
        if (group[0] == '\0') {
                admin_html_put(to, "<span class=\"quiet\">none</span>");
                return;
        }
        admin_html_put(to, "<a href=\"/devices?in=group&amp;q=");
        admin_html_put_query(to, group);
        admin_html_put(to, "\"><bdi>");
        admin_html_put_text(to, group);
        admin_html_put(to, "</bdi></a>");
}

void admin_put_standing(struct base_buffer *to, enum issuer_device_status status)
{
        if (status == ISSUER_DEVICE_ACTIVE)
                admin_html_put(to, "<span class=\"badge good\">active</span>");
        else
                admin_html_put(to, "<span class=\"badge bad\">revoked</span>");
}

void admin_put_seal(struct base_buffer *to, const char *seal)
{
        if (seal[0] == '\0') {
                admin_html_put(to, "<span class=\"quiet\">not known</span>");
        } else if (strcmp(seal, "none") == 0) {
                admin_html_put(to, "<span class=\"badge warn\">not sealed</span>");
        } else {
                admin_html_put(to, "<code>");
                admin_html_put_text(to, seal);
                admin_html_put(to, "</code>");
        }
}

void admin_put_boot_state(struct base_buffer *to, const struct issuer_device_summary *summary)
{
        if (!summary->state_known)
                admin_html_put(to, "<span class=\"quiet\">not known</span>");
        else if (summary->state_approved)
                admin_html_put(to, "<span class=\"badge good\">approved</span>");
        else
                admin_html_put(to, "<span class=\"badge warn\">not approved</span>");
}

void admin_put_state(struct base_buffer *to, const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN])
{
        admin_html_put(to, "<code class=\"hex\">");
        admin_html_put_hex(to, BASE_BYTES(digest, EVIDENCE_PCR_DIGEST_LEN));
        admin_html_put(to, "</code>");
}

static void put_refusal(struct admin_page *page, const struct issuer_refusal *refusal, bool with_device)
{
        struct base_buffer *to = page->body;

        admin_html_put(to, "<tr><td data-label=\"Last\">");
        admin_html_put_time(to, refusal->last);
        if (with_device) {
                admin_html_put(to, "</td><td data-label=\"Device\">");
                if (refusal->device[0] == '\0')
                        admin_html_put(to, "<span class=\"quiet\">not known</span>");
                else
                        admin_put_device_link(to, refusal->device);
        }
        admin_html_put(to, "</td><td data-label=\"Asked for\" class=\"word\">");
        admin_html_put_text(to, refusal->event);
        admin_html_put(to, "</td><td data-label=\"Reason\" class=\"wide\"><b>");
        admin_html_put_text(to, base_error_name(refusal->reason));
        base_buffer_printf(to, "</b> <span class=\"quiet\">%u</span><br>", refusal->status);
        admin_html_put_text(to, refusal->text);
        admin_html_put(to, "</td><td data-label=\"Times\" class=\"number\">");
        admin_html_put_number(to, refusal->count);
        admin_html_put(to, "</td><td data-label=\"First\">");
        admin_html_put_time(to, refusal->first);
        admin_html_put(to, "</td></tr>\n");
}

void admin_put_refusals(struct admin_page *page, const struct issuer_refusal *refusals, size_t count, bool with_device)
{
        struct base_buffer *to = page->body;

        admin_html_put(to, "<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Last</th>");
        if (with_device)
                admin_html_put(to, "<th scope=\"col\">Device</th>");
        admin_html_put(to, "<th scope=\"col\">Asked for</th><th scope=\"col\">Reason</th>"
                           "<th scope=\"col\" class=\"number\">Times</th><th scope=\"col\">First</th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < count; i++)
                put_refusal(page, &refusals[i], with_device);
        admin_html_put(to, "</tbody></table></div>\n");
}
