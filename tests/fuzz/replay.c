/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a fuzz target once over each file of a corpus directory; fails if the corpus is missing or empty. */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (1024 * 1024)

int main(int argc, char **argv)
{
        struct dirent *item;
        unsigned count = 0;
        DIR *directory;

        if (argc != 2 || (directory = opendir(argv[1])) == NULL) {
                (void) fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
                return 2;
        }
        while ((item = readdir(directory)) != NULL) {
                base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(INPUT_BYTES_MAX);
                struct base_error error;

                if (item->d_name[0] == '.')
                        continue;
                if (!base_file_read_at(dirfd(directory), item->d_name, &input, &error)) {
                        (void) fprintf(stderr, "%s\n", error.message);
                        return 1;
                }
                (void) LLVMFuzzerTestOneInput(input.data == NULL ? (const uint8_t *) "" : input.data, input.len);
                count++;
        }
        (void) closedir(directory);
        (void) printf("%u inputs\n", count);
        return count > 0 ? 0 : 1;
}
