/*
 * A stand-in for NVIDIA's management library (NVML): its C interface over simulated GPUs.
 *
 * Time is the tests' own: it moves by standin_advance, by standin_run, which runs a kernel, by standin_wait, which waits for
 * kernels that were launched, and by calls that take time; kernels that were launched run on meanwhile.
 * A GPU draws P = static + leakage(temperature) + core(f, V(f), load) + memory(f, load); its core voltage is flat up to
 * a knee and linear above it; where the power limit is passed the core clock gives way. Clocks that are asked for hold
 * some time after the call has returned. The energy counter steps; temperature follows power slowly.
 *
 * Numbers with a source name it; all others are this simulation's own and stand for no real GPU.
 */
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MAX_GPUS 8
#define MAX_FAILURES 8
#define MAX_KERNELS 4096
#define TICK 10000000LL /* 10 ms in ns: temperature, power limit and averages move in such steps */
#define MS 1000000LL
#define AVERAGE_TICKS 100 /* one second: nvmlDeviceGetPowerUsage on Ampere and newer (NVIDIA's reference) */

enum { SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

/* What a GPU is. MHz, W, V, ns. */
typedef struct {
    const char *name;
    unsigned core_min, core_max, core_step, core_idle;
    unsigned memory[6]; /* ascending; 0 ends */
    double limit_watts, static_watts, core_idle_watts, core_watts, memory_idle_watts, memory_watts; /* at the highest clock and voltage */
    double knee_mhz, knee_volts, max_volts;
    double degrees_per_watt, thermal_seconds, leak_watts_per_degree;
    int64_t call_ns, settle_ns, counter_ns;
} Kind;

static const Kind kinds[] = {
    /* Clocks: arXiv 2601.08539, section 4 (210-2100 MHz in steps of 15; 5001, 9251 and 9501 are of use; about 77 degrees
     * after 100 s of full load). Switching: "tens of ms", ibidem. */
    { "Simulated RTX 3080 Ti", 210, 2100, 15, 210, { 405, 810, 5001, 9251, 9501 }, 350, 25, 20, 250, 15, 75,
      1000, 0.75, 1.1, 0.134, 30, 0.2, 40 * MS, 10 * MS, 100 * MS },
    /* Clocks 345-1980 and 3201 MHz, 700 W, under which a lock at 1830 MHz does not hold and one at 1500 does
     * (awslabs/amazon-eks-ami PR 1985, tile-ai/TileOPs issue 1587). About 6 ms to switch (arXiv 2601.08539, section 5),
     * 0.9 ms of it after the call (duihuhu/sglang, A800). */
    { "Simulated H200", 345, 1980, 15, 345, { 3201 }, 700, 70, 60, 560, 20, 130,
      1200, 0.7, 1.05, 0.06, 20, 0.4, 5100000, 900000, 100 * MS },
    /* A GPU to come, with on-chip voltage regulators. */
    { "Simulated GPU of tomorrow", 200, 2400, 25, 200, { 2000, 4000 }, 1000, 90, 80, 700, 30, 200,
      1300, 0.65, 1.0, 0.045, 20, 0.5, 8000, 2000, 100 * MS },
};

typedef struct { unsigned min, max; } Lock; /* 0, 0: unlocked */

/* A lock, and the one that follows it at a time (INT64_MAX: never). */
typedef struct { Lock now, next; int64_t at; } Switch;

/* A kernel, in millions of cycles. */
typedef struct { double core, memory; } Kernel;

typedef struct nvmlDevice_st {
    const Kind *kind;
    char uuid[96], bus_id[32];
    int has_counter, has_instant, has_power, is_mig;
    double core_load, memory_load; /* 0 to 1 */
    Switch core, memory;
    unsigned core_mhz, memory_mhz;
    int64_t now;
    double joules, celsius;
    double counter_offset, counter; /* counter: as last renewed, in joules */
    double average[AVERAGE_TICKS + 1]; /* joules at the last ticks */
    Kernel queue[MAX_KERNELS];
    unsigned first, launched; /* of the queue, both growing */
    double left; /* what is left of the first kernel, 1 to 0 */
} Gpu;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Gpu gpus[MAX_GPUS];
static int gpu_count, init_count, value_type = 1;
static int64_t now, read_ns;
static struct { char function[64]; int code; } failures[MAX_FAILURES];
static int failure_count;
static int64_t alarm_at = INT64_MAX;
static void (*alarm_callback)(void);

/* ---- the simulation ---- */

static double volts(const Kind *k, double mhz) {
    if (mhz <= k->knee_mhz) return k->knee_volts;
    return k->knee_volts + (k->max_volts - k->knee_volts) * (mhz - k->knee_mhz) / (k->core_max - k->knee_mhz);
}

static unsigned memory_max(const Kind *k) {
    int last = 0;
    while (last < 5 && k->memory[last + 1]) last++;
    return k->memory[last];
}

static double power(const Gpu *g, double core_mhz, double memory_mhz) {
    const Kind *k = g->kind;
    double v = volts(k, core_mhz) / k->max_volts, core = v * v * core_mhz / k->core_max, memory = memory_mhz / memory_max(k);
    return k->static_watts + k->leak_watts_per_degree * (g->celsius - 30)
        + core * (k->core_idle_watts + k->core_watts * g->core_load)
        + memory * (k->memory_idle_watts + k->memory_watts * g->memory_load);
}

static unsigned clamp(unsigned mhz, Lock lock) {
    if (!lock.max) return mhz;
    return mhz < lock.min ? lock.min : mhz > lock.max ? lock.max : mhz;
}

/* The clocks that hold now: full under load, low at rest, within the locks, and under the power limit. */
static void govern(Gpu *g) {
    const Kind *k = g->kind;
    if (g->core.at <= g->now) g->core.now = g->core.next, g->core.at = INT64_MAX;
    if (g->memory.at <= g->now) g->memory.now = g->memory.next, g->memory.at = INT64_MAX;
    int is_busy = g->core_load > 0 || g->memory_load > 0;
    unsigned core = clamp(is_busy ? k->core_max : k->core_idle, g->core.now);
    core -= (core - k->core_min) % k->core_step;
    unsigned memory = k->memory[0];
    unsigned wanted = clamp(is_busy ? memory_max(k) : k->memory[0], g->memory.now);
    for (int i = 0; i < 6 && k->memory[i] && k->memory[i] <= wanted; i++) memory = k->memory[i];
    /* "405 only holds for core <= 420 MHz, otherwise the card uses 810" (arXiv 2601.08539). */
    if (memory == 405 && core > 420) memory = 810;
    while (core > k->core_min && power(g, core, memory) > k->limit_watts) core -= k->core_step;
    g->core_mhz = core;
    g->memory_mhz = memory;
}

static int64_t earliest(int64_t a, int64_t b) { return a < b ? a : b; }

/* The end of the stretch from now on in which nothing changes. */
static int64_t next_change(const Gpu *g, int64_t until) {
    int64_t at = earliest(until, (g->now / TICK + 1) * TICK);
    return earliest(at, earliest(g->core.at, g->memory.at));
}

static double kernel_seconds(const Gpu *g) {
    Kernel kernel = g->queue[g->first % MAX_KERNELS];
    return fmax(kernel.core / g->core_mhz, kernel.memory / g->memory_mhz);
}

/* The load of the kernel that runs, and the clocks under it. */
static void run_on(Gpu *g) {
    if (g->first == g->launched) { govern(g); return; }
    Kernel kernel = g->queue[g->first % MAX_KERNELS];
    for (int i = 0; i < 2; i++) { /* the load may change the clocks, and they the load */
        double whole = kernel_seconds(g);
        g->core_load = whole > 0 ? kernel.core / g->core_mhz / whole : 0;
        g->memory_load = whole > 0 ? kernel.memory / g->memory_mhz / whole : 0;
        govern(g);
    }
}

/* When the kernel that runs ends if no clock changes; never where none runs. */
static int64_t kernel_end(const Gpu *g) {
    return g->first == g->launched ? INT64_MAX : g->now + llround(g->left * kernel_seconds(g) * 1e9);
}

static void end_kernel(Gpu *g) {
    g->first++;
    g->left = 1;
    if (g->first == g->launched) g->core_load = g->memory_load = 0;
}

static void simulate(Gpu *g, int64_t until) {
    const Kind *k = g->kind;
    run_on(g);
    while (g->now < until) {
        int64_t end = kernel_end(g), to = earliest(next_change(g, until), end);
        double seconds = (to - g->now) * 1e-9, watts = power(g, g->core_mhz, g->memory_mhz);
        g->joules += watts * seconds;
        double target = 30 + k->degrees_per_watt * watts;
        g->celsius = target + (g->celsius - target) * exp(-seconds / k->thermal_seconds);
        if (to == end) end_kernel(g);
        else if (end != INT64_MAX) g->left -= seconds / kernel_seconds(g);
        g->now = to;
        if (to % TICK == 0) g->average[to / TICK % (AVERAGE_TICKS + 1)] = g->joules;
        if (to % k->counter_ns == 0) g->counter = g->joules + g->counter_offset;
        run_on(g);
    }
}

static void advance_to(int64_t until) {
    for (int i = 0; i < gpu_count; i++) simulate(&gpus[i], until);
    now = until;
}

/* ---- what tests use ---- */

#define LOCKED(result_type, ...) do { \
    pthread_mutex_lock(&mutex); result_type result_ = 0; __VA_ARGS__; pthread_mutex_unlock(&mutex); return result_; } while (0)

static int add(int kind, const char *uuid, const char *bus_id) {
    Gpu *g = &gpus[gpu_count];
    memset(g, 0, sizeof *g);
    g->kind = &kinds[kind];
    strncpy(g->uuid, uuid, sizeof g->uuid - 1);
    strncpy(g->bus_id, bus_id, sizeof g->bus_id - 1);
    g->has_counter = g->has_instant = g->has_power = 1;
    g->core.at = g->memory.at = INT64_MAX;
    g->now = now;
    g->celsius = 30;
    g->left = 1;
    govern(g);
    return gpu_count++;
}

/* Adds a GPU: 0 RTX 3080 Ti, 1 H200, 2 tomorrow's. Returns its index. */
EXPORT int standin_add(int kind, const char *uuid, const char *bus_id) { LOCKED(int, result_ = add(kind, uuid, bus_id)); }

EXPORT int64_t standin_now(void) { LOCKED(int64_t, result_ = now); }

EXPORT int standin_advance(double seconds) { LOCKED(int, advance_to(now + llround(seconds * 1e9))); }

/* Shares of the core's and the memory's work units that are busy, 0 to 1, until changed. */
EXPORT int standin_load(int gpu, double core, double memory) {
    LOCKED(int, { gpus[gpu].core_load = core; gpus[gpu].memory_load = memory; govern(&gpus[gpu]); });
}

static void launch(Gpu *g, double core_megacycles, double memory_megacycles) {
    g->queue[g->launched++ % MAX_KERNELS] = (Kernel){ core_megacycles, memory_megacycles };
}

/* Lets time pass until the GPU has run all its kernels. The alarm rings between, outside of the lock: it may call anything here. */
static void wait_for(Gpu *g) {
    while (g->first != g->launched) {
        if (alarm_at <= now) {
            void (*callback)(void) = alarm_callback;
            alarm_at = INT64_MAX;
            pthread_mutex_unlock(&mutex);
            callback();
            pthread_mutex_lock(&mutex);
            continue;
        }
        run_on(g);
        int64_t end = kernel_end(g), to = earliest(earliest(next_change(g, end), end), alarm_at);
        if (to > now) advance_to(to);
        else end_kernel(g);
    }
    govern(g);
}

/*
 * Runs a kernel of so many millions of core and of memory cycles, and returns its seconds: max(core cycles / core clock,
 * memory cycles / memory clock), through whatever the clocks do meanwhile.
 */
EXPORT double standin_run(int gpu, double core_megacycles, double memory_megacycles) {
    LOCKED(double, {
        int64_t start = now;
        launch(&gpus[gpu], core_megacycles, memory_megacycles);
        wait_for(&gpus[gpu]);
        result_ = (now - start) * 1e-9;
    });
}

/* Launches a kernel: it runs when those before it are done, and when time passes. At most MAX_KERNELS wait. */
EXPORT int standin_launch(int gpu, double core_megacycles, double memory_megacycles) {
    LOCKED(int, launch(&gpus[gpu], core_megacycles, memory_megacycles));
}

/* Waits for all kernels of a GPU. */
EXPORT int standin_wait(int gpu) { LOCKED(int, wait_for(&gpus[gpu])); }

/* Calls a function at a time in nanoseconds, once, if something waits for kernels then. INT64_MAX: never. */
EXPORT int standin_alarm(int64_t at, void (*callback)(void)) { LOCKED(int, { alarm_at = at; alarm_callback = callback; }); }

/* The energy that a GPU has truly used, in joules. */
EXPORT double standin_joules(int gpu) { LOCKED(double, result_ = gpus[gpu].joules); }

/* Sets the energy counter, as when the driver is loaded anew. */
EXPORT int standin_counter(int gpu, double joules) {
    LOCKED(int, { Gpu *g = &gpus[gpu]; g->counter_offset = joules - g->joules; g->counter = joules; });
}

/* Which readings a GPU has, and whether it is cut into instances. */
EXPORT int standin_abilities(int gpu, int counter, int instant, int power_usage, int mig) {
    LOCKED(int, { Gpu *g = &gpus[gpu]; g->has_counter = counter; g->has_instant = instant; g->has_power = power_usage; g->is_mig = mig; });
}

/* Lets a function return an error from now on; 0 mends it. */
EXPORT int standin_fail(const char *function, int code) {
    LOCKED(int, {
        int i = 0;
        while (i < failure_count && strcmp(failures[i].function, function)) i++;
        if (i == failure_count) failure_count++;
        strncpy(failures[i].function, function, sizeof failures[i].function - 1);
        failures[i].code = code;
    });
}

/* Time that each read of the energy counter takes. */
EXPORT int standin_read_seconds(double seconds) { LOCKED(int, read_ns = llround(seconds * 1e9)); }

/* The nvmlValueType_t of field values. */
EXPORT int standin_value_type(int type) { LOCKED(int, value_type = type); }

/* nvmlInit calls less nvmlShutdown calls. */
EXPORT int standin_users(void) { LOCKED(int, result_ = init_count); }

/* ---- NVML ---- */

static int failure(const char *function) {
    for (int i = 0; i < failure_count; i++)
        if (!strcmp(failures[i].function, function)) return failures[i].code;
    return SUCCESS;
}

/* A function of NVML: refuses before nvmlInit and where a test wants a failure. */
#define NVML(...) do { \
    pthread_mutex_lock(&mutex); int result_ = init_count ? failure(__func__) : UNINITIALIZED; \
    if (!result_) { __VA_ARGS__; } pthread_mutex_unlock(&mutex); return result_; } while (0)

/* In a process of its own nobody adds GPUs: STANDIN_NVML_GPU is the kind of one. */
static void add_from_environment(void) {
    const char *kind = getenv("STANDIN_NVML_GPU");
    if (kind && !gpu_count) add(atoi(kind), "GPU-02345678-0000-0000-0000-000000000000", "0000:01:00.0");
}

EXPORT int nvmlInit_v2(void) {
    LOCKED(int, { add_from_environment(); result_ = failure("nvmlInit_v2"); if (!result_) init_count++; });
}

EXPORT int nvmlShutdown(void) { NVML(init_count--); }

EXPORT const char *nvmlErrorString(int code) {
    switch (code) {
        case SUCCESS: return "Success";
        case NOT_SUPPORTED: return "Not Supported";
        case NO_PERMISSION: return "Insufficient Permissions";
        case NOT_FOUND: return "Not Found";
        case 9: return "Driver Not Loaded";
        case 13: return "Function Not Found";
        case 15: return "GPU is lost";
        case 18: return "Driver/library version mismatch";
        default: return "Unknown Error";
    }
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count) { NVML(*count = gpu_count); }

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **device) {
    NVML(if (index < (unsigned)gpu_count) *device = &gpus[index]; else result_ = INVALID_ARGUMENT);
}

static int find(size_t field, const char *text, Gpu **device) {
    for (int i = 0; i < gpu_count; i++) {
        if (strcmp((char *)&gpus[i] + field, text)) continue;
        *device = &gpus[i];
        return SUCCESS;
    }
    return NOT_FOUND;
}

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **device) { NVML(result_ = find(offsetof(Gpu, uuid), uuid, device)); }

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, Gpu **device) { NVML(result_ = find(offsetof(Gpu, bus_id), bus_id, device)); }

static int copy(const char *text, char *to, unsigned length) {
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetName(Gpu *g, char *name, unsigned length) { NVML(result_ = copy(g->kind->name, name, length)); }

EXPORT int nvmlDeviceGetUUID(Gpu *g, char *uuid, unsigned length) { NVML(result_ = copy(g->uuid, uuid, length)); }

static double average_watts(const Gpu *g) {
    int64_t ticks = g->now / TICK;
    if (ticks < AVERAGE_TICKS) return power(g, g->core_mhz, g->memory_mhz);
    return g->average[ticks % (AVERAGE_TICKS + 1)] - g->average[(ticks + 1) % (AVERAGE_TICKS + 1)];
}

EXPORT int nvmlDeviceGetPowerUsage(Gpu *g, unsigned *milliwatts) {
    NVML(if (g->has_power) *milliwatts = lround(average_watts(g) * 1e3); else result_ = NOT_SUPPORTED);
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(Gpu *g, unsigned *milliwatts) { NVML(*milliwatts = lround(g->kind->limit_watts * 1e3)); }

EXPORT int nvmlDeviceGetTemperature(Gpu *g, unsigned sensor, unsigned *celsius) {
    NVML(if (sensor == 0) *celsius = lround(g->celsius); else result_ = INVALID_ARGUMENT);
}

EXPORT int nvmlDeviceGetClockInfo(Gpu *g, unsigned clock, unsigned *mhz) {
    NVML(if (clock <= 1) *mhz = g->core_mhz; else if (clock == 2) *mhz = g->memory_mhz; else result_ = INVALID_ARGUMENT);
}

EXPORT int nvmlDeviceGetMigMode(Gpu *g, unsigned *current, unsigned *pending) { NVML(*current = *pending = g->is_mig); }

#ifndef OLDER_DRIVER
EXPORT int nvmlDeviceGetTotalEnergyConsumption(Gpu *g, unsigned long long *millijoules) {
    NVML({
        if (!g->has_counter) result_ = NOT_SUPPORTED;
        else *millijoules = (unsigned long long)(g->counter * 1e3);
        advance_to(now + read_ns);
    });
}

/* nvmlFieldValue_t. */
typedef struct {
    unsigned field, scope;
    long long timestamp, latency;
    int type, result;
    union { double d; unsigned u; unsigned long ul; unsigned long long ull; long long ll; int i; } value;
} FieldValue;

EXPORT int nvmlDeviceGetFieldValues(Gpu *g, int count, FieldValue *values) {
    NVML(for (int i = 0; i < count; i++) {
        FieldValue *v = &values[i];
        double milliwatts = power(g, g->core_mhz, g->memory_mhz) * 1e3;
        v->timestamp = now / 1000;
        v->type = value_type;
        v->result = v->field == 186 && v->scope == 0 && g->has_instant ? SUCCESS : NOT_SUPPORTED;
        memset(&v->value, 0xff, sizeof v->value); /* what is not written is not to be read */
        if (v->result) continue;
        switch (value_type) {
            case 0: v->value.d = milliwatts; break;
            case 1: v->value.u = lround(milliwatts); break;
            case 2: v->value.ul = lround(milliwatts); break;
            case 3: v->value.ull = llround(milliwatts); break;
            case 4: v->value.ll = llround(milliwatts); break;
            case 5: v->value.i = lround(milliwatts); break;
        }
    });
}
#endif

/* A call that changes clocks takes its time; the clocks hold when they have settled. STANDIN_NVML_LOG is a file that tells of it. */
static int change(Gpu *g, Switch *lock, unsigned min, unsigned max) {
    if (min > max) return INVALID_ARGUMENT;
    const char *path = getenv("STANDIN_NVML_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (log) {
        fprintf(log, "%s %s %u\n", g->bus_id, lock == &g->core ? "core" : "memory", max);
        fclose(log);
    }
    advance_to(now + g->kind->call_ns);
    lock->next = (Lock){ min, max };
    lock->at = now + g->kind->settle_ns;
    return SUCCESS;
}

EXPORT int nvmlDeviceSetGpuLockedClocks(Gpu *g, unsigned min, unsigned max) {
    NVML(if (max < g->kind->core_min || min > g->kind->core_max) result_ = INVALID_ARGUMENT; else result_ = change(g, &g->core, min, max));
}

EXPORT int nvmlDeviceResetGpuLockedClocks(Gpu *g) { NVML(result_ = change(g, &g->core, 0, 0)); }

EXPORT int nvmlDeviceSetMemoryLockedClocks(Gpu *g, unsigned min, unsigned max) {
    NVML(if (max < g->kind->memory[0] || min > memory_max(g->kind)) result_ = INVALID_ARGUMENT; else result_ = change(g, &g->memory, min, max));
}

EXPORT int nvmlDeviceResetMemoryLockedClocks(Gpu *g) { NVML(result_ = change(g, &g->memory, 0, 0)); }

static int list(unsigned *count, unsigned *to, const unsigned *values, unsigned have) {
    unsigned room = *count;
    *count = have;
    if (!to || room < have) return INSUFFICIENT_SIZE;
    memcpy(to, values, have * sizeof *to);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetSupportedMemoryClocks(Gpu *g, unsigned *count, unsigned *mhz) {
    NVML({
        unsigned values[6], have = 0, known = 0;
        while (known < 6 && g->kind->memory[known]) known++;
        while (have < known) values[have] = g->kind->memory[known - 1 - have], have++;
        result_ = list(count, mhz, values, have);
    });
}

EXPORT int nvmlDeviceGetSupportedGraphicsClocks(Gpu *g, unsigned memory_mhz, unsigned *count, unsigned *mhz) {
    NVML({
        unsigned values[256], have = 0;
        int is_known = 0;
        for (int i = 0; i < 6; i++) is_known |= memory_mhz && g->kind->memory[i] == memory_mhz;
        for (unsigned f = g->kind->core_max; f >= g->kind->core_min; f -= g->kind->core_step) values[have++] = f;
        result_ = is_known ? list(count, mhz, values, have) : NOT_FOUND;
    });
}
