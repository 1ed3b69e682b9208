using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;
using Litespark.Planning.Passes;

namespace Litespark.SelfTesting;

/// <summary>Median seconds of attention: with a pattern, dense as the device does it, and dense by its own kernels.</summary>
internal readonly record struct AttentionTimes(double Sparse, double Dense, double Own);

/// <summary>What was found of a pattern.</summary>
/// <param name="Forward">Seconds of the forward pass.</param>
/// <param name="Gradient">Seconds of its gradient.</param>
/// <param name="Share">Pairs that were computed, of those under the causal mask.</param>
/// <param name="Error">Largest ‖found − expected‖ / ‖expected‖ of some rows of o, its log-sum-exp, dq, dk and dv (<see cref="SparseAttentionReference"/>).</param>
/// <param name="BesideDense">‖o − dense o‖ / ‖dense o‖: rounding, where the pattern hides nothing that weighs something.</param>
internal sealed record AttentionFinding(AttentionTimes Forward, AttentionTimes Gradient, double Share, double Error, double BesideDense);

/// <summary>
/// Attention over whole sequences and its gradient, with patterns beside dense attention over the same random numbers, on one device in turns. Programs are
/// loaded once: patterns are contents.
/// </summary>
internal sealed class SparseAttentionTrial : IDisposable
{
    const string PlanName = "attention", Queries = "q", Keys = "k", Values = "v", Output = "o", OutputGradient = "do", Statistics = "log_sum_exp", Starts = "starts", Result = "result ";
    const int Pattern = 1 << 20;

    readonly IDevice device;
    readonly AttentionGeometry g;
    readonly ILoadedProgram[] forward, gradient;
    readonly float sums, scale;
    SparseAttentionReference? reference;
    bool? isWalsh;

    /// <summary>Loads the programs.</summary>
    public SparseAttentionTrial(IDevice device, AttentionGeometry geometry)
    {
        (this.device, g, sums, scale) = (device, geometry, MathF.Log(geometry.SequenceLength), Scale(geometry));
        forward = Load(isGradient: false);
        gradient = Load(isGradient: true);
        var statistics = new float[gradient[0].Program.Layout[Statistics].Type.Shape.Length];
        Array.Fill(statistics, sums);
        foreach (ILoadedProgram program in gradient) OpTrial.WriteFloats(program, program.Program.Layout[Statistics], statistics);
    }

    /// <summary>Who computes dense attention: each library, or nothing where the device's own kernels do.</summary>
    public IReadOnlyList<string> Libraries => [.. forward[1].Libraries.Concat(gradient[1].Libraries).Distinct()];

    /// <summary>FLOPs of a dense forward pass; its gradient has 2.5 times as many.</summary>
    public double ForwardFlops => 4 * g.CausalPairs(0) * g.HeadDim;

    /// <summary>What lies in memory at once.</summary>
    public static StepProgram[] Programs(IDevice device, AttentionGeometry geometry)
        => [.. from isGradient in (bool[])[false, true] from hasPattern in (bool[])[true, false, false] select Program(device, geometry, isGradient, hasPattern)];

    /// <summary>Times a pattern of all heads.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="threshold">Weights below which pairs may be left out; above 0 queries and keys are such that some may.</param>
    public AttentionFinding Run(AttentionPattern pattern, float threshold)
    {
        Fill(threshold > 0);
        var buffer = new int[AttentionPatternBuffer.Length(g.Heads)];
        AttentionPatternBuffer.Write([.. Enumerable.Repeat(pattern, g.Heads)], threshold, buffer);
        foreach (ILoadedProgram program in (ILoadedProgram[])[forward[0], gradient[0]]) program.Write<int>(program.Program.Layout[SparseAttention.PatternName(0)], 0, buffer);
        double[] forwards = TurnClock.Time(PlanName, forward), gradients = TurnClock.Time(PlanName, gradient);
        double share = OpTrial.ReadFloats(forward[0], forward[0].Program.Layout[Result + 2])[0];
        return new AttentionFinding(new(forwards[0], forwards[1], forwards[2]), new(gradients[0], gradients[1], gradients[2]), share, Error(pattern), OpTrial.Error(FirstElements(forward[0]), FirstElements(forward[1])));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ILoadedProgram program in forward.Concat(gradient)) program.Dispose();
    }

    /// <summary>The largest error of any result's rows in the last sequence.</summary>
    double Error(AttentionPattern pattern)
    {
        List<double> o = [], sumsOfRows = [], dq = [], dk = [], dv = [];
        List<float> foundO = [], foundSums = [], foundDq = [], foundDk = [], foundDv = [];
        int last = g.Sequences - 1;
        foreach ((int token, int head) in reference!.QueryRows)
        {
            (double[] result, double logSumExp) = reference.Attention(pattern, token, head);
            o.AddRange(result);
            sumsOfRows.Add(logSumExp);
            dq.AddRange(reference.QueryGradient(pattern, token, head));
            foundO.AddRange(Row(forward[0], 0, token, g.Heads, head));
            foundSums.AddRange(OpTrial.ReadFloats(forward[0], forward[0].Program.Layout[Result + 1], 1, ((long)last * g.Heads + head) * g.SequenceLength + token));
            foundDq.AddRange(Row(gradient[0], 0, token, g.Heads, head));
        }

        foreach ((int token, int head) in reference.KeyRows)
        {
            (double[] key, double[] value) = reference.KeyGradients(pattern, token, head);
            dk.AddRange(key);
            dv.AddRange(value);
            foundDk.AddRange(Row(gradient[0], 1, token, g.KeyValueHeads, head));
            foundDv.AddRange(Row(gradient[0], 2, token, g.KeyValueHeads, head));
        }

        return new[] { (foundO, o), (foundSums, sumsOfRows), (foundDq, dq), (foundDk, dk), (foundDv, dv) }
            .Max(pair => OpTrial.Error([.. pair.Item1], [.. pair.Item2.Select(value => (float)value)]));
    }

    /// <summary>A head's row of a result, in the last sequence.</summary>
    float[] Row(ILoadedProgram program, int result, int token, int heads, int head)
        => OpTrial.ReadFloats(program, program.Program.Layout[Result + result], g.HeadDim, (((long)(g.Sequences - 1) * g.SequenceLength + token) * heads + head) * g.HeadDim);

    static float[] FirstElements(ILoadedProgram program)
        => OpTrial.ReadFloats(program, program.Program.Layout[Result + 0], (int)Math.Min(Pattern, program.Program.Layout[Result + 0].Type.Shape.Length));

    ILoadedProgram[] Load(bool isGradient)
    {
        StepProgram dense = Program(device, g, isGradient, hasPattern: false);
        List<ILoadedProgram> programs = [device.Load(Program(device, g, isGradient, hasPattern: true)), device.Load(dense)];
        using IDisposable? scope = device.OwnKernelsOnly();
        programs.Add(device.Load(dense));
        return [.. programs];
    }

    static StepProgram Program(IDevice device, AttentionGeometry g, bool isGradient, bool hasPattern)
    {
        var builder = new GraphBuilder();
        Value Rows(string name, int heads) => builder.State(name, new Shape(g.Tokens, heads * g.HeadDim), device.Profile.Precision);
        Value q = Rows(Queries, g.Heads), k = Rows(Keys, g.KeyValueHeads), v = Rows(Values, g.KeyValueHeads), starts = builder.Input(Starts, new Shape(g.Tokens), DataType.Int32);
        Value[] operands = isGradient
            ? [q, k, v, Rows(Output, g.Heads), builder.State(Statistics, new Shape(g.Sequences, g.Heads, g.SequenceLength), DataType.Float32), starts, Rows(OutputGradient, g.Heads)]
            : [q, k, v, starts];
        if (hasPattern) operands = [.. operands, builder.State(SparseAttention.PatternName(0), new Shape(AttentionPatternBuffer.Length(g.Heads)), DataType.Int32)];
        Op op = isGradient ? new AttentionGradient(g, 0, Scale(g)) { HasPattern = hasPattern } : new Attention(g, 0, Scale(g)) { HasPattern = hasPattern };
        IReadOnlyList<Value> results = builder.Apply(op, operands);
        for (int i = 0; i < results.Count; i++) builder.Graph.AddOutput(Result + i, results[i]);
        return ProgramBuilder.Single(PlanName, builder.Graph, device.Profile);
    }

    static float Scale(AttentionGeometry g) => 1 / MathF.Sqrt(g.HeadDim);

    /// <summary>The same numbers in all programs, and the last sequence's for the reference; documents are whole sequences.</summary>
    void Fill(bool walsh)
    {
        if (isWalsh == walsh) return;
        isWalsh = walsh;
        uint seed = 1;
        var rows = new Dictionary<string, float[]>();
        foreach (string name in (string[])[Queries, Keys, Values, Output, OutputGradient])
        {
            var values = new float[gradient[0].Program.Layout[name].Type.Shape.Length];
            bool scores = name is Queries or Keys;
            if (walsh && scores) WalshRows.Fill(values, g.SequenceLength, gradient[0].Program.Layout[name].Type.Shape.Columns, g.HeadDim, seed++);
            else RandomNumbers.Normal(values, seed++);
            foreach (ILoadedProgram program in name is Output or OutputGradient ? gradient : forward.Concat(gradient)) OpTrial.WriteFloats(program, program.Program.Layout[name], values);
            float[] sequence = rows[name] = values[^(values.Length / g.Sequences)..];
            if (device.Profile.Precision == DataType.BFloat16) OpTrial.Round(sequence);
        }

        reference = new SparseAttentionReference(g, scale, sums, rows[Queries], rows[Keys], rows[Values], rows[Output], rows[OutputGradient]);
    }
}
