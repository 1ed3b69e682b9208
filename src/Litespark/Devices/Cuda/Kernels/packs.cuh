// Packs: VECTOR neighbouring elements as they lie in memory, which one thread moves with accesses of at most 16 bytes: one element, or
// 8 bytes, or whole 16 bytes. What a thread keeps for long it keeps as packs: bf16 then take half the registers.

template <class T> struct Pack
{
    static constexpr int bytes = VECTOR * sizeof(T);

    uint32 words[(bytes + 3) / 4];

    __device__ float operator[](int i) const
    {
        if constexpr (sizeof(T) == 4) return __uint_as_float(words[i]);
        return __uint_as_float(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xFFFF0000u);
    }
};

template <class T> __device__ inline Pack<T> load_pack(const T* from)
{
    Pack<T> pack;
    if constexpr (Pack<T>::bytes % 16 == 0)
    {
#pragma unroll
        for (int i = 0; i < Pack<T>::bytes / 16; i++)
        {
            uint4 piece = load16(reinterpret_cast<const uint4*>(from) + i);
            pack.words[4 * i] = piece.x;
            pack.words[4 * i + 1] = piece.y;
            pack.words[4 * i + 2] = piece.z;
            pack.words[4 * i + 3] = piece.w;
        }
    }
    else if constexpr (Pack<T>::bytes == 8)
    {
        uint2 piece = load8(from);
        pack.words[0] = piece.x;
        pack.words[1] = piece.y;
    }
    else
    {
        static_assert(Pack<T>::bytes == sizeof(T), "packs are of 8 bytes, whole 16 bytes or one element");
        if constexpr (sizeof(T) == 4) pack.words[0] = __float_as_uint(*from);
        else pack.words[0] = from->bits;
    }

    return pack;
}

template <class T> __device__ inline void store_pack(T* to, const Pack<T>& pack)
{
    const uint32* words = pack.words;
    if constexpr (Pack<T>::bytes % 16 == 0)
    {
#pragma unroll
        for (int i = 0; i < Pack<T>::bytes / 16; i++)
            store16(reinterpret_cast<uint4*>(to) + i, make_uint4(words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]));
    }
    else if constexpr (Pack<T>::bytes == 8) store8(to, make_uint2(words[0], words[1]));
    else if constexpr (sizeof(T) == 4) *to = __uint_as_float(words[0]);
    else to->bits = (uint16)words[0];
}

// VECTOR numbers, rounded to the element type.
template <class T> __device__ inline Pack<T> to_pack(const float (&x)[VECTOR])
{
    Pack<T> pack;
    if constexpr (sizeof(T) == 4)
    {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) pack.words[i] = __float_as_uint(x[i]);
    }
    else if constexpr (VECTOR == 1) pack.words[0] = from_float<T>(x[0]).bits;
    else
    {
#pragma unroll
        for (int i = 0; i < VECTOR; i += 2) pack.words[i / 2] = pack_bf16(x[i], x[i + 1]);
    }

    return pack;
}
