/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/internal.h"

#include "base/encode.h"

#include <pwd.h>
#include <string.h>

static const struct {
        const char *path;
        const char *name;
        const char *also; /* a page below it */
} navigation[] = {
        { "/", "Overview", NULL },          { "/devices", "Devices", "/device" }, { "/groups", "Groups", NULL },
        { "/states", "Boot states", NULL }, { "/refusals", "Refusals", NULL },    { "/keys", "Keys", NULL },
};

void admin_who(const struct issuer_http_peer *peer, char ret[static ADMIN_WHO_MAX])
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(sizeof(peer->fingerprint) * 2 + 1);
        struct passwd entry, *found = NULL;
        char buffer[4096];

        if (peer->kind == ISSUER_HTTP_PEER_CERTIFICATE) {
                base_hex_encode(&hex, BASE_BYTES_OF(peer->fingerprint));
                (void) snprintf(ret, ADMIN_WHO_MAX, "%s (certificate %s)", peer->subject, base_buffer_c_string(&hex));
        } else if (peer->kind == ISSUER_HTTP_PEER_USER) {
                (void) getpwuid_r(peer->uid, &entry, buffer, sizeof(buffer), &found);
                (void) snprintf(ret, ADMIN_WHO_MAX, "user %.64s (uid %u)", found == NULL ? "without a name" : entry.pw_name,
                                (unsigned) peer->uid);
        } else {
                (void) snprintf(ret, ADMIN_WHO_MAX, "nobody");
        }
}

/* What of it fits beside the navigation: no fingerprint. */
static void put_who(struct admin_page *page)
{
        char who[ADMIN_WHO_MAX];

        if (page->peer.kind == ISSUER_HTTP_PEER_ANYBODY)
                return;
        admin_who(&page->peer, who);
        admin_html_put(page->body, "<span class=\"who\" title=\"");
        admin_html_put_text(page->body, who);
        admin_html_put(page->body, "\">");
        if (page->peer.kind == ISSUER_HTTP_PEER_CERTIFICATE)
                (void) snprintf(who, sizeof(who), "%s", page->peer.subject);
        admin_html_put_text(page->body, who);
        admin_html_put(page->body, "</span>\n");
}

static void put_navigation(struct admin_page *page)
{
        const char *path = page->request->path;

        admin_html_put(page->body, "<nav aria-label=\"Pages\"><ul>\n");
        for (size_t i = 0; i < BASE_COUNT(navigation); i++) {
                bool here = strcmp(path, navigation[i].path) == 0;
                bool below = navigation[i].also != NULL && strcmp(path, navigation[i].also) == 0;

                base_buffer_printf(page->body, "<li><a href=\"%s\"%s>%s</a></li>\n", navigation[i].path,
                                   here    ? " aria-current=\"page\""
                                   : below ? " aria-current=\"true\""
                                           : "",
                                   navigation[i].name);
        }
        admin_html_put(page->body, "</ul></nav>\n");
}

static void put_head(struct admin_page *page, const char *title)
{
        admin_html_put(page->body, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                                   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
        admin_html_put_text(page->body, title);
        admin_html_put(page->body, " · ");
        admin_html_put_text(page->body, page->admin->config->name);
        admin_html_put(page->body, "</title>\n<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n"
                                   "<link rel=\"stylesheet\" href=\"/style.css\">\n"
                                   "<script src=\"/script.js\" defer></script>\n</head>\n<body>\n"
                                   "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n"
                                   "<a class=\"name\" href=\"/\"><img src=\"/icon.svg\" alt=\"\" width=\"20\" height=\"20\"><b>");
        admin_html_put_text(page->body, page->admin->config->name);
        admin_html_put(page->body, "</b></a>\n");
        put_navigation(page);
        admin_html_put(page->body, "<span class=\"zone\">Times are UTC</span>\n");
        put_who(page);
        admin_html_put(page->body, "</header>\n<main id=\"main\" tabindex=\"-1\">\n<h1>");
        admin_html_put_text(page->body, title);
        admin_html_put(page->body, "</h1>\n");
}

static void put_foot(struct admin_page *page)
{
        admin_html_put(page->body, "</main>\n<footer>All times are UTC. As of ");
        admin_html_put_time(page->body, page->now);
        admin_html_put(page->body, ".</footer>\n</body>\n</html>\n");
}

void admin_page_fail(struct admin_page *page, unsigned status, const char *sentence)
{
        issuer_http_response_put_body(page->response, status, "text/html; charset=utf-8", BASE_BYTES("", 0));
        put_head(page, status == 404 ? "Not found" : status == 403 ? "Refused" : status < 500 ? "Not possible" : "Out of order");
        admin_html_put(page->body, "<p class=\"alert\" role=\"alert\">");
        admin_html_put_sentence(page->body, sentence);
        admin_html_put(page->body, "</p>\n<p><a href=\"/\">To the overview</a></p>\n");
        put_foot(page);
}

struct reading {
        struct admin_form *form;
        struct base_error *error;
        bool ok;
};

static bool read_parameter(void *context, const char *name, const char *value, size_t value_len)
{
        struct reading *reading = context;

        reading->ok = admin_form_add(reading->form, name, strlen(name), value == NULL ? "" : value, value == NULL ? 0 : value_len,
                                     reading->error);
        return reading->ok;
}

void admin_page_serve(struct admin_page *page, const char *title, admin_view *view)
{
        struct base_error error = BASE_ERROR_INIT;
        struct reading reading = { .form = &page->query, .error = &error, .ok = true };

        if (!issuer_http_request_peer(page->request, &page->peer, &error)) {
                admin_page_fail(page, 403, error.message);
                return;
        }
        issuer_http_request_visit_query(page->request, read_parameter, &reading);
        if (!reading.ok) {
                admin_page_fail(page, 400, error.message);
                return;
        }
        issuer_http_response_put_body(page->response, 200, "text/html; charset=utf-8", BASE_BYTES("", 0));
        put_head(page, title);
        if (view(page, &error))
                put_foot(page);
        else if (error.code == BASE_ERROR_NOT_FOUND)
                admin_page_fail(page, 404, error.message);
        else
                admin_page_fail(page, error.code == BASE_ERROR_INVALID_ARGUMENT || error.code == BASE_ERROR_MALFORMED ? 400 : 503,
                                error.message);
}
