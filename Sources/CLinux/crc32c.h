// CRC-32C by the processor's own instruction, which Swift has no name for.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

// SSE 4.2: bit 20 of ECX of CPUID leaf 1 (Intel SDM, volume 2, CPUID).
static inline int baotu_has_crc32c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 20));
}

__attribute__((target("sse4.2"))) static inline uint32_t baotu_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = (const uint8_t *)bytes;
    uint64_t wide = crc;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; count > 0; count--, at++) narrow = __builtin_ia32_crc32qi(narrow, *at);
    return narrow;
}
#else
static inline int baotu_has_crc32c(void) { return 0; }
static inline uint32_t baotu_crc32c(uint32_t crc, const void *bytes, size_t count) { return crc; }
#endif
