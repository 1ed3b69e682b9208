// The emulator's side of hopper.cuh: barriers that count bytes, copies of boxes that happen at a time of their own, products of a warpgroup
// that read their operands somewhere between their start and the wait for them. Layouts by the PTX ISA ("Asynchronous warpgroup level matrix
// instructions", "Tensor swizzling modes"). The warps of a warpgroup go their own ways, as far as the instructions let them.

struct alignas(64) TensorMap { unsigned char encoded[128]; };

namespace emulator {

// What the emulated driver encodes (EmulatedTensorMap in C#).
struct BoxedMatrix
{
    uint64_t mark;
    const unsigned char* first;
    int64_t pitch; // bytes
    int rows, columns, box_rows, box_columns;
};

const uint64_t boxed_matrix_mark = 0x786F42726F736E65ull;

// Where a byte of a row of 128 bytes lies: the chunk's number within the row is XORed with the row's number within eight.
static unsigned char* swizzled(unsigned char* address) { return (unsigned char*)((uintptr_t)address ^ ((uintptr_t)address >> 7 & 7) << 4); }

struct CountingBarrier
{
    uint16_t arrivals;
    int16_t pending : 15;
    uint16_t parity : 1;
    int32_t bytes;
};

static CountingBarrier& counting_barrier(void* barrier, const char* what, int line)
{
    check_shared_access(barrier, 8, what, line);
    CountingBarrier& it = *(CountingBarrier*)barrier;
    if (it.arrivals == 0xFFFF) fail("%s at line %d: a barrier that was never made", what, line);
    return it;
}

static void end_phase_if_complete(CountingBarrier& barrier)
{
    if (barrier.pending != 0 || barrier.bytes != 0) return;
    barrier.parity ^= 1;
    barrier.pending = barrier.arrivals;
}

static void mbarrier_init(void* barrier, int arrivals, int line)
{
    check_shared_access(barrier, 8, "mbarrier_init", line);
    *(CountingBarrier*)barrier = {(uint16_t)arrivals, (int16_t)arrivals, 0, 0};
}

static void mbarrier_arrive(void* barrier, int bytes, const char* what, int line)
{
    CountingBarrier& it = counting_barrier(barrier, what, line);
    if (it.pending == 0) fail("%s at line %d: more than the %d arrivals of a phase", what, line, it.arrivals);
    it.bytes += bytes;
    it.pending--;
    end_phase_if_complete(it);
}

static void mbarrier_wait(void* barrier, int parity, int line)
{
    CountingBarrier* it = &counting_barrier(barrier, "mbarrier_wait", line);
    wait_until("mbarrier_wait", line, [=] { return it->parity != (parity & 1); });
}

// A copy's destination holds not-a-numbers from its start until it happens.
static void load_box(void* shared, const TensorMap& map, int x, int y, void* barrier, int line)
{
    BoxedMatrix matrix;
    memcpy(&matrix, map.encoded, sizeof matrix);
    if (matrix.mark != boxed_matrix_mark) fail("load_box at line %d: what it is given is no tensor map", line);
    if ((uintptr_t)shared % 1024 != 0) fail("load_box at line %d: address %p is not a multiple of 1024", line, shared);
    const int row_bytes = matrix.box_columns * 2;
    unsigned char* to = (unsigned char*)shared;
    for (int row = 0; row < matrix.box_rows; row++) check_shared_access(to + row * row_bytes, 16, "load_box", line);
    counting_barrier(barrier, "load_box", line);
    memset(to, poison, matrix.box_rows * row_bytes);
    defer([=] {
        for (int row = 0; row < matrix.box_rows; row++)
            for (int column = 0; column < matrix.box_columns; column++)
            {
                const unsigned char* from = matrix.first + (y + row) * matrix.pitch + (int64_t)(x + column) * 2;
                const bool exists = y + row >= 0 && y + row < matrix.rows && x + column >= 0 && x + column < matrix.columns;
                if (exists && column % 32 == 0 && !is_allocated(from, 2)) fail("load_box at line %d: %p is outside of all allocated memory", line, from);
                *(uint16_t*)swizzled(to + row * row_bytes + column * 2) = exists ? *(const uint16_t*)from : 0;
            }

        CountingBarrier& it = *(CountingBarrier*)barrier;
        it.bytes -= matrix.box_rows * row_bytes;
        end_phase_if_complete(it);
    });
}

// A thread's products of 128 columns that are not waited for yet, in order. The sums that they add to lie aside meanwhile, not-a-numbers in their place.
struct GroupProduct
{
    uint64_t a, b;
    int first_column, sums, group;
    bool transpose_a, transpose_b, has_happened;
};

struct HeldSums
{
    float *place, values[64];
    int pending;
};

const int most_products = 64, most_sums = 4;

struct GroupProducts
{
    uint64_t block; // whose products these are
    int group, count;
    bool is_fenced;
    HeldSums sums[most_sums];
    GroupProduct products[most_products];
};

static GroupProducts group_products[largest_block];

static GroupProducts& own_products()
{
    GroupProducts& it = group_products[current->number];
    if (it.block != blocks_started)
    {
        it.block = blocks_started;
        it.group = it.count = 0;
        it.is_fenced = false;
        for (HeldSums& sums : it.sums) sums.pending = 0;
    }

    return it;
}

static void start_product(float* d, uint64_t a, uint64_t b, int first_column, bool transpose_a, bool transpose_b, int line)
{
    GroupProducts& own = own_products();
    if (!own.is_fenced) fail("multiply_add at line %d: no fence_products since the sums were last touched", line);
    if (own.count == most_products) fail("multiply_add at line %d: more than %d products under way", line, most_products);
    int at = 0;
    while (at < most_sums && (own.sums[at].pending == 0 || own.sums[at].place != d)) at++;
    if (at == most_sums)
    {
        for (at = 0; at < most_sums && own.sums[at].pending > 0;) at++;
        if (at == most_sums) fail("multiply_add at line %d: more than %d sums under way", line, most_sums);
        own.sums[at].place = d;
        memcpy(own.sums[at].values, d, sizeof own.sums[at].values);
        memset((void*)d, poison, sizeof own.sums[at].values);
    }

    own.sums[at].pending++;
    own.products[own.count++] = {a, b, first_column, at, own.group, transpose_a, transpose_b, false};
}

// An element of an operand: row or column `outer`, depth `k` of 16.
static float operand_element(uint64_t operand, bool transposed, int outer, int k)
{
    const uintptr_t start = (operand & 0x3FFF) << 4, panel = (operand >> 16 & 0x3FFF) << 4, group = (operand >> 32 & 0x3FFF) << 4;
    if (operand >> 62 != 1 || (operand >> 46 & 0xFFFF) != 0) fail("wgmma: the descriptor %016llx does not say 128-byte swizzle, or says more", (unsigned long long)operand);
    const uintptr_t at = transposed
        ? start + outer / 64 * panel + k / 8 * group + k % 8 * 128 + outer % 64 * 2
        : start + outer / 8 * group + outer % 8 * 128 + k * 2;
    unsigned char* address = swizzled(dynamic_shared + at);
    if (address + 2 > dynamic_shared + launch->shared_bytes) fail("wgmma: the descriptor %016llx reaches behind the block's shared memory", (unsigned long long)operand);
    uint16_t bits;
    memcpy(&bits, address, 2);
    return __uint_as_float((uint32_t)bits << 16);
}

// Product number i of a warp's lanes: its 16 rows of the result.
static void run_product(GroupProducts* lanes, int i)
{
    const GroupProduct product = lanes[0].products[i];
    float left[16][16], right[16][128], sum[16][128];
    for (int k = 0; k < 16; k++)
    {
        for (int row = 0; row < 16; row++) left[row][k] = operand_element(product.a, product.transpose_a, current->warp() % 4 * 16 + row, k);
        for (int column = 0; column < 128; column++) right[k][column] = operand_element(product.b, product.transpose_b, product.first_column + column, k);
    }

    auto for_each = [&](auto body) {
        for (int lane = 0; lane < warp_size; lane++)
            for (int e = 0; e < 64; e++)
                body(lanes[lane].sums[lanes[lane].products[i].sums].values[e], sum[lane / 4 + e / 2 % 2 * 8][e / 4 * 8 + lane % 4 * 2 + e % 2]);
    };
    for_each([](float& held, float& element) { element = held; });
    for (int row = 0; row < 16; row++)
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < 128; column++) sum[row][column] += left[row][k] * right[k][column];
    for_each([](float& held, float& element) { held = element; });
    for (int lane = 0; lane < warp_size; lane++) lanes[lane].products[i].has_happened = true;
}

// Lets a warp's products up to a group happen, in order.
static void run_products(int last_group)
{
    GroupProducts* lanes = group_products + current->warp() * warp_size;
    for (int i = 0; i < lanes[0].count && lanes[0].products[i].group <= last_group; i++)
    {
        for (int lane = 1; lane < warp_size; lane++)
        {
            const GroupProduct &one = lanes[0].products[i], &other = lanes[lane].products[i];
            if (lanes[lane].count != lanes[0].count || one.a != other.a || one.b != other.b || one.group != other.group)
                fail("multiply_add: lane %d of warp %d multiplies something else than lane 0", lane, current->warp());
        }

        if (!lanes[0].products[i].has_happened) run_product(lanes, i);
    }
}

static void commit_products(int line)
{
    const int group = own_products().group++;
    together("commit_products", group, line, [=](unsigned char (*)[16]) {
        if (generator.below(2) == 0) run_products(group);
    });
}

static void wait_products(int pending, int line)
{
    const int last = own_products().group - 1 - pending;
    together("wait_products", last, line, [=](unsigned char (*)[16]) { run_products(last); });
    GroupProducts& own = own_products();
    int done = 0;
    for (; done < own.count && own.products[done].group <= last; done++)
    {
        HeldSums& sums = own.sums[own.products[done].sums];
        if (--sums.pending == 0) memcpy((void*)sums.place, sums.values, sizeof sums.values);
    }

    own.count -= done;
    memmove(own.products, own.products + done, sizeof(GroupProduct) * own.count);
    if (own.count == 0) own.is_fenced = false;
}

// Registers of each thread of a warpgroup change hands: it must be whole, and take what is there.
static void set_registers(int registers, const char* what, int line)
{
    if (registers % 8 != 0 || registers < 24 || registers > 256) fail("%s at line %d: %d registers", what, line, registers);
    together(what, registers, line, [](unsigned char (*)[16]) {});
}

}

inline void mbarrier_init(uint64* barrier, int arrivals, int line = __builtin_LINE()) { emulator::mbarrier_init(barrier, arrivals, line); }
inline void mbarrier_publish() {}
inline void mbarrier_arrive(uint64* barrier, int line = __builtin_LINE()) { emulator::mbarrier_arrive(barrier, 0, "mbarrier_arrive", line); }
inline void mbarrier_expect(uint64* barrier, int bytes, int line = __builtin_LINE()) { emulator::mbarrier_arrive(barrier, bytes, "mbarrier_expect", line); }
inline void mbarrier_wait(uint64* barrier, int parity, int line = __builtin_LINE()) { emulator::mbarrier_wait(barrier, parity, line); }
inline void load_box(void* shared, const TensorMap& map, int x, int y, uint64* barrier, int line = __builtin_LINE()) { emulator::load_box(shared, map, x, y, barrier, line); }
inline void fence_shared() {}

inline uint64 operand_at(const void* shared, int group, int panel, int line = __builtin_LINE())
{
    emulator::check_shared_access(shared, 16, "operand_at", line);
    const uint64 offset = (uint64)((const unsigned char*)shared - emulator::dynamic_shared);
    if (offset >= emulator::dynamic_bytes) emulator::fail("operand_at at line %d: operands lie in the launch's dynamic shared memory", line);
    return offset >> 4 | (uint64)(panel >> 4) << 16 | (uint64)(group >> 4) << 32 | 1ull << 62;
}

inline uint64 operand_beyond(uint64 operand, int bytes) { return operand + (uint64)(bytes >> 4); }
inline void fence_products() { emulator::own_products().is_fenced = true; }
template <int TransposeA, int TransposeB> inline void multiply_add_64x128(float (&d)[64], uint64 a, uint64 b, int line = __builtin_LINE()) { emulator::start_product(d, a, b, 0, TransposeA, TransposeB, line); }
template <int TransposeA, int TransposeB> inline void multiply_add_64x256(float (&left)[64], float (&right)[64], uint64 a, uint64 b, int line = __builtin_LINE())
{
    emulator::start_product(left, a, b, 0, TransposeA, TransposeB, line);
    emulator::start_product(right, a, b, 128, TransposeA, TransposeB, line);
}

inline void commit_products(int line = __builtin_LINE()) { emulator::commit_products(line); }
template <int Pending> inline void wait_products(int line = __builtin_LINE()) { emulator::wait_products(Pending, line); }
inline void take_sums(float (&)[64]) {}
template <int Registers> inline void give_registers(int line = __builtin_LINE()) { emulator::set_registers(Registers, "give_registers", line); }
template <int Registers> inline void get_registers(int line = __builtin_LINE()) { emulator::set_registers(Registers, "get_registers", line); }
