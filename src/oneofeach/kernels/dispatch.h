/* FOR_EVERY_CPU before a function builds it for AVX2 too; which one runs is chosen when the module is loaded. */
#ifndef ONEOFEACH_DISPATCH_H
#define ONEOFEACH_DISPATCH_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EVERY_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_CPU
#endif

#endif
