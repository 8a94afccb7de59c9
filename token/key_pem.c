/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/key_pem.h"

#include <openssl/decoder.h>
#include <openssl/encoder.h>

#define SENTENCE_BYTES_MAX 128

BASE_DEFINE_CLEANUP(OSSL_DECODER_CTX, OSSL_DECODER_CTX_free)
BASE_DEFINE_CLEANUP(OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free)

bool token_key_pem_read(struct base_bytes text, const char *type, const char *what, EVP_PKEY **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = NULL;
        BASE_CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *check = NULL;
        BASE_CLEANUP(OSSL_DECODER_CTX_free_p)
        OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, type, OSSL_KEYMGMT_SELECT_KEYPAIR, NULL,
                                                                  NULL);
        const unsigned char *data = text.data;
        char sentence[SENTENCE_BYTES_MAX];
        size_t len = text.len;

        if (decoder == NULL || OSSL_DECODER_from_data(decoder, &data, &len) != 1 || pkey == NULL) {
                (void) snprintf(sentence, sizeof(sentence), "the issuer key is not an unencrypted PEM of %s", what);
                return token_crypto_error(error, sentence);
        }
        check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (check == NULL || EVP_PKEY_check(check) != 1)
                return token_crypto_error(error, "the parts of the issuer key do not belong together");
        *ret = BASE_STEAL(pkey);
        return true;
}

bool token_key_pem_write(EVP_PKEY *pkey, struct base_buffer *ret, struct base_error *error)
{
        BASE_CLEANUP(OSSL_ENCODER_CTX_free_p)
        OSSL_ENCODER_CTX *encoder = OSSL_ENCODER_CTX_new_for_pkey(pkey, OSSL_KEYMGMT_SELECT_ALL, "PEM", "PrivateKeyInfo", NULL);
        unsigned char *data = NULL;
        size_t len = 0;

        if (encoder == NULL || OSSL_ENCODER_to_data(encoder, &data, &len) != 1)
                return token_crypto_error(error, "the issuer key could not be written");
        base_buffer_put(ret, data, len);
        OPENSSL_clear_free(data, len);
        return base_buffer_ok(ret) || base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the issuer key");
}
