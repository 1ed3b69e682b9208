// How a run of elements of any length at any address is cut into packs where memory's alignment asks for it: packs 0 … packs − 1, of
// which the first and the last may hang over the run's ends. Whole packs take one access; of the others only the elements within the run
// are touched. One cut serves several runs side by side whose addresses ask for the same (or any, if VECTOR is 1). A file that is compiled
// with WHOLE=1 is told that every run is made of whole packs: then nothing is asked, and no branch stands between two loads.
#ifndef WHOLE
#define WHOLE 0
#endif

struct Cut
{
    int64 length, packs;
    int overhang; // elements of pack 0 before the run

    template <class T> __device__ Cut(const T* data, int64 length) : length(length)
    {
        overhang = WHOLE ? 0 : (int)(reinterpret_cast<uint64>(data) / sizeof(T) % VECTOR);
        packs = (overhang + length + VECTOR - 1) / VECTOR;
    }

    // Index within the run of a pack's first element.
    __device__ int64 first(int64 pack) const { return pack * VECTOR - overhang; }

    __device__ bool is_whole(int64 pack) const { return WHOLE || (first(pack) >= 0 && first(pack) + VECTOR <= length); }

    // A pack, with `fill` where it hangs over.
    template <class T> __device__ Pack<T> load(const T* data, int64 pack, float fill = 0) const
    {
        const int64 start = first(pack);
        if (is_whole(pack)) return load_pack(data + start);
        float x[VECTOR];
#pragma unroll
        for (int i = 0; i < VECTOR; i++) x[i] = start + i >= 0 && start + i < length ? to_float(data[start + i]) : fill;
        return to_pack<T>(x);
    }

    template <class T> __device__ void store(T* data, int64 pack, const float (&x)[VECTOR]) const
    {
        const int64 start = first(pack);
        if (is_whole(pack))
        {
            store_pack(data + start, to_pack<T>(x));
            return;
        }

#pragma unroll
        for (int i = 0; i < VECTOR; i++)
            if (start + i >= 0 && start + i < length) data[start + i] = from_float<T>(x[i]);
    }
};

// Calls body(index, pack) for the packs lane, lane + lanes, …, in this order, and has several on their way from memory at a time.
template <class T, class Body> __device__ inline void for_packs(const Cut& cut, const T* data, int64 lane, int64 lanes, float fill, Body body)
{
    constexpr int ahead = 4;
    for (int64 start = lane; start < cut.packs; start += ahead * lanes)
    {
        Pack<T> packs[ahead];
#pragma unroll
        for (int i = 0; i < ahead; i++)
            if (start + i * lanes < cut.packs) packs[i] = cut.load(data, start + i * lanes, fill);
#pragma unroll
        for (int i = 0; i < ahead; i++)
            if (start + i * lanes < cut.packs) body(start + i * lanes, packs[i]);
    }
}
