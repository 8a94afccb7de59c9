/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS #11 2.40 by way of p11-kit. */
#include "issuer/pkcs11.h"

#include "issuer/pkcs11_source.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <string.h>

#define SLOTS_MAX          64
#define MODULUS_BYTES      256
#define NUMBER_BYTES_MAX   1024
#define URI_ATTRIBUTES_MAX 8

/* A session and the key in it. A session does one operation at a time. */
struct pkcs11_key {
        struct pkcs11_source *source;
        P11KitUri *uri;
        char *pin_file;
        CK_FUNCTION_LIST *module; /* with `session` and `object`: of that generation of the source, 0: none yet */
        uint64_t generation;
        CK_SESSION_HANDLE session;
        CK_OBJECT_HANDLE object;
        pthread_mutex_t lock;
};

/* The session may have gone with its generation. */
static void close_session(struct pkcs11_key *key)
{
        if (key->generation == 0 || !pkcs11_source_enter_again(key->source, key->generation))
                return;
        (void) key->module->C_CloseSession(key->session);
        pkcs11_source_leave(key->source);
}

static void key_free(void *context)
{
        struct pkcs11_key *key = context;

        if (key == NULL)
                return;
        close_session(key);
        pkcs11_source_unref(key->source);
        p11_kit_uri_free(key->uri);
        free(key->pin_file);
        (void) pthread_mutex_destroy(&key->lock);
        free(key);
}
BASE_DEFINE_CLEANUP(struct pkcs11_key, key_free)

static void uri_free(P11KitUri **uri)
{
        p11_kit_uri_free(*uri);
}

static bool fail(struct base_error *error, enum base_error_code code, const char *what, CK_RV reason)
{
        (void) base_error_set(error, code, "%s", what);
        base_error_set_detail(error, "%s: %s (0x%lx)", what, p11_kit_strerror(reason), reason);
        return false;
}

static bool parse_uri(const char *text, P11KitUri **ret, struct base_error *error)
{
        BASE_CLEANUP(uri_free) P11KitUri *uri = p11_kit_uri_new();
        int result;

        if (uri == NULL)
                return base_error_set_no_memory(error);
        result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
        if (result != P11_KIT_URI_OK)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not a pkcs11: URI (RFC 7512): %s",
                                      p11_kit_uri_message(result));
        if (p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "the URI must not have a PIN: it belongs in Pkcs11PinFile=");
        if (p11_kit_uri_any_unrecognized(uri))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "the URI has an attribute that is not known");
        *ret = BASE_STEAL(uri);
        return true;
}

static bool slot_matches(P11KitUri *uri, CK_FUNCTION_LIST *module, CK_SLOT_ID slot)
{
        CK_TOKEN_INFO info;

        return module->C_GetTokenInfo(slot, &info) == CKR_OK && p11_kit_uri_match_token_info(uri, &info) == 1;
}

static bool find_slot(P11KitUri *uri, struct pkcs11_key *key, CK_FUNCTION_LIST **modules, CK_SLOT_ID *ret,
                      struct base_error *error)
{
        for (; *modules != NULL; modules++) {
                CK_SLOT_ID slots[SLOTS_MAX];
                CK_ULONG count = SLOTS_MAX;

                if ((*modules)->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
                        continue;
                for (CK_ULONG i = 0; i < count; i++)
                        if (slot_matches(uri, *modules, slots[i])) {
                                key->module = *modules;
                                *ret = slots[i];
                                return true;
                        }
        }
        return base_error_set(error, BASE_ERROR_NOT_FOUND, "there is no such PKCS #11 token");
}

static bool log_in(struct pkcs11_key *key, struct base_error *error)
{
        base_auto_buffer struct base_buffer pin = BASE_BUFFER_INIT(ISSUER_PKCS11_PIN_BYTES_MAX);
        CK_RV result;

        if (!issuer_pkcs11_read_pin(key->pin_file, &pin, error))
                return false;
        result = key->module->C_Login(key->session, CKU_USER, (CK_UTF8CHAR *) pin.data, pin.len);
        if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN)
                return true;
        if (result == CKR_PIN_LOCKED)
                return fail(error, BASE_ERROR_NOT_AUTHORIZED, "the PIN of the PKCS #11 token is locked", result);
        if (result == CKR_PIN_INCORRECT || result == CKR_PIN_LEN_RANGE || result == CKR_PIN_INVALID)
                return fail(error, BASE_ERROR_NOT_AUTHORIZED, "the PIN in Pkcs11PinFile= is not the PKCS #11 token's", result);
        return fail(error, BASE_ERROR_IO, "the PKCS #11 token takes no PIN", result);
}

/* What the URI says of the object, but its class, which is the private key's. */
static CK_ULONG make_template(P11KitUri *uri, CK_ATTRIBUTE to[static URI_ATTRIBUTES_MAX])
{
        static const CK_ATTRIBUTE_TYPE wanted[] = { CKA_LABEL, CKA_ID };
        static CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ULONG count = 0;

        to[count++] = (CK_ATTRIBUTE){ CKA_CLASS, &class, sizeof(class) };
        for (size_t i = 0; i < BASE_COUNT(wanted); i++) {
                CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, wanted[i]);

                if (attribute != NULL)
                        to[count++] = *attribute;
        }
        return count;
}

static bool find_object(P11KitUri *uri, struct pkcs11_key *key, struct base_error *error)
{
        CK_ATTRIBUTE template[URI_ATTRIBUTES_MAX];
        CK_ULONG count = make_template(uri, template), found = 0;
        CK_OBJECT_HANDLE objects[2];
        CK_RV result;

        if (count == 1)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "the URI names no object: object= or id= is needed");
        result = key->module->C_FindObjectsInit(key->session, template, count);
        if (result == CKR_OK) {
                result = key->module->C_FindObjects(key->session, objects, BASE_COUNT(objects), &found);
                (void) key->module->C_FindObjectsFinal(key->session);
        }
        if (result != CKR_OK)
                return fail(error, BASE_ERROR_IO, "the PKCS #11 token finds no objects", result);
        if (found == 0)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "the PKCS #11 token has no such private key");
        if (found > 1)
                return base_error_set(error, BASE_ERROR_CRYPTO,
                                      "the PKCS #11 token has several such private keys: add id= to the URI");
        key->object = objects[0];
        return true;
}

/* A session in the token, and the object: when none of this generation of the source is open. Within the source. */
static bool connect(struct pkcs11_key *key, CK_FUNCTION_LIST **modules, uint64_t generation, struct base_error *error)
{
        CK_SLOT_ID slot = 0;
        CK_RV result;

        if (key->generation == generation)
                return true;
        key->generation = 0;
        if (!find_slot(key->uri, key, modules, &slot, error))
                return false;
        result = key->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &key->session);
        if (result != CKR_OK)
                return fail(error, BASE_ERROR_IO, "the PKCS #11 token opens no session", result);
        if (!log_in(key, error) || !find_object(key->uri, key, error)) {
                (void) key->module->C_CloseSession(key->session);
                return false;
        }
        key->generation = generation;
        return true;
}

/* What is the number's or the key's fault, and no sign of a token that went away. */
static bool is_refusal(CK_RV result)
{
        return result == CKR_MECHANISM_INVALID || result == CKR_KEY_FUNCTION_NOT_PERMITTED || result == CKR_DATA_INVALID ||
               result == CKR_DATA_LEN_RANGE || result == CKR_HOST_MEMORY;
}

static bool sign_in_session(struct pkcs11_key *key, struct base_bytes number, uint8_t *ret, bool *ret_lost,
                            struct base_error *error)
{
        CK_MECHANISM mechanism = { .mechanism = CKM_RSA_X_509 };
        CK_ULONG len = number.len;
        CK_RV result = key->module->C_SignInit(key->session, &mechanism, key->object);

        if (result == CKR_OK)
                result = key->module->C_Sign(key->session, (CK_BYTE *) number.data, number.len, ret, &len);
        *ret_lost = result != CKR_OK && !is_refusal(result);
        if (result == CKR_MECHANISM_INVALID || result == CKR_KEY_FUNCTION_NOT_PERMITTED)
                return fail(error, BASE_ERROR_CRYPTO, "the PKCS #11 key does no raw RSA (CKM_RSA_X_509)", result);
        if (result != CKR_OK)
                return fail(error, BASE_ERROR_IO, "the PKCS #11 token does not sign", result);
        return len == number.len ||
               base_error_set(error, BASE_ERROR_CRYPTO, "the PKCS #11 token gives %lu bytes, not %zu", len, number.len);
}

/* One attempt; `ret_lost`: the token of `ret_generation` does not answer. */
static bool try_to_sign(struct pkcs11_key *key, struct base_bytes number, uint8_t *ret, bool *ret_lost, uint64_t *ret_generation,
                        struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;
        CK_FUNCTION_LIST **modules;
        bool done;

        *ret_lost = false;
        if (!pkcs11_source_enter(key->source, &modules, ret_generation, error))
                return false;
        (void) pthread_mutex_lock(&key->lock);
        done = connect(key, modules, *ret_generation, &reason);
        if (done)
                done = sign_in_session(key, number, ret, ret_lost, error);
        else
                *ret_lost = reason.code != BASE_ERROR_NOT_AUTHORIZED;
        (void) pthread_mutex_unlock(&key->lock);
        pkcs11_source_leave(key->source);
        if (reason.code == BASE_ERROR_NOT_AUTHORIZED)
                pkcs11_source_bar(key->source);
        if (reason.code != BASE_ERROR_NONE) {
                /* Not its own code: to who asks for a token, no other key is meant and nothing was forbidden. */
                (void) base_error_set(error, BASE_ERROR_IO, "the PKCS #11 token does not sign");
                base_error_set_detail(error, "%s", reason.message);
        }
        return done;
}

/* A token that went away is looked for at once, and from then on at each request, but not more often than the source allows. */
static bool sign(void *context, struct base_bytes number, uint8_t *ret, struct base_error *error)
{
        struct pkcs11_key *key = context;
        uint64_t generation = 0;
        bool lost = false;

        if (try_to_sign(key, number, ret, &lost, &generation, error))
                return true;
        if (!lost)
                return false;
        pkcs11_source_lose(key->source, generation);
        if (try_to_sign(key, number, ret, &lost, &generation, error))
                return true;
        if (lost)
                pkcs11_source_lose(key->source, generation);
        return false;
}

static bool read_public_half(const struct pkcs11_key *key, CK_ATTRIBUTE numbers[static 2], struct base_error *error)
{
        CK_KEY_TYPE type = 0;
        CK_ATTRIBUTE type_attribute = { CKA_KEY_TYPE, &type, sizeof(type) };
        CK_RV result = key->module->C_GetAttributeValue(key->session, key->object, &type_attribute, 1);

        if (result == CKR_OK && type != CKK_RSA)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the PKCS #11 key is not an RSA key");
        if (result == CKR_OK)
                result = key->module->C_GetAttributeValue(key->session, key->object, numbers, 2);
        if (result != CKR_OK)
                return fail(error, BASE_ERROR_CRYPTO, "the PKCS #11 key does not tell its public half", result);
        return true;
}

/* Takes `key` over. */
static bool make_key(struct pkcs11_key *key, const CK_ATTRIBUTE numbers[static 2], struct token_issuer_key **ret,
                     struct base_error *error)
{
        const struct token_issuer_operation operation = { .sign = sign, .free = key_free, .context = key };

        if (numbers[0].ulValueLen != MODULUS_BYTES) {
                key_free(key);
                return base_error_set(error, BASE_ERROR_CRYPTO, "the PKCS #11 key has %lu bits, not %d",
                                      numbers[0].ulValueLen * 8, MODULUS_BYTES * 8);
        }
        return token_issuer_key_new_external(BASE_BYTES(numbers[0].pValue, numbers[0].ulValueLen),
                                             BASE_BYTES(numbers[1].pValue, numbers[1].ulValueLen), &operation, ret, error);
}

/* The key's session and its public half. */
static bool open_key(struct pkcs11_key *key, struct token_issuer_key **ret, struct base_error *error)
{
        uint8_t modulus[NUMBER_BYTES_MAX], exponent[NUMBER_BYTES_MAX];
        CK_ATTRIBUTE numbers[] = { { CKA_MODULUS, modulus, sizeof(modulus) },
                                   { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
        CK_FUNCTION_LIST **modules;
        uint64_t generation;
        bool done;

        done = pkcs11_source_enter(key->source, &modules, &generation, error);
        if (done) {
                done = connect(key, modules, generation, error) && read_public_half(key, numbers, error);
                pkcs11_source_leave(key->source);
        }
        if (!done) {
                key_free(key);
                return false;
        }
        return make_key(key, numbers, ret, error);
}

bool issuer_pkcs11_open(const char *text, const char *pin_file, struct pkcs11_source **source, struct token_issuer_key **ret,
                        struct base_error *error)
{
        BASE_CLEANUP(key_free_p) struct pkcs11_key *key = calloc(1, sizeof(*key));
        const char *path;

        if (key == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&key->lock, NULL);
        key->pin_file = strdup(pin_file);
        if (key->pin_file == NULL)
                return base_error_set_no_memory(error);
        if (!parse_uri(text, &key->uri, error))
                return false;
        path = p11_kit_uri_get_module_path(key->uri);
        if (*source != NULL && !pkcs11_source_is_for(*source, path)) {
                pkcs11_source_unref(*source);
                *source = NULL;
        }
        if (*source == NULL && !pkcs11_source_new(path, source, error))
                return false;
        key->source = pkcs11_source_ref(*source);
        return open_key(BASE_STEAL(key), ret, error);
}

void issuer_pkcs11_close_source(struct pkcs11_source *source)
{
        pkcs11_source_unref(source);
}
