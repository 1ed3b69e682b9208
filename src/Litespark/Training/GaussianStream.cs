namespace Litespark.Training;

/// <summary>
/// Standard normal numbers, the same on every platform: SplitMix64 (Steele, Lea &amp; Flood 2014) through the polar
/// method of Marsaglia.
/// </summary>
internal struct GaussianStream(ulong seed)
{
    ulong state = seed;
    double spare;
    bool hasSpare;

    public double Next()
    {
        if (hasSpare)
        {
            hasSpare = false;
            return spare;
        }

        double x, y, square;
        do
        {
            x = 2 * Uniform() - 1;
            y = 2 * Uniform() - 1;
            square = x * x + y * y;
        }
        while (square is >= 1 or 0);

        double factor = Math.Sqrt(-2 * Math.Log(square) / square);
        spare = y * factor;
        hasSpare = true;
        return x * factor;
    }

    double Uniform()
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
