using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Libraries;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs.Ops;

namespace Litespark.Cli.Doctor;

/// <summary>Whether cuDNN, where it is installed, has plans for attention on this GPU; where it has none, its own words.</summary>
internal static class AttentionCheck
{
    /// <summary>Heads of the usual widths, of Llama's kind and of GPT-2's.</summary>
    static readonly AttentionGeometry[] usual = [new(1, 4096, 32, 8, 128), new(1, 1024, 12, 12, 64)];

    /// <summary>One line for each.</summary>
    /// <param name="driver">The driver that was found.</param>
    /// <param name="cudnn">What was found of cuDNN.</param>
    /// <param name="mode">What it is to be used for.</param>
    public static IReadOnlyList<DoctorFinding> Run(LibraryFinding driver, LibraryFinding cudnn, CudnnMode mode)
    {
        const string Name = "cuDNN attention", ToDo = "Our own kernels compute it instead.";
        if (mode == CudnnMode.Off) return [new DoctorFinding(Name, false, $"{CudnnModes.Variable}=off", ToDo)];
        try
        {
            using var gpu = new LibCudaDriver(new LibCuda(driver.Handle));
            using CudnnContext? context = CudaLibraries.OpenCudnn(gpu, cudnn, mode, out string absence);
            if (context is null) return [new DoctorFinding(Name, false, absence, ToDo)];
            return [.. usual.SelectMany(context.Try).Select(item => new DoctorFinding(Name, item.IsPlanned, $"{item.Problem}: {item.Outcome}", item.IsPlanned ? null : ToDo))];
        }
        catch (Exception error) when (error is CudaException or UserErrorException)
        {
            return [new DoctorFinding(Name, false, error.Message, ToDo)];
        }
    }
}
