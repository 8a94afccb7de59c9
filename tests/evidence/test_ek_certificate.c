/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/ek_certificate.h"
#include "tests/evidence/fake_tpm.h"
#include "tests/evidence/support.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define EK_USAGE "2.23.133.8.1"

/* Some time after the captured certificates were made; they end in 9999. */
#define CAPTURED_NOW 1800000000u
#define YEAR         (366u * 24 * 3600)

static const char critical_san[] = "critical,dirName:tpm";
static const char san_config[] = "[tpm]\n0.2.23.133.2.1=id:00001014\n1.2.23.133.2.2=model\n2.2.23.133.2.3=id:20191023\n";

/* How a certificate of the tests is made. */
struct certificate_options {
        const char *usage; /* NULL: no extended key usage */
        bool authority;
        const char *odd_critical; /* object identifier of a critical extension nobody knows, or NULL */
        long starts, ends;        /* days from the day of the tests' clock */
};

static X509 *certificate_make(EVP_PKEY *subject, const char *name, EVP_PKEY *issuer, const char *issuer_name,
                              const struct certificate_options *options)
{
        X509 *certificate = X509_new();
        X509V3_CTX context;
        CONF *config = NCONF_new(NULL);
        BIO *bio = BIO_new_mem_buf(san_config, -1);
        struct {
                int nid;
                const char *value;
        } extensions[] = {
                { NID_basic_constraints, options->authority ? "critical,CA:TRUE" : "critical,CA:FALSE" },
                { NID_ext_key_usage, options->usage },
                { NID_subject_alt_name, options->authority ? NULL : critical_san },
        };
        time_t now = CAPTURED_NOW;
        long line;

        assert_true(NCONF_load_bio(config, bio, &line) > 0);
        BIO_free(bio);
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
        X509_time_adj_ex(X509_getm_notBefore(certificate), (int) options->starts, 0, &now);
        X509_time_adj_ex(X509_getm_notAfter(certificate), (int) options->ends, 0, &now);
        X509_set_pubkey(certificate, subject);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1,
                                   0);
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *) issuer_name, -1,
                                   -1, 0);
        X509V3_set_ctx(&context, NULL, certificate, NULL, NULL, 0);
        X509V3_set_nconf(&context, config);
        for (size_t i = 0; i < BASE_COUNT(extensions); i++) {
                X509_EXTENSION *extension;

                if (extensions[i].value == NULL)
                        continue;
                extension = X509V3_EXT_nconf_nid(config, &context, extensions[i].nid, extensions[i].value);
                assert_non_null(extension);
                assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
                X509_EXTENSION_free(extension);
        }
        if (options->odd_critical != NULL) {
                ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
                ASN1_OBJECT *object = OBJ_txt2obj(options->odd_critical, 1);
                X509_EXTENSION *extension;

                assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *) "\x05", 1), 1);
                extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
                assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
                X509_EXTENSION_free(extension);
                ASN1_OBJECT_free(object);
                ASN1_OCTET_STRING_free(value);
        }
        NCONF_free(config);
        assert_true(X509_sign(certificate, issuer, EVP_sha256()) > 0);
        return certificate;
}

static void put_der(X509 *certificate, struct base_buffer *to)
{
        uint8_t *der = NULL;
        int len = i2d_X509(certificate, &der);

        assert_true(len > 0);
        base_buffer_reset(to);
        base_buffer_put(to, der, (size_t) len);
        OPENSSL_free(der);
}

static void put_pem(X509 *certificate, struct base_buffer *to)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long len;

        assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
        len = BIO_get_mem_data(bio, &text);
        base_buffer_put(to, text, (size_t) len);
        BIO_free(bio);
}

/* A root, and an endorsement key to certify. */
struct world {
        EVP_PKEY *root_key;
        struct base_buffer pem, der;
        struct fake_key fake;
        struct evidence_public *ek;
        struct evidence_ek_authorities *authorities;
};

static const struct certificate_options ek_options = { .usage = EK_USAGE, .starts = -1, .ends = 100 };
static const struct certificate_options root_options = { .authority = true, .starts = -10, .ends = 1000 };

static void world_make(struct world *world)
{
        struct base_error error;
        X509 *root;

        *world = (struct world){ .root_key = EVP_EC_gen("P-256") };
        base_buffer_init(&world->pem, 65536);
        base_buffer_init(&world->der, 65536);
        root = certificate_make(world->root_key, "Root", world->root_key, "Root", &root_options);
        put_pem(root, &world->pem);
        X509_free(root);
        fake_key_make(&world->fake, &fake_ek_template);
        assert_ok(evidence_public_new(base_buffer_bytes(&world->fake.public), &world->ek, &error));
        assert_ok(evidence_ek_authorities_new(base_buffer_bytes(&world->pem), &world->authorities, &error));
}

static void world_clear(struct world *world)
{
        evidence_ek_authorities_free(world->authorities);
        evidence_public_free(world->ek);
        fake_key_clear(&world->fake);
        base_buffer_clear(&world->pem);
        base_buffer_clear(&world->der);
        EVP_PKEY_free(world->root_key);
}

#define auto_world BASE_CLEANUP(world_clear)

/* Issues a certificate with `options` for the endorsement key and checks it. */
static bool accepted(struct world *world, const struct certificate_options *options, struct base_error *error)
{
        X509 *certificate = certificate_make(world->fake.pkey, "EK", world->root_key, "Root", options);

        put_der(certificate, &world->der);
        X509_free(certificate);
        return evidence_ek_certificate_check(world->authorities, base_buffer_bytes(&world->der), world->ek, CAPTURED_NOW, error);
}

static void check_captured_certificates_accepted(void **state)
{
        static const char *const names[] = { "ek_rsa", "ek_ecc" };
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(65536);
        evidence_auto_ek_authorities struct evidence_ek_authorities *authorities = NULL;
        struct base_error error;

        test_data_read("ek_authorities.pem", &pem);
        assert_ok(evidence_ek_authorities_new(base_buffer_bytes(&pem), &authorities, &error));
        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                base_auto_buffer struct base_buffer der = BASE_BUFFER_INIT(65536), public = BASE_BUFFER_INIT(65536);
                evidence_auto_public struct evidence_public *ek = NULL;
                char file[64];

                (void) snprintf(file, sizeof(file), "%s.der", names[i]);
                test_data_read(file, &der);
                (void) snprintf(file, sizeof(file), "%s.pub", names[i]);
                test_data_read(file, &public);
                assert_ok(evidence_public_new(base_buffer_bytes(&public), &ek, &error));
                assert_ok(evidence_ek_certificate_check(authorities, base_buffer_bytes(&der), ek, CAPTURED_NOW, &error));
                assert_ok(evidence_ek_certificate_check(authorities, base_buffer_bytes(&der), ek, CAPTURED_NOW + 1000ul * YEAR,
                                                        &error));
                assert_refused(
                        evidence_ek_certificate_check(authorities, base_buffer_bytes(&der), ek, CAPTURED_NOW - YEAR, &error),
                        BASE_ERROR_EVIDENCE_INVALID, "not yet valid");
                der.data[der.len - 1] ^= 1;
                assert_refused(evidence_ek_certificate_check(authorities, base_buffer_bytes(&der), ek, CAPTURED_NOW, &error),
                               BASE_ERROR_EVIDENCE_INVALID, "signature");
        }
}

static void check_made_certificate_accepted(void **state)
{
        struct certificate_options no_usage = ek_options;
        auto_world struct world world;
        struct base_error error;

        world_make(&world);
        assert_ok(accepted(&world, &ek_options, &error));
        no_usage.usage = NULL;
        assert_ok(accepted(&world, &no_usage, &error));
}

static void check_other_key_refused(void **state)
{
        auto_world struct world world, other;
        struct base_error error;

        world_make(&world);
        world_make(&other);
        assert_ok(accepted(&world, &ek_options, &error));
        assert_refused(
                evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&world.der), other.ek, CAPTURED_NOW, &error),
                BASE_ERROR_EVIDENCE_INVALID, "another key");
}

/* A self-made authority of the same name as a trusted one. */
static void check_untrusted_authority_refused(void **state)
{
        auto_world struct world world, other;
        struct base_error error;

        world_make(&world);
        world_make(&other);
        assert_ok(accepted(&world, &ek_options, &error));
        assert_refused(
                evidence_ek_certificate_check(other.authorities, base_buffer_bytes(&world.der), world.ek, CAPTURED_NOW, &error),
                BASE_ERROR_EVIDENCE_INVALID, "not trusted");
}

static void check_self_signed_refused(void **state)
{
        auto_world struct world world;
        struct base_error error;
        X509 *certificate;

        world_make(&world);
        certificate = certificate_make(world.fake.pkey, "EK", world.fake.pkey, "EK", &ek_options);
        put_der(certificate, &world.der);
        X509_free(certificate);
        assert_refused(
                evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&world.der), world.ek, CAPTURED_NOW, &error),
                BASE_ERROR_EVIDENCE_INVALID, "not trusted");
}

/* An endorsement key's certificate must not be able to certify other keys. */
static void check_issued_by_an_endorsement_key_refused(void **state)
{
        base_auto_buffer struct base_buffer bundle = BASE_BUFFER_INIT(65536);
        evidence_auto_ek_authorities struct evidence_ek_authorities *authorities = NULL;
        auto_world struct world world;
        struct base_error error;
        X509 *leaf, *below;
        EVP_PKEY *middle = EVP_EC_gen("P-256");

        world_make(&world);
        leaf = certificate_make(middle, "Leaf", world.root_key, "Root", &ek_options);
        below = certificate_make(world.fake.pkey, "EK", middle, "Leaf", &ek_options);
        base_buffer_put_bytes(&bundle, base_buffer_bytes(&world.pem));
        put_pem(leaf, &bundle);
        put_der(below, &world.der);
        assert_ok(evidence_ek_authorities_new(base_buffer_bytes(&bundle), &authorities, &error));
        assert_refused(evidence_ek_certificate_check(authorities, base_buffer_bytes(&world.der), world.ek, CAPTURED_NOW, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "not trusted");
        X509_free(leaf);
        X509_free(below);
        EVP_PKEY_free(middle);
}

static void check_validity_and_usage_refused(void **state)
{
        const struct certificate_options expired = { .usage = EK_USAGE, .starts = -9, .ends = -1 };
        const struct certificate_options early = { .usage = EK_USAGE, .starts = 1, .ends = 9 };
        const struct certificate_options server = { .usage = "serverAuth", .starts = -1, .ends = 9 };
        const struct certificate_options authority = { .authority = true, .starts = -1, .ends = 9 };
        const struct certificate_options odd = { .usage = EK_USAGE, .odd_critical = "1.2.3.4", .starts = -1, .ends = 9 };
        const struct {
                const struct certificate_options *options;
                const char *message;
        } cases[] = {
                { &expired, "expired" },
                { &early, "not yet valid" },
                { &server, "not for an endorsement key" },
                { &authority, "one of an authority" },
                { &odd, "unhandled critical extension" },
        };
        auto_world struct world world;
        struct base_error error;

        world_make(&world);
        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                assert_refused(accepted(&world, cases[i].options, &error), BASE_ERROR_EVIDENCE_INVALID, cases[i].message);
}

static void check_not_der_refused(void **state)
{
        auto_world struct world world;
        struct base_error error;

        world_make(&world);
        assert_refused(
                evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&world.pem), world.ek, CAPTURED_NOW, &error),
                BASE_ERROR_MALFORMED, "DER");
        assert_refused(evidence_ek_certificate_check(world.authorities, BASE_BYTES(NULL, 0), world.ek, CAPTURED_NOW, &error),
                       BASE_ERROR_MALFORMED, "DER");
        assert_ok(accepted(&world, &ek_options, &error));
        base_buffer_put_u8(&world.der, 0);
        assert_refused(
                evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&world.der), world.ek, CAPTURED_NOW, &error),
                BASE_ERROR_MALFORMED, "DER");
}

/* The signature is over the inner part alone, and holds whatever the outer length looks like. */
static void check_another_encoding_refused(void **state)
{
        base_auto_buffer struct base_buffer longer = BASE_BUFFER_INIT(65536);
        auto_world struct world world;
        struct base_error error;

        world_make(&world);
        assert_ok(accepted(&world, &ek_options, &error));
        assert_memory_equal(world.der.data, "\x30\x82", 2);
        base_buffer_put(&longer, "\x30\x83\x00", 3);
        base_buffer_put(&longer, world.der.data + 2, world.der.len - 2);
        assert_refused(
                evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&longer), world.ek, CAPTURED_NOW, &error),
                BASE_ERROR_MALFORMED, "DER");
}

/* Some old certificates name the RSA key's algorithm id-RSAES-OAEP, which OpenSSL does not read. */
static void check_unsupported_kind_of_key_refused(void **state)
{
        static const uint8_t rsa_encryption[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
        base_auto_buffer struct base_buffer der = BASE_BUFFER_INIT(65536);
        auto_world struct world world;
        struct base_error error;
        uint8_t *at;

        world_make(&world);
        test_data_read("ek_rsa.der", &der);
        at = memmem(der.data, der.len, rsa_encryption, sizeof(rsa_encryption));
        assert_non_null(at);
        at[sizeof(rsa_encryption) - 1] = 7;
        assert_refused(evidence_ek_certificate_check(world.authorities, base_buffer_bytes(&der), world.ek, CAPTURED_NOW, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "unsupported kind");
}

static void authorities_new_bad_bundle_refused(void **state)
{
        evidence_auto_ek_authorities struct evidence_ek_authorities *authorities = NULL;
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_EK_AUTHORITIES_BYTES_MAX + 1);
        auto_world struct world world;
        struct base_error error;

        world_make(&world);
        assert_refused(evidence_ek_authorities_new(BASE_BYTES("", 0), &authorities, &error), BASE_ERROR_MALFORMED,
                       "no certificate");
        assert_refused(evidence_ek_authorities_new(base_bytes_from_string("text"), &authorities, &error), BASE_ERROR_MALFORMED,
                       "no certificate");
        base_buffer_put_bytes(&pem, base_buffer_bytes(&world.pem));
        base_buffer_put_string(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert_refused(evidence_ek_authorities_new(base_buffer_bytes(&pem), &authorities, &error), BASE_ERROR_MALFORMED,
                       "number 2");
        base_buffer_reset(&pem);
        for (int i = 0; i <= EVIDENCE_EK_AUTHORITIES_MAX; i++)
                base_buffer_put_bytes(&pem, base_buffer_bytes(&world.pem));
        assert_refused(evidence_ek_authorities_new(base_buffer_bytes(&pem), &authorities, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "512");
        base_buffer_reset(&pem);
        assert_non_null(base_buffer_extend(&pem, EVIDENCE_EK_AUTHORITIES_BYTES_MAX + 1));
        assert_refused(evidence_ek_authorities_new(base_buffer_bytes(&pem), &authorities, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "larger");
        assert_null(authorities);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(check_captured_certificates_accepted),
                cmocka_unit_test(check_made_certificate_accepted),
                cmocka_unit_test(check_other_key_refused),
                cmocka_unit_test(check_untrusted_authority_refused),
                cmocka_unit_test(check_self_signed_refused),
                cmocka_unit_test(check_issued_by_an_endorsement_key_refused),
                cmocka_unit_test(check_validity_and_usage_refused),
                cmocka_unit_test(check_not_der_refused),
                cmocka_unit_test(check_another_encoding_refused),
                cmocka_unit_test(check_unsupported_kind_of_key_refused),
                cmocka_unit_test(authorities_new_bad_bundle_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
