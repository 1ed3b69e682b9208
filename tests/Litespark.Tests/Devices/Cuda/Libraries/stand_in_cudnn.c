// Stands in for libcudnn's backend: the same exported functions and numbers. It is as strict as the real one with attributes (unknown
// ones, wrong types and counts, what is not complete), knows fused attention alone (stand_in_cudnn_patterns.c), and runs a graph operation by
// operation on host memory (stand_in_cudnn_run.c).
#include "stand_in_cudnn.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int live; void *stream; } handle;
typedef void put_function(void *user, void *stream, void (*work)(void *), void *data);
typedef void spend_function(void *user, float milliseconds);
typedef struct job { struct job *next; operation ops[MOST]; int engine, count, length; int64_t ids[MOST], workspace_bytes; void *pointers[MOST], *workspace; float scalars[MOST]; } job;

static char last_error[512];
static size_t version = 90800;
static int64_t scratch = 4096; // what every plan takes at least
enum { MOST_ENGINES = 32 };
static int engines = 4, fallback_engines; // 0 adds in any order, 1 cannot be built, 2 and later do; the fallback proposes the last again, then its own
static float cost[MOST_ENGINES];          // milliseconds that a run takes; 2 is the fastest unless a test says otherwise
static int live, plans, runs, forward_runs, gradient_runs, engine_runs[MOST_ENGINES];
static put_function *put;
static spend_function *spend;
static void *put_user;
static job *jobs;

void stand_in_cudnn_version(size_t number) { version = number; }
void stand_in_cudnn_scratch(int64_t bytes) { scratch = bytes; }
void stand_in_cudnn_engines(int usual, int fallback) { engines = usual; fallback_engines = fallback; }
void stand_in_cudnn_cost(int engine, float milliseconds) { cost[engine] = milliseconds; }
int stand_in_cudnn_live(void) { return live; }               // handles and descriptors not yet given back
int stand_in_cudnn_plans(void) { return plans; }             // plans made
int stand_in_cudnn_runs(void) { return runs; }               // of plans, those of recordings too
int stand_in_cudnn_engine_runs(int engine) { return engine_runs[engine]; }
int stand_in_cudnn_forward_runs(void) { return forward_runs; }
int stand_in_cudnn_gradient_runs(void) { return gradient_runs; }
// Who puts work into streams (without one it runs at once), and who is told what a run takes.
void stand_in_cudnn_put(put_function *function, spend_function *told, void *user) { put = function; spend = told; put_user = user; }

int fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

// Attributes that a kind of descriptor has: type, fewest and most values, and whether it must be set.
typedef struct { int kind, name, type, least, most, needed; } rule;
static const rule rules[] = {
    { TENSOR, 900, 3, 1, 1, 1 }, { TENSOR, 901, 1, 1, 1, 1 }, { TENSOR, 902, 3, 4, 4, 1 }, { TENSOR, 903, 3, 4, 4, 1 }, { TENSOR, 906, 3, 1, 1, 1 }, { TENSOR, 907, 2, 1, 1, 0 }, { TENSOR, 908, 2, 1, 1, 0 },
    { POINTWISE, 0, 14, 1, 1, 1 }, { POINTWISE, 1, 1, 1, 1, 1 }, { POINTWISE, 9, 3, 1, 1, 0 },
    { OP_POINTWISE, 750, 15, 1, 1, 1 }, { OP_POINTWISE, 751, 15, 1, 1, 1 }, { OP_POINTWISE, 752, 15, 1, 1, 0 }, { OP_POINTWISE, 753, 15, 1, 1, 1 }, { OP_POINTWISE, 754, 4, 1, 1, 0 }, { OP_POINTWISE, 755, 4, 1, 1, 0 },
    { OP_POINTWISE, 758, 15, 1, 1, 0 }, { MATMUL, 1500, 1, 1, 1, 1 },
    { OP_MATMUL, 1520, 15, 1, 1, 1 }, { OP_MATMUL, 1521, 15, 1, 1, 1 }, { OP_MATMUL, 1522, 15, 1, 1, 1 }, { OP_MATMUL, 1523, 15, 1, 1, 1 }, { REDUCTION, 1600, 18, 1, 1, 1 }, { REDUCTION, 1601, 1, 1, 1, 1 },
    { OP_REDUCTION, 1610, 15, 1, 1, 1 }, { OP_REDUCTION, 1611, 15, 1, 1, 1 }, { OP_REDUCTION, 1612, 15, 1, 1, 1 }, { OP_RESHAPE, 2200, 15, 1, 1, 1 }, { OP_RESHAPE, 2201, 15, 1, 1, 1 },
    { GRAPH, 800, 0, 1, 1, 1 }, { GRAPH, 801, 15, 1, MOST, 1 }, { HEURISTICS, 200, 8, 1, 1, 1 }, { HEURISTICS, 201, 15, 1, 1, 1 }, { PLAN, 400, 0, 1, 1, 1 }, { PLAN, 401, 15, 1, 1, 1 },
    { PACK, 1000, 3, 1, MOST, 1 }, { PACK, 1001, 6, 1, MOST, 1 }, { PACK, 1003, 6, 1, 1, 1 }, { CONFIGURATION, 300, 15, 1, 1, 1 },
};
#define RULES ((int)(sizeof rules / sizeof *rules))

static size_t size_of(int type) { return type == 2 ? 1 : type == 1 || type == 4 || type == 8 || type == 11 || type == 14 || type == 18 ? 4 : 8; }

const attribute *find(const descriptor *d, int name)
{
    for (int i = 0; i < d->length; i++)
        if (d->attributes[i].name == name) return &d->attributes[i];
    return NULL;
}

static int number(const descriptor *d, int name) { const attribute *a = find(d, name); return a ? *(const int *)a->values.c : 0; }
static int flag(const descriptor *d, int name) { const attribute *a = find(d, name); return a ? a->values.c[0] : 0; }

size_t cudnnGetVersion(void) { return version; }
const char *cudnnGetErrorString(int status)
{
    switch (status) {
    case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case NOT_FINALIZED: return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
    case ATTRIBUTE_TYPE: return "CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE";
    case PATTERN: return "CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN";
    case SHAPE: return "CUDNN_STATUS_NOT_SUPPORTED_SHAPE";
    }
    return "CUDNN_STATUS_NOT_SUPPORTED";
}
void cudnnGetLastErrorString(char *message, size_t most) { snprintf(message, most, "%s", last_error); }
int cudnnCreate(handle **h) { live++; *h = calloc(1, sizeof(handle)); (*h)->live = 1; return OK; }
int cudnnDestroy(handle *h)
{
    live--;
    free(h);
    for (job *next; jobs; jobs = next) { next = jobs->next; free(jobs); }
    return OK;
}
int cudnnSetStream(handle *h, void *stream) { h->stream = stream; return stream ? OK : fail(BAD_PARAM, "no stream"); }

int cudnnBackendCreateDescriptor(int kind, descriptor **d)
{
    for (int i = 0; i < RULES; i++)
        if (rules[i].kind == kind || kind == ENGINE || kind == KNOB_CHOICE) {
            *d = calloc(1, sizeof(descriptor));
            (*d)->kind = kind;
            live++;
            return OK;
        }
    return fail(NOT_SUPPORTED, "no descriptor of kind %d", kind);
}

int cudnnBackendDestroyDescriptor(descriptor *d) { live--; memset(d, 0xEE, sizeof *d); free(d); return OK; }

int cudnnBackendSetAttribute(descriptor *d, int name, int type, int64_t count, const void *values)
{
    if (d->finalized) return fail(BAD_PARAM, "attribute %d is set behind the finalize", name);
    for (int i = 0; i < RULES; i++) {
        const rule *r = &rules[i];
        if (r->kind != d->kind || r->name != name) continue;
        if (r->type != type) return fail(ATTRIBUTE_TYPE, "attribute %d is of type %d, not %d", name, r->type, type);
        if (count < r->least || count > r->most || !values) return fail(BAD_PARAM, "attribute %d has %d to %d values, not %lld", name, r->least, r->most, (long long)count);
        if (type == 15)
            for (int64_t k = 0; k < count; k++)
                if (!((descriptor *const *)values)[k]->finalized) return fail(NOT_FINALIZED, "attribute %d refers to a descriptor that is not finalized", name);
        if (find(d, name)) return fail(BAD_PARAM, "attribute %d is set twice", name);
        attribute *a = &d->attributes[d->length++];
        a->name = name; a->type = type; a->count = count;
        memcpy(a->values.c, values, count * size_of(type));
        return OK;
    }
    return fail(BAD_PARAM, "descriptors of kind %d have no attribute %d", d->kind, name);
}

static tensor tensor_of(const descriptor *d)
{
    tensor t = { 0 };
    t.id = find(d, 906)->values.i[0];
    t.type = number(d, 901);
    memcpy(t.dims, find(d, 902)->values.i, sizeof t.dims);
    memcpy(t.strides, find(d, 903)->values.i, sizeof t.strides);
    t.is_virtual = flag(d, 907);
    t.is_scalar = flag(d, 908);
    return t;
}

static operation operation_of(const descriptor *d)
{
    static const int names[4][4] = { { 751, 752, 758, 753 }, { 1520, 1521, 0, 1522 }, { 1610, 0, 0, 1611 }, { 2200, 0, 0, 2201 } }; // x, b, t, y
    operation op = { 0 };
    const int *own = names[d->kind == OP_POINTWISE ? 0 : d->kind == OP_MATMUL ? 1 : d->kind == OP_REDUCTION ? 2 : 3];
    tensor *to[4] = { &op.x, &op.b, &op.t, &op.y };
    for (int i = 0; i < 4; i++)
        if (own[i] && find(d, own[i])) *to[i] = tensor_of(find(d, own[i])->values.d[0]);
    op.kind = d->kind;
    const descriptor *how = d->kind == OP_RESHAPE ? NULL : find(d, d->kind == OP_POINTWISE ? 750 : d->kind == OP_MATMUL ? 1523 : 1612)->values.d[0];
    if (d->kind == OP_POINTWISE) {
        op.mode = number(how, 0);
        op.compute = number(how, 1);
        op.axis = find(how, 9) ? (int)find(how, 9)->values.i[0] : -1;
    }
    if (d->kind == OP_MATMUL) op.compute = number(how, 1500);
    if (d->kind == OP_REDUCTION) { op.mode = number(how, 1600); op.compute = number(how, 1601); }
    return op;
}

int operations_of(const descriptor *graph, operation *ops)
{
    const attribute *all = find(graph, 801);
    for (int64_t i = 0; i < all->count; i++) ops[i] = operation_of(all->values.d[i]);
    return (int)all->count;
}

static const descriptor *graph_of_plan(const descriptor *plan) { return find(find(plan, 401)->values.d[0], 201)->values.d[0]; }

static int64_t workspace_of(const descriptor *plan)
{
    operation ops[MOST];
    int gradient, count = operations_of(graph_of_plan(plan), ops);
    if (match(ops, count, &gradient) != OK || !gradient) return scratch;
    const int64_t *q = ops[3].x.dims; // the probabilities in bf16, in whole tiles
    int64_t bytes = q[0] * q[1] * ((q[2] + 63) / 64 * 64) * ((q[2] + 127) / 128 * 128) * 2;
    return bytes > scratch ? bytes : scratch;
}

int cudnnBackendFinalize(descriptor *d)
{
    if (d->finalized) return fail(BAD_PARAM, "finalized twice");
    for (int i = 0; i < RULES; i++)
        if (rules[i].kind == d->kind && rules[i].needed && !find(d, rules[i].name)) return fail(BAD_PARAM, "attribute %d of kind %d is missing", rules[i].name, d->kind);
    operation ops[MOST];
    int gradient, status = OK;
    if (d->kind == TENSOR) {
        tensor t = tensor_of(d);
        if (find(d, 900)->values.i[0] < 1 || t.id < 1) return fail(BAD_PARAM, "a tensor needs an alignment and a number");
        for (int i = 0; i < 4; i++)
            if (t.dims[i] < 1 || t.strides[i] < 1) return fail(BAD_PARAM, "tensor %lld: dimension %d", (long long)t.id, i);
        if (t.is_scalar && (t.is_virtual || t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3] != 1)) return fail(BAD_PARAM, "what goes by value is one number");
    }
    if (d->kind == OP_POINTWISE) {
        operation op = operation_of(d);
        int ports = op.mode == SELECT ? 3 : op.mode == EXP || op.mode == LOG || op.mode == INDEX ? 1 : 2;
        if ((find(d, 752) != NULL) != (ports > 1) || (find(d, 758) != NULL) != (ports > 2)) return fail(BAD_PARAM, "pointwise mode %d has %d operands", op.mode, ports);
        if ((op.mode == INDEX) != (op.axis >= 0)) return fail(BAD_PARAM, "pointwise mode %d and axis %d", op.mode, op.axis);
    }
    if (d->kind == HEURISTICS) {
        int count = operations_of(find(d, 201)->values.d[0], ops);
        if (number(d, 200) == 3 && (status = match(ops, count, &gradient)) != OK) return status;
    }
    if (d->kind == PLAN) {
        const descriptor *configuration = find(d, 401)->values.d[0];
        if (configuration->engine == 1) return fail(NOT_SUPPORTED, "engine 1 is never there");
        int count = operations_of(graph_of_plan(d), ops);
        if ((status = match(ops, count, &gradient)) != OK) return status;
        if (ops[gradient ? 3 : 0].x.dims[2] == 13) return fail(SHAPE, "sequences of 13 tokens bring bad luck");
        plans++;
    }
    d->finalized = 1;
    return OK;
}

int cudnnBackendGetAttribute(descriptor *d, int name, int type, int64_t requested, int64_t *count, void *values)
{
    if (!d->finalized) return fail(NOT_FINALIZED, "attribute %d is asked for before the finalize", name);
    if (d->kind == HEURISTICS && name == 202 && type == 15) {
        int usual = number(d, 200) == 3, first = usual ? 0 : engines - 1; // of the fallback the last of the usual ones
        *count = usual ? engines : fallback_engines > 0 ? 1 + fallback_engines : 0;
        for (int64_t i = 0; i < requested && i < *count; i++) {
            descriptor *made = ((descriptor **)values)[i];
            if (made->kind != CONFIGURATION || made->finalized) return fail(BAD_PARAM, "room for engine configurations is needed");
            made->attributes[0] = *find(d, 201); // whose graph it is
            made->length = 1;
            made->engine = first + (int)i;
            made->finalized = 1;
        }
        return OK;
    }
    if (d->kind == CONFIGURATION && name == 300 && type == 15) {
        if (requested != 1) return fail(BAD_PARAM, "a configuration has one engine");
        descriptor *made = *(descriptor **)values;
        if (made->kind != ENGINE) return fail(BAD_PARAM, "room for an engine is needed");
        made->engine = d->engine;
        made->finalized = 1;
        *count = 1;
        return OK;
    }
    if (d->kind == CONFIGURATION && name == 302 && type == 15) { // one setting each, whose value is twice the engine's number
        if (requested < 1) return fail(BAD_PARAM, "room for settings is needed");
        descriptor *made = *(descriptor **)values;
        if (made->kind != KNOB_CHOICE) return fail(BAD_PARAM, "room for a setting is needed");
        made->engine = d->engine;
        made->finalized = 1;
        *count = 1;
        return OK;
    }
    if (d->kind == KNOB_CHOICE && name == 600 && type == 9) { *count = 1; *(int *)values = 5; return OK; }
    if (d->kind == KNOB_CHOICE && name == 601 && type == 3) { *count = 1; *(int64_t *)values = 2 * d->engine; return OK; }
    if (d->kind == ENGINE && name == 1301 && type == 3) { *count = 1; *(int64_t *)values = d->engine; return OK; }
    if (d->kind == ENGINE && name == 1303 && type == 11) {
        *count = d->engine == 0 ? 2 : 1;
        ((int *)values)[0] = 0;
        if (d->engine == 0 && requested > 1) ((int *)values)[1] = 4;
        return OK;
    }
    if (d->kind == PLAN && name == 402 && type == 3) { *count = 1; *(int64_t *)values = workspace_of(d); return OK; }
    return fail(BAD_PARAM, "attribute %d of kind %d cannot be asked for as type %d", name, d->kind, type);
}

static void run(void *data)
{
    job *j = data;
    runs++;
    engine_runs[j->engine]++;
    if (spend) spend(put_user, cost[j->engine]);
    if (interpret(j->ops, j->count, j->ids, j->pointers, j->length) != OK) { fprintf(stderr, "%s\n", last_error); abort(); }
    memset(j->workspace, 0xFF, j->workspace_bytes); // nothing of value may lie there
}

int cudnnBackendExecute(handle *h, descriptor *plan, descriptor *pack)
{
    if (!h->live || !h->stream) return fail(BAD_PARAM, "no stream was set");
    if (plan->kind != PLAN || pack->kind != PACK || !plan->finalized || !pack->finalized) return fail(NOT_FINALIZED, "a plan and a variant pack are wanted");
    const attribute *ids = find(pack, 1000), *pointers = find(pack, 1001);
    void *workspace = find(pack, 1003)->values.p[0];
    if (ids->count != pointers->count) return fail(BAD_PARAM, "%lld numbers, %lld pointers", (long long)ids->count, (long long)pointers->count);
    if (!workspace || (uintptr_t)workspace % 16 != 0) return fail(BAD_PARAM, "workspace %p", workspace);
    job *j = calloc(1, sizeof(job));
    j->next = jobs;
    jobs = j;
    j->engine = find(plan, 401)->values.d[0]->engine;
    j->count = operations_of(graph_of_plan(plan), j->ops);
    j->length = (int)ids->count;
    j->workspace = workspace;
    j->workspace_bytes = workspace_of(plan);
    int used[MOST] = { 0 };
    for (int i = 0; i < j->count; i++) {
        const tensor *all[4] = { &j->ops[i].x, &j->ops[i].b, &j->ops[i].t, &j->ops[i].y };
        for (int t = 0; t < 4; t++) {
            if (all[t]->id == 0 || all[t]->is_virtual) continue;
            int64_t k = 0;
            while (k < ids->count && ids->values.i[k] != all[t]->id) k++;
            if (k == ids->count) return fail(BAD_PARAM, "tensor %lld has no memory", (long long)all[t]->id);
            if (!all[t]->is_scalar && (uintptr_t)pointers->values.p[k] % 16 != 0) return fail(BAD_PARAM, "tensor %lld is not aligned", (long long)all[t]->id);
            if (pointers->values.p[k] >= workspace && (char *)pointers->values.p[k] < (char *)workspace + j->workspace_bytes) return fail(BAD_PARAM, "tensor %lld lies in the workspace", (long long)all[t]->id);
            used[k] = 1;
            j->ids[k] = all[t]->id;
            j->pointers[k] = pointers->values.p[k];
            if (all[t]->is_scalar) { j->scalars[k] = *(float *)pointers->values.p[k]; j->pointers[k] = &j->scalars[k]; } // read when it is enqueued
        }
    }
    for (int k = 0; k < ids->count; k++)
        if (!used[k]) return fail(BAD_PARAM, "the graph has no tensor %lld", (long long)ids->values.i[k]);
    int gradient = j->ops[0].kind != OP_MATMUL;
    if (gradient) gradient_runs++;
    else forward_runs++;
    if (put) put(put_user, h->stream, run, j);
    else run(j);
    return OK;
}
