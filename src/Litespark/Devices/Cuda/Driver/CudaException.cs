namespace Litespark.Devices.Cuda.Driver;

/// <summary>The driver or one of NVIDIA's libraries refused a call.</summary>
internal sealed class CudaException(string message) : Exception(message);
