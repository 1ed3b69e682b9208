using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>Attention or its gradient by cuDNN, bound to memory.</summary>
internal sealed unsafe class CudnnAttention(CudnnContext context, CudnnPlan plan, CudnnDescriptor pack) : ICudaCall
{
    readonly nint planValue = plan.Value, packValue = pack.Value;

    /// <inheritdoc/>
    public string? Library => "cuDNN";

    /// <inheritdoc/>
    public void Enqueue(nint stream)
    {
        LibCudnn library = context.Library;
        context.Driver.MakeCurrent();
        int status = library.SetStream(context.Handle.Value, stream);
        if (status != 0) library.Check(status, "cudnnSetStream");
        status = library.Execute(context.Handle.Value, planValue, packValue);
        if (status != 0) library.Check(status, "cudnnBackendExecute");
    }

    /// <summary>The same; false where cuDNN refuses.</summary>
    public bool TryEnqueue(nint stream)
    {
        context.Driver.MakeCurrent();
        return context.Library.SetStream(context.Handle.Value, stream) == 0 && context.Library.Execute(context.Handle.Value, planValue, packValue) == 0;
    }

    /// <inheritdoc/>
    public void Dispose() => pack.Dispose();
}
