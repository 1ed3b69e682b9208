using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>A matrix product by cuBLASLt, bound to its operands and its algorithm.</summary>
internal sealed unsafe class CublasLtMatmul : ICudaCall
{
    readonly CublasLtContext context;
    readonly MatmulDescription description;
    readonly nint workspace, a, b, c;
    readonly NativeBuffer constants; // the algorithm, then α and β, where the library reads them at each call

    internal CublasLtMatmul(CublasLtContext context, MatmulDescription description, Algorithm algorithm, nint workspace, nint a, nint b, nint c, float alpha, float beta)
    {
        (this.context, this.description, this.workspace, this.a, this.b, this.c) = (context, description, workspace, a, b, c);
        constants = new NativeBuffer(sizeof(Algorithm) + 2 * sizeof(float));
        *Chosen = algorithm;
        Scalars[0] = alpha;
        Scalars[1] = beta;
    }

    Algorithm* Chosen => (Algorithm*)constants.Pointer;

    float* Scalars => (float*)(Chosen + 1);

    /// <inheritdoc/>
    public string? Library => "cuBLASLt";

    /// <inheritdoc/>
    public void Enqueue(nint stream)
    {
        context.Driver.MakeCurrent();
        int status = description.Run(Scalars, a, b, c, Chosen, workspace, CublasLtContext.WorkspaceBytes, stream);
        if (status != 0) context.Library.Check(status, "cublasLtMatmul");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        description.Dispose();
        constants.Dispose();
    }
}
