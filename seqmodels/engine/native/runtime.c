/* The loop around a cell's functions: products in registers, tiles, threads, packing, gradients of matrices.

   Everything that depends on a cell or on sizes comes from the caller, so one library serves all. */

#define LEFT 8    /* distance of the rows of packed left operands */
#define BLOCK 256 /* rows that a gradient of a matrix takes at once: they stay in the second cache */
#define SUMS 8    /* vectors of a row that are summed at once */

/* NARROW: products of bfloat16, where the processor has them. */
#if !defined(__AVX512BF16__) || REAL_BYTES != 4
#undef NARROW
#define NARROW 0
#endif
#define DEEP (NARROW ? 2 : 1) /* numbers that a kernel takes at once */

extern int sched_yield(void);

/* --- what the caller passes ------------------------------------------------------------------------------------- */

enum { PLAIN, PREVIOUS, EVEN, ODD }; /* ODD is written where EVEN is read one step later */

typedef struct { real *data; long row, column; } Matrix;
typedef struct { long slot, width; } Operand;
typedef struct { long matrix, row, column, transposed; } Block;
typedef struct {
    long products, operands, ahead; /* the first `ahead` operands are inputs, multiplied before the step */
    long width, vectors;            /* of each product; of a tile of it */
    long depth;                     /* numbers of all operands */
    long first_operand, first_block; /* blocks: for each operand, one a product */
    long panel, early; /* where its packed matrices begin; where in a row of early results its own begin, or -1 */
} Group;
typedef struct { long width, vectors, first_group, groups, body; } Phase;
typedef struct { long width, reducer; } Reduction;
typedef struct { long first_reduction, reductions, first_phase, phases; } Level;
typedef struct { long slot, group, adds; } Sink;
/* Gradients of matrices with the same right operand. What is summed over all rows besides is added to its totals. */
typedef struct { long slot, width, first_left, lefts, first_total, totals; } Outer;
typedef struct { long slot, width, matrix, place, stride, first_total, totals; } Left; /* within the gradient */

typedef struct {
    const Level *level; long levels;
    const Phase *phase;
    const Reduction *reduction;
    const Group *group; long groups;
    const Operand *operand;
    const Block *block;
    const Sink *sink; long sinks;
    const Outer *outer; long outers;
    const Left *left;
    const long *total; /* slots */
    const Matrix *matrix;
    const Matrix *gradient;
    const Slot *slot; long slots;
    Body *const *bodies;
    Reducer *const *reducers;
    real *panel;            /* packed matrices */
    real *early; long early_row; /* results computed ahead, rows of a chunk */
    real *blocks; long block_size; /* of each thread, for gradients of matrices */
    long steps, batch, chunk;      /* a chunk is what is computed ahead, in steps */
    long backwards, threads, by_column;
    /* of torch's own thread pool */
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned);
    int (*thread)(void);
    int (*team)(void);
    /* shared by the threads */
    long waiting, round;
} Task;

/* --- products in registers -------------------------------------------------------------------------------------- */

/* One number of depth after the other; with NARROW two at a time, as bfloat16, summed in float. */
#if NARROW
typedef unsigned Entry;
INLINE long entries(long depth) { return (depth + 1) / 2; }
INLINE vec multiply_add(vec sum, Entry left, vec weight) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)left), (__m512bh)weight);
}
/* Pairs of bfloat16: of each column, one number of each row. */
INLINE vec pair(vec first, vec second) {
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)first));
    __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)second));
    return (vec)_mm512_or_epi32(low, _mm512_slli_epi32(high, 16));
}
static void narrow(const real *from, long depth, Entry *to) {
    for (long k = 0; k < depth; k += 2 * LANES) {
        long n = least(LANES, depth - k), m = least(LANES, depth - k - n);
        vec low = load_part(from + k, n), high = load_part(from + k + n, m);
        _mm512_storeu_si512(to + k / 2, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
    }
}
#define ROWS(R)                                                                                                        \
    Entry row[R][entries(depth) + LANES];                                                                             \
    for (int r = 0; r < R; r++) narrow(rows[r], depth, row[r]);
#else
typedef real Entry;
INLINE long entries(long depth) { return depth; }
INLINE vec multiply_add(vec sum, Entry left, vec weight) { return sum + left * weight; }
#define ROWS(R)                                                                                                        \
    const Entry *row[R];                                                                                              \
    for (int r = 0; r < R; r++) row[r] = rows[r];
#endif

/* out[r][v] (+)= sum over k of rows[r][k] * panel[k][v], for R rows and V vectors.
   Every number is summed in the order of k, whatever the tiles are, so results don't depend on the batch. */
#define KERNEL(R, V)                                                                                                   \
    static void kernel_##R##_##V(long depth, const real *const *rows, const real *panel, real *out, long stride,      \
                                 int more) {                                                                          \
        vec sum[R][V];                                                                                                \
        for (int r = 0; r < R; r++)                                                                                   \
            for (int v = 0; v < V; v++) sum[r][v] = more ? load(out + r * stride + v * LANES) : (vec){};              \
        ROWS(R)                                                                                                       \
        for (long k = 0; k < entries(depth); k++, panel += V * LANES) {                                               \
            vec weight[V];                                                                                            \
            for (int v = 0; v < V; v++) weight[v] = *(const vec *)(panel + v * LANES);                                \
            for (int r = 0; r < R; r++)                                                                               \
                for (int v = 0; v < V; v++) sum[r][v] = multiply_add(sum[r][v], row[r][k], weight[v]);                \
        }                                                                                                             \
        for (int r = 0; r < R; r++)                                                                                   \
            for (int v = 0; v < V; v++) store(out + r * stride + v * LANES, sum[r][v]);                               \
    }
/* out[r][v] = sum over n of left[n][r] * panel[n][v]. */
#define OUTER(R, V)                                                                                                    \
    static void outer_##R##_##V(long depth, const Entry *left, const real *panel, real *out) {                        \
        vec sum[R][V];                                                                                                \
        for (int r = 0; r < R; r++)                                                                                   \
            for (int v = 0; v < V; v++) sum[r][v] = (vec){};                                                          \
        for (long n = 0; n < entries(depth); n++, panel += V * LANES, left += LEFT) {                                 \
            vec weight[V];                                                                                            \
            for (int v = 0; v < V; v++) weight[v] = *(const vec *)(panel + v * LANES);                                \
            for (int r = 0; r < R; r++)                                                                               \
                for (int v = 0; v < V; v++) sum[r][v] = multiply_add(sum[r][v], left[r], weight[v]);                  \
        }                                                                                                             \
        for (int r = 0; r < R; r++)                                                                                   \
            for (int v = 0; v < V; v++) *(vec *)(out + (r * V + v) * LANES) = sum[r][v];                              \
    }
#define BOTH(R, V) KERNEL(R, V) OUTER(R, V)
#define ROWS_3(V) BOTH(1, V) BOTH(2, V) BOTH(3, V)
#define ROWS_6(V) ROWS_3(V) BOTH(4, V) BOTH(5, V) BOTH(6, V)
#define ROWS_8(V) ROWS_6(V) BOTH(7, V) BOTH(8, V)
#define NAMES_3(F, V) F##_1_##V, F##_2_##V, F##_3_##V
#define NAMES_6(F, V) NAMES_3(F, V), F##_4_##V, F##_5_##V, F##_6_##V
#define NAMES_8(F, V) NAMES_6(F, V), F##_7_##V, F##_8_##V

typedef void Kernel(long, const real *const *, const real *, real *, long, int);
typedef void OuterKernel(long, const Entry *, const real *, real *);
#if REGISTERS == 24
ROWS_8(1) ROWS_8(2) ROWS_8(3) ROWS_6(4)
static const long MOST_ROWS[] = {8, 8, 8, 6};
#define TABLE(F) {{NAMES_8(F, 1)}, {NAMES_8(F, 2)}, {NAMES_8(F, 3)}, {NAMES_6(F, 4)}}
#else
ROWS_8(1) ROWS_6(2) ROWS_3(3) ROWS_3(4)
static const long MOST_ROWS[] = {8, 6, 3, 3};
#define TABLE(F) {{NAMES_8(F, 1)}, {NAMES_6(F, 2)}, {NAMES_3(F, 3)}, {NAMES_3(F, 4)}}
#endif
static Kernel *const KERNELS[4][8] = TABLE(kernel);
static OuterKernel *const OUTERS[4][8] = TABLE(outer);
#define MOST_VECTORS 4

/* --- threads ------------------------------------------------------------------------------------------------------ */

static void wait_for_all(Task *task, long team) {
    if (team == 1) return;
    long round = __atomic_load_n(&task->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&task->waiting, 1, __ATOMIC_ACQ_REL) == team) {
        __atomic_store_n(&task->waiting, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&task->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (long spins = 0; __atomic_load_n(&task->round, __ATOMIC_ACQUIRE) == round; spins++) {
        if (spins > 2000) sched_yield(); /* more threads than processors */
#if defined(__x86_64__)
        else __builtin_ia32_pause();
#endif
    }
}

/* --- matrices in the order in which the kernels read them ------------------------------------------------------- */

INLINE long tiles_of(const Group *group) { return ceil_div(ceil_div(group->width, LANES), group->vectors); }

/* n numbers that lie `across` apart, then zeros. */
INLINE vec gather(const real *from, long across, long n) {
    if (across == 1) return n == LANES ? load(from) : load_part(from, n);
    real value[LANES] __attribute__((aligned(64))) = {};
    if (n == LANES) /* a length that the compiler knows */
        for (long i = 0; i < LANES; i++) value[i] = from[i * across];
    else
        for (long i = 0; i < n; i++) value[i] = from[i * across];
    return *(vec *)value;
}

static void pack_tile(const Task *task, const Group *group, long tile) {
    long first = tile * group->vectors, vectors = least(group->vectors, ceil_div(group->width, LANES) - first);
    long stride = group->products * vectors * LANES;
    real *to = task->panel + group->panel + first * group->products * LANES * group->depth;
    for (long o = 0; o < group->operands; o++) {
        long depth = task->operand[group->first_operand + o].width;
        for (long p = 0; p < group->products; p++) {
            const Block *block = &task->block[group->first_block + o * group->products + p];
            const Matrix *matrix = &task->matrix[block->matrix];
            const real *from = matrix->data + block->row * matrix->row + block->column * matrix->column;
            long down = block->transposed ? matrix->column : matrix->row;
            long across = block->transposed ? matrix->row : matrix->column;
            for (long v = 0; v < vectors; v++) {
                long column = (first + v) * LANES, n = least(LANES, group->width - column);
                real *out = to + (p * vectors + v) * LANES;
                const real *in = from + column * across;
                for (long k = 0; k < depth; k += DEEP, out += stride) {
#if NARROW
                    vec second = k + 1 < depth ? gather(in + (k + 1) * down, across, n) : (vec){};
                    store(out, pair(gather(in + k * down, across, n), second));
#else
                    store(out, gather(in + k * down, across, n));
#endif
                }
            }
        }
        to += entries(depth) * stride;
    }
}

static void pack(const Task *task, long thread, long team) {
    long at = 0;
    for (long g = 0; g < task->groups; g++)
        for (long tile = 0; tile < tiles_of(&task->group[g]); tile++)
            if (at++ % team == thread) pack_tile(task, &task->group[g], tile);
}

/* --- a step ------------------------------------------------------------------------------------------------------- */

INLINE real *at(const Slot *slot, long t, long b) {
    real *step = slot->kind == PREVIOUS && t == 0 ? slot->first
               : slot->base + (slot->kind == PREVIOUS ? t - 1 : t) * slot->time;
    return step + b * slot->row;
}

static void begin_step(Slot *slot, long slots, long t) {
    for (long s = 0; s < slots; s++) {
        long step = slot[s].kind == EVEN ? t & 1 : slot[s].kind == ODD ? (t + 1) & 1 : t;
        slot[s].now = slot[s].kind == PREVIOUS ? at(&slot[s], t, 0) : slot[s].base + step * slot[s].time;
    }
}

typedef struct { /* what one thread computes of the loop */
    Task *task;
    Slot *slot;
    long thread, team;
    long begin, end; /* rows of the batch */
    long start;      /* first step of the chunk */
} Walk;

/* Rows of the next tile, of so many that are left: tiles of nearly equal height keep the accumulators full. */
INLINE long next_rows(long left, long vectors) { return left / ceil_div(left, MOST_ROWS[vectors - 1]); }

/* The share of a phase's tiles that a thread computes. */
INLINE void share(const Walk *walk, long tiles, long *from, long *to) {
    long team = walk->task->by_column ? walk->team : 1, thread = walk->task->by_column ? walk->thread : 0;
    *from = tiles * thread / team;
    *to = tiles * (thread + 1) / team;
}

/* Where the results of inputs that were multiplied ahead lie: one row for each row of the chunk. */
INLINE real *early_at(const Walk *walk, const Group *group, long t, long b) {
    const Task *task = walk->task;
    long row = task->chunk * walk->begin + (t - walk->start) * (walk->end - walk->begin) + b - walk->begin;
    return task->early + row * task->early_row + group->early;
}

/* Products of the inputs of a chunk, several steps at once. */
static void multiply_ahead(const Walk *walk, long steps) {
    const Task *task = walk->task;
    long rows = walk->end - walk->begin, total = steps * rows;
    for (long g = 0; g < task->groups; g++) {
        const Group *group = &task->group[g];
        if (group->early < 0) continue;
        long from, to, vectors_of_row = ceil_div(group->width, LANES);
        share(walk, tiles_of(group), &from, &to);
        for (long tile = from; tile < to; tile++) {
            long first = tile * group->vectors, vectors = least(group->vectors, vectors_of_row - first);
            long across = group->products * vectors;
            const real *panel = task->panel + group->panel + first * group->products * LANES * group->depth;
            for (long row = 0, count; row < total; row += count) {
                count = next_rows(total - row, across);
                const real *operand[8];
                const real *weights = panel;
                real *out = early_at(walk, group, walk->start, walk->begin + row) + first * group->products * LANES;
                for (long o = 0; o < group->ahead; o++) {
                    const Operand *left = &task->operand[group->first_operand + o];
                    for (long r = 0; r < count; r++)
                        operand[r] = at(&walk->slot[left->slot], walk->start + (row + r) / rows,
                                        walk->begin + (row + r) % rows);
                    KERNELS[across - 1][count - 1](left->width, operand, weights, out, task->early_row, o > 0);
                    weights += entries(left->width) * across * LANES;
                }
            }
        }
    }
}

static void run_phase(const Walk *walk, const Phase *phase, long t) {
    const Task *task = walk->task;
    long vectors_of_row = ceil_div(phase->width, LANES), from, to;
    share(walk, ceil_div(vectors_of_row, phase->vectors), &from, &to);
    long across_most = 1;
    for (long g = 0; g < phase->groups; g++) {
        long across = task->group[phase->first_group + g].products * phase->vectors;
        across_most = across > across_most ? across : across_most;
    }
    real tile_rows[phase->groups + 1][8][MOST_VECTORS * LANES] __attribute__((aligned(64)));
    for (long tile = from; tile < to; tile++) {
        long first = tile * phase->vectors, vectors = least(phase->vectors, vectors_of_row - first);
        long column = first * LANES, end = least(column + vectors * LANES, phase->width);
        for (long b = walk->begin, count; b < walk->end; b += count) {
            count = next_rows(walk->end - b, across_most);
            real *result[phase->groups + 1];
            long stride[phase->groups + 1];
            for (long g = 0; g < phase->groups; g++) {
                const Group *group = &task->group[phase->first_group + g];
                long across = group->products * vectors;
                const real *weights = task->panel + group->panel + first * group->products * LANES * group->depth;
                if (group->early >= 0) {
                    result[g] = early_at(walk, group, t, b) + first * group->products * LANES;
                    stride[g] = task->early_row;
                } else {
                    result[g] = tile_rows[g][0];
                    stride[g] = MOST_VECTORS * LANES;
                }
                for (long o = 0; o < group->operands; o++) {
                    const Operand *left = &task->operand[group->first_operand + o];
                    if (o >= group->ahead) {
                        const Slot *slot = &walk->slot[left->slot];
                        const real *operand[8];
                        for (long r = 0; r < count; r++) operand[r] = slot->now + (b + r) * slot->row;
                        KERNELS[across - 1][count - 1](left->width, operand, weights, result[g], stride[g], o > 0);
                    }
                    weights += entries(left->width) * across * LANES;
                }
            }
            task->bodies[phase->body](walk->slot, b, count, column, end, (const real *const *)result, stride, vectors);
        }
    }
}

static void run_step(const Walk *walk, long t) {
    const Task *task = walk->task;
    begin_step(walk->slot, task->slots, t);
    for (long l = 0; l < task->levels; l++) {
        const Level *level = &task->level[l];
        /* Threads that share rows all reduce whole rows: no number is handed over. */
        for (long i = 0; i < level->reductions; i++) {
            const Reduction *reduction = &task->reduction[level->first_reduction + i];
            task->reducers[reduction->reducer](walk->slot, walk->begin, walk->end - walk->begin, reduction->width);
        }
        for (long i = 0; i < level->phases; i++) run_phase(walk, &task->phase[level->first_phase + i], t);
        if (task->by_column) wait_for_all(walk->task, walk->team);
    }
}

/* Gradients of inputs that are products, for the steps of a chunk at once. */
static void sink(const Walk *walk, long steps) {
    const Task *task = walk->task;
    long rows = walk->end - walk->begin, total = steps * rows;
    for (long s = 0; s < task->sinks; s++) {
        const Group *group = &task->group[task->sink[s].group];
        const Slot *slot = &walk->slot[task->sink[s].slot];
        long from, to, vectors_of_row = ceil_div(group->width, LANES);
        share(walk, tiles_of(group), &from, &to);
        for (long tile = from; tile < to; tile++) {
            long first = tile * group->vectors, vectors = least(group->vectors, vectors_of_row - first);
            const real *panel = task->panel + group->panel + first * LANES * group->depth;
            real out[8][MOST_VECTORS * LANES] __attribute__((aligned(64)));
            for (long row = 0, count; row < total; row += count) {
                count = next_rows(total - row, vectors);
                const real *operand[8];
                const real *weights = panel;
                for (long o = 0; o < group->operands; o++) {
                    const Operand *left = &task->operand[group->first_operand + o];
                    for (long r = 0; r < count; r++)
                        operand[r] = at(&walk->slot[left->slot], walk->start + (row + r) / rows,
                                        walk->begin + (row + r) % rows);
                    KERNELS[vectors - 1][count - 1](left->width, operand, weights, out[0], MOST_VECTORS * LANES, o > 0);
                    weights += entries(left->width) * vectors * LANES;
                }
                for (long r = 0; r < count; r++)
                    for (long v = 0; v < vectors; v++) {
                        long column = (first + v) * LANES, n = least(LANES, group->width - column);
                        real *to = at(slot, walk->start + (row + r) / rows, walk->begin + (row + r) % rows) + column;
                        vec value = *(vec *)(out[r] + v * LANES);
                        if (n == LANES)
                            store(to, task->sink[s].adds ? value + load(to) : value);
                        else
                            store_part(to, task->sink[s].adds ? value + load_part(to, n) : value, n);
                    }
            }
        }
    }
}

/* --- gradients of matrices ------------------------------------------------------------------------------------- */

/* Copies columns of a block of rows, those of one tile after those of another. */
static void pack_left(const real *from, long stride, long rows, long width, long high, Entry *to) {
    for (long i = 0; i < width; i += high) {
        long count = least(high, width - i);
#if NARROW
        for (long n = 0; n < rows; n += 2, to += LEFT) {
            vec second = n + 1 < rows ? load_part(from + (n + 1) * stride + i, count) : (vec){};
            store_part((real *)to, pair(load_part(from + n * stride + i, count), second), count);
        }
#else
        if (i + LEFT <= width) /* a few numbers too many, at a known length */
            for (long n = 0; n < rows; n++, to += LEFT) __builtin_memcpy(to, from + n * stride + i, LEFT * sizeof(real));
        else
            for (long n = 0; n < rows; n++, to += LEFT)
                for (long r = 0; r < count; r++) to[r] = from[n * stride + i + r];
#endif
    }
}

static void pack_right(const Task *task, const Slot *slot, long row, long rows, long column, long width, long vectors,
                       real *to) {
    for (long n = 0; n < rows; n += DEEP, to += vectors * LANES) {
        const real *from = at(slot, (row + n) / task->batch, (row + n) % task->batch) + column;
#if NARROW
        long next = row + n + 1;
        const real *second = n + 1 < rows ? at(slot, next / task->batch, next % task->batch) + column : 0;
#endif
        for (long v = 0; v < vectors; v++) {
            long count = least(LANES, width - v * LANES);
            vec value = gather(from + v * LANES, 1, count);
#if NARROW
            value = pair(value, second ? gather(second + v * LANES, 1, count) : (vec){});
#endif
            *(vec *)(to + v * LANES) = value;
        }
    }
}

/* Adds columns from .. to of a block of rows to totals, row after row. */
static void add_rows(const Task *task, const real *from_row, long stride, long rows, long from, long to, long first_total,
                     long totals) {
    if (!totals) return;
    for (long width; from < to; from += width) {
        vec sum[SUMS] = {};
        width = least(SUMS * LANES, to - from);
        if (width == SUMS * LANES)
            for (long n = 0; n < rows; n++)
                for (int v = 0; v < SUMS; v++) sum[v] += load(from_row + n * stride + from + v * LANES);
        else
            for (long n = 0; n < rows; n++)
                for (long v = 0; v * LANES < width; v++)
                    sum[v] += gather(from_row + n * stride + from + v * LANES, 1, least(LANES, width - v * LANES));
        for (long i = first_total; i < first_total + totals; i++)
            for (long v = 0; v * LANES < width; v++) {
                real *out = task->slot[task->total[i]].base + from + v * LANES;
                long n = least(LANES, width - v * LANES);
                store_part(out, load_part(out, n) + sum[v], n);
            }
    }
}

/* One thread's share of the columns of the left operands, over a block of rows. */
static void outer_block(const Task *task, const Outer *outer, const Left *left, long from, long to, long row, long rows,
                        Entry *packed_left, real *packed_right) {
    const Slot *slot = &task->slot[left->slot];
    long high = MOST_ROWS[MOST_VECTORS - 1], columns = ceil_div(outer->width, LANES);
    const real *from_row = at(slot, row / task->batch, row % task->batch);
    add_rows(task, from_row, slot->row, rows, from, to, left->first_total, left->totals);
    pack_left(from_row + from, slot->row, rows, to - from, high, packed_left);
    real sum[8 * MOST_VECTORS * LANES] __attribute__((aligned(64)));
    for (long first = 0; first < columns; first += MOST_VECTORS) {
        long vectors = least(MOST_VECTORS, columns - first), column = first * LANES;
        long width = least(vectors * LANES, outer->width - column);
        const real *panel = packed_right + column * entries(rows);
        const Entry *operand = packed_left;
        for (long i = from; i < to; i += high, operand += entries(rows) * LEFT) {
            long count = least(high, to - i);
            OUTERS[vectors - 1][count - 1](rows, operand, panel, sum);
            real *gradient = task->gradient[left->matrix].data + left->place + i * left->stride + column;
            for (long r = 0; r < count; r++)
                for (long v = 0; v < vectors; v++) {
                    real *out = gradient + r * left->stride + v * LANES;
                    vec value = *(vec *)(sum + (r * vectors + v) * LANES);
                    long n = width - v * LANES;
                    if (n >= LANES)
                        store(out, load(out) + value);
                    else
                        store_part(out, load_part(out, n) + value, n);
                }
        }
    }
}

static long end_of(const Outer *outer, const Left *left) {
    return left->place + (left->width - 1) * left->stride + outer->width;
}

/* Whether left operands of both go to the same numbers of one matrix; of one and the same, two of them. */
static int meet(const Task *task, const Outer *a, const Outer *b) {
    for (long l = a->first_left; l < a->first_left + a->lefts; l++)
        for (long k = b->first_left; k < (a == b ? l : b->first_left + b->lefts); k++) {
            const Left *one = &task->left[l], *other = &task->left[k];
            if (one->matrix == other->matrix && one->place < end_of(b, other) && other->place < end_of(a, one)) return 1;
        }
    return 0;
}

/* Each thread takes some columns of each left operand; of those that meet in a matrix, one after the other. Blocks of
   rows are the same for any number of threads, and so is the order of every sum. */
static void multiply_outer(Task *task, long thread, long team) {
    long all = task->steps * task->batch;
    real *buffer = task->blocks + thread * task->block_size;
    for (long o = 0; o < task->outers; o++) {
        const Outer *outer = &task->outer[o];
        const Slot *slot = &task->slot[outer->slot];
        long columns = ceil_div(outer->width, LANES);
        Entry *packed_left = (Entry *)(buffer + columns * LANES * BLOCK);
        int in_turn = meet(task, outer, outer);
        for (long before = 0; before < o; before++)
            if (meet(task, outer, &task->outer[before])) {
                wait_for_all(task, team);
                break;
            }
        /* The rows of step 0 apart: a state before it lies elsewhere. */
        for (long row = 0, rows; row < all; row += rows) {
            rows = least(BLOCK, row < task->batch ? task->batch - row : all - row);
            add_rows(task, at(slot, row / task->batch, row % task->batch), slot->row, rows,
                     columns * thread / team * LANES, least(columns * (thread + 1) / team * LANES, outer->width),
                     outer->first_total, outer->totals);
            for (long first = 0; first < columns; first += MOST_VECTORS) {
                long vectors = least(MOST_VECTORS, columns - first), column = first * LANES;
                pack_right(task, slot, row, rows, column, outer->width - column, vectors, buffer + column * entries(rows));
            }
            for (long l = outer->first_left; l < outer->first_left + outer->lefts; l++) {
                const Left *left = &task->left[l];
                long high = MOST_ROWS[MOST_VECTORS - 1], tiles = ceil_div(left->width, high);
                long from = tiles * thread / team * high, to = least(tiles * (thread + 1) / team * high, left->width);
                if (in_turn) wait_for_all(task, team);
                if (from < to) outer_block(task, outer, left, from, to, row, rows, packed_left, buffer);
            }
        }
    }
}

/* --- the whole loop ------------------------------------------------------------------------------------------- */

static void work(void *data) {
    Task *task = data;
    long thread = task->threads > 1 ? task->thread() : 0, team = task->threads > 1 ? task->team() : 1;
    pack(task, thread, team);
    wait_for_all(task, team);
    Slot slot[task->slots + 1];
    for (long s = 0; s < task->slots; s++) slot[s] = task->slot[s];
    Walk walk = {task, slot, thread, team, 0, task->batch, 0};
    if (!task->by_column) {
        walk.begin = task->batch * thread / team;
        walk.end = task->batch * (thread + 1) / team;
    }
    if (walk.begin < walk.end) {
        long chunks = ceil_div(task->steps, task->chunk);
        for (long c = 0; c < chunks; c++) {
            walk.start = (task->backwards ? chunks - 1 - c : c) * task->chunk;
            long steps = least(task->chunk, task->steps - walk.start);
            multiply_ahead(&walk, steps);
            if (task->by_column) wait_for_all(task, team);
            for (long i = 0; i < steps; i++) run_step(&walk, walk.start + (task->backwards ? steps - 1 - i : i));
            sink(&walk, steps);
            if (task->by_column) wait_for_all(task, team);
        }
    }
    if (task->outers) {
        wait_for_all(task, team);
        multiply_outer(task, thread, team);
    }
}

void run(Task *task) {
    if (task->threads > 1)
        task->parallel(work, task, (unsigned)task->threads, 0);
    else
        work(task);
}
long lanes(void) { return LANES; }
long deep(void) { return DEEP; }
