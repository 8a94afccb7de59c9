/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/x11_values.h"

#include <string.h>

#define FORMAT_32        32
#define LOCAL_CLIENT_PID 2u /* of a CLIENTIDSPEC's mask */

static bool take_u32(struct base_bytes *from, uint32_t *ret)
{
        if (from->len < sizeof(*ret))
                return false;
        memcpy(ret, from->data, sizeof(*ret));
        *from = BASE_BYTES(from->data + sizeof(*ret), from->len - sizeof(*ret));
        return true;
}

bool agent_x11_parse_window(uint8_t format, struct base_bytes value, uint32_t *ret)
{
        return format == FORMAT_32 && value.len == sizeof(*ret) && take_u32(&value, ret);
}

bool agent_x11_parse_client_pid(uint32_t count, struct base_bytes ids, pid_t *ret)
{
        uint32_t pid = 0;
        bool found = false;

        if (count > AGENT_X11_CLIENT_IDS_MAX)
                return false;
        for (uint32_t i = 0; i < count; i++) {
                uint32_t client, mask, len;

                if (!take_u32(&ids, &client) || !take_u32(&ids, &mask) || !take_u32(&ids, &len) || len > ids.len || len % 4 != 0)
                        return false;
                if (mask != LOCAL_CLIENT_PID) {
                        ids = BASE_BYTES(ids.data + len, ids.len - len);
                        continue;
                }
                if (found || len != sizeof(pid) || !take_u32(&ids, &pid))
                        return false;
                found = true;
        }
        if (!found || pid == 0 || pid > INT32_MAX)
                return false;
        *ret = (pid_t) pid;
        return true;
}

bool agent_x11_display_is_local(const char *name)
{
        size_t digits = name[0] == ':' ? strspn(name + 1, "0123456789") : 0;
        const char *rest = name + 1 + digits;

        if (digits == 0 || digits > 5)
                return false;
        return rest[0] == '\0' || (rest[0] == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}
