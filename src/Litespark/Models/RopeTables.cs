using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>
/// Cosines and sines of rotary position embedding: angle(p, i) = p · θ^(−2i/K), scaled for long contexts as Llama 3.1 does
/// (low frequencies slowed down by a factor, high ones kept, a smooth ramp between).
/// </summary>
public static class RopeTables
{
    /// <summary>Adds cos and sin [maxPositions, rotaryDim/2] to a graph.</summary>
    /// <param name="builder">Graph to add to.</param>
    /// <param name="maxPositions">Positions from 0.</param>
    /// <param name="rotaryDim">Columns of a head that rotate; even.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="scaling">Llama 3's scaling, or none.</param>
    public static (Value Cos, Value Sin) Add(GraphBuilder builder, int maxPositions, int rotaryDim, double theta = 10000, Llama3RopeScaling? scaling = null)
    {
        var shape = new Shape(maxPositions, rotaryDim / 2);
        double[] frequencies = Frequencies(rotaryDim, theta, scaling);
        string name = $"rope/{maxPositions}x{rotaryDim}/{theta}{(scaling is null ? "" : $"/{scaling.Factor}-{scaling.LowFrequencyFactor}-{scaling.HighFrequencyFactor}-{scaling.OriginalMaxPositions}")}";
        return (builder.Constant(name + "/cos", shape, table => Fill(table, frequencies, Math.Cos)),
            builder.Constant(name + "/sin", shape, table => Fill(table, frequencies, Math.Sin)));
    }

    /// <summary>Radians per position of each pair of columns [rotaryDim/2].</summary>
    public static double[] Frequencies(int rotaryDim, double theta, Llama3RopeScaling? scaling)
    {
        var frequencies = new double[rotaryDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / rotaryDim);
            frequencies[i] = scaling is null ? frequency : Scale(frequency, scaling);
        }

        return frequencies;
    }

    static double Scale(double frequency, Llama3RopeScaling scaling)
    {
        double turns = scaling.OriginalMaxPositions * frequency / (2 * Math.PI);
        if (turns < scaling.LowFrequencyFactor) return frequency / scaling.Factor;
        if (turns > scaling.HighFrequencyFactor) return frequency;
        double smooth = (turns - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
        return (1 - smooth) * frequency / scaling.Factor + smooth * frequency;
    }

    static void Fill(Span<float> table, double[] frequencies, Func<double, double> function)
    {
        for (int i = 0; i < table.Length; i++)
            table[i] = (float)function(i / frequencies.Length * frequencies[i % frequencies.Length]);
    }
}
