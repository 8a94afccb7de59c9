/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetches a page, with a Private Access Token if the website asks for one.
 * cc blocking.c $(pkg-config --cflags --libs libattester libcurl) && ./a.out https://www.example.org/
 */
#include <attester.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES_MAX        16384
#define AUTHORIZATION_BYTES_MAX 4096

/* The website's name as the library wants it: "www.example.org", with ":port" unless 443. False for what is not https. */
static bool origin_of(const char *url, char *ret, size_t ret_size)
{
        CURLU *parsed = curl_url();
        char *scheme = NULL, *host = NULL, *port = NULL;
        bool sound = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                     curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0 &&
                     curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                     curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;

        if (sound && strcmp(port, "443") == 0)
                snprintf(ret, ret_size, "%s", host);
        else if (sound)
                snprintf(ret, ret_size, "%s:%s", host, port);
        curl_free(scheme);
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(parsed);
        return sound;
}

/* All WWW-Authenticate fields of the last response, joined with ", ". False if there is none. */
static bool www_authenticate_of(CURL *curl, char *ret, size_t ret_size)
{
        struct curl_header *field;
        size_t len = 0;

        for (size_t i = 0; curl_easy_header(curl, "WWW-Authenticate", i, CURLH_HEADER, -1, &field) == CURLHE_OK; i++) {
                if (len + strlen(field->value) + 3 > ret_size)
                        return false;
                len += (size_t) sprintf(ret + len, "%s%s", len > 0 ? ", " : "", field->value);
        }
        return len > 0;
}

/* Drops the body of a refusal: only the last answer is shown. */
static size_t take_body(char *data, size_t size, size_t count, void *context)
{
        long status = 0;

        curl_easy_getinfo(context, CURLINFO_RESPONSE_CODE, &status);
        return status == 401 ? size * count : fwrite(data, size, count, stdout);
}

/* Answers the challenge of the last response and repeats the request, once. */
static CURLcode answer(CURL *curl, const char *www_authenticate, const char *origin)
{
        struct attester *attester = NULL;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct curl_slist *headers = NULL;
        char *authorization = NULL;
        char line[AUTHORIZATION_BYTES_MAX];
        CURLcode code = CURLE_LOGIN_DENIED;

        if (attester_new(NULL, &attester, &error) < 0 ||
            attester_authorize(attester, www_authenticate, origin, NULL, &authorization, NULL, &error) < 0) {
                fprintf(stderr, "no token: %s: %s\n", error.name, error.message);
        } else {
                snprintf(line, sizeof(line), "Authorization: %s", authorization);
                headers = curl_slist_append(NULL, line);
                curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
                code = curl_easy_perform(curl);
                curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
        }
        curl_slist_free_all(headers);
        attester_string_free(authorization);
        attester_free(attester);
        return code;
}

int main(int argc, char **argv)
{
        char origin[300], www_authenticate[HEADER_BYTES_MAX];
        CURL *curl = curl_easy_init();
        long status = 0;
        CURLcode code;

        if (curl == NULL || argc != 2 || !origin_of(argv[1], origin, sizeof(origin))) {
                fprintf(stderr, "usage: %s https://…\n", argv[0]);
                return 2;
        }
        curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE")); /* NULL: the system's */
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, curl);
        code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status == 401 && www_authenticate_of(curl, www_authenticate, sizeof(www_authenticate)))
                code = answer(curl, www_authenticate, origin);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
                fprintf(stderr, "%s\n", curl_easy_strerror(code));
        curl_easy_cleanup(curl);
        return code == CURLE_OK && status == 200 ? 0 : 1;
}
