/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.*, and what finds the devices below a file system. */
#include "attesterd/posture/block.h"
#include "attesterd/posture/mountinfo.h"
#include "posture_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MOUNTINFO "proc/self/mountinfo"
#define SWAPS     "proc/swaps"
#define HEADINGS  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
#define EXT4      "28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/root rw\n"
#define BTRFS     "28 1 0:33 /root / rw,relatime shared:1 - btrfs /dev/mapper/root rw\n"

/* A device of the device mapper under both of its names in sysfs, with what lies below. */
static void put_mapped(const struct posture_tree *tree, const char *number, const char *kernel_name, const char *name,
                       const char *uuid, const char *slave)
{
        char path[256];
        char target[256];

        (void) snprintf(path, sizeof(path), "sys/devices/%s/dm/name", kernel_name);
        posture_tree_put_text(tree, path, name);
        (void) snprintf(path, sizeof(path), "sys/devices/%s/dm/uuid", kernel_name);
        posture_tree_put_text(tree, path, uuid);
        (void) snprintf(path, sizeof(path), "sys/devices/%s/slaves/%s", kernel_name, slave);
        (void) snprintf(target, sizeof(target), "../../%s", slave);
        posture_tree_put_link(tree, path, target);
        (void) snprintf(target, sizeof(target), "../../devices/%s", kernel_name);
        (void) snprintf(path, sizeof(path), "sys/class/block/%s", kernel_name);
        posture_tree_put_link(tree, path, target);
        (void) snprintf(path, sizeof(path), "sys/dev/block/%s", number);
        posture_tree_put_link(tree, path, target);
}

static void put_disk(const struct posture_tree *tree, const char *number, const char *name)
{
        char path[256];
        char target[256];

        (void) snprintf(path, sizeof(path), "sys/devices/%s/size", name);
        posture_tree_put_text(tree, path, "1000\n");
        (void) snprintf(target, sizeof(target), "../../devices/%s", name);
        (void) snprintf(path, sizeof(path), "sys/class/block/%s", name);
        posture_tree_put_link(tree, path, target);
        (void) snprintf(path, sizeof(path), "sys/dev/block/%s", number);
        posture_tree_put_link(tree, path, target);
}

static void expect_disk(const struct posture_tree *tree, const char *encrypted, const char *verity, const char *swap)
{
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, encrypted);
        posture_tree_expect(tree, "disk.root_verity", POLICY_FACT_BOOLEAN, verity);
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, swap);
}

static void posture_layer_is_of_identifiers_knows_both_kinds(void **state)
{
        static const struct {
                const char *uuid;
                bool encryption;
                bool verity;
        } rows[] = {
                { "CRYPT-LUKS1-00-a", true, false },   { "CRYPT-LUKS2-00-a", true, false },  { "CRYPT-PLAIN-a", true, false },
                { "CRYPT-BITLK-00-a", true, false },   { "CRYPT-TCRYPT-a", true, false },    { "CRYPT-VERITY-00-a", false, true },
                { "CRYPT-INTEGRITY-a", false, false }, { "LVM-CRYPT-LUKS2-", false, false }, { "CRYPT-LUKS2", false, false },
                { "crypt-luks2-00-a", false, false },  { "mpath-3600", false, false },       { "", false, false },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                assert_int_equal(posture_layer_is(POSTURE_LAYER_ENCRYPTION, rows[i].uuid), rows[i].encryption);
                assert_int_equal(posture_layer_is(POSTURE_LAYER_VERITY, rows[i].uuid), rows[i].verity);
        }
}

static void posture_mountinfo_find_of_several_mounts_takes_the_last_of_the_longest(void **state)
{
        static const char text[] = "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
                                   "2 1 8:2 / /var rw shared:1 master:2 - xfs /dev/sda2 rw\n"
                                   "3 1 8:3 / /var/a\\040b rw - ext4 /dev/disk\\011x rw\n"
                                   "nonsense\n"
                                   "4 1 8:x / /var/a\\040b rw - ext4 /dev/sdb1 rw\n"
                                   "5 1 8:5 / /var/lib rw shared:1\n"
                                   "6 1 8:6 / /var/lib rw -\n"
                                   "7 1 8:7 / / rw - erofs /dev/sda7 ro";
        static const struct {
                const char *path;
                unsigned minor;
        } rows[] = {
                { "/", 7 },          { "/etc/x", 7 },     { "/variable", 7 }, { "/var", 2 },
                { "/var/lib/x", 2 }, { "/var/a b/c", 3 }, { "/var/a bc", 2 },
        };
        struct posture_mount mount;

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                assert_true(posture_mountinfo_find(base_bytes_from_string(text), rows[i].path, &mount));
                assert_int_equal(mount.major, 8);
                assert_int_equal(mount.minor, rows[i].minor);
        }
        assert_true(posture_mountinfo_find(base_bytes_from_string(text), "/var/a b", &mount));
        assert_string_equal(mount.source, "/dev/disk\tx");
        assert_string_equal(mount.type, "ext4");
        assert_false(posture_mountinfo_find(base_bytes_from_string("1 0 8:1 / /boot rw - ext4 x rw\n"), "/", &mount));
        assert_false(posture_mountinfo_find(BASE_BYTES(NULL, 0), "/", &mount));
}

static void posture_swaps_next_of_areas_knows_devices_and_files(void **state)
{
        struct base_bytes rest = base_bytes_from_string(HEADINGS
                                                        "/dev/dm-2                               partition\t998396\t\t0\t\t-2\n"
                                                        "/swap\\040file file\t\t1\t\t0\t\t-3\n"
                                                        "/dev/x partitions\t1\n");
        struct base_bytes none = base_bytes_from_string("nothing\n");
        struct posture_swap swap;

        assert_true(posture_swaps_begin(&rest));
        assert_int_equal(posture_swaps_next(&rest, &swap), 1);
        assert_string_equal(swap.path, "/dev/dm-2");
        assert_false(swap.is_file);
        assert_int_equal(posture_swaps_next(&rest, &swap), 1);
        assert_string_equal(swap.path, "/swap file");
        assert_true(swap.is_file);
        assert_int_equal(posture_swaps_next(&rest, &swap), -1);
        assert_int_equal(posture_swaps_next(&rest, &swap), 0);
        assert_false(posture_swaps_begin(&none));
}

static void posture_collect_of_a_plain_disk_is_not_encrypted(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "254:0", "sda");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_put_text(tree, SWAPS, HEADINGS);
        expect_disk(tree, "false", "false", "true");
}

static void posture_collect_of_lvm_on_luks_is_encrypted(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_mapped(tree, "254:1", "dm-1", "crypt", "CRYPT-LUKS2-00-crypt\n", "sda");
        put_mapped(tree, "254:0", "dm-0", "root", "LVM-abc\n", "dm-1");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/dm-1 partition\t1\t1\t1\n");
        expect_disk(tree, "true", "false", "true");
}

static void posture_collect_of_a_volume_on_two_disks_needs_both(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_disk(tree, "8:2", "sdb");
        put_mapped(tree, "254:1", "dm-1", "crypt", "CRYPT-LUKS2-00-crypt\n", "sda");
        put_mapped(tree, "254:0", "dm-0", "root", "LVM-abc\n", "dm-1");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_link(tree, "sys/devices/dm-0/slaves/sdb", "../../sdb");
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, "false");
}

static void posture_collect_of_verity_on_luks_is_both(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_mapped(tree, "254:1", "dm-1", "crypt", "CRYPT-LUKS2-00-crypt\n", "sda");
        put_mapped(tree, "254:0", "dm-0", "root", "CRYPT-VERITY-00-root\n", "dm-1");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_put_text(tree, SWAPS, HEADINGS);
        expect_disk(tree, "true", "true", "true");
}

/* Who can name devices must not be able to make a plain one pass: the name is not what counts. */
static void posture_collect_of_a_device_named_like_luks_is_not_encrypted(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_mapped(tree, "254:0", "dm-0", "CRYPT-LUKS2-00-root", "LVM-CRYPT-LUKS2-00-root\n", "sda");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, "false");
}

static void posture_collect_of_btrfs_looks_at_all_its_devices(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_disk(tree, "8:2", "sdb");
        put_mapped(tree, "254:1", "dm-1", "root", "CRYPT-LUKS2-00-root\n", "sda");
        posture_tree_put_text(tree, MOUNTINFO, BTRFS);
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "the devices of the btrfs are not in sysfs");
        posture_tree_put_link(tree, "sys/fs/btrfs/other/devices/sdb", "../../../../devices/sdb");
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "the devices of the btrfs are not in sysfs");
        posture_tree_put_link(tree, "sys/fs/btrfs/this/devices/dm-1", "../../../../devices/dm-1");
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_link(tree, "sys/fs/btrfs/this/devices/sdb", "../../../../devices/sdb");
        posture_tree_expect(tree, "disk.root_encrypted", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, MOUNTINFO, "28 1 0:33 / / rw - btrfs /dev/mapper/gone rw\n");
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "the device of the btrfs is not in sysfs");
}

static void posture_collect_of_what_has_no_device_is_unreadable(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "/proc/self/mountinfo: no such file or directory");
        posture_tree_put_text(tree, MOUNTINFO, "28 1 0:33 / / rw - overlay overlay rw\n");
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "the file system (overlay) has no block device");
        posture_tree_expect_unreadable(tree, "disk.root_verity", "the file system (overlay) has no block device");
        posture_tree_put_text(tree, MOUNTINFO, "garbage\n");
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "/proc/self/mountinfo has no such mount");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "a block device is not in sysfs");
        put_disk(tree, "254:0", "loop0");
        posture_tree_put_text(tree, "sys/devices/loop0/loop/backing_file", "/x\n");
        posture_tree_expect_unreadable(tree, "disk.root_encrypted",
                                       "what lies under a loop or network block device cannot be seen");
}

static void posture_collect_of_devices_in_a_circle_ends(void **state)
{
        struct posture_tree *tree = *state;

        put_mapped(tree, "254:0", "dm-0", "root", "LVM-a\n", "dm-1");
        put_mapped(tree, "254:1", "dm-1", "other", "LVM-b\n", "dm-0");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "too many layers of block devices");
}

static void posture_collect_of_many_devices_keeps_the_limit(void **state)
{
        struct posture_tree *tree = *state;

        put_mapped(tree, "254:0", "dm-0", "root", "LVM-a\n", "part0");
        for (int i = 0; i <= POSTURE_BLOCK_DEVICES_MAX; i++) {
                char path[128];

                (void) snprintf(path, sizeof(path), "sys/devices/dm-0/slaves/crypt%d/dm/uuid", i);
                posture_tree_put_text(tree, path, "CRYPT-LUKS2-00-a\n");
        }
        (void) unlinkat(tree->fd, "sys/devices/dm-0/slaves/part0", 0);
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_expect_unreadable(tree, "disk.root_encrypted", "too many layers of block devices");
}

static void posture_collect_of_swaps_needs_all_encrypted(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "8:1", "sda");
        put_mapped(tree, "254:0", "dm-0", "root", "CRYPT-LUKS2-00-root\n", "sda");
        posture_tree_put_text(tree, MOUNTINFO, EXT4 "29 1 8:1 / /plain rw - ext4 /dev/sda rw\n");
        posture_tree_expect_unreadable(tree, "disk.swap_encrypted", "/proc/swaps: no such file or directory");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/swapfile file\t\t1\t1\t1\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/swapfile file\t\t1\t1\t1\n/plain/swapfile file\t\t1\t1\t1\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/mapper/root partition\t1\t1\t1\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/sda partition\t1\t1\t1\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/mapper/gone partition\t1\t1\t1\n");
        posture_tree_expect_unreadable(tree, "disk.swap_encrypted", "a swap device is not in sysfs");
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/sdz partition\t1\t1\t1\n");
        posture_tree_expect_unreadable(tree, "disk.swap_encrypted", "a block device is not in sysfs");
        posture_tree_put_text(tree, SWAPS, HEADINGS "nonsense\n");
        posture_tree_expect_unreadable(tree, "disk.swap_encrypted", "/proc/swaps has a line that does not parse");
        posture_tree_put_text(tree, SWAPS, "");
        posture_tree_expect_unreadable(tree, "disk.swap_encrypted", "/proc/swaps does not start with its headings");
}

static void posture_collect_of_zram_looks_for_a_device_behind_it(void **state)
{
        struct posture_tree *tree = *state;

        put_disk(tree, "252:0", "zram0");
        posture_tree_put_text(tree, MOUNTINFO, EXT4);
        posture_tree_put_text(tree, SWAPS, HEADINGS "/dev/zram0 partition\t1\t1\t1\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, "sys/devices/zram0/backing_dev", "none\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, "sys/devices/zram0/backing_dev", "/dev/sda5\n");
        posture_tree_expect(tree, "disk.swap_encrypted", POLICY_FACT_BOOLEAN, "false");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(posture_layer_is_of_identifiers_knows_both_kinds),
                cmocka_unit_test(posture_mountinfo_find_of_several_mounts_takes_the_last_of_the_longest),
                cmocka_unit_test(posture_swaps_next_of_areas_knows_devices_and_files),
                TREE_TEST(posture_collect_of_a_plain_disk_is_not_encrypted),
                TREE_TEST(posture_collect_of_lvm_on_luks_is_encrypted),
                TREE_TEST(posture_collect_of_a_volume_on_two_disks_needs_both),
                TREE_TEST(posture_collect_of_verity_on_luks_is_both),
                TREE_TEST(posture_collect_of_a_device_named_like_luks_is_not_encrypted),
                TREE_TEST(posture_collect_of_btrfs_looks_at_all_its_devices),
                TREE_TEST(posture_collect_of_what_has_no_device_is_unreadable),
                TREE_TEST(posture_collect_of_devices_in_a_circle_ends),
                TREE_TEST(posture_collect_of_many_devices_keeps_the_limit),
                TREE_TEST(posture_collect_of_swaps_needs_all_encrypted),
                TREE_TEST(posture_collect_of_zram_looks_for_a_device_behind_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
