using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Pins;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Pins;

/// <summary>The pins on the emulator: it does what the instructions are defined to do, and a wrapper that does not is found.</summary>
public partial class PinTests
{
    const int Seed = 20;

    public static TheoryData<string> Names() => [.. PinSet.All(Seed).Select(pin => pin.Name)];

    [EmulatedTheory]
    [MemberData(nameof(Names))]
    public void The_emulator_does_what_is_defined(string name)
    {
        for (int seed = Seed; seed < Seed + 3; seed++)
        {
            PinResult result = Run(PinSet.All(seed).Single(pin => pin.Name == name), (uint)seed);
            Assert.True(result.Problem is null, $"{name}, seed {seed}: {result.Problem}");
        }
    }

    [EmulatedTheory]
    [InlineData("hardware.cuh", "(uint32)x.bits << 16", "(uint32)x.bits << 15", "to_float(bf16)")]
    [InlineData("hardware.cuh", "bits + 0x7FFF + (bits >> 16 & 1)", "bits + 0x8000", "from_float<bf16>")]
    [InlineData("hardware.cuh", "if (x != x) return {0x7FFF};", "", "from_float<bf16>")]
    [InlineData("hardware.cuh", "from_float<bf16>(low).bits | (uint32)from_float<bf16>(high).bits << 16", "from_float<bf16>(high).bits | (uint32)from_float<bf16>(low).bits << 16", "pack_bf16")]
    [InlineData("hardware.cuh", "{__uint_as_float(pair << 16), __uint_as_float(pair & 0xFFFF0000u)}", "{__uint_as_float(pair << 16), __uint_as_float(pair)}", "unpack_bf16")]
    [InlineData("hardware.cuh", "return exp2f(x)", "return expf(x)", "fast_exp2")]
    [InlineData("hardware.cuh", "return log2f(x)", "return 0.9999995f * log2f(x)", "fast_log2")]
    [InlineData("hardware.cuh", "fast_rsqrt(float x) { return rsqrtf(x); }", "fast_rsqrt(float x) { return 1.000001f * rsqrtf(x); }", "fast_rsqrt")]
    [InlineData("hardware.cuh", "return 1.0f / x", "return 0.999999f / x", "fast_reciprocal")]
    [InlineData("hardware.cuh", "return tanhf(x)", "return 0.999f * tanhf(x)", "fast_tanh")]
    [InlineData("hardware.cuh", "__builtin_ffs(x)", "__builtin_ctz(x)", "__ffs")]
    [InlineData("hardware.cuh", "return *(const uint4*)address;", "{ uint4 v = *(const uint4*)address; return {v.x, v.y, v.w, v.z}; }", "load16")]
    [InlineData("hardware.cuh", "*(uint2*)address = value;", "*(uint2*)address = {value.y, value.x};", "store8")]
    [InlineData("hardware.cuh", "source = lane ^ other;", "source = lane + other;", "__shfl_sync, __shfl_xor_sync, __shfl_down_sync, __shfl_up_sync")]
    [InlineData("hardware.cuh", "source < lane / width * width ? -1 : source", "source < 0 ? 0 : source", "__shfl_sync, __shfl_xor_sync, __shfl_down_sync, __shfl_up_sync")]
    [InlineData("hardware.cuh", "votes |= 1u << lane;", "votes |= 1u << (31 - lane);", "__ballot_sync, __any_sync, __all_sync, one lane")]
    [InlineData("hardware.cuh", "== mask; }", "!= 0; }", "__ballot_sync, __any_sync, __all_sync, one lane")]
    [InlineData("hardware.cuh", "*address = max(old, value);", "*address = value;", "atomicAdd, atomicMax")]
    [InlineData("hardware.cuh", "{ emulator::arrive(emulator::named_gates[barrier], threads, \"barrier_sync\", line); }", "{}", "barrier_sync, barrier_arrive")]
    [InlineData("hardware.cuh", "{ emulator::block_barrier(line); }", "{}", "SHARED_MEMORY, SHARED_ARRAY, __syncthreads")]
    [InlineData("tensor_core.cuh", "int major = lane / 4, minor = lane % 4 * 2;", "int major = lane % 8, minor = lane / 8 * 2;", "load_matrices")]
    [InlineData("tensor_core.cuh", "Transposed ? element(minor, major) : element(major, minor)", "element(major, minor)", "load_matrices_transposed")]
    [InlineData("tensor_core.cuh", "left[group + 8][pair + i] = half(it.a[1], i);", "left[group + 8][pair + i] = half(it.a[2], i);", "multiply_add")]
    [InlineData("tensor_core.cuh", "right[pair + 8 + i][group] = half(it.b1, i);", "right[pair + 8 + i][group] = half(it.b0, i);", "multiply_add")]
    [InlineData("tensor_core.cuh", "d[2 + i] = sum[lane / 4 + 8][lane % 4 * 2 + i];", "d[2 + i] = sum[lane / 4][lane % 4 * 2 + i];", "multiply_add")]
    [InlineData("tensor_core.cuh", "memset(to, 0, width);\n        memcpy(to, from, bytes);", "memcpy(to, from, width);", "copy_async")]
    [InlineData("tensor_core.cuh", "live ? 4 : 0, 4, line", "4, 4, line", "copy_word_async")]
    [InlineData("tensor_core.cuh", "queue.group - pending)", "queue.group - pending - 1)", "wait_copies")]
    [InlineData("hopper.cuh", "uint16_t)arrivals, (int16_t)arrivals", "uint16_t)arrivals, (int16_t)1", "mbarriers")]
    [InlineData("hopper.cuh", "return it->parity != (parity & 1);", "return true;", "mbarriers")]
    [InlineData("hopper.cuh", "*(uint16_t*)swizzled(to +", "*(uint16_t*)(to +", "load_box")]
    [InlineData("hopper.cuh", "x + column < matrix.columns", "true", "load_box")]
    [InlineData("hopper.cuh", "it.bytes -= matrix.box_rows * row_bytes;", "it.bytes = 0;", "load_box")]
    [InlineData("hopper.cuh", "k / 8 * group + k % 8 * 128", "k * 64", "multiply_add_64x128, a as it is, b transposed")]
    [InlineData("hopper.cuh", "outer / 64 * panel", "0", "multiply_add_64x128, a transposed, b transposed")]
    [InlineData("hopper.cuh", "outer / 8 * group + outer % 8 * 128", "outer * 64", "multiply_add_64x128, a as it is, b as it is")]
    [InlineData("hopper.cuh", "product.first_column + column", "column", "multiply_add_64x256, a transposed, b transposed")]
    [InlineData("hopper.cuh", "sum[lane / 4 + e / 2 % 2 * 8][e / 4 * 8 + lane % 4 * 2 + e % 2]", "sum[lane / 4 + e % 2 * 8][e / 4 * 8 + lane % 4 * 2 + e / 2 % 2]", "multiply_add_64x128, a transposed, b as it is")]
    public void A_wrong_wrapper_is_found(string file, string text, string wrong, string name)
    {
        string right = File.ReadAllText(Path.Combine(EmulatorFolder(), file));
        Assert.Contains(text, right, StringComparison.Ordinal);
        var planted = new Dictionary<string, string> { [file] = right.Replace(text, wrong, StringComparison.Ordinal) };
        Pin pin = PinSet.All(Seed).Single(pin => pin.Name == name);
        // What depends on the order of threads is found in one of a few orders.
        Assert.Contains(Enumerable.Range(0, 8), seed => Run(pin, (uint)seed, planted).Problem is not null);
    }

    /// <summary>Each wrapper, and each of CUDA's own names that both sides of <c>hardware.cuh</c> know, is in some pin's kernel.</summary>
    [Fact]
    public void Everything_has_a_pin()
    {
        string pins = string.Concat(PinSet.Files.Select(file => KernelText.Read(file + ".cu"))), hardware = KernelText.Read("hardware.cuh");
        string[] wrappers = [.. Wrapper().Matches(hardware + KernelText.Read("tensor_core.cuh") + KernelText.Read("hopper.cuh")).Select(match => match.Groups[1].Value).Distinct()];
        string known = hardware[hardware.IndexOf("both sides know", StringComparison.Ordinal)..hardware.IndexOf("typedef", StringComparison.Ordinal)];
        string[] names = [.. CudaName().Matches(known).Select(match => match.Value).Distinct()];
        Assert.True(wrappers.Length > 20 && names.Length > 20);
        // shared_offset is an argument of the instructions that load_matrices and copy_async wrap: it has no result of its own to look at.
        Assert.DoesNotContain(wrappers.Except(["shared_offset"]).Concat(names), name => !Regex.IsMatch(pins, $@"\b{name}\b"));
    }

    [Fact]
    public void Every_kernel_is_run()
    {
        string[] kernels = [.. PinSet.Files.SelectMany(file => KernelName().Matches(KernelText.Read(file + ".cu"))).Select(match => match.Groups[1].Value).Distinct()];
        Assert.True(kernels.Length > 40);
        Assert.Empty(kernels.Except(PinSet.All(Seed).Select(pin => pin.Kernel)));
    }

    static PinResult Run(Pin pin, uint seed, IReadOnlyDictionary<string, string>? texts = null)
    {
        using var driver = new EmulatedDriver(seed);
        using var kernels = new KernelLibrary(driver, new EmulatedCompiler(texts));
        return new PinRunner(kernels).Run(pin);
    }

    static string EmulatorFolder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "..", "Emulation");

    [GeneratedRegex(@"__forceinline__ [\w<>]+ (\w+)(?:<\w+>)?\(")]
    private static partial Regex Wrapper();

    [GeneratedRegex(@"\b(?:__\w+|atomic\w+|\w+(?:Idx|Dim)|(?!of\b)[a-z]+f)\b")]
    private static partial Regex CudaName();

    [GeneratedRegex(@"(?<!#define )\b(?:PIN|PIN_EACH|PIN_PAIR|PIN_BOX|KERNEL)\((\w+)")]
    private static partial Regex KernelName();
}
