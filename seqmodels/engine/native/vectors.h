/* Vectors of numbers, and where values lie: what the runtime and a cell's functions share.

   Before this text stands REAL_BYTES, 4 or 8. */

#if REAL_BYTES == 4
typedef float real;
typedef int integer; /* as wide as real */
#else
typedef double real;
typedef long long integer;
#endif

/* Vectors as wide as the processor's registers, and as many accumulators as leave some for operands. */
#if defined(__AVX512F__)
#define LANES (64 / REAL_BYTES)
#define REGISTERS 24
#elif defined(__AVX__)
#define LANES (32 / REAL_BYTES)
#define REGISTERS 12
#elif defined(__aarch64__)
#define LANES (16 / REAL_BYTES)
#define REGISTERS 24
#else
#define LANES (16 / REAL_BYTES)
#define REGISTERS 12
#endif

typedef real vec __attribute__((vector_size(LANES * sizeof(real))));
typedef real loose __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef integer mask __attribute__((vector_size(LANES * sizeof(real))));

#define INLINE static inline __attribute__((always_inline))

INLINE vec set(real number) { return number - (vec){}; }
INLINE vec load(const real *from) { return *(const loose *)from; }
INLINE void store(real *to, vec value) { *(loose *)to = value; }
INLINE long least(long a, long b) { return a < b ? a : b; }
INLINE long ceil_div(long a, long b) { return (a + b - 1) / b; }

/* Where AVX-512 has one instruction for what C writes in several. */
#if defined(__AVX512F__)
#include <immintrin.h>
#if REAL_BYTES == 4
#define AVX(name) _mm512_##name##_ps
#define COMPARE _mm512_cmp_ps_mask
typedef __m512 wide;
typedef __mmask16 truths;
#else
#define AVX(name) _mm512_##name##_pd
#define COMPARE _mm512_cmp_pd_mask
typedef __m512d wide;
typedef __mmask8 truths;
#endif
INLINE vec load_part(const real *from, long n) { return (vec)AVX(maskz_loadu)((1u << n) - 1, from); }
INLINE void store_part(real *to, vec value, long n) { AVX(mask_storeu)(to, (1u << n) - 1, (wide)value); }
INLINE truths less(vec a, vec b) { return COMPARE((wide)a, (wide)b, _CMP_LT_OQ); }
INLINE truths less_equal(vec a, vec b) { return COMPARE((wide)a, (wide)b, _CMP_LE_OQ); }
INLINE truths equal(vec a, vec b) { return COMPARE((wide)a, (wide)b, _CMP_EQ_OQ); }
INLINE vec choose(truths where, vec yes, vec no) { return (vec)AVX(mask_blend)(where, (wide)no, (wide)yes); }
INLINE vec part(vec x, vec other, long n) { return choose((1u << n) - 1, x, other); }
INLINE vec at_least(vec x, real low) { return (vec)AVX(max)((wide)set(low), (wide)x); } /* NaN stays */
INLINE vec at_most(vec x, real high) { return (vec)AVX(min)((wide)set(high), (wide)x); }
#else
typedef mask truths;
INLINE vec load_part(const real *from, long n) {
    vec value = {};
    for (long i = 0; i < n; i++) value[i] = from[i];
    return value;
}
INLINE void store_part(real *to, vec value, long n) {
    for (long i = 0; i < n; i++) to[i] = value[i];
}
INLINE truths less(vec a, vec b) { return a < b; }
INLINE truths less_equal(vec a, vec b) { return a <= b; }
INLINE truths equal(vec a, vec b) { return a == b; }
INLINE vec choose(truths where, vec yes, vec no) { return (vec)((where & (mask)yes) | (~where & (mask)no)); }
INLINE vec part(vec x, vec other, long n) { /* the first n of x, then those of other */
    for (long i = n; i < LANES; i++) x[i] = other[i];
    return x;
}
INLINE vec at_least(vec x, real low) { return choose(x < low, set(low), x); } /* NaN stays */
INLINE vec at_most(vec x, real high) { return choose(x > high, set(high), x); }
#endif

typedef struct { /* where a value lies; the strides are in numbers */
    real *base;  /* at step 0 (or, of a state before a step, at step 1) */
    real *first; /* of a state before a step: at step 0 */
    long time, row, kind;
    real *now; /* at the step being computed */
} Slot;

/* The work of a phase on columns of some rows, from the products of its groups; and the reductions of rows. */
typedef void Body(const Slot *slot, long b, long rows, long column, long end, const real *const *tile,
                  const long *stride, long vectors);
typedef void Reducer(const Slot *slot, long b, long rows, long end);
