using System.Collections.Concurrent;
using System.Text;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Ops;
using Xunit.Abstractions;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>Every kernel becomes machine code of every architecture, within its budgets and with the instructions that make it fast.</summary>
public class CompileCheckTests(ITestOutputHelper output)
{
    /// <summary>What a file's kernels may take, and the instructions without which they would be right but slow.</summary>
    sealed record Budget(int Registers = 255, int StaticSharedBytes = 48 << 10, params string[] Instructions);

    /// <summary>A variant's machine code (null where it does not compile) and what was found in it.</summary>
    sealed record Report(string Architecture, KernelVariant Variant, Budget Budget, byte[]? Image, List<string> Lines, List<string> Problems);

    /// <summary>Files with a budget of their own. Tensor cores, loads of their fragments, copies that run on their own.</summary>
    static readonly Dictionary<string, Budget> budgets = new()
    {
        ["gemm"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["gemm_hopper"] = new(Instructions: ["HGMMA", "UTMALDG", "USETMAXREG", "SYNCS"]),
        ["block_sparse_gemm"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["block_sparse_gemm_hopper"] = new(Instructions: ["HGMMA", "UTMALDG", "USETMAXREG", "SYNCS"]),
        ["block_sparse_weight_gradient_hopper"] = new(Instructions: ["HGMMA", "UTMALDG", "USETMAXREG", "SYNCS"]),
        ["block_sparse_weight_gradient"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["attention_forward"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["attention_gradient_keys"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["attention_gradient_queries"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
        ["attention_select"] = new(Instructions: ["HMMA", "LDSM", "LDGSTS"]),
    };

    [NvrtcFact]
    public void Every_variant_compiles_without_spills_within_its_budgets()
    {
        var found = new ConcurrentBag<Report>();
        Parallel.ForEach(CheckedVariants.All(), item => found.Add(Check(new NvrtcCompiler(NvrtcHere.Library!, item.Architecture), item.Variant, budgets.GetValueOrDefault(item.Variant.File) ?? new())));
        Report[] reports = [.. found.OrderBy(Title, StringComparer.Ordinal)];
        CheckInstructions(reports);
        foreach (Report report in reports)
            foreach (string line in report.Lines) output.WriteLine($"{Title(report)}: {line}");
        Assert.Empty(budgets.Keys.Except(KernelText.Files));
        if (NvrtcHere.Disassembler is null) output.WriteLine("no nvdisasm: instructions were not looked at");
        output.WriteLine($"{reports.Length} variants of {KernelText.Files.Count} files");
        Assert.True(reports.All(report => report.Problems.Count == 0), string.Join('\n', reports.SelectMany(report => report.Problems.Select(problem => $"{Title(report)}: {problem}"))));

        static string Title(Report report) => $"{report.Architecture} {report.Variant}";
    }

    /// <summary>As on a GPU that the compiler does not know: PTX of the newest architecture that it does, which holds nothing of that one alone.</summary>
    [NvrtcFact]
    public void Every_variant_becomes_PTX_for_a_GPU_newer_than_the_compiler()
    {
        var compiler = new NvrtcCompiler(NvrtcHere.Library!, "sm_990a");
        string target = $".target sm_{NvrtcHere.Library!.Architectures.Max()}\n";
        var problems = new ConcurrentBag<string>();
        Parallel.ForEach(CheckedVariants.All().Select(item => item.Variant).Distinct(), variant =>
        {
            string ptx = Encoding.ASCII.GetString(compiler.Compile(variant));
            if (!ptx.Contains(target, StringComparison.Ordinal) || !ptx.Contains(".entry", StringComparison.Ordinal)) problems.Add($"{variant}: {ptx[..Math.Min(ptx.Length, 500)]}");
        });
        Assert.Empty(problems);
    }

    /// <summary>The tiles that are timed beside those in use.</summary>
    [NvrtcTheory]
    [InlineData(64, false)]
    [InlineData(128, false)]
    [InlineData(64, true)]
    [InlineData(128, true)]
    public void Smaller_tiles_of_attention_compile_without_spills(int headDim, bool hasPattern)
    {
        var problems = new ConcurrentBag<string>();
        foreach ((string architecture, GpuProperties gpu) in new[] { ("sm_90a", new GpuProperties("", 9, 0, 132, 0, 227 << 10, 0, 0)), ("sm_80", new GpuProperties("", 8, 0, 108, 0, 163 << 10, 0, 0)) })
        {
            var tiles = new AttentionTiles(headDim, gpu, hasPattern);
            IEnumerable<KernelVariant> gradients = tiles.GradientVariants.Select(variant => AttentionOps.GradientVariants(headDim, variant)).SelectMany(pair => new[] { pair.ForKeys, pair.ForQueries });
            Parallel.ForEach(tiles.ForwardVariants.Select(tile => AttentionOps.ForwardVariant(headDim, tile, hasPattern)).Concat(gradients).Distinct(), variant =>
            {
                foreach (string problem in Check(new NvrtcCompiler(NvrtcHere.Library!, architecture), variant, new Budget()).Problems) problems.Add($"{architecture} {variant}: {problem}");
            });
        }

        Assert.Empty(problems);
    }

    [NvrtcFact]
    public void A_spill_and_local_memory_are_seen()
    {
        const string Text = """
            extern "C" __global__ void __launch_bounds__(1024, 2) crowded(float* x)
            {
                float held[64];
                #pragma unroll
                for (int i = 0; i < 64; i++) held[i] = x[threadIdx.x + i * 1024];
                __syncthreads();
                #pragma unroll
                for (int i = 0; i < 64; i++) x[threadIdx.x + i * 1024] = held[i] * held[(i + 7) % 64] + held[63 - i];
            }
            extern "C" __global__ void modest(float* x) { __shared__ float y[32]; y[threadIdx.x] = x[threadIdx.x]; __syncthreads(); x[threadIdx.x] = y[31 - threadIdx.x]; }
            """;
        var compiler = new NvrtcCompiler(NvrtcHere.Library!, "sm_80", _ => Text);
        compiler.Compile(new KernelVariant("planted"), ["--ptxas-options=-v"], out string log);
        IReadOnlyList<CompiledKernel> kernels = CompiledKernel.Parse(log);
        Assert.Equal(["crowded", "modest"], kernels.Select(kernel => kernel.Name).Order());
        CompiledKernel crowded = kernels.Single(kernel => kernel.Name == "crowded"), modest = kernels.Single(kernel => kernel.Name == "modest");
        Assert.True(crowded is { Registers: <= 32, SpillBytes: > 0 }, log);
        Assert.True(modest is { SpillBytes: 0, StackBytes: 0, SharedBytes: 128, Registers: > 0 }, log);

        List<string> problems = Check(compiler, new KernelVariant("planted"), new Budget(StaticSharedBytes: 100)).Problems;
        Assert.Contains(problems, problem => problem.StartsWith("crowded: ", StringComparison.Ordinal) && problem.EndsWith("spilled", StringComparison.Ordinal));
        Assert.Contains("modest: 128 bytes of static shared memory, 100 allowed", problems);
    }

    [NvrtcFact]
    public void A_missing_instruction_is_seen()
    {
        if (NvrtcHere.Disassembler is null) return;
        string[] wanted = ["FFMA", "LDG", "HMMA"];
        Report[] reports = [.. new[] { "x[0] = x[1] * x[2] + x[3];", "x[0] = x[1] + x[2];", "" }.Select(Compile)];
        CheckInstructions(reports);
        Assert.Equal([["no HMMA in its machine code"], ["no FFMA in its machine code", "no HMMA in its machine code"], [.. wanted.Select(name => $"no {name} in its machine code")]], reports.Select(report => report.Problems));

        Report Compile(string body)
            => Check(new NvrtcCompiler(NvrtcHere.Library!, "sm_90a", _ => $"extern \"C\" __global__ void planted(float* x) {{ {body} }}"), new KernelVariant("planted"), new Budget(Instructions: wanted));
    }

    [Fact]
    public void Variants_are_read_from_the_files_comments()
    {
        const string Text = "#include \"device.cuh\"\n// variants: A=1 B=2; A=2 B=2\n// variants (sm_90a): A=3\nint x;";
        IReadOnlyList<(string, KernelVariant)> variants = CheckedVariants.Of("norm", Text, [80, 89, 90]);
        string[] all = ["sm_80", "sm_89", "sm_90a"];
        Assert.Equal([.. all.Select(architecture => (architecture, new KernelVariant("norm", "A=1", "B=2"))), .. all.Select(architecture => (architecture, new KernelVariant("norm", "A=2", "B=2"))), ("sm_90a", new KernelVariant("norm", "A=3"))], variants);
        Assert.Equal(all.Select(architecture => (architecture, new KernelVariant("norm"))), CheckedVariants.Of("norm", "// variants:\n", []));
        Assert.Equal(["sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a", "sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a", "sm_90a", "sm_100a", "sm_120a"],
            CheckedVariants.Of("norm", Text, [80, 89, 90, 100, 101, 120]).Select(item => item.Architecture));
        Assert.Equal([("sm_90a", new KernelVariant("norm", "A=4"))], CheckedVariants.Of("norm", "// variants (sm_90a alone): A=4", [90, 100, 120]));
        Assert.Throws<InvalidDataException>(() => CheckedVariants.Of("norm", "int x;", []));
    }

    static Report Check(NvrtcCompiler compiler, KernelVariant variant, Budget budget)
    {
        List<string> lines = [], problems = [];
        byte[] image;
        string log;
        try
        {
            image = compiler.Compile(variant, ["--ptxas-options=-v"], out log);
        }
        catch (KernelCompilationException error)
        {
            return new Report(compiler.Target, variant, budget, null, lines, [error.Message]);
        }

        IReadOnlyList<CompiledKernel> kernels = CompiledKernel.Parse(log);
        if (kernels.Count == 0) problems.Add("no kernel in it");
        // Products of a warpgroup that wait for each other, or a share of registers that is ignored.
        problems.AddRange(log.Split('\n').Where(line => line.Contains("Performance Loss", StringComparison.Ordinal) || line.Contains("setmaxnreg", StringComparison.Ordinal)));
        foreach (CompiledKernel kernel in kernels)
        {
            lines.Add($"{kernel.Name}: {kernel.Registers} registers, {kernel.SharedBytes} bytes of shared memory");
            if (kernel.SpillBytes > 0) problems.Add($"{kernel.Name}: {kernel.SpillBytes} bytes spilled");
            if (kernel.StackBytes > 0) problems.Add($"{kernel.Name}: {kernel.StackBytes} bytes of local memory");
            if (kernel.Registers > budget.Registers) problems.Add($"{kernel.Name}: {kernel.Registers} registers, {budget.Registers} allowed");
            if (kernel.SharedBytes > budget.StaticSharedBytes) problems.Add($"{kernel.Name}: {kernel.SharedBytes} bytes of static shared memory, {budget.StaticSharedBytes} allowed");
        }

        return new Report(compiler.Target, variant, budget, image, lines, problems);
    }

    /// <summary>Adds to the reports which of the budgets' instructions are missing.</summary>
    static void CheckInstructions(IEnumerable<Report> reports)
    {
        if (NvrtcHere.Disassembler is not { } disassembler) return;
        foreach (IGrouping<string, Report> compiled in reports.Where(report => report.Image is not null && report.Budget.Instructions.Length > 0).GroupBy(report => report.Architecture))
            foreach ((Report report, HashSet<string> opcodes) in compiled.Zip(Disassembly.Opcodes(disassembler, compiled.Key, [.. compiled.Select(report => report.Image!)])))
            {
                bool alignedOperands = !report.Variant.Defines.Any(define => define.StartsWith("ALIGNED", StringComparison.Ordinal) && define.EndsWith("=0", StringComparison.Ordinal));
                IEnumerable<string> possible = alignedOperands ? report.Budget.Instructions : report.Budget.Instructions.Except(["LDGSTS"]); // such copies need 16-byte addresses
                report.Problems.AddRange(possible.Where(needed => !opcodes.Any(opcode => opcode.Split('.')[0] == needed)).Select(missing => $"no {missing} in its machine code"));
            }
    }
}
