/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator may change. GET /change asks whether it is meant, and its form carries a MAC over who asks, what is to be
 * changed and until when; POST /change does it. The MAC's key never leaves the process: no other website, and no other
 * operator's page, can make such a form.
 */
#include "issuer/admin/internal.h"

#include "base/encode.h"
#include "base/hash.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define STATE_HEX_LEN (2 * EVIDENCE_PCR_DIGEST_LEN)
#define PIECES        6

/* What is to be changed; each member is a field of the form. */
struct change {
        const struct action *action;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        char group[ADMIN_FORM_VALUE_MAX + 1];
        char state[STATE_HEX_LEN + 1]; /* hex */
        char expires[24];              /* seconds since 1970 */
};

struct action {
        const char *name;
        const char *title;
        const char *button;
        bool of_device;   /* or else of a group's boot state */
        bool of_state;    /* the boot state that was looked at */
        const char *what; /* what follows from it */
        bool (*run)(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error);
};

static bool decode_state(const struct change *change, uint8_t ret[static EVIDENCE_PCR_DIGEST_LEN], struct base_error *error)
{
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(EVIDENCE_PCR_DIGEST_LEN);

        if (!base_hex_decode(&digest, change->state, strlen(change->state)) || digest.len != EVIDENCE_PCR_DIGEST_LEN)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a boot state is %d hex digits", STATE_HEX_LEN);
        memcpy(ret, digest.data, digest.len);
        return true;
}

static bool run_approve(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];

        return decode_state(change, digest, error) &&
               issuer_registry_approve_state(registry, change->id, change->group, BASE_BYTES_OF(digest), now, error);
}

static bool run_disapprove(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];

        return decode_state(change, digest, error) &&
               issuer_registry_disapprove(registry, change->group, BASE_BYTES_OF(digest), error);
}

static bool run_revoke(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error)
{
        return issuer_registry_set_status(registry, change->id, ISSUER_DEVICE_REVOKED, error);
}

static bool run_restore(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error)
{
        return issuer_registry_set_status(registry, change->id, ISSUER_DEVICE_ACTIVE, error);
}

static bool run_set_group(struct issuer_registry *registry, const struct change *change, uint64_t now, struct base_error *error)
{
        return issuer_registry_set_group(registry, change->id, change->group, error);
}

static const struct action actions[] = {
        { "approve", "Approve a boot state", "Approve", true, true,
          "Every device of the group in this boot state then has the fact pcr.approved. Approve what you know: this device’s "
          "firmware, option ROMs, boot loader and Secure Boot policy are what they should be.",
          run_approve },
        { "disapprove", "Take a boot state back", "Take it back", false, true,
          "Devices of the group in this boot state lose the fact pcr.approved with their next request.", run_disapprove },
        { "revoke", "Revoke a device", "Revoke", true, false,
          "It gets no token from its next request on, and it cannot enrol again. It can be restored.", run_revoke },
        { "restore", "Restore a device", "Restore", true, false, "It gets tokens again, if it meets the policy.", run_restore },
        { "group", "Change a device’s group", "Change the group", true, false,
          "The group chooses its policy, its approved boot states and its tokens a day, from its next request on.",
          run_set_group },
};

static bool read_change(const struct admin_form *form, struct change *ret, struct base_error *error)
{
        const char *name = admin_form_get(form, "do"), *id = admin_form_get(form, "id"), *group = admin_form_get(form, "group");
        const char *state = admin_form_get(form, "state"), *expires = admin_form_get(form, "expires");

        *ret = (struct change){ .action = NULL };
        for (size_t i = 0; i < BASE_COUNT(actions); i++)
                if (strcmp(actions[i].name, name) == 0)
                        ret->action = &actions[i];
        if (ret->action == NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is nothing of that name to change");
        if (strlen(id) >= sizeof(ret->id) || strlen(state) >= sizeof(ret->state) || strlen(expires) >= sizeof(ret->expires) ||
            strlen(group) > ISSUER_DEVICE_GROUP_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "a field of the form is too long (a group's name has at "
                                      "most %d bytes)",
                                      ISSUER_DEVICE_GROUP_MAX);
        (void) snprintf(ret->id, sizeof(ret->id), "%s", id);
        (void) snprintf(ret->group, sizeof(ret->group), "%s", group);
        (void) snprintf(ret->state, sizeof(ret->state), "%s", state);
        (void) snprintf(ret->expires, sizeof(ret->expires), "%s", expires);
        return true;
}

/* Every text with the NUL that ends it, so that no two changes have one MAC. */
static struct base_bytes piece(const char *text)
{
        return BASE_BYTES(text, strlen(text) + 1);
}

static bool make_token(const struct admin_page *page, const struct change *change, uint8_t ret[static BASE_SHA256_LEN],
                       struct base_error *error)
{
        uint8_t peer[1 + sizeof(page->peer.fingerprint) + sizeof(page->peer.uid)] = { (uint8_t) page->peer.kind };
        const struct base_bytes pieces[PIECES] = {
                BASE_BYTES_OF(peer),  piece(change->action->name), piece(change->id),
                piece(change->group), piece(change->state),        piece(change->expires),
        };

        memcpy(peer + 1, page->peer.fingerprint, sizeof(page->peer.fingerprint));
        memcpy(peer + 1 + sizeof(page->peer.fingerprint), &page->peer.uid, sizeof(page->peer.uid));
        return base_hmac_sha256(BASE_BYTES_OF(page->admin->csrf_key), pieces, PIECES, ret, error);
}

static bool check_token(const struct admin_page *page, const struct change *change, const char *hex, struct base_error *error)
{
        base_auto_buffer struct base_buffer given = BASE_BUFFER_INIT(BASE_SHA256_LEN);
        uint8_t wanted[BASE_SHA256_LEN];

        if (!make_token(page, change, wanted, error))
                return false;
        if (!base_hex_decode(&given, hex, strlen(hex)) || !base_bytes_equal(base_buffer_bytes(&given), BASE_BYTES_OF(wanted)))
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                                      "the form is not one that this page gave to you for this");
        if (strtoull(change->expires, NULL, 10) < page->now)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "the form is too old: begin again");
        return true;
}

/* What a browser says of where the form stood; one that says nothing has the token to show. */
static bool check_origin(const struct admin_page *page, struct base_error *error)
{
        const struct issuer_http_request *request = page->request;
        const char *origin = issuer_http_request_field(request, "Origin"), *host = issuer_http_request_field(request, "Host");
        const char *site = issuer_http_request_field(request, "Sec-Fetch-Site");
        const char *scheme = page->peer.kind == ISSUER_HTTP_PEER_CERTIFICATE ? "https://" : "http://";
        bool same = origin == NULL || (host != NULL && strncasecmp(origin, scheme, strlen(scheme)) == 0 &&
                                       strcasecmp(origin + strlen(scheme), host) == 0);

        if (same && (site == NULL || strcmp(site, "same-origin") == 0) && issuer_http_request_field_count(request, "Origin") <= 1)
                return true;
        return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "the form came from another website");
}

static void log_change(struct admin_page *page, const struct change *change, const struct base_error *failure)
{
        char detail[BASE_ERROR_TEXT_MAX + 300], who[ADMIN_WHO_MAX];
        const char *name = change->action == NULL ? "change" : change->action->name;
        bool refused = failure != NULL && failure->code == BASE_ERROR_NOT_AUTHORIZED;

        admin_who(&page->peer, who);
        (void) snprintf(detail, sizeof(detail), "%s%s%s%s%.64s%s%s", name, change->state[0] == '\0' ? "" : " ", change->state,
                        change->group[0] == '\0' ? "" : ", group ", change->group, failure == NULL ? "" : ": ",
                        failure == NULL ? "" : failure->message);
        issuer_events_write(page->admin->events, &(struct issuer_event){
                                                         .event = "admin",
                                                         .outcome = failure == NULL ? "ok"
                                                                    : refused       ? "refused"
                                                                                    : "failed",
                                                         .reason = failure == NULL ? NULL : base_error_name(failure->code),
                                                         .detail = detail,
                                                         .device = change->id,
                                                         .who = who,
                                                         .id = refused ? BASE_EVENT_ADMIN_REFUSED : BASE_EVENT_ADMIN_CHANGE,
                                                         .elapsed_us = issuer_http_request_elapsed_us(page->request),
                                                 });
}

static bool run_change(struct admin_page *page, struct change *change, struct base_error *error)
{
        struct admin_form form;

        if (!issuer_http_request_peer(page->request, &page->peer, error) || !check_origin(page, error))
                return false;
        if (!issuer_http_request_is_media_type(page->request, ADMIN_FORM_MEDIA_TYPE))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the body must be " ADMIN_FORM_MEDIA_TYPE);
        return admin_form_parse(page->request->body, &form, error) && read_change(&form, change, error) &&
               check_token(page, change, admin_form_get(&form, "token"), error) &&
               change->action->run(page->admin->registry, change, page->now, error);
}

static unsigned status_of(enum base_error_code code)
{
        switch (code) {
        case BASE_ERROR_NOT_AUTHORIZED:
                return 403;
        case BASE_ERROR_NOT_FOUND:
                return 404;
        case BASE_ERROR_INVALID_ARGUMENT:
        case BASE_ERROR_MALFORMED:
        case BASE_ERROR_LIMIT_EXCEEDED:
                return 400;
        default:
                return 503;
        }
}

void admin_on_change(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_admin *admin = context;
        struct admin_page page = {
                .admin = admin,
                .request = request,
                .response = response,
                .body = &response->body,
                .now = admin->clock->wall_seconds(admin->clock->context),
        };
        struct base_error error = BASE_ERROR_INIT;
        char location[64 + ISSUER_DEVICE_ID_LEN];
        struct change change = { .action = NULL };

        if (!run_change(&page, &change, &error)) {
                log_change(&page, &change, &error);
                admin_page_fail(&page, status_of(error.code), error.message);
                return;
        }
        log_change(&page, &change, NULL);
        /* Of hex digits, by now: the registry has the device. */
        (void) snprintf(location, sizeof(location), change.action->of_device ? "/device?id=%s" : "/states", change.id);
        issuer_http_response_put_body(response, 303, "text/html; charset=utf-8", BASE_BYTES("", 0));
        issuer_http_response_put_field(response, "Location", location);
}

/* What of the device the operator is about to look at, and means with the button. */
static bool fill_in(struct admin_page *page, struct change *change, struct issuer_device_summary *summary,
                    struct base_error *error)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(STATE_HEX_LEN + 1);
        uint8_t ignored[EVIDENCE_PCR_DIGEST_LEN];

        (void) snprintf(change->expires, sizeof(change->expires), "%" PRIu64, page->now + ADMIN_CSRF_LIFETIME_S);
        if (!change->action->of_device)
                return decode_state(change, ignored, error);
        if (!issuer_registry_summary(page->admin->registry, change->id, page->now, summary, error))
                return false;
        change->state[0] = '\0';
        if (strcmp(change->action->name, "group") != 0)
                (void) snprintf(change->group, sizeof(change->group), "%s",
                                change->action->of_state ? summary->device.group : "");
        if (!change->action->of_state)
                return true;
        if (!summary->state_known)
                return base_error_set(error, BASE_ERROR_NOT_FOUND,
                                      "no evidence of this device with PCRs 0, 2, 4 and 7 in SHA-256 has been verified yet");
        base_hex_encode(&hex, BASE_BYTES_OF(summary->state));
        (void) snprintf(change->state, sizeof(change->state), "%s", base_buffer_c_string(&hex));
        return true;
}

static void put_hidden(struct base_buffer *to, const char *name, const char *value)
{
        base_buffer_printf(to, "<input type=\"hidden\" name=\"%s\" value=\"", name);
        admin_html_put_text(to, value);
        admin_html_put(to, "\">\n");
}

static void put_row(struct base_buffer *to, const char *term, const char *value, bool code)
{
        base_buffer_printf(to, "<div><dt>%s</dt><dd>%s", term, code ? "<code class=\"hex\">" : "<bdi>");
        admin_html_put_text(to, value);
        base_buffer_printf(to, "%s</dd></div>\n", code ? "</code>" : "</bdi>");
}

static void put_subject(struct admin_page *page, const struct change *change, const struct issuer_device_summary *summary)
{
        bool group = strcmp(change->action->name, "group") == 0;
        struct base_buffer *to = page->body;

        admin_html_put(to, "<dl class=\"facts\">\n");
        if (change->action->of_device) {
                put_row(to, "Device", change->id, true);
                put_row(to, group ? "Group now" : "Group", summary->device.group[0] == '\0' ? "none" : summary->device.group,
                        false);
        }
        if (group || !change->action->of_device)
                put_row(to, group ? "Group then" : "Group", change->group[0] == '\0' ? "none" : change->group, false);
        if (change->action->of_state)
                put_row(to, "Boot state", change->state, true);
        admin_html_put(to, "</dl>\n");
}

bool admin_view_change(struct admin_page *page, struct base_error *error)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * BASE_SHA256_LEN + 1);
        struct issuer_device_summary summary;
        struct base_buffer *to = page->body;
        uint8_t token[BASE_SHA256_LEN];
        struct change change;

        if (!read_change(&page->query, &change, error) || !fill_in(page, &change, &summary, error) ||
            !make_token(page, &change, token, error))
                return false;
        base_hex_encode(&hex, BASE_BYTES_OF(token));
        admin_html_put(to, "<section class=\"card\">\n<h2>");
        admin_html_put_text(to, change.action->title);
        admin_html_put(to, "?</h2>\n");
        put_subject(page, &change, &summary);
        admin_html_put(to, "<p>");
        admin_html_put_text(to, change.action->what);
        admin_html_put(to, "</p>\n<form class=\"confirm\" action=\"/change\" method=\"post\">\n");
        put_hidden(to, "do", change.action->name);
        put_hidden(to, "id", change.id);
        put_hidden(to, "group", change.group);
        put_hidden(to, "state", change.state);
        put_hidden(to, "expires", change.expires);
        put_hidden(to, "token", base_buffer_c_string(&hex));
        base_buffer_printf(to, "<button class=\"%s\">%s</button>\n",
                           change.action->run == run_revoke || change.action->run == run_disapprove ? "danger" : "primary",
                           change.action->button);
        base_buffer_printf(to, "<a class=\"button\" href=\"%s%s\">Cancel</a>\n</form>\n</section>\n",
                           change.action->of_device ? "/device?id=" : "/states", change.action->of_device ? change.id : "");
        return true;
}
