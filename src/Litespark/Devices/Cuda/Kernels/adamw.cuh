// AdamW (Loshchilov and Hutter, 2019) with g = clip[0] · gradient and schedule = (learning rate η, 1 − β₁ᵗ, 1 − β₂ᵗ):
// w ← w (1 − η λ); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
struct AdamW
{
    float decay, step, correction, factor, one_minus_beta1, beta2, one_minus_beta2, epsilon;

    __device__ AdamW(const float* schedule, const float* clip, float one_minus_beta1, float beta2, float one_minus_beta2, float epsilon, float weight_decay)
        : decay(1 - schedule[0] * weight_decay), step(-schedule[0] / schedule[1]), correction(1 / sqrtf(schedule[2])), factor(clip[0]),
          one_minus_beta1(one_minus_beta1), beta2(beta2), one_minus_beta2(one_minus_beta2), epsilon(epsilon)
    {
    }

    // The new weight; moments in place.
    __device__ float apply(float weight, float gradient, float& m, float& v) const
    {
        float g = factor * gradient;
        m = m + one_minus_beta1 * (g - m);
        v = beta2 * v + one_minus_beta2 * g * g;
        return decay * weight + step * (m / (sqrtf(v) * correction + epsilon));
    }
};
