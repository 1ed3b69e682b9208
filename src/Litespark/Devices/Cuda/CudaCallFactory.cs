using Litespark.Devices.Cuda.Launching;
using Litespark.Planning;

namespace Litespark.Devices.Cuda;

/// <summary>Binds each call of a plan to the kernels that compute its op.</summary>
internal sealed class CudaCallFactory
{
    public ICudaCall Create(CudaBinding binding, KernelCall call)
        => throw new NotSupportedException($"no CUDA kernel for {call.Op.Name}");
}
