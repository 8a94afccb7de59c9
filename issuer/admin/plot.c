/* SPDX-License-Identifier: BSD-2-Clause */
/* Bars of days, as SVG with the style sheet's colours: one picture for wide windows, one of the last days for narrow ones. */
#include "issuer/admin/internal.h"

#include <inttypes.h>

#define RIGHT       20
#define TOP         12
#define BOTTOM      24 /* for the dates */
#define LINES       4
#define DIGIT_WIDTH 8 /* of the numbers at the left, commas too, at most */
#define GAP         8

struct kind {
        const char *class;
        unsigned width, height;
        size_t days;        /* at most; the last ones */
        unsigned label_gap; /* days between dates */
};

static const struct kind kinds[] = {
        { "plot wide-only", 960, 220, 400, 5 },
        { "plot narrow-only", 360, 200, 14, 4 },
};

/* One of these of certain numbers. */
struct picture {
        const struct kind *kind;
        const uint64_t *counts;
        size_t days;
        uint64_t first_day;
        uint64_t top;  /* of the scale */
        unsigned left; /* of the bars: the numbers of the scale have room before them */
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

static unsigned number_width(uint64_t number)
{
        unsigned digits = 1;

        while (number >= 10) {
                number /= 10;
                digits++;
        }
        return (digits + (digits - 1) / 3) * DIGIT_WIDTH;
}

static void put_lines(struct base_buffer *to, const struct picture *picture)
{
        unsigned height = picture->kind->height - TOP - BOTTOM;

        for (unsigned i = 0; i <= LINES; i++) {
                unsigned y = TOP + height - height * i / LINES;

                base_buffer_printf(to,
                                   "<line class=\"grid\" x1=\"%u\" x2=\"%u\" y1=\"%u\" y2=\"%u\"/><text x=\"%u\" y=\"%u\" "
                                   "text-anchor=\"end\">",
                                   picture->left, picture->kind->width - RIGHT, y, y, picture->left - GAP, y + 4);
                admin_html_put_number(to, picture->top / LINES * i);
                admin_html_put(to, "</text>\n");
        }
}

static void put_bar(struct base_buffer *to, const struct picture *picture, size_t at)
{
        double step = (double) (picture->kind->width - picture->left - RIGHT) / (double) picture->days;
        double full = (double) (picture->kind->height - TOP - BOTTOM), x = picture->left + step * (double) at;
        double height = full * (double) picture->counts[at] / (double) picture->top;
        bool today = at == picture->days - 1;

        /* What is not nothing is seen. */
        if (picture->counts[at] > 0 && height < 1.5)
                height = 1.5;
        base_buffer_printf(to, "<rect class=\"bar%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"><title>",
                           today ? " today" : "", x + step * 0.12, TOP + full - height, step * 0.76, height);
        admin_html_put_date(to, (picture->first_day + at) * 86400);
        admin_html_put(to, ": ");
        admin_html_put_number(to, picture->counts[at]);
        base_buffer_printf(to, "%s</title></rect>\n", today ? " until now" : "");
        if ((picture->days - 1 - at) % picture->kind->label_gap == 0) {
                base_buffer_printf(to, "<text x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">", x + step / 2,
                                   picture->kind->height - 6);
                /* Month and day do. */
                admin_html_put_month_day(to, (picture->first_day + at) * 86400);
                admin_html_put(to, "</text>\n");
        }
}

/* The day with most tokens. */
static size_t largest_of(const uint64_t *counts, size_t count)
{
        size_t largest = 0;

        for (size_t i = 1; i < count; i++)
                if (counts[i] > counts[largest])
                        largest = i;
        return largest;
}

/* What who cannot see the picture is told of it. */
static void put_label(struct base_buffer *to, const struct picture *picture)
{
        size_t largest = largest_of(picture->counts, picture->days);

        base_buffer_printf(to, "Tokens a day, %zu days: ", picture->days);
        admin_html_put_number(to, picture->counts[picture->days - 1]);
        admin_html_put(to, " today, at most ");
        admin_html_put_number(to, picture->counts[largest]);
        admin_html_put(to, " on ");
        admin_html_put_date(to, (picture->first_day + largest) * 86400);
        admin_html_put(to, ". The table beneath has the numbers.");
}

static void put_picture(struct base_buffer *to, const struct kind *kind, const uint64_t *counts, size_t count, uint64_t first_day)
{
        size_t skip = count > kind->days ? count - kind->days : 0;
        struct picture picture = {
                .kind = kind,
                .counts = counts + skip,
                .days = count - skip,
                .first_day = first_day + skip,
        };

        picture.top = round_up(picture.counts[largest_of(picture.counts, picture.days)]);
        picture.left = number_width(picture.top) + 2 * GAP;
        base_buffer_printf(to, "<svg class=\"%s\" viewBox=\"0 0 %u %u\" role=\"img\" aria-label=\"", kind->class, kind->width,
                           kind->height);
        put_label(to, &picture);
        admin_html_put(to, "\">\n");
        put_lines(to, &picture);
        for (size_t i = 0; i < picture.days; i++)
                put_bar(to, &picture, i);
        admin_html_put(to, "</svg>\n");
}

void admin_put_plot(struct base_buffer *to, const uint64_t *counts, size_t count, uint64_t first_day)
{
        if (counts[largest_of(counts, count)] == 0) {
                base_buffer_printf(to, "<p class=\"empty\">No token was issued in the last %zu days.</p>\n", count);
                return;
        }
        admin_html_put(to, "<figure>\n<figcaption>Tokens issued on each day (UTC); the last day is not over.</figcaption>\n");
        for (size_t i = 0; i < BASE_COUNT(kinds); i++)
                put_picture(to, &kinds[i], counts, count, first_day);
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
