using Litespark.Devices.Cuda.Driver;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>Plans for one problem, bound to random operands in memory of their own, to be timed.</summary>
internal sealed class CudnnTrial : IDisposable
{
    const long Spare = 256L << 20; // for the program that is being bound meanwhile

    readonly DeviceMemory memory;
    readonly List<CudnnAttention> calls = [];

    CudnnTrial(CudnnContext context, AttentionProblem problem, IReadOnlyList<CudnnPlan> plans, DeviceMemory memory)
    {
        this.memory = memory;
        nint at = memory.Value;
        var operands = new List<nint>();
        using (var stream = new CudaStream(context.Driver))
            foreach ((long bytes, DataType type) in problem.Operands)
            {
                NormalValues.Fill(context.Driver, stream, at, bytes, type);
                operands.Add(at);
                at += (nint)Aligned(bytes);
            }

        foreach (CudnnPlan plan in plans) calls.Add(new CudnnAttention(context, plan, plan.Pack(context.Library, [.. operands], at)));
    }

    /// <summary>Binds plans; null where the GPU has no room.</summary>
    public static CudnnTrial? Open(CudnnContext context, AttentionProblem problem, IReadOnlyList<CudnnPlan> plans)
    {
        long bytes = problem.Operands.Sum(operand => Aligned(operand.Bytes)) + plans.Max(plan => plan.ScratchBytes);
        context.Driver.MakeCurrent();
        if (context.Driver.FreeMemory() < bytes + Spare) return null;
        var memory = new DeviceMemory(context.Driver, bytes);
        try
        {
            return new CudnnTrial(context, problem, plans, memory);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Each puts its work into a stream and says whether it could, in the order of the plans.</summary>
    public IReadOnlyList<Func<nint, bool>> Contenders => [.. calls.Select(call => (Func<nint, bool>)call.TryEnqueue)];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CudnnAttention call in calls) call.Dispose();
        memory.Dispose();
    }

    static long Aligned(long bytes) => (bytes + 255) / 256 * 256;
}
