/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "tpm/connection.h"
#include "tpm/leftovers.h"
#include "tpm/openssl_context.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

struct sample {
        TSS2_RC rc;
        enum tpm_rc_class class;
        enum base_error_code code;
        const char *says;
};

static const struct sample samples[] = {
        { TSS2_TCTI_RC_IO_ERROR, TPM_RC_CLASS_TRANSPORT, BASE_ERROR_TPM_UNAVAILABLE, "IO" },
        { TSS2_TCTI_RC_NO_CONNECTION, TPM_RC_CLASS_TRANSPORT, BASE_ERROR_TPM_UNAVAILABLE, "" },
        { TSS2_ESYS_RC_RSP_AUTH_FAILED, TPM_RC_CLASS_TRANSPORT, BASE_ERROR_TPM_UNAVAILABLE, "" },
        { TSS2_MU_RC_INSUFFICIENT_BUFFER, TPM_RC_CLASS_TRANSPORT, BASE_ERROR_TPM_UNAVAILABLE, "" },
        { TPM2_RC_INITIALIZE, TPM_RC_CLASS_NOT_STARTED, BASE_ERROR_TPM_UNAVAILABLE, "TPM2_Startup" },
        { TPM2_RC_FAILURE, TPM_RC_CLASS_NOT_STARTED, BASE_ERROR_TPM_UNAVAILABLE, "TPM failure" },
        { TPM2_RC_RETRY, TPM_RC_CLASS_RETRY, BASE_ERROR_TPM_UNAVAILABLE, "busy" },
        { TPM2_RC_YIELDED, TPM_RC_CLASS_RETRY, BASE_ERROR_TPM_UNAVAILABLE, "busy" },
        { TPM2_RC_TESTING, TPM_RC_CLASS_RETRY, BASE_ERROR_TPM_UNAVAILABLE, "selftests" },
        { TPM2_RC_NV_RATE, TPM_RC_CLASS_RETRY, BASE_ERROR_TPM_UNAVAILABLE, "rate limiting" },
        { TPM2_RC_LOCKOUT, TPM_RC_CLASS_LOCKOUT, BASE_ERROR_TPM_UNAVAILABLE, "lockout" },
        { TPM2_RC_OBJECT_MEMORY, TPM_RC_CLASS_EXHAUSTED, BASE_ERROR_TPM_UNAVAILABLE, "out of memory for object contexts" },
        { TPM2_RC_SESSION_HANDLES, TPM_RC_CLASS_EXHAUSTED, BASE_ERROR_TPM_UNAVAILABLE, "session" },
        { TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1, TPM_RC_CLASS_POLICY, BASE_ERROR_TPM_FAILED, "policy check failed" },
        { TPM2_RC_PCR_CHANGED, TPM_RC_CLASS_PCR_CHANGED, BASE_ERROR_TPM_FAILED, "PCR have changed" },
        { TPM2_RC_HANDLE | TPM2_RC_1, TPM_RC_CLASS_NO_HANDLE, BASE_ERROR_TPM_FAILED, "handle" },
        { TPM2_RC_REFERENCE_H0, TPM_RC_CLASS_NO_HANDLE, BASE_ERROR_TPM_FAILED, "not loaded" },
        { TPM2_RC_REFERENCE_S6, TPM_RC_CLASS_NO_HANDLE, BASE_ERROR_TPM_FAILED, "not loaded" },
        { TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1, TPM_RC_CLASS_AUTH, BASE_ERROR_TPM_FAILED, "password" },
        { TPM2_RC_AUTH_UNAVAILABLE, TPM_RC_CLASS_AUTH, BASE_ERROR_TPM_FAILED, "not available" },
        { TPM2_RC_INTEGRITY | TPM2_RC_P | TPM2_RC_1, TPM_RC_CLASS_INTEGRITY, BASE_ERROR_TPM_FAILED, "integrity" },
        { TPM2_RC_COMMAND_CODE, TPM_RC_CLASS_OTHER, BASE_ERROR_TPM_FAILED, "command code not supported" },
        /* A resource manager in user space passes the TPM's own codes on, under its layer. */
        { TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_LOCKOUT, TPM_RC_CLASS_LOCKOUT, BASE_ERROR_TPM_UNAVAILABLE, "" },
        { TSS2_RESMGR_RC_LAYER | TPM2_RC_OBJECT_MEMORY, TPM_RC_CLASS_EXHAUSTED, BASE_ERROR_TPM_UNAVAILABLE, "" },
};

static void connection_fail_names_class_code_and_reason(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(samples); i++) {
                struct tpm_connection connection = { 0 };
                struct base_error error = BASE_ERROR_INIT;

                assert_int_equal(tpm_rc_classify(samples[i].rc), samples[i].class);
                assert_false(tpm_connection_fail(&connection, samples[i].rc, "do it", &error));
                assert_int_equal(connection.failure, samples[i].class);
                assert_int_equal(connection.broken, samples[i].class == TPM_RC_CLASS_TRANSPORT);
                assert_int_equal(error.code, samples[i].code);
                if (strstr(error.message, "The TPM could not do it: ") != error.message ||
                    strstr(error.message, samples[i].says) == NULL)
                        fail_msg("\"%s\" does not say \"%s\"", error.message, samples[i].says);
        }
        assert_int_equal(tpm_rc_classify(TSS2_RC_SUCCESS), TPM_RC_CLASS_SUCCESS);
}

static void connection_open_of_nothing_is_unavailable(void **state)
{
        static const char *const bad[] = { "swtpm:path=/nonexistent/tpm", "device:/nonexistent/tpm", "no-such-tcti:", "", "\n" };

        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                tpm_auto_connection struct tpm_connection connection = { 0 };
                struct base_error error = BASE_ERROR_INIT;

                assert_false(tpm_connection_open(bad[i], &connection, &error));
                assert_int_equal(error.code, BASE_ERROR_TPM_UNAVAILABLE);
                assert_non_null(strstr(error.message, "cannot be reached"));
        }
}

static int silence(void **state)
{
        tpm_connection_silence();
        return 0;
}

static void leftovers_are_ours_behind_resource_manager_no(void **state)
{
        static const char *const ours[] = { "device:/dev/tpm0", "device:/dev/tpm1", "swtpm:path=/x", "swtpm", "mssim:port=1" };
        static const char *const not_ours[] = {
                "device:/dev/tpmrm0",      "device:/dev/tpmrm1", "device",       "device:", "tabrmd:",
                "tabrmd:bus_type=session", "device:/dev/tpm",    "cmd:ssh host", ""
        };

        for (size_t i = 0; i < BASE_COUNT(ours); i++)
                assert_true(tpm_leftovers_are_ours(ours[i]));
        for (size_t i = 0; i < BASE_COUNT(not_ours); i++)
                assert_false(tpm_leftovers_are_ours(not_ours[i]));
}

static void openssl_context_of_libraries_is_one_and_lives_on(void **state)
{
        OSSL_LIB_CTX *(*found)(void) = NULL, *first, *second;
        EVP_MD *digest;

        tpm_openssl_context_prepare();
        *(void **) &found = dlsym(RTLD_DEFAULT, "OSSL_LIB_CTX_new");
        assert_ptr_equal(found, &OSSL_LIB_CTX_new);
        first = found();
        assert_non_null(first);
        OSSL_LIB_CTX_free(first);
        second = found();
        assert_ptr_equal(first, second);
        digest = EVP_MD_fetch(second, "SHA256", NULL);
        assert_non_null(digest);
        EVP_MD_free(digest);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(connection_fail_names_class_code_and_reason),
                cmocka_unit_test(connection_open_of_nothing_is_unavailable),
                cmocka_unit_test(leftovers_are_ours_behind_resource_manager_no),
                cmocka_unit_test(openssl_context_of_libraries_is_one_and_lives_on),
        };

        return cmocka_run_group_tests(tests, silence, NULL);
}
