/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/http_clients.h"

#include "issuer/tls.h"

#include "base/encode.h"
#include "base/file.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#define FINGERPRINT_LEN 32

/* One line of a list: a fingerprint, or else a subject. */
struct entry {
        uint8_t fingerprint[FINGERPRINT_LEN];
        char *subject; /* owned; NULL: it is a fingerprint */
};

struct list {
        struct entry *entries;
        size_t count;
};

struct issuer_http_clients {
        char *authorities_file;
        char *allow_file;      /* NULL: none */
        char *revocation_file; /* NULL: none */
        pthread_mutex_t lock;  /* of the lists */
        struct list allowed;
        struct list revoked;
};

static void list_clear(struct list *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->entries[i].subject);
        free(list->entries);
        *list = (struct list){ 0 };
}

/* What openssl-x509(1) prints before the value itself. */
static const char *skip_label(const char *line)
{
        static const char *const labels[] = { "sha256 Fingerprint=", "subject=" };

        for (size_t i = 0; i < BASE_COUNT(labels); i++)
                if (strncasecmp(line, labels[i], strlen(labels[i])) == 0)
                        return line + strlen(labels[i]);
        return line;
}

static bool parse_fingerprint(const char *text, uint8_t ret[static FINGERPRINT_LEN])
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(FINGERPRINT_LEN);
        char digits[2 * FINGERPRINT_LEN + 1];
        size_t count = 0;

        for (; *text != '\0'; text++) {
                /* Between two bytes only. */
                if (*text == ':' && count % 2 == 0 && count > 0 && text[1] != ':' && text[1] != '\0')
                        continue;
                if (count == sizeof(digits) - 1)
                        return false;
                digits[count++] = *text;
        }
        if (count != sizeof(digits) - 1 || !base_hex_decode(&bytes, digits, count))
                return false;
        memcpy(ret, bytes.data, FINGERPRINT_LEN);
        return true;
}

static bool read_line(const char *file, unsigned number, const char *line, struct list *list, struct base_error *error)
{
        struct entry *entry = &list->entries[list->count];
        const char *value = skip_label(line);

        if (value[0] == '\0' || value[0] == '#')
                return true;
        if (list->count == ISSUER_HTTP_CLIENT_LIST_ENTRIES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s has more than %d entries", file,
                                      ISSUER_HTTP_CLIENT_LIST_ENTRIES_MAX);
        if (!parse_fingerprint(value, entry->fingerprint)) {
                if (strchr(value, '=') == NULL || strlen(value) >= ISSUER_HTTP_SUBJECT_MAX - 1)
                        return base_error_set(
                                error, BASE_ERROR_CONFIG_INVALID,
                                "%s:%u:1: a certificate's SHA-256 fingerprint (64 hex digits) or its subject (as in "
                                "CN=name,O=organisation, at most %d bytes) is needed",
                                file, number, ISSUER_HTTP_SUBJECT_MAX - 2);
                entry->subject = strdup(value);
                if (entry->subject == NULL)
                        return base_error_set_no_memory(error);
        }
        list->count++;
        return true;
}

static bool list_read(const char *file, struct list *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ISSUER_HTTP_CLIENT_LIST_BYTES_MAX);
        BASE_CLEANUP(list_clear) struct list list = { 0 };
        base_auto_free char *copy = NULL;
        unsigned number = 1;
        char *rest;

        if (!base_file_read(file, &text, error))
                return false;
        list.entries = calloc(ISSUER_HTTP_CLIENT_LIST_ENTRIES_MAX, sizeof(*list.entries));
        copy = base_buffer_c_string(&text) == NULL ? NULL : strdup(base_buffer_c_string(&text));
        if (list.entries == NULL || copy == NULL)
                return base_error_set_no_memory(error);
        rest = copy;
        for (char *line; (line = strsep(&rest, "\n")) != NULL; number++) {
                size_t len = strlen(line);

                while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
                        line[--len] = '\0';
                if (!read_line(file, number, line, &list, error))
                        return false;
        }
        list_clear(ret);
        *ret = list;
        list = (struct list){ 0 };
        return true;
}

bool issuer_http_clients_reload(struct issuer_http_clients *clients, struct base_error *error)
{
        BASE_CLEANUP(list_clear) struct list allowed = { 0 };
        BASE_CLEANUP(list_clear) struct list revoked = { 0 };
        struct list old;

        if ((clients->allow_file != NULL && !list_read(clients->allow_file, &allowed, error)) ||
            (clients->revocation_file != NULL && !list_read(clients->revocation_file, &revoked, error)))
                return false;
        pthread_mutex_lock(&clients->lock);
        old = clients->allowed;
        clients->allowed = allowed;
        allowed = old;
        old = clients->revoked;
        clients->revoked = revoked;
        revoked = old;
        pthread_mutex_unlock(&clients->lock);
        return true;
}

static bool copy_string(const char *from, char **ret, struct base_error *error)
{
        *ret = from == NULL ? NULL : strdup(from);
        return from == NULL || *ret != NULL || base_error_set_no_memory(error);
}

bool issuer_http_clients_new(const struct issuer_http_client_files *files, struct issuer_http_clients **ret,
                             struct base_error *error)
{
        issuer_auto_http_clients struct issuer_http_clients *clients = calloc(1, sizeof(*clients));
        base_auto_buffer struct base_buffer authorities = BASE_BUFFER_INIT(ISSUER_TLS_FILE_BYTES_MAX);

        if (clients == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&clients->lock, NULL);
        if (!copy_string(files->authorities, &clients->authorities_file, error) ||
            !copy_string(files->allow_list, &clients->allow_file, error) ||
            !copy_string(files->revocation_list, &clients->revocation_file, error) ||
            !issuer_http_clients_authorities(clients, &authorities, error) || !issuer_http_clients_reload(clients, error))
                return false;
        *ret = BASE_STEAL(clients);
        return true;
}

bool issuer_http_client_files_check(const struct issuer_http_client_files *files, struct base_error *error)
{
        issuer_auto_http_clients struct issuer_http_clients *clients = NULL;

        return issuer_http_clients_new(files, &clients, error);
}

void issuer_http_clients_free(struct issuer_http_clients *clients)
{
        if (clients == NULL)
                return;
        list_clear(&clients->allowed);
        list_clear(&clients->revoked);
        (void) pthread_mutex_destroy(&clients->lock);
        free(clients->authorities_file);
        free(clients->allow_file);
        free(clients->revocation_file);
        free(clients);
}

static void free_certificates(gnutls_x509_crt_t **certificates)
{
        gnutls_free(*certificates);
}

bool issuer_http_clients_authorities(const struct issuer_http_clients *clients, struct base_buffer *to, struct base_error *error)
{
        BASE_CLEANUP(free_certificates) gnutls_x509_crt_t *certificates = NULL;
        unsigned count = 0;
        gnutls_datum_t pem;

        if (!base_file_read(clients->authorities_file, to, error))
                return false;
        if (base_buffer_c_string(to) == NULL)
                return base_error_set_no_memory(error);
        pem = (gnutls_datum_t){ .data = to->data, .size = (unsigned) to->len };
        if (gnutls_x509_crt_list_import2(&certificates, &count, &pem, GNUTLS_X509_FMT_PEM, 0) < 0 || count == 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s does not hold PEM certificates of authorities",
                                      clients->authorities_file);
        for (unsigned i = 0; i < count; i++)
                gnutls_x509_crt_deinit(certificates[i]);
        return true;
}

static bool list_has(const struct list *list, const struct issuer_http_peer *peer)
{
        for (size_t i = 0; i < list->count; i++) {
                const struct entry *entry = &list->entries[i];

                if (entry->subject != NULL ? strcmp(entry->subject, peer->subject) == 0
                                           : memcmp(entry->fingerprint, peer->fingerprint, FINGERPRINT_LEN) == 0)
                        return true;
        }
        return false;
}

static bool verify(gnutls_session_t session, struct base_error *error)
{
        gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) GNUTLS_KP_TLS_WWW_CLIENT };
        gnutls_datum_t text = { 0 };
        unsigned status = 0;
        int result = gnutls_certificate_verify_peers(session, &purpose, 1, &status);

        if (result == 0 && status == 0)
                return true;
        if (result < 0)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "a client certificate is needed: %s",
                                      gnutls_strerror(result));
        result = gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
        /* GnuTLS ends its sentences with a space. */
        (void) base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "the client certificate does not count: %.*s",
                              result == 0 && text.size > 0 ? (int) text.size - 1 : 19,
                              result == 0 && text.size > 0 ? (const char *) text.data : "it does not verify.");
        gnutls_free(text.data);
        return false;
}

static void certificate_deinit(gnutls_x509_crt_t *certificate)
{
        if (*certificate != NULL)
                gnutls_x509_crt_deinit(*certificate);
}

static bool describe(gnutls_session_t session, struct issuer_http_peer *ret, struct base_error *error)
{
        BASE_CLEANUP(certificate_deinit) gnutls_x509_crt_t certificate = NULL;
        struct issuer_http_peer peer = { .kind = ISSUER_HTTP_PEER_CERTIFICATE };
        size_t len = sizeof(peer.fingerprint);
        unsigned count = 0;
        const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
        gnutls_datum_t subject = { 0 };

        if (chain == NULL || count == 0)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "a client certificate is needed");
        if (gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], peer.fingerprint, &len) < 0 ||
            gnutls_x509_crt_init(&certificate) < 0 || gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) < 0)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the client certificate cannot be read");
        if (gnutls_x509_crt_get_dn3(certificate, &subject, 0) == 0) {
                /* One that does not fit is cut, and then is on no list: those hold shorter ones. */
                (void) snprintf(peer.subject, sizeof(peer.subject), "%s", (const char *) subject.data);
                gnutls_free(subject.data);
        }
        *ret = peer;
        return true;
}

bool issuer_http_clients_check(struct issuer_http_clients *clients, gnutls_session_t session, struct issuer_http_peer *ret,
                               struct base_error *error)
{
        struct issuer_http_peer peer;
        bool allowed, revoked;

        if (!verify(session, error) || !describe(session, &peer, error))
                return false;
        pthread_mutex_lock(&clients->lock);
        allowed = clients->allow_file == NULL || list_has(&clients->allowed, &peer);
        revoked = list_has(&clients->revoked, &peer);
        pthread_mutex_unlock(&clients->lock);
        if (revoked)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "the client certificate of %s is on the revocation list",
                                      peer.subject);
        if (!allowed)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "the client certificate of %s is not on the allow-list",
                                      peer.subject);
        *ret = peer;
        return true;
}
