using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Tuning;

/// <summary>Times cuDNN's engines, where it is there, and the tiles that our flash-attention kernels may take, on whole sequences of random values.</summary>
internal sealed class AttentionTuner(KernelLibrary kernels, CudnnContext? cudnn, DeviceProfile profile)
{
    const string PlanName = "attention";
    const long Reserve = 256L << 20;

    readonly ICudaDriver driver = kernels.Driver;

    /// <summary>
    /// Times attention or its gradient; what plans use while a row is one document comes first: cuDNN's fastest engine, which is kept, or the tiles in
    /// use where it has none. None where the GPU has no room.
    /// </summary>
    /// <param name="op">The op.</param>
    /// <param name="ofCudnn">The same in cuDNN's terms, its rows as they lie in plans; null where cuDNN is not to be asked.</param>
    public IReadOnlyList<TimedVariant> Measure(Op op, AttentionProblem? ofCudnn)
    {
        (AttentionGeometry g, bool hasPattern) = op is Attention attention ? (attention.Geometry, attention.HasPattern) : (((AttentionGradient)op).Geometry, ((AttentionGradient)op).HasPattern);
        StepProgram program = Program(op, g, hasPattern);
        if (driver.FreeMemory() < program.TotalBytes + Reserve) return [];
        using var persistent = new DeviceMemory(driver, program.Layout.Bytes);
        using var transient = new DeviceMemory(driver, program.TransientBytes);
        using var binding = new CudaBinding(kernels, persistent.Value, transient.Value);
        KernelCall call = program.Plans[PlanName].Calls.Single(call => call.Op == op);
        Fill(binding, call, persistent);
        (string Name, ICudaCall Call)[] own = [.. Variants(binding, call, op, new AttentionTiles(g.HeadDim, driver.Properties, hasPattern))];
        IReadOnlyList<CudnnPlan> plans = ofCudnn is null ? [] : cudnn!.Candidates(ofCudnn, TimeSpan.MaxValue, out _);
        using CudnnTrial? trial = plans.Count == 0 ? null : CudnnTrial.Open(cudnn!, ofCudnn!, plans);
        try
        {
            using var timer = new TurnTimer(driver);
            float?[] times = timer.Time(
            [
                .. trial?.Contenders ?? [],
                .. own.Select(variant => (Func<nint, bool>)(stream =>
                {
                    variant.Call.Enqueue(stream);
                    return true;
                })),
            ]);
            int engines = times.Length - own.Length;
            return [.. Engines(ofCudnn, plans, times[..engines]), .. Timed(own.Select(variant => variant.Name), times[engines..], isOwn: true)];
        }
        finally
        {
            foreach ((_, ICudaCall bound) in own) bound.Dispose();
        }
    }

    /// <summary>cuDNN's engines, the fastest first, which is kept.</summary>
    IEnumerable<TimedVariant> Engines(AttentionProblem? problem, IReadOnlyList<CudnnPlan> plans, float?[] times)
    {
        if (times.Length == 0) return [];
        _ = cudnn!.Keep(problem!, plans, times);
        return Timed(plans.Select(plan => $"cuDNN {cudnn.Version} {plan.Engine}"), times, isOwn: false).OrderBy(variant => variant.Milliseconds);
    }

    static IEnumerable<TimedVariant> Timed(IEnumerable<string> names, float?[] times, bool isOwn)
        => names.Zip(times).Where(pair => pair.Second is not null).Select(pair => new TimedVariant(pair.First, pair.Second!.Value, isOwn));

    static IEnumerable<(string, ICudaCall)> Variants(CudaBinding binding, KernelCall call, Op op, AttentionTiles tiles)
    {
        if (op is Attention attention)
        {
            foreach (AttentionTile tile in tiles.ForwardVariants) yield return (Size(tile), AttentionOps.Attention(binding, call, attention, tile));
            yield break;
        }

        foreach (AttentionTiles variant in tiles.GradientVariants)
            yield return ($"for keys {Size(variant.GradientKeys)}, for queries {Size(variant.GradientQueries)}", AttentionOps.AttentionGradient(binding, call, (AttentionGradient)op, variant));
    }

    StepProgram Program(Op op, AttentionGeometry g, bool hasPattern)
    {
        var builder = new GraphBuilder();
        Value Rows(string name, int heads) => builder.State(name, new Shape(g.Tokens, heads * g.HeadDim), profile.Precision);
        Value q = Rows("q", g.Heads), k = Rows("k", g.KeyValueHeads), v = Rows("v", g.KeyValueHeads);
        Value starts = builder.Input("starts", new Shape(g.Tokens), DataType.Int32);
        Value[] operands = op is Attention
            ? [q, k, v, starts]
            : [q, k, v, Rows("o", g.Heads), builder.State("sums", new Shape(g.Sequences, g.Heads, g.SequenceLength), DataType.Float32), starts, Rows("do", g.Heads)];
        if (hasPattern) operands = [.. operands, builder.Input("patterns", new Shape(AttentionPatternBuffer.Length(g.Heads)), DataType.Int32)];
        foreach ((Value output, int i) in builder.Apply(op, operands).Select((output, i) => (output, i))) builder.Graph.AddOutput($"output {i}", output);
        return ProgramBuilder.Single(PlanName, builder.Graph, profile);
    }

    /// <summary>Random operands; documents are whole sequences, and every head sees all.</summary>
    void Fill(CudaBinding binding, KernelCall call, DeviceMemory persistent)
    {
        using var stream = new CudaStream(driver);
        driver.Clear(persistent.Value, persistent.ByteLength, stream.Value);
        foreach (Operand operand in call.Inputs.Where(operand => operand.Type() != DataType.Int32)) NormalValues.Fill(driver, stream, binding.Address(operand), operand.Bytes, operand.Type());
        stream.Synchronize();
    }

    static string Size(AttentionTile tile) => $"{tile.Queries} x {tile.Keys}";
}
