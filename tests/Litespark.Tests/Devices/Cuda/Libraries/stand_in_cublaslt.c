// Stands in for libcublasLt: the same exported functions and the same numbers of attributes, on host memory, by plain loops over
// column-major matrices, single or in batches. Products run when they are called, or are put into a stream by whoever has said how
// (stand_in_lt_enqueue_by). What an algorithm "costs" is told to the stand-in of the driver, if there is one in the same library.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LT_OK = 0, LT_INVALID = 7, LT_NOT_SUPPORTED = 15 };
enum { FP32 = 0, BF16 = 14, COMPUTE_FP32 = 68, EPILOGUE_DEFAULT = 1, EPILOGUE_BIAS = 4, SCHEME_NONE = 0, SCHEME_IN_PLACE = 1, SCHEME_COMPUTE_TYPE = 2 };
#define LT_NEED(condition, status) do { if (!(condition)) return status; } while (0)

typedef struct { int compute, scale, transpose_a, transpose_b, epilogue; void *bias; } description;
typedef struct { int type; uint64_t rows, columns; int64_t stride; int32_t count; int64_t next; } layout;
typedef struct { uint64_t workspace; uint32_t schemes, alignment[4]; } preference;
typedef struct { uint64_t magic, id, rest[6]; } algorithm;
typedef struct { algorithm algo; size_t workspace; int state; float waves; int reserved[4]; } result;

// What the heuristics return, in this order. 1 costs least of those that may be taken; 2 is faster but adds in place, 3 needs too
// much memory, 4 was found unfit, 5 fails when it runs.
static const struct { uint32_t scheme; size_t workspace; int state; float cost; } algorithms[] = {
    { SCHEME_NONE, 0, 0, 2.0f }, { SCHEME_COMPUTE_TYPE, 1 << 20, 0, 0.5f }, { SCHEME_IN_PLACE, 0, 0, 0.1f }, { SCHEME_NONE, 1u << 30, 0, 0.1f },
    { SCHEME_NONE, 0, LT_NOT_SUPPORTED, 0.1f }, { SCHEME_NONE, 0, 0, 0.1f }, { SCHEME_NONE, 0, 0, 1.0f },
};
#define ALGORITHMS (sizeof algorithms / sizeof *algorithms)
#define MAGIC 0x1757A1D1Bull

// A product that was called: operands, and copies of all that the library may not look at afterwards.
typedef struct product { description d; layout a, b, c, out; const void *pa, *pb, *pc; void *pout; float alpha, beta; uint64_t id; struct product *next; } product;

static int live, searches, runs, done[ALGORITHMS];
static product *called;
static void (*enqueue)(void *stream, void (*run)(void *), void *work);
int stand_in_lt_live(void) { return live; }          // handles, descriptions, layouts, preferences not yet given back
int stand_in_lt_searches(void) { return searches; }
int stand_in_lt_runs(void) { return runs; }           // calls
int stand_in_lt_done(int id) { return done[id]; }     // products computed by an algorithm
void stand_in_lt_enqueue_by(void (*how)(void *stream, void (*run)(void *), void *work)) { enqueue = how; }
__attribute__((weak)) void stand_in_spend(float ms);

const char *cublasLtGetStatusName(int status) { return status == LT_INVALID ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_NOT_SUPPORTED"; }
const char *cublasLtGetStatusString(int status) { return "text of the status"; }
size_t cublasLtGetVersion(void) { return 130002; }
int cublasLtCreate(void **handle) { live++; *handle = malloc(1); return LT_OK; }

int cublasLtDestroy(void *handle)
{
    for (product *p = called, *next; p; p = next) { next = p->next; free(p); }
    called = NULL;
    live--; free(handle);
    return LT_OK;
}

int cublasLtMatmulDescCreate(description **d, int compute, int scale)
{
    LT_NEED(compute == COMPUTE_FP32 && scale == FP32, LT_NOT_SUPPORTED);
    *d = calloc(1, sizeof(description));
    (*d)->compute = compute; (*d)->scale = scale; (*d)->epilogue = EPILOGUE_DEFAULT;
    live++;
    return LT_OK;
}

int cublasLtMatmulDescDestroy(description *d) { live--; free(d); return LT_OK; }

int cublasLtMatmulDescSetAttribute(description *d, int attribute, const void *value, size_t bytes)
{
    switch (attribute) {
    case 3: LT_NEED(bytes == 4, LT_INVALID); d->transpose_a = *(const int32_t *)value; return LT_OK;
    case 4: LT_NEED(bytes == 4, LT_INVALID); d->transpose_b = *(const int32_t *)value; return LT_OK;
    case 7: LT_NEED(bytes == 4, LT_INVALID); d->epilogue = *(const int32_t *)value; return LT_OK;
    case 8: LT_NEED(bytes == 8, LT_INVALID); d->bias = *(void *const *)value; return LT_OK;
    }
    return LT_INVALID;
}

int cublasLtMatrixLayoutCreate(layout **l, int type, uint64_t rows, uint64_t columns, int64_t stride)
{
    LT_NEED((type == FP32 || type == BF16) && rows > 0 && columns > 0 && stride >= (int64_t)rows, LT_INVALID);
    *l = malloc(sizeof(layout));
    **l = (layout){ type, rows, columns, stride, 1, 0 };
    live++;
    return LT_OK;
}

int cublasLtMatrixLayoutSetAttribute(layout *l, int attribute, const void *value, size_t bytes)
{
    switch (attribute) {
    case 5: LT_NEED(bytes == 4 && *(const int32_t *)value > 0, LT_INVALID); l->count = *(const int32_t *)value; return LT_OK;
    case 6: LT_NEED(bytes == 8, LT_INVALID); l->next = *(const int64_t *)value; return LT_OK;
    }
    return LT_INVALID;
}

int cublasLtMatrixLayoutDestroy(layout *l) { live--; free(l); return LT_OK; }
int cublasLtMatmulPreferenceCreate(preference **p) { live++; *p = calloc(1, sizeof(preference)); (*p)->schemes = 7; return LT_OK; }
int cublasLtMatmulPreferenceDestroy(preference *p) { live--; free(p); return LT_OK; }

int cublasLtMatmulPreferenceSetAttribute(preference *p, int attribute, const void *value, size_t bytes)
{
    if (attribute == 1) { LT_NEED(bytes == 8, LT_INVALID); p->workspace = *(const uint64_t *)value; return LT_OK; }
    LT_NEED(bytes == 4, LT_INVALID);
    if (attribute == 3) { p->schemes = *(const uint32_t *)value; return LT_OK; }
    uint32_t alignment = *(const uint32_t *)value;
    LT_NEED(attribute >= 5 && attribute <= 8 && alignment >= 2 && alignment <= 256 && !(alignment & (alignment - 1)), LT_INVALID);
    p->alignment[attribute - 5] = alignment;
    return LT_OK;
}

static int fits(const description *d, const layout *a, const layout *b, const layout *c)
{
    uint64_t m = d->transpose_a ? a->columns : a->rows, k = d->transpose_a ? a->rows : a->columns;
    uint64_t n = d->transpose_b ? b->rows : b->columns, kb = d->transpose_b ? b->columns : b->rows;
    if (a->count != b->count || a->count != c->count || (c->count > 1 && c->next == 0)) return 0; // results of a batch lie apart
    return k == kb && c->rows == m && c->columns == n && a->type == b->type && (a->type == BF16 || c->type == FP32) && m != 13; // 13: a size without algorithms
}

static void describe(result *r, uint64_t id)
{
    memset(r, 0, sizeof *r);
    r->algo.magic = MAGIC; r->algo.id = id;
    r->workspace = algorithms[id].workspace; r->state = algorithms[id].state; r->waves = 1;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, description *d, layout *a, layout *b, layout *c, layout *out, preference *p, int requested, result *results, int *returned)
{
    searches++;
    *returned = 0;
    LT_NEED(p->workspace == 32u << 20 && p->schemes == 2 && p->alignment[0] > 0 && p->alignment[3] == p->alignment[0], LT_INVALID);
    if (!fits(d, a, b, c)) return LT_NOT_SUPPORTED;
    for (uint64_t id = 0; id < ALGORITHMS && *returned < requested; id++) describe(&results[(*returned)++], id); // some that were not asked for
    return LT_OK;
}

int cublasLtMatmulAlgoCheck(void *handle, description *d, layout *a, layout *b, layout *c, layout *out, const algorithm *algo, result *r)
{
    LT_NEED(algo->magic == MAGIC && algo->id < ALGORITHMS && fits(d, a, b, c), LT_NOT_SUPPORTED);
    describe(r, algo->id);
    return LT_OK;
}

int cublasLtMatmulAlgoConfigGetAttribute(const algorithm *algo, int attribute, void *value, size_t bytes, size_t *written)
{
    LT_NEED(algo->magic == MAGIC && bytes == 4, LT_INVALID);
    LT_NEED(attribute == 0 || attribute == 1 || attribute == 3, LT_NOT_SUPPORTED); // number, tile, way of adding up
    *(uint32_t *)value = attribute == 0 ? (uint32_t)algo->id : attribute == 1 ? 20 : algorithms[algo->id].scheme;
    *written = 4;
    return LT_OK;
}

static float get(const void *matrix, int type, int64_t index)
{
    if (type == FP32) return ((const float *)matrix)[index];
    uint32_t bits = (uint32_t)((const uint16_t *)matrix)[index] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void set(void *matrix, int type, int64_t index, float value)
{
    if (type == FP32) { ((float *)matrix)[index] = value; return; }
    uint32_t bits;
    memcpy(&bits, &value, 4);
    ((uint16_t *)matrix)[index] = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static void multiply_one(const product *p, int64_t at)
{
    int64_t in_a = at * p->a.next, in_b = at * p->b.next, in_c = at * p->c.next, in_out = at * p->out.next;
    int64_t m = p->c.rows, n = p->c.columns, k = p->d.transpose_a ? p->a.rows : p->a.columns;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
            double sum = 0;
            for (int64_t x = 0; x < k; x++)
                sum += (double)get(p->pa, p->a.type, in_a + (p->d.transpose_a ? x + i * p->a.stride : i + x * p->a.stride)) * get(p->pb, p->b.type, in_b + (p->d.transpose_b ? j + x * p->b.stride : x + j * p->b.stride));
            double value = p->alpha * sum;
            if (p->beta != 0) value += p->beta * get(p->pc, p->c.type, in_c + i + j * p->c.stride);
            if (p->d.epilogue == EPILOGUE_BIAS) value += get(p->d.bias, p->out.type, i);
            set(p->pout, p->out.type, in_out + i + j * p->out.stride, (float)value);
        }
}

static void multiply(void *work)
{
    const product *p = work;
    for (int64_t at = 0; at < p->c.count; at++) multiply_one(p, at);
    done[p->id]++;
    if (stand_in_spend) stand_in_spend(algorithms[p->id].cost);
}

int cublasLtMatmul(void *handle, description *d, const float *alpha, const void *a, layout *la, const void *b, layout *lb, const float *beta,
    const void *c, layout *lc, void *out, layout *lout, const algorithm *algo, void *workspace, size_t workspace_bytes, void *stream)
{
    runs++;
    LT_NEED(algo && algo->magic == MAGIC && fits(d, la, lb, lc) && stream, LT_INVALID);
    LT_NEED(algo->id != 5 && algorithms[algo->id].workspace <= workspace_bytes && workspace && ((uintptr_t)workspace & 255) == 0, LT_NOT_SUPPORTED);
    LT_NEED(d->epilogue == EPILOGUE_DEFAULT || (d->epilogue == EPILOGUE_BIAS && d->bias), LT_INVALID);
    product work = { *d, *la, *lb, *lc, *lout, a, b, c, out, *alpha, *beta, algo->id, called };
    if (!enqueue) { multiply(&work); return LT_OK; }
    called = malloc(sizeof(product));
    *called = work;
    enqueue(stream, multiply, called);
    return LT_OK;
}
