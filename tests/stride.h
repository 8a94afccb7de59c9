/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far apart the cases of a long series are that a build tries: each one, or in a sanitized build, which takes ten times as
 * long for one and has no more to find in its neighbours, every seventh.
 */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define TEST_STRIDE 7
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_STRIDE 7
#endif
#endif

#ifndef TEST_STRIDE
#define TEST_STRIDE 1
#endif
