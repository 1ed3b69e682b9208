using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// One op of the graph, bound to memory of its own and to the kernel that the CPU has for it: just what a plan's call is, with
/// its FLOPs and bytes. Operands start as small random numbers, integers as zero.
/// </summary>
internal sealed unsafe class BoundOp : IDisposable
{
    const long Alignment = 4096;

    readonly NativeBuffer memory;
    readonly CpuKernel kernel;
    readonly WorkerPool pool;
    readonly KernelCall call;

    BoundOp(WorkerPool pool, KernelCall call, long bytes)
    {
        (this.pool, this.call) = (pool, call);
        memory = new NativeBuffer(bytes);
        kernel = new CpuKernelFactory(pool, (byte*)memory.Pointer, null).Create(call);
        var random = new Random(1);
        foreach (Operand operand in call.Inputs.Concat(call.Outputs))
            if (operand.Value.Type.DataType == DataType.Float32) RandomNumbers.Fill(random, (float*)Address(operand), (long)operand.Rows * operand.Columns);
    }

    /// <summary>FLOPs of one run.</summary>
    public double Flops => call.Cost.Flops;

    /// <summary>Bytes that one run must move: every operand once, those that it changes twice.</summary>
    public double Bytes => call.Cost.Bytes;

    /// <summary>Binds an op.</summary>
    /// <param name="pool">Who runs it.</param>
    /// <param name="op">What is computed; where it has addends, they lie where the outputs do, as in a plan.</param>
    /// <param name="inputs">Operands, without the addends.</param>
    public static BoundOp Create(WorkerPool pool, Op op, params TensorType[] inputs) => Create(pool, op, inPlace: false, inputs);

    /// <summary>Binds an op.</summary>
    /// <param name="pool">Who runs it.</param>
    /// <param name="op">What is computed; where it has addends, they lie where the outputs do, as in a plan.</param>
    /// <param name="inPlace">Outputs take over the memory of the operands that they may.</param>
    /// <param name="inputs">Operands, without the addends.</param>
    public static BoundOp Create(WorkerPool pool, Op op, bool inPlace, params TensorType[] inputs)
    {
        (KernelCall call, long bytes) = Place(op, inPlace, inputs);
        return new BoundOp(pool, call, bytes);
    }

    /// <summary>FLOPs and bytes of an op; no memory is allocated.</summary>
    public static Cost CostOf(Op op, params TensorType[] inputs) => Place(op, inPlace: false, inputs).Call.Cost;

    static (KernelCall Call, long Bytes) Place(Op op, bool inPlace, TensorType[] inputs)
    {
        var builder = new GraphBuilder();
        Value[] operands = [.. inputs.Select((type, index) => builder.Input($"x{index}", type.Shape, type.DataType))];
        IReadOnlyList<TensorType> results = op.Infer(operands);
        Value[] addends = [.. Enumerable.Range(0, op.Addends.Count).Select(index => builder.Input($"addend{index}", results[op.Addends[index]].Shape))];
        IReadOnlyList<Value> outputs = builder.Apply(op, [.. operands, .. addends]);

        long bytes = 0;
        Operand Append(Value value)
        {
            var operand = new Operand(value, ArenaKind.Persistent, bytes, value.Shape.Rows, value.Shape.Columns, value.Shape.Columns);
            bytes += (value.ByteLength + Alignment - 1) / Alignment * Alignment;
            return operand;
        }

        Operand[] placedOperands = [.. operands.Select(Append)];
        Operand[] placedOutputs = [.. outputs.Select((output, index) => inPlace && op.InPlaceInput(index) is >= 0 and int input ? placedOperands[input] with { Value = output } : Append(output))];
        Operand[] placedInputs = [.. placedOperands, .. addends.Select((addend, index) => placedOutputs[op.Addends[index]] with { Value = addend })];
        Node node = builder.Graph.Nodes.Single();
        return (new KernelCall(node, placedInputs, placedOutputs), bytes);
    }

    /// <summary>An operand's floats.</summary>
    public Span<float> Input(int index) => Floats(call.Inputs[index]);

    /// <summary>An operand's integers.</summary>
    public Span<int> Integers(int index) => new(Address(call.Inputs[index]), checked((int)call.Inputs[index].Value.Shape.Length));

    /// <summary>Number of results; an op that changes an operand has none.</summary>
    public int OutputCount => call.Outputs.Count;

    /// <summary>A result's floats.</summary>
    public Span<float> Output(int index) => Floats(call.Outputs[index]);

    /// <summary>Where an operand lies.</summary>
    public float* InputAddress(int index) => (float*)Address(call.Inputs[index]);

    /// <summary>Where a result lies.</summary>
    public float* OutputAddress(int index) => (float*)Address(call.Outputs[index]);

    /// <summary>Runs the kernel.</summary>
    public void Run() => kernel.Run(pool);

    /// <inheritdoc/>
    public void Dispose()
    {
        kernel.Dispose();
        memory.Dispose();
    }

    Span<float> Floats(Operand operand) => new(Address(operand), checked((int)operand.Value.Shape.Length));

    byte* Address(Operand operand) => (byte*)memory.Pointer + operand.Offset;
}
