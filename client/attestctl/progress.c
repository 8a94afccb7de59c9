/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/progress.h"
#include "base/system.h"

#include <inttypes.h>
#include <string.h>

#define BAR_CELLS       20
#define LEFT_S_MAX      359999 /* a hundred hours */
#define AMOUNT_TEXT_MAX 16

static uint64_t now_ms(void)
{
        return base_system_clock.monotonic_ms(base_system_clock.context);
}

void attestctl_progress_start(struct attestctl_progress *progress)
{
        *progress = (struct attestctl_progress){ .wanted = isatty(STDERR_FILENO) == 1, .started_ms = now_ms() };
}

static void amount_format(uint64_t bytes, char ret[static AMOUNT_TEXT_MAX])
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double amount = (double) bytes;
        size_t unit = 0;

        for (; amount >= 1000 && unit + 1 < BASE_COUNT(units); unit++)
                amount /= 1024;
        (void) snprintf(ret, AMOUNT_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
}

void attestctl_progress_format(uint64_t done, uint64_t total, uint64_t elapsed_ms, char *ret, size_t ret_size)
{
        double speed = elapsed_ms > 0 ? (double) done * 1000 / (double) elapsed_ms : 0;
        char amount[AMOUNT_TEXT_MAX], whole[AMOUNT_TEXT_MAX], rate[AMOUNT_TEXT_MAX];
        char bar[BAR_CELLS + 1] = "";
        double part, left_s;

        amount_format(done, amount);
        amount_format((uint64_t) speed, rate);
        if (total == 0 || done > total) {
                (void) snprintf(ret, ret_size, "%s  %s/s", amount, rate);
                return;
        }
        part = (double) done / (double) total;
        left_s = speed > 0 ? (double) (total - done) / speed : LEFT_S_MAX;
        memset(bar, ' ', BAR_CELLS);
        memset(bar, '=', (size_t) (part * BAR_CELLS));
        amount_format(total, whole);
        (void) snprintf(ret, ret_size, "[%s] %3.0f %%  %s of %s  %s/s  %.0f s left", bar, part * 100, amount, whole, rate,
                        left_s < LEFT_S_MAX ? left_s : LEFT_S_MAX);
}

void attestctl_progress_show(struct attestctl_progress *progress, uint64_t done, uint64_t total)
{
        char text[ATTESTCTL_PROGRESS_TEXT_MAX];
        uint64_t now = now_ms();

        if (!progress->wanted || now - progress->started_ms < ATTESTCTL_PROGRESS_DELAY_MS ||
            now - progress->shown_ms < ATTESTCTL_PROGRESS_PERIOD_MS)
                return;
        progress->shown = true;
        progress->shown_ms = now;
        attestctl_progress_format(done, total, now - progress->started_ms, text, sizeof(text));
        /* Back to the start of the line, and what is left of the old text goes. */
        (void) fprintf(stderr, "\r%s\033[K", text);
}

void attestctl_progress_end(struct attestctl_progress *progress)
{
        if (progress->shown)
                (void) fputs("\r\033[K", stderr);
        *progress = (struct attestctl_progress){ .wanted = false };
}
