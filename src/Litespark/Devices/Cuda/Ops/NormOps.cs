using System.Numerics;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>RMSNorm, LayerNorm and their gradients.</summary>
internal static class NormOps
{
    const int ForwardThreads = 2048;

    /// <summary>x [N, D], weight [G], residual [N, D] if there is one → y, 1/rms, sum.</summary>
    public static ICudaCall RmsNorm(CudaBinding binding, KernelCall call, RmsNorm op)
        => Forward(binding, call.Inputs[0], op.HasResidual ? call.Inputs[2] : null, call.Inputs[1], bias: null, op.HasResidual ? call.Outputs[2] : null, call.Outputs[0], mean: null, call.Outputs[1], op.GroupSize, op.Epsilon);

    /// <summary>x [N, D], weight, bias [D], residual [N, D] if there is one → y, mean, 1/std, sum.</summary>
    public static ICudaCall LayerNorm(CudaBinding binding, KernelCall call, LayerNorm op)
        => Forward(binding, call.Inputs[0], op.HasResidual ? call.Inputs[3] : null, call.Inputs[1], call.Inputs[2], op.HasResidual ? call.Outputs[3] : null, call.Outputs[0], call.Outputs[1], call.Outputs[2], call.Inputs[0].Columns, op.Epsilon);

    /// <summary>dy, x [N, D], weight [G], 1/rms, addend → dx, dWeight.</summary>
    public static ICudaCall RmsNormGradient(CudaBinding binding, KernelCall call, RmsNormGradient op)
        => Gradient(binding, call, call.Inputs[2], mean: null, call.Inputs[3], op.GroupSize);

    /// <summary>dy, x [N, D], weight [D], mean, 1/std, addend → dx, dWeight, dBias.</summary>
    public static ICudaCall LayerNormGradient(CudaBinding binding, KernelCall call)
        => Gradient(binding, call, call.Inputs[2], call.Inputs[3], call.Inputs[4], call.Inputs[0].Columns);

    static KernelLaunch Forward(
        CudaBinding binding, Operand x, Operand? residual, Operand weight, Operand? bias, Operand? sum, Operand y, Operand? mean, Operand inverse, int groupSize, float epsilon)
    {
        int groups = x.Columns / groupSize;
        int vector = Packs.Whole(binding, Packs.Width(x.Type()), groupSize, x, residual, weight, bias, sum, y);
        Team team = Team.For(groupSize, x.Type(), vector);
        int blocks = team.Blocks(binding.Gpu, (long)x.Rows * groups, ForwardThreads);
        return binding.Launch(
            new KernelVariant("norm", [.. team.Defines(x.Type(), weight.Type()), Centered(mean)]), "norm_forward", new LaunchShape(blocks, team.Threads),
            binding.Address(x), (long)x.Stride, AddressOf(binding, residual), StrideOf(residual), binding.Address(weight), AddressOf(binding, bias),
            AddressOf(binding, sum), StrideOf(sum), binding.Address(y), (long)y.Stride, AddressOf(binding, mean), binding.Address(inverse),
            x.Rows, groups, groupSize, epsilon);
    }

    static CallSequence Gradient(CudaBinding binding, KernelCall call, Operand weight, Operand? mean, Operand inverse, int groupSize)
    {
        (Operand dy, Operand x, Operand? addend, Operand dx) = (call.Inputs[0], call.Inputs[1], call.AddendOf(0), call.Outputs[0]);
        int groups = x.Columns / groupSize, sums = mean is null ? 1 : 2;
        int vector = Packs.Whole(binding, Packs.Width(x.Type()), groupSize, dy, x, weight, addend, dx);
        int threads = binding.Form.NormThreads; // of a multiprocessor: what registers leave room for (`__launch_bounds__` holds the compiler to it)
        Team team = Team.For(groupSize, x.Type(), vector);
        if (binding.Form.TeamsShareBlock) team = team with { BlockThreads = threads };
        int blocks = team.Blocks(binding.Gpu, (long)x.Rows * groups, threads), resident = Math.Max(1, threads / team.Threads);

        // Each block leaves its sums over the rows; a second kernel adds the blocks up.
        long sumBytes = (long)blocks * groupSize * sizeof(float), paddedBytes = (sumBytes + 255) / 256 * 256;
        nint weightSums = binding.Workspace(sums * paddedBytes), biasSums = weightSums + (nint)paddedBytes;
        string[] defines = [.. team.Defines(x.Type(), weight.Type()), Centered(mean), $"BLOCKS={resident}"];
        var calls = new List<ICudaCall>
        {
            binding.Launch(
                new KernelVariant("norm_gradient", defines), "norm_gradient", new LaunchShape(blocks, team.Threads, team.Count > 1 ? team.Count * groupSize * sizeof(float) : 0),
                binding.Address(dy), (long)dy.Stride, binding.Address(x), (long)x.Stride, binding.Address(weight), AddressOf(binding, mean), binding.Address(inverse),
                AddressOf(binding, addend), StrideOf(addend), binding.Address(dx), (long)dx.Stride, weightSums, mean is null ? 0 : biasSums, x.Rows, groups, groupSize),
            ColumnSumOps.Totals(binding, weightSums, blocks, call, output: 1),
        };
        if (mean is not null) calls.Add(ColumnSumOps.Totals(binding, biasSums, blocks, call, output: 2));
        return new CallSequence([.. calls]);
    }

    static string Centered(Operand? mean) => mean is null ? "CENTERED=0" : "CENTERED=1";

    static nint AddressOf(CudaBinding binding, Operand? operand) => operand is null ? 0 : binding.Address(operand);

    static long StrideOf(Operand? operand) => operand?.Stride ?? 0;

    /// <summary>
    /// The threads that hold a row in their registers together: <paramref name="Size"/> of them, with <paramref name="Chunks"/> packs of
    /// <paramref name="Vector"/> elements each; whole warps, or several teams in a warp.
    /// </summary>
    readonly record struct Team(int Size, int Chunks, int Vector)
    {
        const int Warp = 32, SmallBlock = 128, LargestBlock = 1024, HeldBytes = 32, MostPacks = 8;

        /// <summary>Threads that a block of several teams of whole warps may have; 0 where such teams have blocks of their own.</summary>
        public int BlockThreads { get; init; }

        /// <summary>Threads of a block.</summary>
        public int Threads => Size <= Warp ? SmallBlock : Math.Max(1, BlockThreads / Size) * Size;

        /// <summary>Teams of a block.</summary>
        public int Count => Threads / Size;

        /// <summary>32 bytes of a row for each thread, in at most 8 packs; more only where a block has no more threads.</summary>
        public static Team For(int columns, DataType type, int vector)
        {
            int packs = (columns + vector - 1) / vector, held = Math.Clamp(HeldBytes / type.Size() / vector, 1, MostPacks);
            int size = (packs + held - 1) / held;
            size = size <= Warp ? (int)BitOperations.RoundUpToPowerOf2((uint)size) : Math.Min(LargestBlock, (size + Warp - 1) / Warp * Warp);
            return new Team(size, (packs + size - 1) / size, vector);
        }

        /// <summary>As many blocks as fill the GPU; each goes through several rows and reads the weight once.</summary>
        public int Blocks(GpuProperties gpu, long rows, int threadsPerMultiprocessor)
            => (int)Math.Min((rows + Count - 1) / Count, (long)gpu.Multiprocessors * Math.Max(1, threadsPerMultiprocessor / Threads));

        /// <summary>The kernels' macros.</summary>
        public string[] Defines(DataType element, DataType weight)
            => [CudaBinding.Element(element), CudaBinding.Element(weight, "WEIGHT"), $"VECTOR={Vector}", $"CHUNKS={Chunks}", $"TEAM={Size}", $"THREADS={Threads}"];
    }
}
