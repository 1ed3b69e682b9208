using System.Runtime.InteropServices;
using Litespark.Checkpoints;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>What a trial found for one result.</summary>
/// <param name="Result">Which: an output, or an operand that the op updates.</param>
/// <param name="Error">‖device − reference‖ / ‖reference‖; the share itself where it is each device's own.</param>
/// <param name="Tolerance">What it may be.</param>
internal readonly record struct TrialResult(string Result, double Error, double Tolerance)
{
    /// <summary>Within the tolerance; a NaN is not.</summary>
    public bool Passed => Error <= Tolerance;

    /// <summary>The library that computed it; null where the device's own kernels did.</summary>
    public string? Library { get; init; }
}

/// <summary>
/// Runs a case on a device and on a reference device that computes in float32, from the same numbers (rounded to the device's element
/// type first), into results that were filled with NaN before.
/// </summary>
internal static class OpTrial
{
    /// <summary>Rounding of one bf16 result is 2⁻⁹ at most; what was rounded within the op (probabilities, gradients) adds to it.</summary>
    const double RoundedTolerance = 8e-3;

    const string PlanName = "trial";

    /// <summary>Runs a case; the results in the order of the op's outputs, then of the operands that it updates.</summary>
    public static IReadOnlyList<TrialResult> Run(IDevice device, IDevice reference, OpCase test, OperandLayout layout, int seed)
    {
        DataType precision = device.Profile.Precision;
        // A random stream for each operand, so that leaving one out changes none of the others.
        Array[] contents = [.. test.Operands.Select((operand, index) => Contents(operand, precision, seed + 7919 * index, operand.Grid is null ? [] : Live(operand.Grid, seed)))];
        List<(string Name, DataType Type, float[] Values)> found = Compute(device, test, contents, layout, out string? library), expected = Compute(reference, test, contents, OperandLayout.Separate, out _);
        double tolerance = precision == DataType.Float32 ? test.Tolerance : RoundedTolerance;
        var results = new List<TrialResult>();
        for (int i = 0; i < found.Count; i++)
        {
            // What the reference has no counterpart for is the rounded copy of what is updated first.
            float[] values = i < expected.Count ? expected[i].Values : expected[0].Values;
            if (i == 0 && test.LiveResult is { } grid)
                foreach (float[] result in (float[][])[found[i].Values, values]) ClearDead(grid, Live(grid, seed), result);
            results.Add(test.OwnShare is { } share && share.Result == i
                ? new TrialResult(found[i].Name, found[i].Values[0] > 0 ? found[i].Values[0] : double.PositiveInfinity, share.Below) { Library = library }
                : new TrialResult(found[i].Name, Error(found[i].Values, values), tolerance) { Library = library });
        }

        return results;
    }

    /// <summary>‖found − expected‖ / ‖expected‖; infinite where something is not a number, or not finite only here.</summary>
    public static double Error(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            if (!float.IsFinite(found[i])) return double.PositiveInfinity;
            double apart = (double)found[i] - expected[i];
            difference += apart * apart;
            norm += (double)expected[i] * expected[i];
        }

        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }

    static List<(string Name, DataType Type, float[] Values)> Compute(IDevice device, OpCase test, Array[] contents, OperandLayout layout, out string? library)
    {
        Op op = test.Op(device.Profile.Precision);
        var builder = new GraphBuilder();
        IEnumerable<OperandSpec> present = test.Operands.Where(operand => !operand.IsRoundedCopy || device.Profile.Precision != DataType.Float32);
        Value[] sources = [.. present.Select((operand, index) => Source(builder, operand, index, device.Profile.Precision, IsView(operand, op, index, layout)))];
        Value[] operands = [.. sources.Select((source, index) => Place(builder, source, test.Operands[index], op, index, layout))];
        IReadOnlyList<Value> outputs = builder.Apply(op, operands);
        for (int i = 0; i < outputs.Count; i++) builder.Graph.AddOutput($"output {i}", outputs[i]);
        StepProgram program = ProgramBuilder.Single(PlanName, builder.Graph, device.Profile);
        using ILoadedProgram loaded = device.Load(program);
        for (int i = 0; i < sources.Length; i++) WriteOperand(loaded, program.Layout[sources[i].Name], test.Operands[i], contents[i]);
        for (int i = 0; i < outputs.Count; i++) Poison(loaded, program.Layout[$"output {i}"]);
        loaded.Run(program.Plans[PlanName]);
        library = loaded.Libraries.Count == 0 ? null : string.Join(", ", loaded.Libraries);
        var results = new List<(string, DataType, float[])>();
        for (int i = 0; i < outputs.Count; i++) results.Add(($"output {i}", outputs[i].Type.DataType, ReadFloats(loaded, program.Layout[$"output {i}"])));
        foreach (int index in op.MutatedInputs) results.Add(($"operand {index}", sources[index].Type.DataType, ReadFloats(loaded, program.Layout[sources[index].Name])));
        return results;
    }

    static Value Source(GraphBuilder builder, OperandSpec operand, int index, DataType precision, bool isView)
    {
        if (operand.IsInteger) return builder.Input($"operand {index}", operand.Shape, DataType.Int32);
        DataType type = operand.IsFloat32 ? DataType.Float32 : precision;
        return builder.State($"operand {index}", isView ? operand.Shape.With(1, 2 * operand.Shape.Columns + ViewGap) : operand.Shape, type);
    }

    /// <summary>Columns before a view, so that it begins where a 16-byte access still can.</summary>
    const int ViewGap = 8;

    static bool IsView(OperandSpec operand, Op op, int index, OperandLayout layout)
        => layout == OperandLayout.Views && !operand.IsFloat32 && operand.Shape.Rank == 2 && !op.MutatedInputs.Contains(index);

    static Value Place(GraphBuilder builder, Value source, OperandSpec operand, Op op, int index, OperandLayout layout)
    {
        if (op.MutatedInputs.Contains(index) || operand.IsInteger) return source;
        if (IsView(operand, op, index, layout)) return builder.Slice(source, 1, ViewGap, operand.Shape.Columns);
        return layout == OperandLayout.InPlace ? builder.Apply1(new Graphs.Ops.Copy(), source) : source;
    }

    static void WriteOperand(ILoadedProgram program, PersistentTensor tensor, OperandSpec operand, Array contents)
    {
        if (contents is int[] integers)
        {
            program.Write<int>(tensor, 0, integers);
            return;
        }

        var values = (float[])contents;
        if (tensor.Type.Shape == operand.Shape)
        {
            WriteFloats(program, tensor, values);
            return;
        }

        // What lies around a view must not be read: it is no number.
        int width = operand.Shape.Columns, wide = tensor.Type.Shape.Columns;
        var all = new float[tensor.Type.Shape.Length];
        Array.Fill(all, float.NaN);
        for (int row = 0; row < operand.Shape.Rows; row++) values.AsSpan(row * width, width).CopyTo(all.AsSpan(row * wide + ViewGap));
        WriteFloats(program, tensor, all);
    }

    static void Poison(ILoadedProgram program, PersistentTensor tensor)
    {
        var values = new float[tensor.Type.Shape.Length];
        Array.Fill(values, float.NaN);
        WriteFloats(program, tensor, values);
    }

    /// <summary>Writes a tensor, rounded to its element type.</summary>
    internal static void WriteFloats(ILoadedProgram program, PersistentTensor tensor, float[] values)
    {
        if (tensor.Type.DataType == DataType.Float32)
        {
            program.Write<float>(tensor, 0, values);
            return;
        }

        var bytes = new byte[2 * values.Length];
        TensorConversion.ToBFloat16(values, bytes);
        program.Write<ushort>(tensor, 0, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
    }

    /// <summary>Reads a tensor, or so many of its elements from one on.</summary>
    internal static float[] ReadFloats(ILoadedProgram program, PersistentTensor tensor, int? count = null, long firstElement = 0)
    {
        var values = new float[count ?? tensor.Type.Shape.Length];
        if (tensor.Type.DataType == DataType.Float32)
        {
            program.Read<float>(tensor, firstElement, values);
            return values;
        }

        var bytes = new byte[2 * values.Length];
        program.Read<ushort>(tensor, firstElement, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
        TensorConversion.FromBFloat16(bytes, values);
        return values;
    }

    /// <summary>Rounds to bf16.</summary>
    internal static void Round(float[] values)
    {
        var bytes = new byte[2 * values.Length];
        TensorConversion.ToBFloat16(values, bytes);
        TensorConversion.FromBFloat16(bytes, values);
    }

    /// <summary>Which blocks are live: some 40 %.</summary>
    static bool[] Live(BlockGrid grid, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, grid.Count).Select(_ => random.NextDouble() < 0.4)];
    }

    /// <summary>Zeroes the dead blocks of a matrix without gaps.</summary>
    internal static void ClearDead(BlockGrid grid, bool[] live, Span<float> values)
    {
        for (int block = 0; block < grid.Count; block++)
        {
            if (live[block]) continue;
            (int i, int j) = (block / grid.ColumnBlocks, block % grid.ColumnBlocks);
            for (int row = grid.RowStart(i); row < grid.RowStart(i + 1); row++) values.Slice(row * grid.Columns + grid.ColumnStart(j), grid.Width(j)).Clear();
        }
    }

    static Array Contents(OperandSpec operand, DataType precision, int seed, bool[] live)
    {
        int length = checked((int)operand.Shape.Length);
        if (operand.Contents == OperandContents.Topology)
        {
            var topology = new int[length];
            BlockTopology.Write(operand.Grid!, live, operand.Limit == BlockTopology.DenseGradients, topology);
            return topology;
        }

        if (operand.Contents == OperandContents.Patterns)
        {
            var patterns = new int[length];
            AttentionPatternBuffer.Write([.. Enumerable.Range(0, AttentionPatternBuffer.Heads(length)).Select(head => operand.Patterns[head % operand.Patterns.Count])], operand.Threshold, patterns);
            return patterns;
        }

        if (operand.IsInteger)
        {
            var random = new Random(seed);
            var integers = new int[length];
            int start = 0;
            for (int i = 0; i < length; i++)
            {
                // A document every nine tokens or so; every sequence begins one.
                int place = operand.Limit > 0 ? i % operand.Limit : i;
                if (place == 0 || random.Next(9) == 0) start = place;
                integers[i] = operand.Contents switch
                {
                    OperandContents.Index => random.Next(operand.Limit),
                    OperandContents.Target => random.Next(-1, operand.Limit),
                    OperandContents.DocumentStart => start,
                    OperandContents.WholeSequence => 0,
                    _ => place,
                };
            }

            return integers;
        }

        var values = new float[length];
        if (operand.Contents == OperandContents.Walsh) WalshRows.Fill(values, operand.Limit, operand.Shape.Columns, operand.HeadDim, (uint)seed);
        else RandomNumbers.Normal(values, (uint)seed);
        if (operand.Contents == OperandContents.Positive)
            for (int i = 0; i < length; i++) values[i] = operand.Scale * (0.1f + Math.Abs(values[i]));
        else if (operand.Scale != 1)
            for (int i = 0; i < length; i++) values[i] *= operand.Scale;

        if (operand.Grid is not null) ClearDead(operand.Grid, live, values);
        if (!operand.IsFloat32 && precision == DataType.BFloat16) Round(values);

        return values;
    }
}
