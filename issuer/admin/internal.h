/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the admin page share. May be included by issuer/admin/ only.
 */
#pragma once

#include "issuer/admin/admin.h"
#include "issuer/admin/form.h"
#include "issuer/admin/html.h"
#include "issuer/registry_browse.h"

#define ADMIN_CSRF_KEY_LEN    32
#define ADMIN_CSRF_LIFETIME_S 3600
#define ADMIN_WHO_MAX         400
#define ADMIN_DAYS            30 /* of the plot */

struct issuer_admin {
        const struct issuer_config *config;
        struct issuer_service *service;
        struct issuer_events *events;
        const struct base_clock *clock;
        struct issuer_registry *registry; /* owned; not the service's */
        struct issuer_http_server *server;
        uint8_t csrf_key[ADMIN_CSRF_KEY_LEN]; /* of this process only */
        uid_t users[ADMIN_USERS_MAX];         /* who may come over the Unix socket */
        size_t user_count;
};

/* One page while it is written. */
struct admin_page {
        struct issuer_admin *admin;
        const struct issuer_http_request *request;
        struct issuer_http_response *response;
        struct base_buffer *body; /* the response's */
        struct issuer_http_peer peer;
        struct admin_form query;
        uint64_t now;
};

/* Writes what is between head and foot. Errors become a page of their own: NOT_FOUND 404, INVALID_ARGUMENT 400, others 503. */
typedef bool admin_view(struct admin_page *page, struct base_error *error);

admin_view admin_view_overview;
admin_view admin_view_devices;
admin_view admin_view_device;
admin_view admin_view_groups;
admin_view admin_view_states;
admin_view admin_view_refusals;
admin_view admin_view_keys;
admin_view admin_view_change; /* asks whether it is meant */

/* POST /change. */
issuer_http_handler admin_on_change;

/* page.c: head and foot around a view, and the pages that say what is wrong. `title` is a literal. */
void admin_page_serve(struct admin_page *page, const char *title, admin_view *view);
void admin_page_fail(struct admin_page *page, unsigned status, const char *sentence);

/* "CN=alice,O=Fleet (certificate 0123abcd…)" or "user alice (uid 1000)": for the log and the page's head. */
void admin_who(const struct issuer_http_peer *peer, char ret[static ADMIN_WHO_MAX]);

/* parts.c: what several pages show. */
void admin_put_device_link(struct base_buffer *to, const char *id);
void admin_put_group_link(struct base_buffer *to, const char *group);
void admin_put_standing(struct base_buffer *to, enum issuer_device_status status);
void admin_put_seal(struct base_buffer *to, const char *seal);
void admin_put_boot_state(struct base_buffer *to, const struct issuer_device_summary *summary);
void admin_put_state(struct base_buffer *to, const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN]);
void admin_put_refusals(struct admin_page *page, const struct issuer_refusal *refusals, size_t count, bool with_device);
/* "Nothing here" in place of a table. */
#define admin_put_empty(to, sentence) admin_html_put(to, "<p class=\"empty\">" sentence "</p>\n")

/* plot.c: `counts` of the days from `first_day` on, as a picture and as a table beneath. */
void admin_put_plot(struct base_buffer *to, const uint64_t *counts, size_t count, uint64_t first_day);
