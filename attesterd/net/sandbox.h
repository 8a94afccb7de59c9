/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attester-net gives up before it touches the network: processes, files to write, every socket but those to the
 * network, and being looked into. Runs in attester-net; may be included by attesterd/net/.
 */
#pragma once

#include "base/error.h"

/* Built with a sanitizer, whose own needs (threads, /proc, its leak checker) the filter then lets through. */
#if defined(__SANITIZE_ADDRESS__)
#define NET_SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NET_SANDBOX_SANITIZED 1
#endif
#endif
#ifndef NET_SANDBOX_SANITIZED
#define NET_SANDBOX_SANITIZED 0
#endif

#define NET_SANDBOX_FILES_MAX 1024

/*
 * First thing in main(): closes every descriptor but stderr and `socket_fd` (3 or more), dies with the parent, cannot gain
 * privileges, dump core or be traced. Errors: IO, naming the step.
 */
bool net_sandbox_prepare(int socket_fd, struct base_error *error) BASE_MUST_CHECK;

/*
 * Once all libraries are initialised: installs the seccomp filter, for all threads. A call that it does not list fails
 * with EPERM; one that only an attacker makes (execve, ptrace, mount, bpf…) ends the process. Errors: IO, NO_MEMORY.
 */
bool net_sandbox_enter(struct base_error *error) BASE_MUST_CHECK;
