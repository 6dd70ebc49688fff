/*
 * Many recurrent networks, one after another: each runs through all its steps and back while its states are in the
 * cache. Called by run.py, which says what every field of `Job` is; the equations are those of ../cells.
 *
 * Arrays of units are rows of `row` floats, a multiple of a vector's: units first, zeros behind. Plain C with the vectors
 * of GCC and Clang.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Floats of a vector; and how many vectors wide and rows high a product's block is, which has to fit the registers. */
#if defined(__AVX512F__)
enum { LANES = 16, WIDEST = 4, HIGHEST = 8, ROOM = 24 };
#elif defined(__aarch64__)
enum { LANES = 4, WIDEST = 4, HIGHEST = 6, ROOM = 24 };
#elif defined(__AVX__)
enum { LANES = 8, WIDEST = 2, HIGHEST = 6, ROOM = 12 };
#else
enum { LANES = 4, WIDEST = 2, HIGHEST = 6, ROOM = 12 };
#endif

#define INLINE static inline __attribute__((always_inline))
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

enum { TANH, RELU, GRU, LSTM };

typedef struct {
    int32_t cell, gates, units, letters, classes, strings, steps, total;
    const int32_t *sizes;     /* (steps): strings that still run, never rising */
    const uint8_t *codes;     /* (1 or N, total): letters, step after step; `letters` itself is the blank */
    const int64_t *targets;   /* (1 or N, strings) */
    int64_t code_stride, target_stride, value_stride;
    const float *values;      /* (N, K): table, hidden, head, bias */
    float *gradient;          /* (N, K), or NULL for answers alone */
    float *logits;            /* (N, strings, classes) */
    float *losses;            /* (N) */
    int64_t *right;           /* (N) */
    float smoothing;
} Job;

/* One network's memory, all of it scratch. */
typedef struct {
    int row;
    float *weights[4], *backs[4], *tables, *heads;                     /* what it is, in rows of `row` floats */
    float *of_weights[4], *of_tables, *of_heads;                       /* the gradients of these */
    float *kept[7];                                                    /* (total, row): values of every step */
    float *last, *of_last, *carried, *held, *slopes[4];                /* (strings, row) */
} Space;

INLINE vec at(const float *p) { return *(const vec *)p; }
INLINE void put(float *p, vec x) { *(vec *)p = x; }
INLINE vec pick(ivec which, vec yes, vec no) { return (vec)(((ivec)yes & which) | ((ivec)no & ~which)); }
INLINE vec same(float x) { return (vec){0} + x; }

/* Four things that AVX-512 has an instruction for, and how others come to the same. */
#ifdef __AVX512F__
INLINE vec between(vec x, float low, float high) /* the limits come first: of a NaN the second operand is kept */
{
    return (vec)_mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), (__m512)x));
}
INLINE vec nearest(vec x) { return (vec)_mm512_roundscale_ps((__m512)x, 0); }
INLINE vec power(vec x, vec n) { return (vec)_mm512_scalef_ps((__m512)x, (__m512)n); }
INLINE vec reciprocal(vec x)
{
    vec y = (vec)_mm512_rcp14_ps((__m512)x);
    return y * (2.0f - x * y); /* Newton: from 14 bits to all but the last */
}
#else
INLINE vec between(vec x, float low, float high) { return pick(x > high, same(high), pick(x < low, same(low), x)); }
INLINE vec nearest(vec x) { return (x + 12582912.0f) - 12582912.0f; } /* 1.5 2^23 leaves no fraction */
INLINE vec power(vec x, vec n) { return x * (vec)((__builtin_convertvector(n, ivec) + 127) << 23); }
INLINE vec reciprocal(vec x) { return 1.0f / x; }
#endif

/* e^x to two units in the last place, for x in [-87, 87] and cut to that; a NaN stays one. Source: Cephes, expf. */
INLINE vec exponential(vec x)
{
    x = between(x, -87.0f, 87.0f);
    vec n = nearest(x * 1.44269504f);
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = same(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return power(p * (r * r) + (r + 1.0f), n);
}

INLINE vec sigmoid(vec x) { return reciprocal(1.0f + exponential(-x)); }
INLINE vec hyperbolic(vec x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }

/* c += a w for `rows` rows and `width` vectors, in registers; a's entry (r, k) is a[r down + k across]. */
INLINE void block(int width, int rows, float *c, const float *a, long down, long across, const float *w, int row, int depth)
{
    vec sums[HIGHEST][WIDEST];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < width; v++) sums[r][v] = at(c + r * row + LANES * v);
    for (int k = 0; k < depth; k++)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const float entry = a[r * down + k * across];
#pragma GCC unroll 4
            for (int v = 0; v < width; v++) sums[r][v] += entry * at(w + k * row + LANES * v);
        }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < width; v++) put(c + r * row + LANES * v, sums[r][v]);
}

INLINE void panel(int width, float *c, const float *a, long down, long across, const float *w, int row, int rows, int depth)
{
    const int high = ROOM / width < HIGHEST ? ROOM / width : HIGHEST;
    int r = 0;
    for (; r + high <= rows; r += high) block(width, high, c + r * row, a + r * down, down, across, w, row, depth);
    for (; r < rows; r++) block(width, 1, c + r * row, a + r * down, down, across, w, row, depth);
}

/* c (rows, row) += a (rows, depth) w (depth, row). */
static void product(float *c, const float *a, long down, long across, const float *w, int row, int rows, int depth)
{
    for (int left = row / LANES, width; left > 0; left -= width, c += LANES * width, w += LANES * width)
        switch (width = left < WIDEST ? left : WIDEST) {
        case 1: panel(1, c, a, down, across, w, row, rows, depth); break;
        case 2: panel(2, c, a, down, across, w, row, rows, depth); break;
#if defined(__AVX512F__) || defined(__aarch64__)
        case 3: panel(3, c, a, down, across, w, row, rows, depth); break;
        case 4: panel(4, c, a, down, across, w, row, rows, depth); break;
#endif
        }
}

static void clear(float *p, long count) { memset(p, 0, sizeof(float) * (size_t)count); }

/* Put each string's row of the table into `out`, and add the states of the step before times the weights. */
INLINE void enter(const Job *job, const Space *s, int gate, const uint8_t *codes, const float *before,
                  float *out, int strings)
{
    const int row = s->row;
    for (int b = 0; b < strings; b++)
        for (int v = 0; v < row; v += LANES)
            put(out + b * row + v, at(s->tables + (codes[b] * job->gates + gate) * row + v));
    if (before) product(out, before, row, 1, s->weights[gate], row, strings, job->units);
}

/* The way back of `enter` for all gates, whose gradients are the first `slopes`: to the table, the weights and the states
 * before. Where what the weights made is not added but multiplied, its gradients are `made`, of the last gate. */
INLINE void leave(int gates, const Job *job, const Space *s, const uint8_t *codes, const float *before,
                  const float *made, int strings)
{
    const int row = s->row;
    for (int b = 0; b < strings; b++) /* strings often read the same letter: gates in turns do not wait for each other */
        for (int gate = 0; gate < gates; gate++) {
            float *into = s->of_tables + (codes[b] * gates + gate) * row;
            const float *slope = s->slopes[gate] + b * row;
            for (int v = 0; v < row; v += LANES) put(into + v, at(into + v) + at(slope + v));
        }
    if (!before) return;
    for (int gate = 0; gate < gates; gate++) {
        const float *slope = made && gate == gates - 1 ? made : s->slopes[gate];
        product(s->of_weights[gate], before, 1, row, slope, row, job->units, strings);
        product(s->carried, slope, row, 1, s->backs[gate], row, strings, job->units);
    }
}

INLINE void forward_plain(int cell, const Job *job, const Space *s, const uint8_t *codes, long from,
                          long before, int n)
{
    const int row = s->row;
    float *out = s->kept[0] + from * row;
    enter(job, s, 0, codes, before < 0 ? NULL : s->kept[0] + before * row, out, n);
    for (float *p = out; p < out + n * row; p += LANES)
        if (cell == TANH) put(p, hyperbolic(at(p)));
        else put(p, pick(at(p) < 0.0f, same(0.0f), at(p)));
}

INLINE void backward_plain(int cell, const Job *job, const Space *s, const uint8_t *codes, long from,
                           long before, int n)
{
    const int row = s->row;
    const float *states = s->kept[0] + from * row;
    float *slope = s->slopes[0];
    for (long i = 0; i < n * row; i += LANES) {
        vec h = at(states + i), g = at(s->carried + i);
        if (cell == TANH) put(slope + i, g * (1.0f - h * h));
        else put(slope + i, pick(h > 0.0f, g, same(0.0f)));
    }
    clear(s->carried, n * row);
    leave(1, job, s, codes, before < 0 ? NULL : s->kept[0] + before * row, NULL, n);
}

INLINE void forward_gru(const Job *job, const Space *s, const uint8_t *codes, long from, long before, int n)
{
    const int row = s->row;
    float *reset = s->kept[0] + from * row, *keep = s->kept[1] + from * row, *fresh = s->kept[2] + from * row;
    float *made = s->kept[3] + from * row, *states = s->kept[4] + from * row;
    const float *old = before < 0 ? NULL : s->kept[4] + before * row;
    enter(job, s, 0, codes, old, reset, n);
    enter(job, s, 1, codes, old, keep, n);
    enter(job, s, 2, codes, NULL, fresh, n);
    clear(made, n * row);
    if (old) product(made, old, row, 1, s->weights[2], row, n, job->units);
    for (long i = 0; i < n * row; i += LANES) {
        vec r = sigmoid(at(reset + i)), z = sigmoid(at(keep + i));
        vec f = hyperbolic(at(fresh + i) + r * at(made + i));
        put(reset + i, r), put(keep + i, z), put(fresh + i, f);
        put(states + i, old ? f + z * (at(old + i) - f) : f - z * f);
    }
}

INLINE void backward_gru(const Job *job, const Space *s, const uint8_t *codes, long from, long before, int n)
{
    const int row = s->row;
    const float *reset = s->kept[0] + from * row, *keep = s->kept[1] + from * row, *fresh = s->kept[2] + from * row;
    const float *made = s->kept[3] + from * row, *old = before < 0 ? NULL : s->kept[4] + before * row;
    for (long i = 0; i < n * row; i += LANES) {
        vec g = at(s->carried + i), r = at(reset + i), z = at(keep + i), f = at(fresh + i);
        vec h = old ? at(old + i) : same(0.0f), of_fresh = g * (1.0f - z) * (1.0f - f * f);
        put(s->slopes[0] + i, of_fresh * at(made + i) * r * (1.0f - r));
        put(s->slopes[1] + i, g * (h - f) * z * (1.0f - z));
        put(s->slopes[2] + i, of_fresh);
        put(s->slopes[3] + i, of_fresh * r); /* of the product, which the reset gate multiplies */
        put(s->carried + i, g * z);
    }
    leave(3, job, s, codes, old, s->slopes[3], n);
}

INLINE void forward_lstm(const Job *job, const Space *s, const uint8_t *codes, long from, long before, int n)
{
    const int row = s->row;
    float *gates[4], *memory = s->kept[4] + from * row, *shown = s->kept[5] + from * row;
    float *states = s->kept[6] + from * row;
    const float *old = before < 0 ? NULL : s->kept[4] + before * row;
    for (int gate = 0; gate < 4; gate++) {
        gates[gate] = s->kept[gate] + from * row;
        enter(job, s, gate, codes, before < 0 ? NULL : s->kept[6] + before * row, gates[gate], n);
    }
    for (long i = 0; i < n * row; i += LANES) {
        vec in = sigmoid(at(gates[0] + i)), forget = sigmoid(at(gates[1] + i));
        vec fresh = hyperbolic(at(gates[2] + i)), out = sigmoid(at(gates[3] + i));
        vec c = old ? in * fresh + forget * at(old + i) : in * fresh, seen = hyperbolic(c);
        put(gates[0] + i, in), put(gates[1] + i, forget), put(gates[2] + i, fresh), put(gates[3] + i, out);
        put(memory + i, c), put(shown + i, seen), put(states + i, out * seen);
    }
}

INLINE void backward_lstm(const Job *job, const Space *s, const uint8_t *codes, long from, long before, int n)
{
    const int row = s->row;
    const float *gates[4], *shown = s->kept[5] + from * row, *old = before < 0 ? NULL : s->kept[4] + before * row;
    for (int gate = 0; gate < 4; gate++) gates[gate] = s->kept[gate] + from * row;
    for (long i = 0; i < n * row; i += LANES) {
        vec in = at(gates[0] + i), forget = at(gates[1] + i), fresh = at(gates[2] + i), out = at(gates[3] + i);
        vec g = at(s->carried + i), seen = at(shown + i), c = old ? at(old + i) : same(0.0f);
        vec of_memory = g * out * (1.0f - seen * seen) + at(s->held + i);
        put(s->slopes[0] + i, of_memory * fresh * in * (1.0f - in));
        put(s->slopes[1] + i, of_memory * c * forget * (1.0f - forget));
        put(s->slopes[2] + i, of_memory * in * (1.0f - fresh * fresh));
        put(s->slopes[3] + i, g * seen * out * (1.0f - out));
        put(s->held + i, of_memory * forget);
    }
    clear(s->carried, n * row);
    leave(4, job, s, codes, before < 0 ? NULL : s->kept[6] + before * row, NULL, n);
}

/* The last states' answers; with a gradient also the losses, and the gradients of head and last states. */
INLINE void answer(const Job *job, const Space *s, long network)
{
    const int row = s->row, classes = job->classes;
    const float *bias = job->values + network * job->value_stride +
                        (job->letters + job->units) * job->gates * job->units + job->units * classes;
    float *logits = job->logits + network * job->strings * classes;
    const int64_t *targets = job->targets + network * job->target_stride;
    double loss = 0.0;
    int64_t right = 0;
    for (int b = 0; b < job->strings; b++, logits += classes) {
        const float *state = s->last + b * row;
        int best = 0;
        double sum = 0.0, mean = 0.0;
        for (int c = 0; c < classes; c++) {
            float products = 0.0f;
            for (int i = 0; i < row; i++) products += state[i] * s->heads[c * row + i];
            logits[c] = products + bias[c];
            if (logits[c] > logits[best]) best = c;
        }
        if (!job->gradient) continue;
        for (int c = 0; c < classes; c++) sum += exp((double)logits[c] - logits[best]), mean += logits[c];
        const double whole = logits[best] + log(sum), share = job->smoothing / classes;
        loss += whole - (1.0 - job->smoothing) * logits[targets[b]] - share * mean;
        right += best == targets[b];
        float *of_last = s->of_last + b * row, *of_bias = s->of_heads + classes * row;
        clear(of_last, row);
        for (int c = 0; c < classes; c++) {
            const double wanted = (c == targets[b] ? 1.0 - job->smoothing : 0.0) + share;
            const float slope = (float)((exp(logits[c] - whole) - wanted) / job->strings);
            of_bias[c] += slope;
            for (int i = 0; i < row; i += LANES) {
                float *head = s->of_heads + c * row + i;
                put(head, at(head) + slope * at(state + i));
                put(of_last + i, at(of_last + i) + slope * at(s->heads + c * row + i));
            }
        }
    }
    if (!job->gradient) return;
    job->losses[network] = (float)(loss / job->strings);
    job->right[network] = right;
}

/* Copy between a network's parameters (K) and the padded rows of `Space`; the gradients' way is back. */
INLINE void load(const Job *job, const Space *s, const float *from)
{
    const int row = s->row, units = job->units, wide = job->gates * units;
    clear(s->tables, (job->letters + 1) * job->gates * row);
    clear(s->heads, job->classes * row);
    for (int f = 0; f < job->letters; f++)
        for (int g = 0; g < job->gates; g++)
            memcpy(s->tables + (f * job->gates + g) * row, from + f * wide + g * units, 4 * units);
    from += job->letters * wide;
    for (int g = 0; g < job->gates; g++) {
        clear(s->weights[g], row * row), clear(s->backs[g], row * row);
        for (int i = 0; i < units; i++)
            for (int j = 0; j < units; j++)
                s->weights[g][i * row + j] = s->backs[g][j * row + i] = from[i * wide + g * units + j];
    }
    from += units * wide;
    for (int i = 0; i < units; i++)
        for (int c = 0; c < job->classes; c++) s->heads[c * row + i] = from[i * job->classes + c];
}

INLINE void store(const Job *job, const Space *s, float *into)
{
    const int row = s->row, units = job->units, wide = job->gates * units;
    for (int f = 0; f < job->letters; f++)
        for (int g = 0; g < job->gates; g++)
            memcpy(into + f * wide + g * units, s->of_tables + (f * job->gates + g) * row, 4 * units);
    into += job->letters * wide;
    for (int g = 0; g < job->gates; g++)
        for (int i = 0; i < units; i++) memcpy(into + i * wide + g * units, s->of_weights[g] + i * row, 4 * units);
    into += units * wide;
    for (int i = 0; i < units; i++)
        for (int c = 0; c < job->classes; c++) into[i * job->classes + c] = s->of_heads[c * row + i];
    memcpy(into + units * job->classes, s->of_heads + job->classes * row, 4 * job->classes);
}

/* Forward: each string's last state to `last`. Strings are in order of length: those that end are a step's last. */
INLINE void forward(int cell, const Job *job, const Space *s, const uint8_t *codes, const float *states)
{
    const int row = s->row;
    long from = 0, before = -1;
    for (int t = 0; t < job->steps; t++) {
        const int n = job->sizes[t], going = t + 1 < job->steps ? job->sizes[t + 1] : 0;
        if (cell == GRU) forward_gru(job, s, codes + from, from, before, n);
        else if (cell == LSTM) forward_lstm(job, s, codes + from, from, before, n);
        else forward_plain(cell, job, s, codes + from, from, before, n);
        memcpy(s->last + going * row, states + (from + going) * row, 4 * (n - going) * row);
        before = from, from += n;
    }
}

INLINE void backward(int cell, const Job *job, const Space *s, const uint8_t *codes)
{
    const int row = s->row;
    long from = job->total;
    int going = 0;
    for (int t = job->steps - 1; t >= 0; t--) {
        const int n = job->sizes[t];
        from -= n;
        const long before = t ? from - job->sizes[t - 1] : -1;
        memcpy(s->carried + going * row, s->of_last + going * row, 4 * (n - going) * row);
        clear(s->held + going * row, (n - going) * row);
        if (cell == GRU) backward_gru(job, s, codes + from, from, before, n);
        else if (cell == LSTM) backward_lstm(job, s, codes + from, from, before, n);
        else backward_plain(cell, job, s, codes + from, from, before, n);
        going = n;
    }
}

INLINE void network(int cell, const Job *job, const Space *s, long number)
{
    const int row = s->row;
    const uint8_t *codes = job->codes + number * job->code_stride;
    load(job, s, job->values + number * job->value_stride);
    forward(cell, job, s, codes, s->kept[cell == GRU ? 4 : cell == LSTM ? 6 : 0]);
    if (job->gradient) {
        clear(s->of_tables, (job->letters + 1) * job->gates * row);
        clear(s->of_heads, job->classes * row + job->classes);
        for (int g = 0; g < job->gates; g++) clear(s->of_weights[g], row * row);
    }
    answer(job, s, number);
    if (!job->gradient) return;
    backward(cell, job, s, codes);
    store(job, s, job->gradient + number * job->value_stride);
}

static float *take(float **scratch, long count)
{
    float *found = *scratch;
    *scratch += (count + 15) / 16 * 16; /* a line of the cache */
    return found;
}

/* Lay out `s` in `scratch`; return how many floats it takes. `scratch` may be NULL, to count alone. */
static long lay_out(const Job *job, Space *s, float *scratch)
{
    float *start = scratch;
    const long row = (job->units + LANES - 1) / LANES * LANES, each = job->strings * row;
    s->row = (int)row;
    for (int g = 0; g < job->gates; g++) {
        s->weights[g] = take(&scratch, row * row);
        s->backs[g] = take(&scratch, row * row);
        s->of_weights[g] = take(&scratch, row * row);
    }
    s->tables = take(&scratch, (job->letters + 1) * job->gates * row);
    s->of_tables = take(&scratch, (job->letters + 1) * job->gates * row);
    s->heads = take(&scratch, job->classes * row);
    s->of_heads = take(&scratch, job->classes * row + job->classes);
    s->last = take(&scratch, each), s->of_last = take(&scratch, each);
    s->carried = take(&scratch, each), s->held = take(&scratch, each);
    for (int g = 0; g < 4; g++) s->slopes[g] = take(&scratch, each);
    const int kept = job->cell == GRU ? 5 : job->cell == LSTM ? 7 : 1;
    for (int k = 0; k < kept; k++) s->kept[k] = take(&scratch, job->total * row);
    return scratch - start;
}

int64_t sparsenas_scratch(const Job *job)
{
    Space s;
    return lay_out(job, &s, 0);
}

void sparsenas_run(const Job *job, int64_t first, int64_t last, float *scratch)
{
    Space space, *s = &space;
    lay_out(job, s, scratch);
    switch (job->cell) {
    case TANH: for (; first < last; first++) network(TANH, job, s, first); break;
    case RELU: for (; first < last; first++) network(RELU, job, s, first); break;
    case GRU: for (; first < last; first++) network(GRU, job, s, first); break;
    case LSTM: for (; first < last; first++) network(LSTM, job, s, first); break;
    }
}
