#include "crc32.h"

#define CRC32_POLYNOMIAL 0xEDB88320u

static uint32_t table[256];

static void fill_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? (value >> 1) ^ CRC32_POLYNOMIAL : value >> 1;
        table[byte] = value;
    }
}

/* Checksum of a scanned label, as printed on it. */
uint32_t crc32_of(const uint8_t *data, size_t length)
{
    uint32_t crc = 0xFFFFFFFFu;
    if (table[1] == 0)
        fill_table();
    for (size_t i = 0; i < length; i++)
        crc = table[(crc ^ data[i]) & 0xFF] ^ (crc >> 8);
    return crc ^ 0xFFFFFFFFu;
}
