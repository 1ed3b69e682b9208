using Litespark.Cli.Doctor;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Tests.Devices.Cuda.Libraries;

namespace Litespark.Tests.Cli;

public sealed class CudaCheckTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [StandInFact]
    public void Driver_GPU_and_every_library_have_their_lines()
    {
        StandInLibrary.BuildFile(folder.File("libcuda.so.1"), "stand_in_cuda.c");
        StandInLibrary.Build("int cudnnBackendExecute; unsigned long cudnnGetVersion(void) { return 91900; }", folder.File("libcudnn.so.9"));
        StandInLibrary.Build("int ncclGetVersion(int* v) { *v = 22005; return 0; }", folder.File("libnccl.so.2"));
        Dictionary<string, DoctorFinding> findings = Check().ToDictionary(finding => finding.Name);
        Assert.Equal(["NVIDIA driver", "GPU 0", "libnvrtc", "libcublasLt", "libcudnn", "libnccl", "libnvidia-ml", "cuDNN attention"], findings.Keys);
        Assert.Contains("does not work: ", findings["cuDNN attention"].Detail); // it has a version and nothing else
        Assert.Equal($"{folder.File("libcuda.so.1")}, for CUDA 12.4", findings["NVIDIA driver"].Detail);
        Assert.Equal("Stand-in GPU, compute capability 9.0, 132 multiprocessors, 1.0 GiB", findings["GPU 0"].Detail);
        Assert.Equal($"{folder.File("libcudnn.so.9")}, version 9.19.0, in a folder of LITESPARK_CUDA_PATH", findings["libcudnn"].Detail);
        if (findings["libnccl"] is { Found: false } nccl)
        {
            Assert.Contains("has no ncclCommInitRank", nccl.Detail);
            Assert.Contains("one GPU does not need it", nccl.ToDo);
        }
    }

    [StandInFact]
    public void It_says_whether_cudnn_has_plans_for_attention()
    {
        StandInLibrary.BuildFile(folder.File("libcuda.so.1"), "stand_in_cuda.c");
        StandInCudnn.Build(folder.File("libcudnn.so.9"));
        DoctorFinding[] attention = [.. Check().Where(finding => finding.Name == "cuDNN attention")];
        Assert.Equal(4, attention.Length);
        Assert.All(attention, finding => Assert.True(finding.Found, finding.Detail));
        Assert.Equal("attention, 1 × 4096 tokens, 32/8 heads of 128: cuDNN 9.8.0, 0.0 MB of scratch memory, eng2_k5=4", attention[0].Detail);
        Assert.StartsWith("attention's gradient, 1 × 4096 tokens, 32/8 heads of 128: cuDNN 9.8.0, 1074.", attention[1].Detail);
    }

    [StandInFact]
    public void A_driver_that_does_not_work_is_no_find()
    {
        StandInLibrary.Build("int something;", folder.File("libcuda.so.1"));
        DoctorFinding[] findings = Check();
        if (findings[0].Found) return; // this machine has a driver of its own
        Assert.Contains($"{folder.File("libcuda.so.1")}: has no cuGraphInstantiateWithFlags", Assert.Single(findings).Detail);
        Assert.Contains("Training runs on the CPU", findings[0].Detail);
    }

    DoctorFinding[] Check() => [.. new CudaCheck(new LibraryProbe(new LibraryFolders(name => name == LibraryFolders.Variable ? folder.Path : null, folder.Path))).Run()];
}
