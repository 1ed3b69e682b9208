// Non-linearities f and their derivatives f′; each is a type, so that kernels take it by a macro. The exponentials are approximate to a
// few 2^-22.

__device__ inline float sigmoid(float x) { return fast_reciprocal(1 + fast_exp2(-1.44269504f * x)); }

// x · σ(x); slope σ(x) · (1 + x · (1 − σ(x))).
struct Silu
{
    __device__ static float value(float x) { return x * sigmoid(x); }

    __device__ static float value(float x, float& slope)
    {
        const float gate = sigmoid(x), y = x * gate;
        slope = gate + y * (1 - gate);
        return y;
    }
};

// x · Φ(x) with the normal distribution Φ(x) = ½ (1 + erf(x / √2)); slope Φ(x) + x · φ(x).
struct Gelu
{
    __device__ static float distribution(float x) { return 0.5f + 0.5f * erff(0.70710678f * x); }

    __device__ static float value(float x) { return x * distribution(x); }

    __device__ static float value(float x, float& slope)
    {
        const float below = distribution(x), density = 0.39894228f * fast_exp2(-0.72134752f * x * x);
        slope = below + x * density;
        return x * below;
    }
};

// ½ x (1 + tanh u), u = √(2/π) (x + 0.044715 x³) (Hendrycks and Gimpel, 2016), as x · σ(2u), which is the same;
// slope σ + x · σ (1 − σ) · 2u′.
struct GeluTanh
{
    static constexpr float linear = 1.59576912f, cubic = 0.044715f * linear;

    __device__ static float gate(float x) { return sigmoid(x * (linear + cubic * x * x)); }

    __device__ static float value(float x) { return x * gate(x); }

    __device__ static float value(float x, float& slope)
    {
        const float share = gate(x), y = x * share;
        slope = share + y * (1 - share) * (linear + 3 * cubic * x * x);
        return y;
    }
};

// max(x, 0); slope 1 above 0, else 0.
struct Relu
{
    __device__ static float value(float x) { return x > 0 ? x : 0; }

    __device__ static float value(float x, float& slope)
    {
        slope = x > 0 ? 1 : 0;
        return value(x);
    }
};
