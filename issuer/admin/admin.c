/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/internal.h"

#include "issuer/admin/assets.h"
#include "issuer/tls.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

#define SOCKET_MODE  0660
#define OVERFLOW_UID 65534 /* user_namespaces(7): under PrivateUsers= of the unit most users are seen as this one */

static const struct {
        const char *path;
        const char *title;
        admin_view *view;
} views[] = {
        { "/", "Overview", admin_view_overview },
        { "/devices", "Devices", admin_view_devices },
        { "/device", "Device", admin_view_device },
        { "/groups", "Groups", admin_view_groups },
        { "/states", "Boot states", admin_view_states },
        { "/refusals", "Refusals", admin_view_refusals },
        { "/keys", "Keys", admin_view_keys },
        { "/change", "Change", admin_view_change },
};

static void begin(struct admin_page *page, const struct issuer_http_request *request, struct issuer_http_response *response,
                  struct issuer_admin *admin)
{
        *page = (struct admin_page){
                .admin = admin,
                .request = request,
                .response = response,
                .body = &response->body,
                .now = admin->clock->wall_seconds(admin->clock->context),
        };
}

static void on_get(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct admin_page page;

        begin(&page, request, response, context);
        for (size_t i = 0; i < BASE_COUNT(views); i++)
                if (strcmp(views[i].path, request->path) == 0)
                        admin_page_serve(&page, views[i].title, views[i].view);
}

static void on_get_or_change(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        if (strcmp(request->method, "POST") == 0)
                admin_on_change(request, response, context);
        else
                on_get(request, response, context);
}

static void on_style(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        issuer_http_response_put_body(response, 200, "text/css; charset=utf-8", BASE_BYTES_OF(admin_style_css));
}

static void on_script(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        issuer_http_response_put_body(response, 200, "text/javascript; charset=utf-8", BASE_BYTES_OF(admin_script_js));
}

static void on_icon(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        issuer_http_response_put_body(response, 200, "image/svg+xml", BASE_BYTES_OF(admin_icon_svg));
}

static const struct issuer_http_route routes[] = {
        { "/", "GET", 0, on_get, NULL },
        { "/devices", "GET", 0, on_get, NULL },
        { "/device", "GET", 0, on_get, NULL },
        { "/groups", "GET", 0, on_get, NULL },
        { "/states", "GET", 0, on_get, NULL },
        { "/refusals", "GET", 0, on_get, NULL },
        { "/keys", "GET", 0, on_get, NULL },
        { "/change", "GET POST", ADMIN_FORM_BYTES_MAX, on_get_or_change, NULL },
        { "/style.css", "GET", 0, on_style, NULL },
        { "/script.js", "GET", 0, on_script, NULL },
        { "/icon.svg", "GET", 0, on_icon, NULL },
};

static bool is_allowed_user(const struct issuer_admin *admin, uid_t uid)
{
        for (size_t i = 0; i < admin->user_count; i++)
                if (admin->users[i] == uid)
                        return true;
        return false;
}

/*
 * A browser comes to the Unix socket by way of a forwarded port of its own machine. A website whose name somebody has pointed
 * at that machine comes the same way, but by its own name.
 */
static bool is_loopback_host(const char *host)
{
        static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

        for (size_t i = 0; i < BASE_COUNT(names) && host != NULL; i++) {
                size_t len = strlen(names[i]);

                if (strncasecmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
                        return true;
        }
        return false;
}

static void log_refusal(struct issuer_admin *admin, const char *why, const char *who)
{
        issuer_events_write(admin->events, &(struct issuer_event){
                                                   .event = "admin",
                                                   .outcome = "refused",
                                                   .reason = base_error_name(BASE_ERROR_NOT_AUTHORIZED),
                                                   .detail = why,
                                                   .who = who,
                                                   .id = BASE_EVENT_ADMIN_REFUSED,
                                           });
}

static bool admit(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_admin *admin = context;
        struct base_error reason = BASE_ERROR_INIT;
        char who[ADMIN_WHO_MAX] = "";
        struct issuer_http_peer peer;
        struct admin_page page;

        if (issuer_http_request_peer(request, &peer, &reason)) {
                admin_who(&peer, who);
                if (peer.kind == ISSUER_HTTP_PEER_CERTIFICATE)
                        return true;
                if (!is_allowed_user(admin, peer.uid))
                        (void) base_error_set(&reason, BASE_ERROR_NOT_AUTHORIZED, "AllowedUsers= does not name this user");
                else if (!is_loopback_host(issuer_http_request_field(request, "Host")))
                        (void) base_error_set(&reason, BASE_ERROR_NOT_AUTHORIZED,
                                              "over the Unix socket this page is called localhost, and by no other name");
                else
                        return true;
        }
        log_refusal(admin, reason.message, who[0] == '\0' ? NULL : who);
        begin(&page, request, response, admin);
        admin_page_fail(&page, 403, reason.message);
        return false;
}

/* What the HTTP server itself answers, for programs, as a page for a person. */
static void put_problem_page(const struct issuer_http_request *request, struct issuer_http_response *response,
                             struct issuer_admin *admin)
{
        struct base_error ignored = BASE_ERROR_INIT;
        struct admin_page page;

        begin(&page, request, response, admin);
        if (issuer_http_request_peer(request, &page.peer, &ignored))
                admin_page_fail(&page, response->status,
                                response->status == 404   ? "there is no such page"
                                : response->status == 405 ? "this page does not take such a request"
                                : response->status == 413 ? "the form is too long"
                                                          : "the issuer is busy: try again");
}

/* Every response: nothing from elsewhere, nothing inline, in no frame, kept by nobody. */
static void finish(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        if (response->body.len > 0 && response->body.data[0] == '{')
                put_problem_page(request, response, context);
        issuer_http_response_put_field(response, "Content-Security-Policy",
                                       "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
                                       "form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
        issuer_http_response_put_field(response, "X-Frame-Options", "DENY");
        issuer_http_response_put_field(response, "X-Content-Type-Options", "nosniff");
        issuer_http_response_put_field(response, "Cache-Control", "no-store");
        /* With "no-referrer" a browser would hide, too, where a form comes from. */
        issuer_http_response_put_field(response, "Referrer-Policy", "same-origin");
        issuer_http_response_put_field(response, "Cross-Origin-Opener-Policy", "same-origin");
        issuer_http_response_put_field(response, "Cross-Origin-Resource-Policy", "same-origin");
}

static void on_refused(const char *why, void *context)
{
        log_refusal(context, why, NULL);
}

static bool add_user(struct issuer_admin *admin, const char *name, struct base_error *error)
{
        struct passwd entry, *found = NULL;
        char buffer[4096], *end = NULL;
        unsigned long number = strtoul(name, &end, 10);

        if (admin->user_count == ADMIN_USERS_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "[Admin] AllowedUsers= has more than %d users",
                                      ADMIN_USERS_MAX);
        if (name[0] < '0' || name[0] > '9' || *end != '\0' || number >= (uid_t) -1) {
                if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "[Admin] AllowedUsers=: there is no user %s",
                                              name);
                number = entry.pw_uid;
        }
        if (number == OVERFLOW_UID)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "[Admin] AllowedUsers=: %s stands for every user that a user namespace does not know",
                                      name);
        admin->users[admin->user_count++] = (uid_t) number;
        return true;
}

static bool find_users(struct issuer_admin *admin, struct base_error *error)
{
        base_auto_free char *copy = NULL;
        char *rest, *name;

        if (admin->config->admin_allowed_users == NULL) {
                admin->users[admin->user_count++] = 0;
                admin->users[admin->user_count++] = geteuid();
                return true;
        }
        copy = strdup(admin->config->admin_allowed_users);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        rest = copy;
        while ((name = strsep(&rest, " \t")) != NULL)
                if (name[0] != '\0' && !add_user(admin, name, error))
                        return false;
        return true;
}

static unsigned at_most(unsigned value, unsigned max)
{
        return value < max ? value : max;
}

static struct issuer_http_client_files clients_of(const struct issuer_config *config)
{
        return (struct issuer_http_client_files){
                .authorities = config->admin_client_ca,
                .allow_list = config->admin_client_allow_list,
                .revocation_list = config->admin_client_revocation_list,
        };
}

bool issuer_admin_check(const struct issuer_config *config, struct base_error *error)
{
        issuer_auto_tls_files struct issuer_tls_files files = { 0 };
        const struct issuer_http_client_files clients = clients_of(config);
        struct issuer_admin admin = { .config = config };

        if (!find_users(&admin, error))
                return false;
        if (config->admin_client_ca == NULL)
                return true;
        return (config->admin_certificate == NULL ||
                issuer_tls_files_load(config->admin_certificate, config->admin_certificate_key, &files, error)) &&
               issuer_http_client_files_check(&clients, error);
}

static bool listen_on(struct issuer_admin *admin, struct base_error *error)
{
        const struct issuer_config *config = admin->config;
        bool tls = config->admin_client_ca != NULL, own = config->admin_certificate != NULL;
        const struct issuer_http_client_files clients = clients_of(config);
        const struct issuer_http_options options = {
                .listen = config->admin_listen,
                .certificate_file = !tls  ? NULL
                                    : own ? config->admin_certificate
                                          : config->certificate,
                .key_file = !tls  ? NULL
                            : own ? config->admin_certificate_key
                                  : config->certificate_key,
                .routes = routes,
                .route_count = BASE_COUNT(routes),
                .context = admin,
                .admit = admit,
                .finish = finish,
                .clients = tls ? &clients : NULL,
                .socket_mode = SOCKET_MODE,
                .on_refused = on_refused,
                .threads = ADMIN_THREADS,
                .connections_max = ADMIN_CONNECTIONS_MAX,
                .idle_timeout_s = at_most(config->idle_timeout_s, ADMIN_IDLE_TIMEOUT_MAX_S),
                .request_timeout_s = at_most(config->request_timeout_s, ADMIN_REQUEST_TIMEOUT_MAX_S),
                .clock = admin->clock,
        };

        return issuer_http_server_start(&options, &admin->server, error) || base_error_prefix(error, "[Admin]");
}

static void stop(struct issuer_admin **admin)
{
        issuer_admin_stop(*admin);
}

bool issuer_admin_start(const struct issuer_config *config, struct issuer_service *service, struct issuer_events *events,
                        const struct base_clock *clock, const struct base_random *random, struct issuer_admin **ret,
                        struct base_error *error)
{
        BASE_CLEANUP(stop) struct issuer_admin *admin = calloc(1, sizeof(*admin));
        base_auto_free char *path = NULL;

        if (admin == NULL || asprintf(&path, "%s/" ISSUER_REGISTRY_FILE, config->state_directory) < 0)
                return base_error_set_no_memory(error);
        admin->config = config;
        admin->service = service;
        admin->events = events;
        admin->clock = clock;
        if (!find_users(admin, error) || !random->fill(random->context, admin->csrf_key, sizeof(admin->csrf_key), error) ||
            !issuer_registry_open(path, random, &admin->registry, error) ||
            !issuer_registry_make_durable(admin->registry, error) || !listen_on(admin, error))
                return false;
        *ret = BASE_STEAL(admin);
        return true;
}

void issuer_admin_stop(struct issuer_admin *admin)
{
        if (admin == NULL)
                return;
        issuer_http_server_free(admin->server);
        issuer_registry_close(admin->registry);
        explicit_bzero(admin->csrf_key, sizeof(admin->csrf_key));
        free(admin);
}

struct issuer_http_server *issuer_admin_server(struct issuer_admin *admin)
{
        return admin->server;
}
