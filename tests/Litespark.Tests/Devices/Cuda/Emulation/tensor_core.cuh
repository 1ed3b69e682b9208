// The emulator's side of tensor_core.cuh: a warp's matrix loads and products, with the layouts that the PTX ISA gives for their
// fragments ("Warp-level matrix instructions"), and asynchronous copies, which happen at once or when they are waited for.

namespace emulator {

// What all lanes of a warp do as one: each gives a value and waits; the last to come does the work for all of them.
template <class T, class Work> static void together(const char* what, const T& value, int line, Work work)
{
    const uint32_t all = 0xFFFFFFFFu;
    Exchange& exchange = exchange_of(all, line);
    if ((int)block_size.x - current->warp() * warp_size < warp_size) fail("%s at line %d: the block's last warp is not whole", what, line);
    if (exchange.gate.arrived == 0)
    {
        exchange.what = what;
        exchange.gate.line = line;
    }
    else if (exchange.what != what || exchange.gate.line != line)
        fail("divergent %s: comes to line %d while other lanes wait at %s, line %d", what, line, exchange.what, exchange.gate.line);
    unsigned char (*slots)[16] = exchange.slots[exchange.turn];
    static_assert(sizeof(T) <= 16, "at most 16 bytes");
    memcpy(slots[current->lane()], &value, sizeof value);
    if (exchange.gate.arrived + 1 == warp_size) work(slots);
    arrive(exchange.gate, warp_size, what, line);
}

static void check_shared_access(const void* address, size_t bytes, const char* what, int line)
{
    check_access(address, bytes, bytes, what, line);
    auto is_within = [=](const unsigned char* memory, size_t length) { return address >= memory && (const unsigned char*)address < memory + length; };
    if (!is_within(dynamic_shared, launch->shared_bytes) && !is_within(static_shared, static_used)) fail("%s at line %d: address %p is not in shared memory", what, line, address);
}

// Lane 8j + i gives row i of matrix j; lane l gets the elements 2 (l mod 4) and 2 (l mod 4) + 1 of row l / 4, or of column l / 4.
struct MatrixRow
{
    const unsigned short* row;
    unsigned* result;
};

template <bool Transposed> static void load_matrices(const char* what, unsigned (&r)[4], const void* row, int line)
{
    check_shared_access(row, 16, what, line);
    together(what, MatrixRow{(const unsigned short*)row, r}, line, [](unsigned char (*slots)[16])
    {
        for (int lane = 0; lane < warp_size; lane++)
            for (int j = 0; j < 4; j++)
            {
                int major = lane / 4, minor = lane % 4 * 2;
                auto element = [=](int row, int column) { return (unsigned)take<MatrixRow>(slots, 8 * j + row).row[column]; };
                unsigned low = Transposed ? element(minor, major) : element(major, minor), high = Transposed ? element(minor + 1, major) : element(major, minor + 1);
                take<MatrixRow>(slots, lane).result[j] = low | high << 16;
            }
    });
}

struct Product
{
    float* d;
    const unsigned* a;
    unsigned b0, b1;
};

// Through pointers, as the operands of a lane are more than 16 bytes; they stay as they are until the warp's last lane has come.
static void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, int line)
{
    const Product own = {d, a, b0, b1};
    together("mma", &own, line, [](unsigned char (*slots)[16])
    {
        float left[16][16], right[16][8], sum[16][8];
        auto half = [](unsigned pair, int i) { return __uint_as_float(i == 0 ? pair << 16 : pair & 0xFFFF0000u); };
        for (int lane = 0; lane < warp_size; lane++)
        {
            const Product& it = *take<const Product*>(slots, lane);
            int group = lane / 4, pair = lane % 4 * 2;
            for (int i = 0; i < 2; i++)
            {
                left[group][pair + i] = half(it.a[0], i);
                left[group + 8][pair + i] = half(it.a[1], i);
                left[group][pair + 8 + i] = half(it.a[2], i);
                left[group + 8][pair + 8 + i] = half(it.a[3], i);
                right[pair + i][group] = half(it.b0, i);
                right[pair + 8 + i][group] = half(it.b1, i);
                sum[group][pair + i] = it.d[i];
                sum[group + 8][pair + i] = it.d[2 + i];
            }
        }

        for (int row = 0; row < 16; row++)
            for (int k = 0; k < 16; k++)
                for (int column = 0; column < 8; column++) sum[row][column] += left[row][k] * right[k][column];
        for (int lane = 0; lane < warp_size; lane++)
            for (int i = 0; i < 2; i++)
            {
                float* d = take<const Product*>(slots, lane)->d;
                d[i] = sum[lane / 4][lane % 4 * 2 + i];
                d[2 + i] = sum[lane / 4 + 8][lane % 4 * 2 + i];
            }
    });
}

// Copies of a thread that have not happened: those of closed groups in order, then those of the open one.
struct Copy
{
    void* to;
    const void* from;
    short bytes, width;
    int group;

    void run() const
    {
        memset(to, 0, width);
        memcpy(to, from, bytes);
    }
};

struct CopyQueue
{
    uint64_t block; // whose copies these are
    int group, count;
    Copy copies[256];
};

static CopyQueue copy_queues[largest_block];

static CopyQueue& own_copies()
{
    CopyQueue& queue = copy_queues[current->number];
    if (queue.block != blocks_started)
    {
        queue.block = blocks_started;
        queue.group = queue.count = 0;
    }

    return queue;
}

// Until a copy has happened its destination holds not-a-numbers: neither what was there nor what will be may be counted on.
static void copy_async(const char* what, void* to, const void* from, int bytes, int width, int line)
{
    check_shared_access(to, width, what, line);
    if ((uintptr_t)from % width != 0) fail("%s at line %d: address %p is not a multiple of %d", what, line, from, width);
    if (bytes < 0 || bytes > width) fail("%s at line %d: %d bytes", what, line, bytes);
    if (bytes > 0 && !is_allocated(from, bytes)) fail("%s at line %d: %d bytes at %p are outside of all allocated memory", what, line, bytes, from);
    CopyQueue& queue = own_copies();
    const Copy copy = {to, from, (short)bytes, (short)width, queue.group};
    if (generator.below(2) == 0 || queue.count == (int)(sizeof queue.copies / sizeof *queue.copies))
    {
        copy.run();
        return;
    }

    memset(to, poison, width);
    queue.copies[queue.count++] = copy;
}

// Lets the copies of all but the latest `pending` groups happen, in no order.
static void wait_copies(int pending)
{
    CopyQueue& queue = own_copies();
    int due = 0, left = 0;
    while (due < queue.count && queue.copies[due].group < queue.group - pending) due++;
    for (int i = due; i > 1; i--)
    {
        int other = generator.below(i);
        Copy moved = queue.copies[i - 1];
        queue.copies[i - 1] = queue.copies[other];
        queue.copies[other] = moved;
    }

    for (int i = 0; i < due; i++) queue.copies[i].run();
    for (int i = due; i < queue.count; i++) queue.copies[left++] = queue.copies[i];
    queue.count = left;
}

}

inline void load_matrices(unsigned (&r)[4], const void* row, int line = __builtin_LINE()) { emulator::load_matrices<false>("ldmatrix", r, row, line); }
inline void load_matrices_transposed(unsigned (&r)[4], const void* row, int line = __builtin_LINE()) { emulator::load_matrices<true>("ldmatrix.trans", r, row, line); }
inline void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, int line = __builtin_LINE()) { emulator::multiply_add(d, a, b0, b1, line); }
inline void copy_async(void* shared, const void* global, int bytes, int line = __builtin_LINE()) { emulator::copy_async("cp.async", shared, global, bytes, 16, line); }
inline void copy_word_async(void* shared, const void* global, bool live, int line = __builtin_LINE()) { emulator::copy_async("cp.async", shared, global, live ? 4 : 0, 4, line); }
inline void commit_copies() { emulator::own_copies().group++; }
template <int Pending> inline void wait_copies() { emulator::wait_copies(Pending); }
