using Litespark.Devices.Cuda.Driver;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>Where the operands of a product lie while it is timed.</summary>
internal readonly record struct MatmulOperands(nint A, nint B, nint C, nint Bias, nint Workspace);

/// <summary>
/// Memory on which products are timed. Kept from one product to the next until it is released.
/// </summary>
internal sealed class MatmulMemory(ICudaDriver driver) : IDisposable
{
    const int Boundary = 256, AccessBytes = 16;
    const long Reserve = 256L << 20; // for the program that is being bound meanwhile

    DeviceMemory? memory;

    /// <summary>Fills operands for a problem, aligned as it says and no better; null where the GPU has no room for them.</summary>
    public MatmulOperands? Take(MatmulProblem problem)
    {
        int shift = problem.Alignment < AccessBytes ? Math.Max(problem.Alignment, problem.Operands.Size()) : 0, shiftC = shift > 0 ? Math.Max(shift, problem.Output.Size()) : 0;
        long bytesA = Aligned(problem.LengthA * problem.Operands.Size() + shift), bytesB = Aligned(problem.LengthB * problem.Operands.Size() + shift);
        long bytesC = Aligned(problem.LengthC * problem.Output.Size() + shiftC), bytesBias = Aligned((long)problem.N * problem.Output.Size() + shiftC);
        if (!Reserved(bytesA + bytesB + bytesC + bytesBias + CublasLtContext.WorkspaceBytes)) return null;
        nint a = memory!.Value, b = a + (nint)bytesA, c = b + (nint)bytesB, bias = c + (nint)bytesC, workspace = bias + (nint)bytesBias;
        using var stream = new CudaStream(driver);
        NormalValues.Fill(driver, stream, a, c - a, problem.Operands);
        NormalValues.Fill(driver, stream, c, workspace - c, problem.Output);
        return new MatmulOperands(a + shift, b + shift, c + shiftC, problem.HasBias ? bias + shiftC : 0, workspace);
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        memory?.Dispose();
        memory = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Release();

    bool Reserved(long bytes)
    {
        if (memory?.ByteLength >= bytes) return true;
        Release();
        if (driver.FreeMemory() < bytes + Reserve) return false;
        memory = new DeviceMemory(driver, bytes);
        return true;
    }

    static long Aligned(long bytes) => (bytes + Boundary - 1) / Boundary * Boundary;
}
