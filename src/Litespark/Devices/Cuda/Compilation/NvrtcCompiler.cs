using System.Globalization;

namespace Litespark.Devices.Cuda.Compilation;

/// <summary>
/// Compiles kernels by NVIDIA's run-time compiler, to machine code of the GPU's architecture. A compiler that does not know the
/// architecture yet makes PTX for the newest that it knows, which the driver translates; <see cref="Notice"/> says so.
/// </summary>
internal sealed class NvrtcCompiler : IKernelCompiler
{
    const int Oldest = 80; // bf16 on tensor cores

    readonly LibNvrtc nvrtc;
    readonly string[] options;
    readonly Func<string, string> text;

    /// <summary>Chooses the target.</summary>
    /// <param name="nvrtc">The compiler library.</param>
    /// <param name="architecture">Name of the GPU's architecture, as <c>sm_90a</c>.</param>
    /// <param name="text">The whole text of a kernel file by its name; that which is embedded, if null.</param>
    /// <exception cref="UserErrorException">The GPU is too old for the kernels, or the compiler has no target that it can run.</exception>
    public NvrtcCompiler(LibNvrtc nvrtc, string architecture, Func<string, string>? text = null)
    {
        this.nvrtc = nvrtc;
        this.text = text ?? (file => KernelText.Flatten(file));
        Target = architecture;
        int wanted = int.Parse(architecture["sm_".Length..].TrimEnd('a'), CultureInfo.InvariantCulture);
        if (wanted < Oldest) throw new UserErrorException($"engine.device: cuda: kernels need a GPU of sm_{Oldest} (compute capability {Oldest / 10}.{Oldest % 10}) or later, this one is {architecture}. Train on the CPU: engine.device: cpu.");
        if (!nvrtc.Architectures.Contains(wanted))
        {
            int newest = nvrtc.Architectures.Where(known => known >= Oldest && known < wanted).DefaultIfEmpty(0).Max();
            if (newest == 0)
                throw new UserErrorException($"NVRTC {nvrtc.Version} compiles for no architecture that a GPU of {architecture} runs; it knows {string.Join(", ", nvrtc.Architectures)}. Install a compiler that fits the GPU.");
            Target = $"compute_{newest}";
            Notice = $"NVRTC {nvrtc.Version} does not know {architecture} yet: kernels are made for {Target} and translated by the driver, without what is new in this GPU. A newer CUDA toolkit's libnvrtc would do better.";
        }

        // Kernels say by intrinsics where less accuracy will do; no global option changes what an ordinary operator means.
        options = [$"--gpu-architecture={Target}", "--std=c++17", "-default-device", "--fmad=true", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];
        Identity = $"NVRTC {nvrtc.Version}: {string.Join(' ', options)}";
    }

    /// <summary>What is compiled for: <c>sm_90a</c>, or <c>compute_90</c> where the compiler is older than the GPU.</summary>
    public string Target { get; }

    /// <inheritdoc/>
    public string? Notice { get; }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <inheritdoc/>
    public byte[] Compile(KernelVariant variant) => Compile(variant, [], out _);

    /// <summary>Compiles with further options, and hands over the compiler's messages.</summary>
    /// <exception cref="KernelCompilationException">The text has errors.</exception>
    public byte[] Compile(KernelVariant variant, IReadOnlyList<string> more, out string log)
        => nvrtc.Compile(text(variant.File), variant.File + ".cu", [.. options, .. variant.Defines.Select(define => "-D" + define), .. more], out log)
            ?? throw new KernelCompilationException($"{variant} does not compile for {Target} (NVRTC {nvrtc.Version}):\n{log}");
}
