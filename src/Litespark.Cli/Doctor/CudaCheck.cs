using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.Cudnn;

namespace Litespark.Cli.Doctor;

/// <summary>The NVIDIA driver, its GPUs, and NVIDIA's libraries: where each was found in which version, or why it was not.</summary>
/// <param name="probe">Where to look; null for what this process sees.</param>
internal sealed class CudaCheck(LibraryProbe? probe = null) : IDoctorCheck
{
    const double Gib = 1L << 30;

    public IEnumerable<DoctorFinding> Run()
    {
        LibraryFinding driver = Look(NvidiaLibrary.Driver);
        if (!driver.IsFound)
        {
            // Without a driver nothing else of NVIDIA's is of use: one line says all.
            yield return new DoctorFinding("NVIDIA driver", false, $"{driver.Explain()} Training runs on the CPU.",
                "Only where there is an NVIDIA GPU: install its driver (in a container, start it with GPU access).");
            yield break;
        }

        yield return new DoctorFinding("NVIDIA driver", true, $"{driver.Path}, for CUDA {driver.Version}");
        List<DoctorFinding> gpus = Gpus(new LibCuda(driver.Handle));
        foreach (DoctorFinding gpu in gpus) yield return gpu;
        foreach (NvidiaLibrary library in NvidiaLibrary.All.Where(library => library != NvidiaLibrary.Driver))
        {
            LibraryFinding finding = Look(library);
            yield return new DoctorFinding(library.Name, finding.IsFound, finding.Explain(), finding.IsFound ? null : $"It {library.Purpose}.");
        }

        if (gpus.Exists(gpu => gpu.Found) && Look(NvidiaLibrary.Cudnn) is { IsFound: true } cudnn)
            foreach (DoctorFinding finding in AttentionCheck.Run(driver, cudnn, CudnnModes.Of(Environment.GetEnvironmentVariable))) yield return finding;
    }

    static List<DoctorFinding> Gpus(LibCuda cuda)
    {
        try
        {
            cuda.Initialize();
            return [.. Enumerable.Range(0, cuda.DeviceCount()).Select(ordinal => Describe(ordinal, cuda.Properties(cuda.Device(ordinal))))];
        }
        catch (CudaException error)
        {
            return [new DoctorFinding("GPU", false, error.Message, "Training runs on the CPU. Look at nvidia-smi and CUDA_VISIBLE_DEVICES; a container has to be started with GPU access.")];
        }
    }

    static DoctorFinding Describe(int ordinal, GpuProperties gpu) => new($"GPU {ordinal}", true,
        $"{gpu.Name}, compute capability {gpu.Major}.{gpu.Minor}, {gpu.Multiprocessors} multiprocessors, {gpu.MemoryBytes / Gib:F1} GiB");

    LibraryFinding Look(NvidiaLibrary library) => probe is null ? LibraryProbe.Find(library) : probe.Look(library);
}
