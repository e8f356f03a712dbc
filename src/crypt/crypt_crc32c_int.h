/* SPDX-License-Identifier: Apache-2.0 */
/* The table form of CRC32C, by itself so that a test can compare it with the hardware's. */
#ifndef CRYPT_CRC32C_INT_H
#define CRYPT_CRC32C_INT_H

#include <stdint.h>

#include "base_bytes.h"

uint32_t crypt_crc32c_table(uint32_t seed, struct bytes data);

#endif
