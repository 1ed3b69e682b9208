// Softmax statistics in one pass (Milakov and Gimelshein, 2018): the largest number so far, and the sum of exponentials scaled to it.

constexpr float LOG2_E = 1.4426950408889634f;

// Stands for −∞ where differences must stay numbers; its exponential beside any real logit is 0.
constexpr float LOWEST = -1e30f;

struct SoftmaxStatistics
{
    float maximum = LOWEST, sum = 0;

    template <class T> __device__ void add(const Pack<T>& pack)
    {
        float largest = pack[0];
#pragma unroll
        for (int i = 1; i < VECTOR; i++) largest = fmaxf(largest, pack[i]);
        if (largest > maximum)
        {
            sum *= fast_exp2((maximum - largest) * LOG2_E);
            maximum = largest;
        }

#pragma unroll
        for (int i = 0; i < VECTOR; i++) sum += fast_exp2((pack[i] - maximum) * LOG2_E);
    }

    // Statistics of all that the team's threads have seen.
    __device__ void combine()
    {
        const float largest = team_max(maximum);
        sum = team_sum(sum * fast_exp2((maximum - largest) * LOG2_E));
        maximum = largest;
    }
};
