/* SPDX-License-Identifier: BSD-2-Clause */
/* Bars of days, as SVG with the style sheet's colours: one picture for wide windows, one of the last days for narrow ones. */
#include "issuer/admin/internal.h"

#include <inttypes.h>

#define LEFT   56 /* for the numbers */
#define RIGHT  20
#define TOP    12
#define BOTTOM 24 /* for the dates */
#define LINES  4

struct picture {
        const char *class;
        unsigned width, height;
        size_t days;        /* at most; the last ones */
        unsigned label_gap; /* days between dates */
};

static const struct picture pictures[] = {
        { "plot wide-only", 960, 220, 400, 5 },
        { "plot narrow-only", 360, 200, 14, 4 },
};

/* The least of 1, 2, 4, 8, 20, 40, 80, … that is no less: it divides by LINES, or is small. */
static uint64_t round_up(uint64_t largest)
{
        static const uint64_t steps[] = { 4, 8, 20 };
        uint64_t unit = 1;

        for (;; unit *= 10)
                for (size_t i = 0; i < BASE_COUNT(steps); i++)
                        if (steps[i] * unit >= largest || unit > UINT64_MAX / 1000)
                                return steps[i] * unit;
}

static void put_lines(struct base_buffer *to, const struct picture *picture, uint64_t top)
{
        unsigned height = picture->height - TOP - BOTTOM;

        for (unsigned i = 0; i <= LINES; i++) {
                unsigned y = TOP + height - height * i / LINES;

                base_buffer_printf(to,
                                   "<line class=\"grid\" x1=\"%d\" x2=\"%u\" y1=\"%u\" y2=\"%u\"/><text x=\"%d\" y=\"%u\" "
                                   "text-anchor=\"end\">",
                                   LEFT, picture->width - RIGHT, y, y, LEFT - 8, y + 4);
                admin_html_put_number(to, top / LINES * i);
                admin_html_put(to, "</text>\n");
        }
}

static void put_bar(struct base_buffer *to, const struct picture *picture, size_t at, size_t days, uint64_t count, uint64_t top,
                    uint64_t day)
{
        double step = (double) (picture->width - LEFT - RIGHT) / (double) days;
        double full = (double) (picture->height - TOP - BOTTOM);
        double height = full * (double) count / (double) top, x = LEFT + step * (double) at;

        /* What is not nothing is seen. */
        if (count > 0 && height < 1.5)
                height = 1.5;
        base_buffer_printf(to, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"><title>",
                           x + step * 0.12, TOP + full - height, step * 0.76, height);
        admin_html_put_date(to, day * 86400);
        admin_html_put(to, ": ");
        admin_html_put_number(to, count);
        admin_html_put(to, "</title></rect>\n");
        if ((days - 1 - at) % picture->label_gap == 0) {
                base_buffer_printf(to, "<text x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">", x + step / 2, picture->height - 6);
                /* Month and day do. */
                admin_html_put_month_day(to, day * 86400);
                admin_html_put(to, "</text>\n");
        }
}

static void put_picture(struct base_buffer *to, const struct picture *picture, const uint64_t *counts, size_t count,
                        uint64_t first_day)
{
        size_t skip = count > picture->days ? count - picture->days : 0;
        uint64_t largest = 0, top;

        for (size_t i = skip; i < count; i++)
                largest = counts[i] > largest ? counts[i] : largest;
        top = round_up(largest);
        base_buffer_printf(to,
                           "<svg class=\"%s\" viewBox=\"0 0 %u %u\" role=\"img\" aria-label=\"Tokens a day, %zu days; the table "
                           "beneath has the numbers\">\n",
                           picture->class, picture->width, picture->height, count - skip);
        put_lines(to, picture, top);
        for (size_t i = skip; i < count; i++)
                put_bar(to, picture, i - skip, count - skip, counts[i], top, first_day + i);
        admin_html_put(to, "</svg>\n");
}

void admin_put_plot(struct base_buffer *to, const uint64_t *counts, size_t count, uint64_t first_day)
{
        admin_html_put(to, "<figure>\n");
        for (size_t i = 0; i < BASE_COUNT(pictures); i++)
                put_picture(to, &pictures[i], counts, count, first_day);
        admin_html_put(to, "<details><summary>The same as a table</summary>\n<div class=\"table\"><table class=\"slim plain\">"
                           "<thead><tr><th scope=\"col\">Day</th><th scope=\"col\" class=\"number\">Tokens</th></tr></thead>\n"
                           "<tbody>\n");
        for (size_t i = count; i-- > 0;) {
                admin_html_put(to, "<tr><th scope=\"row\">");
                admin_html_put_date(to, (first_day + i) * 86400);
                admin_html_put(to, "</th><td class=\"number\">");
                admin_html_put_number(to, counts[i]);
                admin_html_put(to, "</td></tr>\n");
        }
        admin_html_put(to, "</tbody></table></div></details>\n</figure>\n");
}
