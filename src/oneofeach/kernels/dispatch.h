/* FOR_EVERY_CPU before a function builds it for AVX2 too; which one runs is chosen when the module is loaded. INLINED
 * functions are built for the CPU of their caller. UNROLLED before a loop of known length makes a straight line of it.
 * SOON_READ(address) asks for the memory there, which may lie behind the end of an array. */
#ifndef ONEOFEACH_DISPATCH_H
#define ONEOFEACH_DISPATCH_H

#include <stdint.h> /* from here on it is known which C library this is */

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EVERY_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_CPU
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define UNROLLED _Pragma("GCC unroll 8")
#else
#define UNROLLED
#endif

#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline))
#define SOON_READ(address) __builtin_prefetch(address)
#else
#define INLINED static inline
#define SOON_READ(address) ((void)0)
#endif

#endif
