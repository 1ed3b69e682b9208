// Launches: a kernel with its arguments over a grid of blocks.
#include "memory.cuh"
#include "faults.cuh"

namespace emulator {

static pthread_mutex_t launching = PTHREAD_MUTEX_INITIALIZER;
static void** arguments;

template <class T> struct Plain { typedef T type; };
template <class T> struct Plain<const T> { typedef T type; };

template <class T> static T argument(int position)
{
    typename Plain<T>::type value;
    memcpy(&value, arguments[position], sizeof value);
    return value;
}

// An address must be allocated: what the host passes in a wrong order mostly is not.
template <class T> struct Check
{
    static void argument(int) {}
};

template <class T> struct Check<T*>
{
    static void argument(int position)
    {
        const void* value = emulator::argument<const void*>(position);
        if (value && !is_allocated(value, 1)) fail("argument %d is the address %p, which is in no allocated memory", position, value);
    }
};

template <int... Positions> struct Sequence {};
template <int N, int... Positions> struct Counting : Counting<N - 1, N - 1, Positions...> {};
template <int... Positions> struct Counting<0, Positions...> { typedef Sequence<Positions...> type; };

template <class Kernel> struct Call;
template <class... Parameters> struct Call<void (*)(Parameters...)>
{
    typedef typename Counting<sizeof...(Parameters)>::type All;

    template <int... Positions> static void check(Sequence<Positions...>) { (Check<typename Plain<Parameters>::type>::argument(Positions), ...); }
    template <auto kernel, int... Positions> static void make(Sequence<Positions...>) { kernel(argument<Parameters>(Positions)...); }
};

static int run_grid()
{
    for (unsigned z = 0; z < grid_size.z; z++)
        for (unsigned y = 0; y < grid_size.y; y++)
            for (unsigned x = 0; x < grid_size.x && !failed; x++)
            {
                block_index = {x, y, z};
                poison_shared();
                reset_exchanges();
                run_threads();
                if (!failed) check_shared();
            }

    return failed;
}

template <auto kernel> static int run(const char* name, void** the_arguments, const Launch* the_launch)
{
    typedef Call<decltype(kernel)> Made;
    pthread_mutex_lock(&launching);
    catch_faults(the_launch->faults);
    launch = the_launch;
    arguments = the_arguments;
    kernel_name = name;
    failed = false;
    block_index = {0, 0, 0};
    block_size = {(unsigned)launch->block, 1, 1};
    grid_size = {(unsigned)launch->grid_x, (unsigned)launch->grid_y, (unsigned)launch->grid_z};
    generator.state = launch->seed;
    body = [] { Made::template make<kernel>(typename Made::All()); };
    Made::check(typename Made::All());
    int result = failed || run_grid();
    leave_faults();
    pthread_mutex_unlock(&launching);
    return result;
}

template <class... Parameters> static int parameter_sizes(void (*)(Parameters...), int* sizes)
{
    int count = 0;
    ((sizes[count++] = (int)sizeof(Parameters)), ...);
    return count;
}

}
