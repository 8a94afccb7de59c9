/* SPDX-License-Identifier: BSD-2-Clause */
/* syslog(3) priorities, as far as they are used here. Used by every program; may be included by every folder. */
#pragma once

enum base_log_level {
        BASE_LOG_ERROR = 3,
        BASE_LOG_WARNING = 4,
        BASE_LOG_NOTICE = 5,
        BASE_LOG_INFO = 6,
        BASE_LOG_DEBUG = 7,
};
