// Stands in for libcuda.so.1: the same exported functions on host memory. Work runs at once, or is recorded while a stream is
// captured. Every call that needs a context checks that one is current on the calling thread, and every handle is checked.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, LAUNCH_FAILED = 719 };
enum { STREAM = 0x57, EVENT = 0xE7, MODULE = 0x30, FUNCTION = 0xF0, GRAPH = 0x67, EXECUTABLE = 0x68 };
#define CAPACITY (1ull << 30)

typedef struct { int kind; } handle;
typedef struct { unsigned shape[7]; float *values; int count; float factor; } launch;   // what the kernel "scale" was given
typedef struct { int kind; launch work[16]; int length; } graph;
typedef struct { int kind; graph *recording; unsigned flags; } stream;
typedef struct { int kind; float when; } event;
typedef struct { int kind; int shared; } function;

static int context_object, retained, initialised, live;
static __thread void *current;
static unsigned long long used;
static float clock_ms;
static function the_function = { FUNCTION, 49152 };

int stand_in_live(void) { return live; }            // memory, streams, events, modules, graphs not yet given back
int stand_in_retained(void) { return retained; }
unsigned long long stand_in_used(void) { return used; }
void stand_in_spend(float ms) { clock_ms += ms; }   // another library's work takes time
unsigned stand_in_last[7];                          // grid, block, shared bytes of the last launch
int stand_in_capability = 90;                       // compute capability of the GPU, as 10 · major + minor
static int failed;                                  // a kernel failed: every later call fails, as on a GPU

#define NEED(condition, error) do { if (!(condition)) return error; } while (0)
#define CONTEXT NEED(current == &context_object && retained > 0, INVALID_CONTEXT); NEED(!failed, LAUNCH_FAILED)
#define KIND(object, expected) NEED((object) && ((handle *)(object))->kind == (expected), INVALID_HANDLE)

int cuGetErrorName(int error, const char **name)
{
    switch (error) {
    case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; return OK;
    case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return OK;
    case INVALID_IMAGE: *name = "CUDA_ERROR_INVALID_IMAGE"; return OK;
    case INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; return OK;
    case INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; return OK;
    case NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; return OK;
    case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; return OK;
    }
    *name = NULL;
    return INVALID_VALUE;
}

int cuGetErrorString(int error, const char **text) { *text = error == LAUNCH_FAILED ? "unspecified launch failure" : "text of the error"; return OK; }
int cuInit(unsigned flags) { NEED(flags == 0, INVALID_VALUE); initialised = 1; return getenv("STAND_IN_NO_DEVICE") ? 100 : OK; }
int cuDriverGetVersion(int *version) { *version = 12040; return OK; }
int cuDeviceGetCount(int *count) { NEED(initialised, 3); *count = 1; return OK; }
int cuDeviceGet(int *device, int ordinal) { NEED(ordinal == 0, 101); *device = 7; return OK; }
int cuDeviceGetName(char *name, int length, int device) { NEED(device == 7, 101); snprintf(name, length, "Stand-in GPU"); return OK; }
int cuDeviceGetPCIBusId(char *id, int length, int device) { NEED(device == 7, 101); NEED(length > 12, INVALID_VALUE); snprintf(id, length, "0000:41:00.0"); return OK; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { NEED(device == 7, 101); *bytes = CAPACITY; return OK; }

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    NEED(device == 7, 101);
    switch (attribute) {
    case 16: *value = 132; return OK;        // multiprocessors
    case 38: *value = 50 << 20; return OK;   // L2
    case 75: *value = stand_in_capability / 10; return OK;
    case 76: *value = stand_in_capability % 10; return OK;
    case 97: *value = 232448; return OK;     // shared memory, opted in
    }
    return INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(void **context, int device) { NEED(device == 7, 101); retained++; *context = &context_object; return OK; }
int cuDevicePrimaryCtxRelease_v2(int device) { NEED(device == 7 && retained > 0, INVALID_CONTEXT); retained--; return OK; }
int cuCtxSetCurrent(void *context) { NEED(context == NULL || context == &context_object, INVALID_CONTEXT); current = context; return OK; }

int cuMemAlloc_v2(uintptr_t *address, size_t bytes)
{
    CONTEXT; NEED(bytes > 0, INVALID_VALUE); NEED(used + bytes <= CAPACITY, OUT_OF_MEMORY);
    char *block = aligned_alloc(256, 256 + (bytes + 255) / 256 * 256);
    *(size_t *)block = bytes;
    memset(block + 256, 0xA5, bytes);
    used += bytes; live++;
    *address = (uintptr_t)block + 256;
    return OK;
}

int cuMemFree_v2(uintptr_t address) { CONTEXT; used -= *(size_t *)(address - 256); live--; free((void *)(address - 256)); return OK; }
int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) { CONTEXT; NEED(flags == 1, INVALID_VALUE); live++; *address = malloc(bytes); return OK; }
int cuMemFreeHost(void *address) { CONTEXT; live--; free(address); return OK; }
int cuMemGetInfo_v2(size_t *available, size_t *total) { CONTEXT; *available = CAPACITY - used; *total = CAPACITY; return OK; }
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void *from, size_t bytes, stream *s) { CONTEXT; KIND(s, STREAM); memcpy((void *)to, from, bytes); return OK; }
int cuMemcpyDtoHAsync_v2(void *to, uintptr_t from, size_t bytes, stream *s) { CONTEXT; KIND(s, STREAM); memcpy(to, (void *)from, bytes); return OK; }
int cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, stream *s) { CONTEXT; KIND(s, STREAM); memmove((void *)to, (void *)from, bytes); return OK; }
int cuMemsetD8Async(uintptr_t address, unsigned char value, size_t bytes, stream *s) { CONTEXT; KIND(s, STREAM); memset((void *)address, value, bytes); return OK; }

int cuModuleLoadDataEx(handle **module, const char *image, unsigned count, int *options, void **values)
{
    CONTEXT; NEED(count == 2 && options[0] == 5 && options[1] == 6, INVALID_VALUE);
    if (memcmp(image, "good", 4) != 0) {
        snprintf(values[0], (size_t)values[1], "ptxas: this image is not good");
        return INVALID_IMAGE;
    }
    *module = malloc(sizeof(handle)); (*module)->kind = MODULE; live++;
    return OK;
}

int cuModuleUnload(handle *module) { CONTEXT; KIND(module, MODULE); module->kind = 0; live--; free(module); return OK; }
int cuModuleGetFunction(function **f, handle *module, const char *name) { CONTEXT; KIND(module, MODULE); NEED(strcmp(name, "scale") == 0, NOT_FOUND); *f = &the_function; return OK; }
int cuFuncSetAttribute(function *f, int attribute, int value) { CONTEXT; KIND(f, FUNCTION); NEED(attribute == 8 && value <= 232448, INVALID_VALUE); f->shared = value; return OK; }

// Encodes nothing: notes what it was asked for (type, rank, interleave, swizzle, promotion, fill, columns, rows, bytes from row to row, box, steps).
unsigned long long stand_in_map[13];

int cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address, const unsigned long long *sizes, const unsigned long long *strides, const unsigned *box, const unsigned *steps,
    int interleave, int swizzle, int promotion, int fill)
{
    CONTEXT; NEED((uintptr_t)map % 64 == 0 && (uintptr_t)address % 16 == 0 && strides[0] % 16 == 0 && box[0] <= 256 && box[1] <= 256, INVALID_VALUE);
    unsigned long long asked[13] = { type, rank, interleave, swizzle, promotion, fill, sizes[0], sizes[1], strides[0], box[0], box[1], steps[0], steps[1] };
    memcpy(stand_in_map, asked, sizeof asked);
    memset(map, 0x4D, 128);
    return OK;
}

static void run(const launch *work)
{
    memcpy(stand_in_last, work->shape, sizeof stand_in_last);
    for (int i = 0; i < work->count; i++) work->values[i] *= work->factor;
    clock_ms += 1.5f;
}

int cuLaunchKernel(function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, stream *s, void **arguments, void **extra)
{
    CONTEXT; KIND(f, FUNCTION); KIND(s, STREAM);
    NEED(extra == NULL && gx && gy && gz && bx && by && bz && bx * by * bz <= 1024 && shared <= (unsigned)f->shared, INVALID_VALUE);
    launch work = { { gx, gy, gz, bx, by, bz, shared }, *(float **)arguments[0], *(int *)arguments[1], *(float *)arguments[2] };
    if (work.count < 0) { failed = 1; return OK; } // what goes wrong on a GPU shows at a later call
    if (s->recording) s->recording->work[s->recording->length++] = work;
    else run(&work);
    return OK;
}

int cuStreamCreate(stream **s, unsigned flags) { CONTEXT; NEED(flags == 1, INVALID_VALUE); *s = calloc(1, sizeof(stream)); (*s)->kind = STREAM; live++; return OK; }
int cuStreamDestroy_v2(stream *s) { CONTEXT; KIND(s, STREAM); s->kind = 0; live--; free(s); return OK; }
int cuStreamSynchronize(stream *s) { CONTEXT; KIND(s, STREAM); return OK; }
int cuStreamWaitEvent(stream *s, event *e, unsigned flags) { CONTEXT; KIND(s, STREAM); KIND(e, EVENT); NEED(flags == 0, INVALID_VALUE); return OK; }
int cuStreamBeginCapture_v2(stream *s, int mode) { CONTEXT; KIND(s, STREAM); NEED(!s->recording && mode == 1, INVALID_VALUE); s->recording = calloc(1, sizeof(graph)); s->recording->kind = GRAPH; live++; return OK; }
int cuStreamEndCapture(stream *s, graph **g) { CONTEXT; KIND(s, STREAM); NEED(s->recording, INVALID_VALUE); *g = s->recording; s->recording = NULL; return OK; }

int cuEventCreate(event **e, unsigned flags) { CONTEXT; NEED(flags == 0, INVALID_VALUE); *e = calloc(1, sizeof(event)); (*e)->kind = EVENT; live++; return OK; }
int cuEventDestroy_v2(event *e) { CONTEXT; KIND(e, EVENT); e->kind = 0; live--; free(e); return OK; }
int cuEventRecord(event *e, stream *s) { CONTEXT; KIND(e, EVENT); KIND(s, STREAM); e->when = clock_ms; return OK; }
int cuEventSynchronize(event *e) { CONTEXT; KIND(e, EVENT); return OK; }
int cuEventElapsedTime(float *ms, event *from, event *to) { CONTEXT; KIND(from, EVENT); KIND(to, EVENT); *ms = to->when - from->when; return OK; }

int cuGraphInstantiateWithFlags(graph **executable, graph *g, unsigned long long flags)
{
    CONTEXT; KIND(g, GRAPH); NEED(flags == 0, INVALID_VALUE);
    *executable = malloc(sizeof(graph)); **executable = *g; (*executable)->kind = EXECUTABLE; live++;
    return OK;
}

int cuGraphLaunch(graph *executable, stream *s) { CONTEXT; KIND(executable, EXECUTABLE); KIND(s, STREAM); for (int i = 0; i < executable->length; i++) run(&executable->work[i]); return OK; }
int cuGraphDestroy(graph *g) { CONTEXT; KIND(g, GRAPH); g->kind = 0; live--; free(g); return OK; }
int cuGraphExecDestroy(graph *g) { CONTEXT; KIND(g, EXECUTABLE); g->kind = 0; live--; free(g); return OK; }
