/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections and annexes are those of TPM 2.0 Part 1, revision 1.59. */
#include "evidence/credential.h"

#include "evidence/internal.h"
#include "evidence/tpm_numbers.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#define SEED_BYTES_MAX      48 /* SHA-384 */
#define KDF_INPUT_BYTES_MAX 256
#define RSA_BYTES_MAX       384
#define AES_BLOCK_LEN       16
#define POINT_BYTES_MAX     (1 + 2 * EVIDENCE_ECC_COORDINATE_MAX)

/* Labels include their terminating NUL (section 11.4.10). */
#define LABEL_IDENTITY  BASE_BYTES("IDENTITY", sizeof("IDENTITY"))
#define LABEL_STORAGE   BASE_BYTES("STORAGE", sizeof("STORAGE"))
#define LABEL_INTEGRITY BASE_BYTES("INTEGRITY", sizeof("INTEGRITY"))

/* What both ends derive keys from. */
struct seed {
        uint8_t data[SEED_BYTES_MAX];
        size_t len;
        const EVP_MD *hash;
};

static void seed_clear(struct seed *seed)
{
        OPENSSL_cleanse(seed, sizeof(*seed));
}

static void key_cleanse(uint8_t (*key)[EVP_MAX_MD_SIZE])
{
        OPENSSL_cleanse(key, sizeof(*key));
}

static bool hmac(const EVP_MD *hash, struct base_bytes key, struct base_bytes data, uint8_t ret[static EVP_MAX_MD_SIZE],
                 struct base_error *error)
{
        size_t len = 0;

        if (EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(hash), NULL, key.data, key.len, data.data, data.len, ret,
                      EVP_MAX_MD_SIZE, &len) == NULL)
                return evidence_crypto_failed(error, "HMAC");
        return true;
}

/* KDFa of section 11.4.10.2 for keys that one block of the hash covers, which are all that credentials need. */
static bool kdfa(const struct seed *seed, struct base_bytes label, struct base_bytes context, uint32_t bits,
                 uint8_t ret[static EVP_MAX_MD_SIZE], struct base_error *error)
{
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(KDF_INPUT_BYTES_MAX);

        base_buffer_put_u32(&input, 1);
        base_buffer_put_bytes(&input, label);
        base_buffer_put_bytes(&input, context);
        base_buffer_put_u32(&input, bits);
        if (!base_buffer_ok(&input))
                return base_error_set_no_memory(error);
        return hmac(seed->hash, BASE_BYTES(seed->data, seed->len), base_buffer_bytes(&input), ret, error);
}

/* KDFe of section 11.4.10.3, one block: hash(1 || Z || use || x of the ephemeral key || x of the static key). */
static bool kdfe(struct seed *seed, struct base_bytes z, struct base_bytes ephemeral_x, struct base_bytes static_x,
                 struct base_error *error)
{
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(KDF_INPUT_BYTES_MAX);

        base_buffer_put_u32(&input, 1);
        base_buffer_put_bytes(&input, z);
        base_buffer_put_bytes(&input, LABEL_IDENTITY);
        base_buffer_put_bytes(&input, ephemeral_x);
        base_buffer_put_bytes(&input, static_x);
        if (!base_buffer_ok(&input))
                return base_error_set_no_memory(error);
        if (EVP_Digest(input.data, input.len, seed->data, NULL, seed->hash, NULL) != 1)
                return evidence_crypto_failed(error, "Deriving a seed");
        return true;
}

/* Annex B.10.3: a random seed, under OAEP with the endorsement key's name algorithm and the label. */
static bool share_seed_rsa(const struct evidence_public *ek, struct seed *seed, struct base_buffer *to, struct base_error *error)
{
        evidence_auto_pkey_context EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ek->key, NULL);
        uint8_t *label = OPENSSL_memdup(LABEL_IDENTITY.data, LABEL_IDENTITY.len);
        uint8_t encrypted[RSA_BYTES_MAX];
        size_t len = sizeof(encrypted);
        bool ok = context != NULL && label != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_oaep_md(context, seed->hash) == 1 &&
                  EVP_PKEY_CTX_set_rsa_mgf1_md(context, seed->hash) == 1 &&
                  EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, (int) LABEL_IDENTITY.len) == 1;

        if (!ok)
                OPENSSL_free(label); /* set0 takes it over only when it succeeds */
        if (!ok || RAND_priv_bytes(seed->data, (int) seed->len) != 1 ||
            EVP_PKEY_encrypt(context, encrypted, &len, seed->data, seed->len) != 1)
                return evidence_crypto_failed(error, "Encrypting to an RSA endorsement key");
        base_buffer_put_u16(to, (uint16_t) len);
        base_buffer_put(to, encrypted, len);
        return true;
}

static bool derive(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t ret[static EVIDENCE_ECC_COORDINATE_MAX], size_t len)
{
        evidence_auto_pkey_context EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
        size_t derived = len;

        return context != NULL && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
               EVP_PKEY_derive(context, ret, &derived) == 1 && derived == len;
}

/* Annex C.6.4: one-pass ECDH with an ephemeral key, whose point is the encrypted secret. */
static bool share_seed_ecc(const struct evidence_public *ek, struct seed *seed, struct base_buffer *to, struct base_error *error)
{
        size_t len = ek->coordinate_len, point_len = 0;
        evidence_auto_pkey EVP_PKEY *ephemeral = EVP_EC_gen(evidence_curve_name(ek->curve, &len));
        uint8_t point[POINT_BYTES_MAX], z[EVIDENCE_ECC_COORDINATE_MAX];
        struct base_bytes x = BASE_BYTES(point + 1, len), y = BASE_BYTES(point + 1 + len, len);
        bool ok;

        if (ephemeral == NULL || !derive(ephemeral, ek->key, z, len) ||
            EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &point_len) != 1 ||
            point_len != 1 + 2 * len)
                return evidence_crypto_failed(error, "Agreeing with an ECC endorsement key");
        ok = kdfe(seed, BASE_BYTES(z, len), x, BASE_BYTES(ek->x, len), error);
        OPENSSL_cleanse(z, sizeof(z));
        base_buffer_put_u16(to, (uint16_t) (2 * (2 + len)));
        base_buffer_put_u16(to, (uint16_t) len);
        base_buffer_put_bytes(to, x);
        base_buffer_put_u16(to, (uint16_t) len);
        base_buffer_put_bytes(to, y);
        return ok;
}

/* Section 24.4: the credential as a TPM2B_DIGEST under AES-CFB with a zero IV. */
static bool encrypt_identity(const struct evidence_public *ek, const struct seed *seed, struct base_bytes object_name,
                             struct base_bytes secret, struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer plain = BASE_BUFFER_INIT(2 + EVIDENCE_CREDENTIAL_BYTES_MAX);
        const EVP_CIPHER *cipher = ek->symmetric_bits == 256 ? EVP_aes_256_cfb128() : EVP_aes_128_cfb128();
        static const uint8_t iv[AES_BLOCK_LEN];
        BASE_CLEANUP(key_cleanse) uint8_t key[EVP_MAX_MD_SIZE];
        EVP_CIPHER_CTX *context;
        uint8_t *encrypted;
        int len = 0;
        bool ok;

        base_buffer_put_u16(&plain, (uint16_t) secret.len);
        base_buffer_put_bytes(&plain, secret);
        encrypted = base_buffer_extend(to, plain.len);
        if (!base_buffer_ok(&plain) || encrypted == NULL)
                return base_error_set_no_memory(error);
        if (!kdfa(seed, LABEL_STORAGE, object_name, ek->symmetric_bits, key, error))
                return false;
        context = EVP_CIPHER_CTX_new();
        ok = context != NULL && EVP_EncryptInit_ex2(context, cipher, key, iv, NULL) == 1 &&
             EVP_EncryptUpdate(context, encrypted, &len, plain.data, (int) plain.len) == 1 && (size_t) len == plain.len;
        EVP_CIPHER_CTX_free(context);
        return ok || evidence_crypto_failed(error, "Encrypting a credential");
}

/* Section 24.5: TPMS_ID_OBJECT is the HMAC over the encrypted identity and the object's name, then the former. */
static bool put_id_object(const struct seed *seed, struct base_bytes identity, struct base_bytes object_name,
                          struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(KDF_INPUT_BYTES_MAX);
        BASE_CLEANUP(key_cleanse) uint8_t key[EVP_MAX_MD_SIZE];
        uint8_t tag[EVP_MAX_MD_SIZE];
        size_t tag_len = seed->len;

        base_buffer_put_bytes(&input, identity);
        base_buffer_put_bytes(&input, object_name);
        if (!base_buffer_ok(&input))
                return base_error_set_no_memory(error);
        if (!kdfa(seed, LABEL_INTEGRITY, BASE_BYTES(NULL, 0), (uint32_t) tag_len * 8, key, error) ||
            !hmac(seed->hash, BASE_BYTES(key, tag_len), base_buffer_bytes(&input), tag, error))
                return false;
        base_buffer_put_u16(to, (uint16_t) (2 + tag_len + identity.len));
        base_buffer_put_u16(to, (uint16_t) tag_len);
        base_buffer_put(to, tag, tag_len);
        base_buffer_put_bytes(to, identity);
        return true;
}

static bool check_arguments(const struct evidence_public *ek, struct base_bytes object_name, struct base_bytes secret,
                            struct base_error *error)
{
        if (ek->symmetric != EVIDENCE_TPM_ALG_AES)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A credential needs an endorsement key with AES-CFB.");
        if (secret.len == 0 || secret.len > EVIDENCE_CREDENTIAL_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A credential has 1 to %d bytes.",
                                      EVIDENCE_CREDENTIAL_BYTES_MAX);
        if (object_name.len == 0 || object_name.len > EVIDENCE_NAME_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A credential is for an object with a name.");
        return true;
}

bool evidence_credential_make(const struct evidence_public *endorsement_key, struct base_bytes object_name,
                              struct base_bytes secret, struct base_buffer *ret_id_object,
                              struct base_buffer *ret_encrypted_secret, struct base_error *error)
{
        base_auto_buffer struct base_buffer identity = BASE_BUFFER_INIT(2 + EVIDENCE_CREDENTIAL_BYTES_MAX);
        base_auto_buffer struct base_buffer encrypted = BASE_BUFFER_INIT(EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX);
        base_auto_buffer struct base_buffer id_object = BASE_BUFFER_INIT(EVIDENCE_ID_OBJECT_BYTES_MAX);
        BASE_CLEANUP(seed_clear) struct seed seed = { .hash = evidence_tpm_hash(endorsement_key->name_algorithm) };

        if (!check_arguments(endorsement_key, object_name, secret, error))
                return false;
        seed.len = (size_t) EVP_MD_get_size(seed.hash);
        if (!(endorsement_key->type == EVIDENCE_TPM_ALG_RSA ? share_seed_rsa(endorsement_key, &seed, &encrypted, error)
                                                            : share_seed_ecc(endorsement_key, &seed, &encrypted, error)))
                return false;
        if (!encrypt_identity(endorsement_key, &seed, object_name, secret, &identity, error) ||
            !put_id_object(&seed, base_buffer_bytes(&identity), object_name, &id_object, error))
                return false;
        base_buffer_put_bytes(ret_id_object, base_buffer_bytes(&id_object));
        base_buffer_put_bytes(ret_encrypted_secret, base_buffer_bytes(&encrypted));
        if (!base_buffer_ok(&id_object) || !base_buffer_ok(&encrypted) || !base_buffer_ok(ret_id_object) ||
            !base_buffer_ok(ret_encrypted_secret))
                return base_error_set_no_memory(error);
        return true;
}
