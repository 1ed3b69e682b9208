// The two graphs that the stand-in has kernels for: fused attention with a causal mask, and its gradient with dQ as a product of its own.
// Operations must come in this order and be connected like this; tensors between them must not lie in memory, and have these types.
#include "stand_in_cudnn.h"
#include <string.h>

enum { NONE, Q, K_T, V, V_T, O, STATS, D_O, D_Q, D_K, D_V, SCALE, HIDDEN, ONE, DELTA, T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, SLOTS };
typedef struct { int kind, mode, x, b, t, y, type, compute; } step; // type of y, and of the computation

static const step forward[] = {
    { OP_MATMUL, 0, Q, K_T, NONE, T0, FP32, FP32 }, { OP_POINTWISE, MUL, T0, SCALE, NONE, T1, FP32, FP32 },
    { OP_POINTWISE, INDEX, T1, NONE, NONE, T2, INT32, FP32 }, { OP_POINTWISE, INDEX, T1, NONE, NONE, T3, INT32, FP32 },
    { OP_POINTWISE, GE, T2, T3, NONE, T4, BOOLEAN, BOOLEAN }, { OP_POINTWISE, SELECT, T1, HIDDEN, T4, T5, FP32, FP32 },
    { OP_REDUCTION, MAX, T5, NONE, NONE, T6, FP32, FP32 }, { OP_POINTWISE, SUB, T5, T6, NONE, T7, FP32, FP32 }, { OP_POINTWISE, EXP, T7, NONE, NONE, T8, FP32, FP32 },
    { OP_REDUCTION, ADD, T8, NONE, NONE, T9, FP32, FP32 }, { OP_POINTWISE, LOG, T9, NONE, NONE, T10, FP32, FP32 }, { OP_POINTWISE, ADD, T6, T10, NONE, STATS, FP32, FP32 },
    { OP_POINTWISE, DIV, T8, T9, NONE, T11, BF16, FP32 }, { OP_MATMUL, 0, T11, V, NONE, O, BF16, FP32 },
};

// Where there are as many key heads as query heads, the two sums over heads are left out.
static const step backward[] = {
    { OP_POINTWISE, MUL, D_O, O, NONE, T0, FP32, FP32 }, { OP_REDUCTION, ADD, T0, NONE, NONE, T1, FP32, FP32 }, { OP_POINTWISE, MUL, T1, ONE, NONE, DELTA, FP32, FP32 },
    { OP_MATMUL, 0, Q, K_T, NONE, T2, FP32, FP32 }, { OP_POINTWISE, MUL, T2, SCALE, NONE, T3, FP32, FP32 }, { OP_POINTWISE, SUB, T3, STATS, NONE, T4, FP32, FP32 },
    { OP_POINTWISE, INDEX, T4, NONE, NONE, T5, INT32, FP32 }, { OP_POINTWISE, INDEX, T4, NONE, NONE, T6, INT32, FP32 },
    { OP_POINTWISE, GE, T5, T6, NONE, T7, BOOLEAN, BOOLEAN }, { OP_POINTWISE, SELECT, T4, HIDDEN, T7, T8, FP32, FP32 }, { OP_POINTWISE, EXP, T8, NONE, NONE, T9, FP32, FP32 },
    { OP_RESHAPE, 0, T9, NONE, NONE, T10, BF16, 0 }, { OP_MATMUL, 0, T10, D_O, NONE, T11, BF16, FP32 }, { OP_REDUCTION, ADD, T11, NONE, NONE, D_V, BF16, FP32 },
    { OP_MATMUL, 0, D_O, V_T, NONE, T12, FP32, FP32 }, { OP_POINTWISE, SUB, T12, DELTA, NONE, T13, FP32, FP32 }, { OP_POINTWISE, MUL, T13, T9, NONE, T14, FP32, FP32 },
    { OP_POINTWISE, MUL, T14, SCALE, NONE, T15, FP32, FP32 }, { OP_RESHAPE, 0, T15, NONE, NONE, T16, BF16, 0 }, { OP_MATMUL, 0, T16, Q, NONE, T17, BF16, FP32 },
    { OP_REDUCTION, ADD, T17, NONE, NONE, D_K, BF16, FP32 }, { OP_RESHAPE, 0, K_T, NONE, NONE, T0, FP32, 0 }, { OP_MATMUL, 0, T15, T0, NONE, D_Q, BF16, FP32 },
};
enum { FIRST_SUM = 13, SECOND_SUM = 20, LAST_RESHAPE = 21 };

static int is(int slot, int at, tensor *bound, const tensor *t)
{
    if (slot == NONE) return t->id == 0;
    if (t->id == 0) return fail(0, "operation %d lacks an operand", at);
    if (bound[slot].id != 0) return bound[slot].id == t->id || fail(0, "operation %d: tensor %lld is not the one that should come here", at, (long long)t->id);
    for (int i = 1; i < SLOTS; i++)
        if (bound[i].id == t->id) return fail(0, "operation %d: tensor %lld has another place", at, (long long)t->id);
    int is_scalar = slot == SCALE || slot == HIDDEN || slot == ONE, is_virtual = slot >= T0;
    if (t->is_scalar != is_scalar || t->is_virtual != is_virtual) return fail(0, "operation %d: tensor %lld must%s lie in memory", at, (long long)t->id, is_virtual ? " not" : "");
    if (slot <= D_V && slot != STATS && t->type != BF16) return fail(0, "operation %d: tensor %lld is not bf16", at, (long long)t->id);
    bound[slot] = *t;
    return 1;
}

static int shape(const tensor *t, int64_t a, int64_t b, int64_t c, int64_t d) { return t->dims[0] == a && t->dims[1] == b && t->dims[2] == c && t->dims[3] == d; }

static int follows(const step *steps, int count, const operation *ops, int length, int grouped, tensor *bound)
{
    int at = 0;
    for (int i = 0; i < count; i++) {
        step s = steps[i];
        if (steps == backward && !grouped) { // the product before a sum gives its result
            if (i == FIRST_SUM || i == SECOND_SUM) continue;
            if (i == FIRST_SUM - 1) s.y = D_V;
            if (i == SECOND_SUM - 1) s.y = D_K;
        }
        if (steps == backward && i == LAST_RESHAPE) memset(&bound[T0], 0, sizeof *bound);
        if (at == length) return fail(0, "%d operations are too few", length);
        const operation *op = &ops[at];
        if (op->kind != s.kind || op->mode != s.mode) return fail(0, "operation %d is of kind %d, mode %d, should be %d, %d", at, op->kind, op->mode, s.kind, s.mode);
        if (op->y.type != s.type || op->compute != s.compute) return fail(0, "operation %d gives type %d computed in %d, should be %d, %d", at, op->y.type, op->compute, s.type, s.compute);
        if (op->mode == INDEX && op->axis != (ops[at - 1].mode == INDEX ? 3 : 2)) return fail(0, "operation %d: axis %d", at, op->axis);
        if (!is(s.x, at, bound, &op->x) || !is(s.b, at, bound, &op->b) || !is(s.t, at, bound, &op->t) || !is(s.y, at, bound, &op->y)) return 0;
        at++;
    }
    return at == length || fail(0, "%d operations are too many", length);
}

int match(const operation *ops, int length, int *gradient)
{
    tensor bound[SLOTS];
    memset(bound, 0, sizeof bound);
    *gradient = ops[0].kind != OP_MATMUL;
    if (length < 4) return fail(PATTERN, "%d operations are no attention", length);
    const operation *first = &ops[*gradient ? 3 : 0];
    int64_t b = first->x.dims[0], h = first->x.dims[1], t = first->x.dims[2], k = first->x.dims[3], kv = first->b.dims[1];
    if (!(*gradient ? follows(backward, sizeof backward / sizeof *backward, ops, length, h != kv, bound) : follows(forward, sizeof forward / sizeof *forward, ops, length, 0, bound))) return PATTERN;
    if (kv < 1 || h % kv != 0 || k % 8 != 0 || k > 256) return fail(SHAPE, "%lld query heads, %lld key heads of %lld", (long long)h, (long long)kv, (long long)k);
    int good = shape(&bound[Q], b, h, t, k) && shape(&bound[K_T], b, kv, k, t) && shape(&bound[O], b, h, t, k) && shape(&bound[STATS], b, h, t, 1);
    good &= *gradient ? shape(&bound[V_T], b, kv, k, t) && shape(&bound[D_O], b, h, t, k) && shape(&bound[D_Q], b, h, t, k) && shape(&bound[D_K], b, kv, t, k) && shape(&bound[D_V], b, kv, t, k) && shape(&bound[DELTA], b, h, t, 1)
                      : shape(&bound[V], b, kv, t, k);
    if (!good) return fail(SHAPE, "the shapes are not those of attention");
    const int64_t *s = bound[STATS].strides;
    if (s[3] != 1 || s[2] != 1 || s[1] != t || s[0] != h * t) return fail(SHAPE, "statistics must lie without gaps");
    if (bound[Q].strides[3] != 1 || bound[K_T].strides[2] != 1 || bound[O].strides[3] != 1) return fail(SHAPE, "the columns of a head must be neighbours");
    return OK;
}
