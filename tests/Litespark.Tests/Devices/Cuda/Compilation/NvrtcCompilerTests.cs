using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Tests.Devices.Cuda.Compilation;

public class NvrtcCompilerTests
{
    const string Text = """extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= FACTOR; }""";

    [NvrtcTheory]
    [InlineData("sm_80")]
    [InlineData("sm_89")]
    [InlineData("sm_90a")]
    public void Text_becomes_machine_code_of_the_architecture(string architecture)
    {
        NvrtcCompiler compiler = Compiler(architecture);
        byte[] image = compiler.Compile(new KernelVariant("twice", "FACTOR=2.0f"));
        Assert.Equal([0x7F, (byte)'E', (byte)'L', (byte)'F'], image[..4]);
        Assert.Contains(architecture, compiler.Identity);
        Assert.Null(compiler.Notice);
    }

    [NvrtcFact]
    public void Errors_hold_the_variant_and_the_compilers_log()
    {
        NvrtcCompiler compiler = Compiler("sm_80");
        var error = Assert.Throws<KernelCompilationException>(() => compiler.Compile(new KernelVariant("twice", "FACTOR=no_such_name")));
        Assert.Contains("twice (FACTOR=no_such_name) does not compile for sm_80", error.Message);
        Assert.Contains("twice.cu(1): error: identifier \"no_such_name\" is undefined", error.Message);
    }

    [NvrtcFact]
    public void A_GPU_newer_than_the_compiler_gets_PTX_and_a_notice()
    {
        NvrtcCompiler compiler = Compiler("sm_990a");
        int newest = NvrtcHere.Library!.Architectures.Max();
        Assert.Equal($"compute_{newest}", compiler.Target);
        Assert.Contains("does not know sm_990a yet", compiler.Notice);
        string ptx = System.Text.Encoding.ASCII.GetString(compiler.Compile(new KernelVariant("twice", "FACTOR=2.0f")));
        Assert.Contains($".target sm_{newest}", ptx);
        Assert.EndsWith("\0", ptx); // as the driver wants text
    }

    [NvrtcFact]
    public void A_GPU_older_than_all_that_the_compiler_knows_is_an_error_of_the_user()
    {
        Assert.Throws<UserErrorException>(() => new NvrtcCompiler(NvrtcHere.Library!, "sm_10"));
    }

    [NvrtcFact]
    public void Variants_compile_beside_each_other()
    {
        NvrtcCompiler compiler = Compiler("sm_80");
        byte[][] images = new byte[8][];
        Parallel.For(0, images.Length, i => images[i] = compiler.Compile(new KernelVariant("twice", $"FACTOR={i % 2}.0f")));
        for (int i = 2; i < images.Length; i++) Assert.Equal(images[i % 2], images[i]);
        Assert.NotEqual(images[0], images[1]);
    }

    static NvrtcCompiler Compiler(string architecture) => new(NvrtcHere.Library!, architecture, _ => Text);
}
