namespace Litespark.Devices.Cuda.Driver;

/// <summary>The driver or one of NVIDIA's libraries refused a call.</summary>
internal sealed class CudaException(string message) : Exception(message)
{
    /// <summary>Whether every later call of this process will be refused too: a kernel failed, and the GPU's context went with it.</summary>
    public bool LosesContext { get; init; }
}
