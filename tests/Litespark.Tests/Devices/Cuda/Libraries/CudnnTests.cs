using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>The calls into cuDNN's backend, what is asked of it, and what it is told.</summary>
public sealed class CudnnTests
{
    static readonly AttentionProblem forward = Problem(new AttentionGeometry(2, 256, 8, 2, 64)), gradient = Gradient(new AttentionGeometry(2, 256, 8, 2, 64));

    static AttentionProblem Problem(AttentionGeometry g) => new(g, 0.125f, new AttentionStrides(768, 768, 768, 512));

    static AttentionProblem Gradient(AttentionGeometry g) => Problem(g) with { GradientStrides = new AttentionStrides(512, 128, 128, 512) };

    [StandInTheory]
    [InlineData(8, 8)]
    [InlineData(8, 2)]
    public void The_graphs_are_those_that_it_knows(int heads, int keyHeads)
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using (var handle = new CudnnHandle(cudnn.Library, driver))
        {
            var g = new AttentionGeometry(2, 256, heads, keyHeads, 64);
            using (CudnnPlan plan = CudnnPlan.Make(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, Problem(g)))) Assert.Equal((4096, 4096), (plan.LibraryBytes, plan.ScratchBytes));
            using (CudnnPlan plan = CudnnPlan.Make(cudnn.Library, handle, AttentionGraphs.Build(cudnn.Library, Gradient(g))))
            {
                Assert.Equal(2L * 8 * 256 * 256 * 2, plan.LibraryBytes);
                Assert.Equal(plan.LibraryBytes + 2 * 8 * 256 * sizeof(float), plan.ScratchBytes); // Σ dO ∘ o of each row
            }
        }

        Assert.Equal(0, cudnn.Live);
    }

    [StandInFact]
    public void A_graph_that_it_does_not_know_is_refused_with_its_words()
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using var handle = new CudnnHandle(cudnn.Library, driver);
        var graph = new CudnnGraph(cudnn.Library);
        CudnnTensor a = graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]), b = graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]);
        graph.Product(a, b, graph.Operand(CudnnData.BFloat16, [1, 1, 8, 8], [64, 64, 8, 1]));
        CudaException error = Assert.Throws<CudaException>(() => CudnnPlan.Make(cudnn.Library, handle, graph));
        Assert.Contains("1 operations are no attention", error.Message);
        handle.Dispose();
        Assert.Equal(0, cudnn.Live);
    }

    [StandInFact]
    public void Mistakes_with_descriptors_are_said()
    {
        using var driver = new EmulatedDriver();
        using var cudnn = new StandInCudnn(driver);
        using var tensor = new CudnnDescriptor(cudnn.Library, CudnnKind.Tensor);
        Assert.Contains("cudnnBackendSetAttribute(Tensor, PlanHandle): CUDNN_STATUS_BAD_PARAM (2000): descriptors of kind 17 have no attribute 400", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.PlanHandle, 1)).Message);
        Assert.Contains("is of type 3, not 4", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.TensorUniqueId, 1f)).Message);
        Assert.Contains("has 4 to 4 values, not 3", Assert.Throws<CudaException>(() => tensor.Set(CudnnAttribute.TensorDimensions, 1, 2, 3)).Message);
        Assert.Contains("is missing", Assert.Throws<CudaException>(() => tensor.Complete()).Message);
        using var graph = new CudnnDescriptor(cudnn.Library, CudnnKind.OperationGraph);
        Assert.Contains("refers to a descriptor that is not finalized", Assert.Throws<CudaException>(() => graph.Set(CudnnAttribute.GraphOperations, tensor)).Message);
    }

    [Theory]
    [InlineData(90100, 9, null, null)]
    [InlineData(91000, 9, "9.10.2 is right", "9.10.2 is right")]
    [InlineData(91600, 7, "8.0 or later", "8.0 or later")]
    [InlineData(91600, 10, null, "same bits each time")]
    public void Versions_and_GPUs_that_are_not_asked(int version, int capability, string? why, string? whyNoGradient)
    {
        AssertRefusal(why, forward.Refusal(version, capability));
        AssertRefusal(whyNoGradient, gradient.Refusal(version, capability));
    }

    [Theory]
    [InlineData(200, 64, null, "whole 128 tokens, not 200")]
    [InlineData(256, 68, "no multiple of 8", "no multiple of 8")]
    [InlineData(256, 256, null, null)]
    [InlineData(256, 264, "wider than 256", "wider than 256")]
    [InlineData(1, 64, "one token", "one token")]
    public void Shapes_that_are_not_asked(int tokens, int width, string? why, string? whyNoGradient)
    {
        var g = new AttentionGeometry(2, tokens, 8, 2, width);
        AssertRefusal(why, Problem(g).Refusal(90800, 9));
        AssertRefusal(whyNoGradient, Gradient(g).Refusal(90800, 9));
        if (tokens == 200) Assert.Null(Gradient(g).Refusal(91600, 9));
    }

    [Fact]
    public void The_environment_says_what_it_is_used_for()
    {
        Assert.Equal(CudnnMode.On, CudnnModes.Of(_ => null));
        Assert.Equal(CudnnMode.Forward, CudnnModes.Of(name => name == "LITESPARK_CUDNN" ? "forward" : null));
        Assert.Equal(CudnnMode.Off, CudnnModes.Of(_ => "off"));
        Assert.Contains("LITESPARK_CUDNN=no: right would be on", Assert.Throws<UserErrorException>(() => CudnnModes.Of(_ => "no")).Message);
    }

    [StandInFact]
    public void A_library_that_does_not_work_is_none()
    {
        using var driver = new EmulatedDriver();
        using var folder = new TemporaryFolder();
        StandInLibrary.Build("int cudnnBackendExecute; unsigned long cudnnGetVersion(void) { return 91900; }", folder.File("libcudnn.so.9"));
        LibraryFinding finding = new LibraryProbe(new LibraryFolders(name => name == LibraryFolders.Variable ? folder.Path : null, folder.Path)).Look(NvidiaLibrary.Cudnn);
        Assert.Null(CudaLibraries.OpenCudnn(driver, finding, CudnnMode.On, out string absence));
        Assert.StartsWith($"{folder.File("libcudnn.so.9")} does not work: ", absence);
        Assert.Null(CudaLibraries.OpenCudnn(driver, finding, CudnnMode.Off, out absence));
        Assert.Equal("LITESPARK_CUDNN=off", absence);
    }

    static void AssertRefusal(string? expected, string? found)
    {
        if (expected is null) Assert.Null(found);
        else Assert.Contains(expected, found);
    }
}
