/* Functions of a vector that the processor has no instruction for. */

/* A call for each lane, written out wherever it is used, would take the compiler longer than it saves. */
#define CALLED static __attribute__((noinline, unused))
#define EACH(kind, name, expression)                                                                                   \
    kind vec name(vec x) {                                                                                            \
        vec y;                                                                                                        \
        for (int i = 0; i < LANES; i++) {                                                                             \
            real a = x[i];                                                                                            \
            y[i] = expression;                                                                                        \
        }                                                                                                             \
        return y;                                                                                                     \
    }

#define EACH_PAIR(kind, name, expression)                                                                              \
    kind vec name(vec x, vec y) {                                                                                     \
        vec z;                                                                                                        \
        for (int i = 0; i < LANES; i++) {                                                                             \
            real a = x[i], b = y[i];                                                                                  \
            z[i] = expression;                                                                                        \
        }                                                                                                             \
        return z;                                                                                                     \
    }

INLINE vec truth(truths where) { return choose(where, set(1), set(0)); }
INLINE vec absolute(vec x) { return (vec)((mask)x & ~(mask)set(-(real)0)); }
INLINE vec maximum(vec a, vec b) { return choose(less_equal(b, a) | ~equal(a, a), a, b); } /* NaN goes through */
INLINE vec minimum(vec a, vec b) { return choose(less_equal(a, b) | ~equal(a, a), a, b); }
/* A remainder of b that may have the other sign. */
INLINE real with_sign_of(real b, real rest) { return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest; }
INLINE real sum_of(vec x) {
    real sum = 0;
    for (int i = 0; i < LANES; i++) sum += x[i];
    return sum;
}
INLINE real amax_of(vec x) {
    real most = x[0];
    for (int i = 1; i < LANES; i++) most = most < x[i] || x[i] != x[i] ? x[i] : most;
    return most;
}

#if REAL_BYTES == 4
#define C(name) name##f
#else
#define C(name) name
#endif
extern real C(exp)(real), C(expm1)(real), C(log)(real), C(log1p)(real), C(sin)(real), C(cos)(real), C(erf)(real);
extern real C(pow)(real, real), C(fmod)(real, real);
EACH(INLINE, floor_, C(__builtin_floor)(a))
EACH(INLINE, sqrt_, C(__builtin_sqrt)(a))
EACH(CALLED, expm1_, C(expm1)(a))
EACH(CALLED, log_, C(log)(a))
EACH(CALLED, log1p_, C(log1p)(a))
EACH(CALLED, sin_, C(sin)(a))
EACH(CALLED, cos_, C(cos)(a))
EACH(CALLED, erf_, C(erf)(a))
EACH(CALLED, softplus_, (a > 0 ? a : 0) + C(log1p)(C(exp)(-C(__builtin_fabs)(a))))
EACH_PAIR(CALLED, pow_, C(pow)(a, b))
EACH_PAIR(CALLED, remainder_, with_sign_of(b, C(fmod)(a, b)))

#if REAL_BYTES == 4
/* 2^n for whole n in -126 .. 127; infinity for 128. */
INLINE vec power_of_two(mask n) { return (vec)((n + 127) << 23); }

/* x 2^n, also where 2^n alone is no float. */
INLINE vec scale(vec x, mask n) {
#if defined(__AVX512F__)
    return (vec)_mm512_scalef_ps((__m512)x, _mm512_cvtepi32_ps((__m512i)n));
#else
    mask half = n >> 1;
    return x * power_of_two(half) * power_of_two(n - half);
#endif
}

/* exp(r) - 1 for |r| <= ln 2 / 2, relative error 1e-7; coefficients of Cephes' expf (S. L. Moshier). */
INLINE vec exp_minus_one(vec r) {
    vec p = set(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r;
}

/* x = n ln 2 + r; gives n as whole numbers. Adding 1.5 * 2^23 rounds, so no flag may let the compiler reorder sums. */
INLINE mask split_exponent(vec x, vec *r) {
    vec shifted = x * 1.44269504088896341f + 12582912.f;
    vec n = shifted - 12582912.f;
    *r = x - n * 0.693359375f + n * 2.12194440e-4f;
    return (mask)shifted - (mask)set(12582912.f);
}

INLINE vec exp_(vec x) {
    vec r;
    mask n = split_exponent(at_most(at_least(x, -104), 89), &r);
    return scale(1 + exp_minus_one(r), n);
}

/* exp(-x) at -89 is infinite, since 2^128 is: 1 / (1 + it) is 0. */
INLINE vec sigmoid_(vec x) {
    vec r;
    mask n = split_exponent(-at_most(at_least(x, -89), 87), &r);
    return 1 / (1 + (1 + exp_minus_one(r)) * power_of_two(n));
}

/* e / (e + 2) with e = exp(2|x|) - 1 keeps all digits near 0, where 1 - 2 / (exp(2|x|) + 1) loses them. */
INLINE vec tanh_(vec x) {
    vec r;
    vec power = power_of_two(split_exponent(at_most(absolute(x) * 2, 40), &r));
    vec e = power * exp_minus_one(r) + (power - 1);
    vec positive = e / (e + 2);
    mask sign = (mask)x & (mask)set(-0.f);
    return (vec)((mask)positive | sign);
}
#else
extern double tanh(double);
EACH(CALLED, exp_, exp(a))
EACH(CALLED, tanh_, tanh(a))
EACH(CALLED, sigmoid_, 1 / (1 + exp(-a)))
#endif
