using System.Runtime.InteropServices;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>
/// One op on the CPU device in float32, and by emulated CUDA kernels in the operands' own element types, from the same contents. What
/// neither the inputs nor the kernel filled is not-a-number; nothing beside the operands may change. Results are compared by the test.
/// </summary>
internal sealed unsafe class OpTrial : IDisposable
{
    const int Alignment = 256;

    readonly EmulatedDriver driver;
    readonly KernelLibrary kernels;
    readonly WorkerPool pool = new(1);

    public OpTrial(uint seed = 0, int multiprocessors = 1, IReadOnlyDictionary<string, string>? texts = null)
    {
        driver = new EmulatedDriver(seed, multiprocessors);
        kernels = new KernelLibrary(driver, new EmulatedCompiler(texts));
    }

    /// <summary>How memory-bound kernels share out their work.</summary>
    public MemoryForm Form { get; init; } = MemoryForm.Usual;

    /// <summary>Runs an op on both devices. Afterwards the tensors hold what each device left in them.</summary>
    /// <param name="op">What.</param>
    /// <param name="bind">Binder of the CUDA call.</param>
    /// <param name="inputs">Operands, then addends.</param>
    /// <param name="outputs">Results; one of the inputs where the op works in place.</param>
    public void Run(Op op, Func<CudaBinding, KernelCall, ICudaCall> bind, TrialTensor[] inputs, TrialTensor[] outputs)
    {
        TrialTensor[] tensors = [.. inputs.Concat(outputs).Distinct()];
        RunCpu(Call(op, inputs, outputs, tensors, tensor => tensor.Type == DataType.Int32 ? DataType.Int32 : DataType.Float32), tensors);
        RunCuda(Call(op, inputs, outputs, tensors, tensor => tensor.Type), bind, tensors);
    }

    public void Dispose()
    {
        kernels.Dispose();
        driver.Dispose();
        pool.Dispose();
    }

    static KernelCall Call(Op op, TrialTensor[] inputs, TrialTensor[] outputs, TrialTensor[] tensors, Func<TrialTensor, DataType> type)
    {
        var graph = new Graph();
        long offset = Alignment;
        var operands = new Dictionary<TrialTensor, Operand>();
        foreach (TrialTensor tensor in tensors)
        {
            Value value = graph.NewValue("tensor", new TensorType(tensor.Shape, type(tensor)), ValueRole.Activation);
            int size = value.Type.DataType.Size();
            operands[tensor] = new Operand(value, ArenaKind.Transient, offset + tensor.Shift * size, tensor.Shape.Rows, tensor.Shape.Columns, tensor.Stride);
            offset = (offset + (tensor.Shift + (long)tensor.Shape.Rows * tensor.Stride) * size + 2 * Alignment - 1) / Alignment * Alignment;
        }

        Operand[] from = [.. inputs.Select(tensor => operands[tensor])], to = [.. outputs.Select(tensor => operands[tensor])];
        var node = new Node(op, [.. from.Select(operand => operand.Value)], [.. to.Select(operand => operand.Value)], Phase.Forward, layer: -1);
        return new KernelCall(node, from, to);
    }

    static Operand[] Distinct(KernelCall call) => [.. call.Inputs.Concat(call.Outputs).Distinct()];

    static long Bytes(KernelCall call) => Distinct(call).Max(operand => operand.Offset + (long)operand.Rows * operand.Stride * operand.Value.Type.DataType.Size()) + Alignment;

    void RunCpu(KernelCall call, TrialTensor[] tensors)
    {
        using var arena = new NativeBuffer(Bytes(call));
        new Span<byte>(arena.Pointer, (int)arena.ByteLength).Fill(0xFF);
        Operand[] operands = Distinct(call);
        for (int i = 0; i < tensors.Length; i++) tensors[i].Write((byte*)arena.Pointer + operands[i].Offset, operands[i].Value.Type.DataType);
        using (CpuKernel kernel = new CpuKernelFactory(pool, null, (byte*)arena.Pointer).Create(call)) kernel.Run(pool);
        for (int i = 0; i < tensors.Length; i++) tensors[i].Expected = tensors[i].Read((byte*)arena.Pointer + operands[i].Offset, operands[i].Value.Type.DataType);
    }

    void RunCuda(KernelCall call, Func<CudaBinding, KernelCall, ICudaCall> bind, TrialTensor[] tensors)
    {
        long bytes = Bytes(call);
        using var stream = new Litespark.Devices.Cuda.Driver.CudaStream(driver);
        using var arena = new Litespark.Devices.Cuda.Driver.DeviceMemory(driver, bytes);
        using var host = new Litespark.Devices.Cuda.Driver.PinnedMemory(driver, bytes);
        var image = new Span<byte>((void*)host.Value, (int)bytes);
        Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(image);
        words.Fill(TrialTensor.NoNumber);
        Operand[] operands = Distinct(call);
        for (int i = 0; i < tensors.Length; i++) tensors[i].Write((byte*)host.Value + operands[i].Offset, operands[i].Value.Type.DataType);
        driver.CopyToDevice(arena.Value, host.Value, bytes, stream.Value);
        stream.Synchronize();
        using var binding = new CudaBinding(kernels, persistent: 0, arena.Value) { Form = Form };
        using (ICudaCall kernel = bind(binding, call))
        {
            kernel.Enqueue(stream.Value);
            stream.Synchronize();
        }

        image.Clear();
        driver.CopyToHost(host.Value, arena.Value, bytes, stream.Value);
        stream.Synchronize();
        for (int i = 0; i < tensors.Length; i++)
        {
            byte* data = (byte*)host.Value + operands[i].Offset;
            tensors[i].Actual = tensors[i].Read(data, operands[i].Value.Type.DataType);
            tensors[i].Blank(data, operands[i].Value.Type.DataType);
        }

        int written = words.IndexOfAnyExcept(TrialTensor.NoNumber);
        Assert.True(written < 0, $"{call.Op.Name}: byte {sizeof(ushort) * written}, beside the operands, was written");
    }
}
