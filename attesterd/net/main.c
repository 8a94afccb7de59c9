/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-net: TLS and HTTP to issuers on behalf of attesterd, which starts it. */
#include "attesterd/net/process.h"
#include "attesterd/net/sandbox.h"
#include "attesterd/net/server.h"

#include <getopt.h>
#include <string.h>

#if NET_SANDBOX_SANITIZED
/* The leak checker stops all threads from a process of its own, which the filter's rules make it wait for forever. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
        return "detect_leaks=0";
}
#endif

static const char usage[] = "usage: attester-net [OPTION…], started by attesterd or by attester-net.socket\n"
                            "  --fd NUMBER               the socket (default 3)\n"
                            "  --proxy-from-environment  honour https_proxy, all_proxy and no_proxy\n"
                            "  --help\n";

struct options {
        int fd;
        bool proxy_from_environment;
        bool help;
};

static bool parse_options(int argc, char **argv, struct options *ret)
{
        static const struct option known[] = {
                { "fd", required_argument, NULL, 'f' },
                { "proxy-from-environment", no_argument, NULL, 'p' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        struct options options = { .fd = NET_CHILD_FD };
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                char *end;
                long number;

                switch (option) {
                case 'f':
                        number = strtol(optarg, &end, 10);
                        if (*end != '\0' || number < NET_CHILD_FD || number > 1023)
                                return false;
                        options.fd = (int) number;
                        break;
                case 'p':
                        options.proxy_from_environment = true;
                        break;
                case 'h':
                        options.help = true;
                        break;
                default:
                        return false;
                }
        }
        *ret = options;
        return optind == argc;
}

static bool run(const struct options *options, struct base_error *error)
{
        net_auto_server struct net_server *server = NULL;

        return net_sandbox_prepare(options->fd, error) &&
               net_server_new(options->fd, options->proxy_from_environment, &server, error) && net_sandbox_enter(error) &&
               net_server_run(server, error);
}

int main(int argc, char **argv)
{
        struct base_error error = BASE_ERROR_INIT;
        struct options options;

        if (!parse_options(argc, argv, &options)) {
                (void) fputs(usage, stderr);
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        }
        if (options.help)
                return fputs(usage, stdout) < 0 ? base_error_exit_status(BASE_ERROR_IO) : 0;
        if (!run(&options, &error))
                (void) fprintf(stderr, "attester-net: %s (%s)\n", error.message, error.detail);
        return base_error_exit_status(error.code);
}
