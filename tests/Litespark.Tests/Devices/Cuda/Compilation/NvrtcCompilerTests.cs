using Litespark.Devices.Cuda.Compilation;
using Xunit.Abstractions;

namespace Litespark.Tests.Devices.Cuda.Compilation;

public class NvrtcCompilerTests(ITestOutputHelper output)
{
    const string Text = """extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= FACTOR; }""";

    [Theory]
    [InlineData("sm_80")]
    [InlineData("sm_89")]
    [InlineData("sm_90a")]
    public void Text_becomes_machine_code_of_the_architecture(string architecture)
    {
        if (Compiler(architecture) is not { } compiler) return;
        byte[] image = compiler.Compile(new KernelVariant("twice", "FACTOR=2.0f"));
        Assert.Equal([0x7F, (byte)'E', (byte)'L', (byte)'F'], image[..4]);
        Assert.Contains(architecture, compiler.Identity);
        Assert.Null(compiler.Notice);
    }

    [Fact]
    public void Errors_hold_the_variant_and_the_compilers_log()
    {
        if (Compiler("sm_80") is not { } compiler) return;
        var error = Assert.Throws<KernelCompilationException>(() => compiler.Compile(new KernelVariant("twice", "FACTOR=no_such_name")));
        Assert.Contains("twice (FACTOR=no_such_name) does not compile for sm_80", error.Message);
        Assert.Contains("twice.cu(1): error: identifier \"no_such_name\" is undefined", error.Message);
    }

    [Fact]
    public void A_GPU_newer_than_the_compiler_gets_PTX_and_a_notice()
    {
        if (Compiler("sm_990a") is not { } compiler) return;
        int newest = NvrtcHere.Library!.Architectures.Max();
        Assert.Equal($"compute_{newest}", compiler.Target);
        Assert.Contains("does not know sm_990a yet", compiler.Notice);
        string ptx = System.Text.Encoding.ASCII.GetString(compiler.Compile(new KernelVariant("twice", "FACTOR=2.0f")));
        Assert.Contains($".target sm_{newest}", ptx);
        Assert.EndsWith("\0", ptx); // as the driver wants text
    }

    [Fact]
    public void A_GPU_older_than_all_that_the_compiler_knows_is_an_error_of_the_user()
    {
        if (NvrtcHere.Library is null) output.WriteLine(NvrtcHere.Missing);
        else Assert.Throws<UserErrorException>(() => new NvrtcCompiler(NvrtcHere.Library, "sm_10"));
    }

    [Fact]
    public void Variants_compile_beside_each_other()
    {
        if (Compiler("sm_80") is not { } compiler) return;
        byte[][] images = new byte[8][];
        Parallel.For(0, images.Length, i => images[i] = compiler.Compile(new KernelVariant("twice", $"FACTOR={i % 2}.0f")));
        for (int i = 2; i < images.Length; i++) Assert.Equal(images[i % 2], images[i]);
        Assert.NotEqual(images[0], images[1]);
    }

    NvrtcCompiler? Compiler(string architecture)
    {
        if (NvrtcHere.Library is { } library) return new NvrtcCompiler(library, architecture, _ => Text);
        output.WriteLine(NvrtcHere.Missing);
        return null;
    }
}
