using System.Runtime.InteropServices;
using Litespark.Data;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Training;

namespace Litespark.SelfTesting;

/// <summary>A short training run whose every number can be repeated elsewhere: weights, tokens, a constant learning rate.</summary>
internal sealed class LossCurve
{
    readonly TransformerSpec spec;
    readonly int rows, length, steps, seed;
    readonly double learningRate;
    readonly int[] tokens;

    public LossCurve(TransformerSpec spec, int rows, int length, int steps, int seed, double learningRate)
    {
        (this.spec, this.rows, this.length, this.steps, this.seed, this.learningRate) = (spec, rows, length, steps, seed, learningRate);
        tokens = MakeTokens();
    }

    /// <summary>Writes the tokens as int32 [steps, rows, length + 1].</summary>
    public void WriteTokens(string path) => File.WriteAllBytes(path, MemoryMarshal.AsBytes<int>(tokens).ToArray());

    /// <summary>Trains on a device and returns the loss of every step; <paramref name="saveWeights"/> is given the initial weights first.</summary>
    public float[] Run(IDevice device, Action<ITensorStore> saveWeights, CancellationToken cancellation)
    {
        var settings = new OptimizerSettings();
        using ILoadedProgram program = device.Load(ProgramBuilder.Training(Transformer.Function(spec), PlanOptions.Litespark, settings, rows, length, device: device.Profile));
        ParameterStore.Initialize(program, seed);
        saveWeights(ParameterStore.Weights(program));
        var step = new TrainingStep(program, settings);
        using var batch = new MicroBatch(rows, length);
        var losses = new float[steps];
        for (int i = 0; i < steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Fill(batch, i);
            losses[i] = (float)step.Run([batch], batch.Length, i + 1, learningRate).Loss;
        }

        return losses;
    }

    void Fill(MicroBatch batch, int step)
    {
        for (int i = 0; i < batch.Length; i++)
        {
            (int row, int position) = Math.DivRem(i, length);
            int start = (step * rows + row) * (length + 1) + position;
            (batch.Tokens[i], batch.Targets[i], batch.Positions[i], batch.DocumentStarts[i]) = (tokens[start], tokens[start + 1], position, 0);
        }
    }

    /// <summary>Each token is followed by one of four that depend on it: a rule that a model learns within some hundred steps.</summary>
    int[] MakeTokens()
    {
        var random = new Random(seed);
        var all = new int[steps * rows * (length + 1)];
        for (int i = 0; i < all.Length; i++)
            all[i] = i % (length + 1) == 0 ? random.Next(spec.VocabSize) : (int)((all[i - 1] * 31L + 7 + 13 * random.Next(4)) % spec.VocabSize);
        return all;
    }
}
