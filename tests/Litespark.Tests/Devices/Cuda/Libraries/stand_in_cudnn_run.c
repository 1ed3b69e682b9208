// Runs a graph operation by operation. Every tensor has storage that its strides lead through: memory of the caller's, or a buffer of
// float for what lies between operations. Results are rounded to their tensor's type.
#include "stand_in_cudnn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int64_t id, length; void *memory; int type, owned; } storage;
static storage all[MOST];
static int stored;

static int64_t offset(const tensor *t, const int64_t *i) { return i[0] * t->strides[0] + i[1] * t->strides[1] + i[2] * t->strides[2] + i[3] * t->strides[3]; }

static storage *of(const tensor *t)
{
    for (int i = 0; i < stored; i++)
        if (all[i].id == t->id) return &all[i];
    return NULL;
}

static float rounded(float value, int type)
{
    if (type != BF16) return value;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
    memcpy(&value, &bits, 4);
    return value;
}

static float get(const storage *s, int64_t at)
{
    if (s->owned || s->type == FP32) return ((const float *)s->memory)[at];
    uint32_t bits = (uint32_t)((const uint16_t *)s->memory)[at] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void set(storage *s, int64_t at, float value)
{
    value = rounded(value, s->type);
    if (s->owned || s->type == FP32) { ((float *)s->memory)[at] = value; return; }
    uint32_t bits;
    memcpy(&bits, &value, 4);
    ((uint16_t *)s->memory)[at] = (uint16_t)(bits >> 16);
}

// Element of a tensor that is repeated along dimensions where it has fewer: one, or a head for each group of heads.
static float repeated(const tensor *t, const int64_t *i, const int64_t *dims)
{
    int64_t own[4];
    for (int k = 0; k < 4; k++) own[k] = t->dims[k] == dims[k] ? i[k] : i[k] / (dims[k] / t->dims[k]);
    return get(of(t), offset(t, own));
}

#define EACH(i, dims) for (int64_t i[4] = { 0 }; i[0] < (dims)[0]; i[0]++) for (i[1] = 0; i[1] < (dims)[1]; i[1]++) for (i[2] = 0; i[2] < (dims)[2]; i[2]++) for (i[3] = 0; i[3] < (dims)[3]; i[3]++)

static void pointwise(const operation *op)
{
    storage *y = of(&op->y);
    EACH(i, op->y.dims) {
        float x = repeated(&op->x, i, op->y.dims), b = op->b.id ? repeated(&op->b, i, op->y.dims) : 0, result = 0;
        switch (op->mode) {
        case ADD: result = x + b; break;
        case MUL: result = x * b; break;
        case SUB: result = x - b; break;
        case DIV: result = x / b; break;
        case EXP: result = expf(x); break;
        case LOG: result = logf(x); break;
        case GE: result = x >= b; break;
        case INDEX: result = (float)i[op->axis]; break;
        case SELECT: result = repeated(&op->t, i, op->y.dims) != 0 ? x : b; break;
        }
        set(y, offset(&op->y, i), result);
    }
}

static void product(const operation *op)
{
    storage *y = of(&op->y);
    EACH(i, op->y.dims) {
        double sum = 0;
        for (int64_t k = 0; k < op->x.dims[3]; k++) {
            int64_t left[4] = { i[0], i[1], i[2], k }, left_dims[4] = { op->y.dims[0], op->y.dims[1], op->x.dims[2], op->x.dims[3] };
            int64_t right[4] = { i[0], i[1], k, i[3] }, right_dims[4] = { op->y.dims[0], op->y.dims[1], op->b.dims[2], op->b.dims[3] };
            // What is a factor on tensor cores is bf16, whatever it was before.
            sum += (double)rounded(repeated(&op->x, left, left_dims), BF16) * rounded(repeated(&op->b, right, right_dims), BF16);
        }
        set(y, offset(&op->y, i), (float)sum);
    }
}

static void reduce(const operation *op)
{
    storage *y = of(&op->y);
    const storage *x = of(&op->x);
    int64_t group[4];
    for (int k = 0; k < 4; k++) group[k] = op->x.dims[k] / op->y.dims[k];
    EACH(i, op->y.dims) {
        double result = op->mode == MAX ? -INFINITY : 0;
        EACH(j, group) {
            int64_t at[4];
            for (int k = 0; k < 4; k++) at[k] = i[k] * group[k] + j[k];
            float value = get(x, offset(&op->x, at));
            result = op->mode == MAX ? fmax(result, value) : result + value;
        }
        set(y, offset(&op->y, i), (float)result);
    }
}

// The same storage seen otherwise, in another type.
static void reshape(const operation *op)
{
    const storage *x = of(&op->x);
    storage *y = of(&op->y);
    EACH(i, op->y.dims) {
        int64_t at = offset(&op->y, i);
        set(y, at, get(x, at));
    }
}

static int64_t extent(const tensor *t)
{
    int64_t last[4] = { t->dims[0] - 1, t->dims[1] - 1, t->dims[2] - 1, t->dims[3] - 1 };
    return offset(t, last) + 1;
}

int interpret(const operation *ops, int count, const int64_t *ids, void *const *pointers, int64_t length)
{
    stored = 0;
    for (int i = 0; i < count; i++) {
        const tensor *mentioned[4] = { &ops[i].x, &ops[i].b, &ops[i].t, &ops[i].y };
        for (int k = 0; k < 4; k++) {
            const tensor *t = mentioned[k];
            if (t->id == 0 || of(t)) continue;
            void *memory = NULL;
            for (int64_t p = 0; p < length && !t->is_virtual; p++)
                if (ids[p] == t->id) memory = pointers[p];
            if (!t->is_virtual && !memory) return fail(BAD_PARAM, "tensor %lld has no memory", (long long)t->id);
            if (stored == MOST) return fail(BAD_PARAM, "too many tensors");
            all[stored++] = (storage){ t->id, extent(t), memory ? memory : malloc(extent(t) * sizeof(float)), t->type, memory == NULL };
        }
    }
    for (int i = 0; i < count; i++)
        switch (ops[i].kind) {
        case OP_POINTWISE: pointwise(&ops[i]); break;
        case OP_MATMUL: product(&ops[i]); break;
        case OP_REDUCTION: reduce(&ops[i]); break;
        case OP_RESHAPE: reshape(&ops[i]); break;
        }
    for (int i = 0; i < stored; i++)
        if (all[i].owned) free(all[i].memory);
    return OK;
}
