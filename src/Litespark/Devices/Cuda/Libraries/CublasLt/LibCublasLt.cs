using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Litespark.Devices.Cuda.Driver;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Libraries.CublasLt;

/// <summary>The functions of cuBLASLt that Litespark calls, and the numbers that its header gives to names (<c>cublasLt.h</c>, <c>library_types.h</c>).</summary>
/// <param name="library">A loaded <c>libcublasLt</c>.</param>
internal sealed unsafe class LibCublasLt(nint library)
{
    public const int NotSupported = 15; // CUBLAS_STATUS_NOT_SUPPORTED
    public const int DataFloat32 = 0, DataBFloat16 = 14; // CUDA_R_32F, CUDA_R_16BF
    public const int ComputeFloat32 = 68; // CUBLAS_COMPUTE_32F: of fp32 operands true fp32 products, no TF32
    public const int Transpose = 1; // CUBLAS_OP_T
    public const int TransposeA = 3, TransposeB = 4, Epilogue = 7, BiasPointer = 8; // CUBLASLT_MATMUL_DESC_…
    public const int BatchCount = 5, BatchStride = 6; // CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, …_STRIDED_BATCH_OFFSET
    public const int EpilogueBias = 4; // CUBLASLT_EPILOGUE_BIAS
    public const int MaxWorkspaceBytes = 1, ReductionSchemeMask = 3, MinAlignmentA = 5, MinAlignmentB = 6, MinAlignmentC = 7, MinAlignmentD = 8; // CUBLASLT_MATMUL_PREF_…
    public const int ConfigId = 0, ConfigTile = 1, ConfigSplits = 2, ConfigReductionScheme = 3, ConfigStages = 6, ConfigCluster = 8; // CUBLASLT_ALGO_CONFIG_…
    public const int ReductionNone = 0, ReductionComputeType = 2; // CUBLASLT_REDUCTION_SCHEME_…; 1 adds up in the output itself, 4 rounds partial sums to the output's type

    readonly delegate* unmanaged<int, byte*> getStatusName = (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(library, "cublasLtGetStatusName");
    readonly delegate* unmanaged<int, byte*> getStatusString = (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(library, "cublasLtGetStatusString");

    public readonly delegate* unmanaged<nuint> GetVersion = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(library, "cublasLtGetVersion");
    public readonly delegate* unmanaged<nint*, int> Create = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cublasLtCreate");
    public readonly delegate* unmanaged<nint, int> Destroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cublasLtDestroy");
    public readonly delegate* unmanaged<nint*, int, int, int> DescCreate = (delegate* unmanaged<nint*, int, int, int>)NativeLibrary.GetExport(library, "cublasLtMatmulDescCreate");
    public readonly delegate* unmanaged<nint, int> DescDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cublasLtMatmulDescDestroy");
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> DescSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)NativeLibrary.GetExport(library, "cublasLtMatmulDescSetAttribute");
    public readonly delegate* unmanaged<nint*, int, ulong, ulong, long, int> LayoutCreate = (delegate* unmanaged<nint*, int, ulong, ulong, long, int>)NativeLibrary.GetExport(library, "cublasLtMatrixLayoutCreate");
    public readonly delegate* unmanaged<nint, int> LayoutDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cublasLtMatrixLayoutDestroy");
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> LayoutSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)NativeLibrary.GetExport(library, "cublasLtMatrixLayoutSetAttribute");
    public readonly delegate* unmanaged<nint*, int> PreferenceCreate = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cublasLtMatmulPreferenceCreate");
    public readonly delegate* unmanaged<nint, int> PreferenceDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cublasLtMatmulPreferenceDestroy");
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> PreferenceSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)NativeLibrary.GetExport(library, "cublasLtMatmulPreferenceSetAttribute");

    /// <summary>(handle, description, A, B, C, D, preference, requested, results, returned)</summary>
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, HeuristicResult*, int*, int> AlgoGetHeuristic =
        (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, HeuristicResult*, int*, int>)NativeLibrary.GetExport(library, "cublasLtMatmulAlgoGetHeuristic");

    /// <summary>(handle, description, A, B, C, D, algorithm, result)</summary>
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, Algorithm*, HeuristicResult*, int> AlgoCheck =
        (delegate* unmanaged<nint, nint, nint, nint, nint, nint, Algorithm*, HeuristicResult*, int>)NativeLibrary.GetExport(library, "cublasLtMatmulAlgoCheck");

    /// <summary>(algorithm, attribute, value, size, written)</summary>
    public readonly delegate* unmanaged<Algorithm*, int, void*, nuint, nuint*, int> AlgoConfigGetAttribute =
        (delegate* unmanaged<Algorithm*, int, void*, nuint, nuint*, int>)NativeLibrary.GetExport(library, "cublasLtMatmulAlgoConfigGetAttribute");

    /// <summary>(handle, description, α, A, layout, B, layout, β, C, layout, D, layout, algorithm, workspace, its bytes, stream)</summary>
    public readonly delegate* unmanaged<nint, nint, void*, nint, nint, nint, nint, void*, nint, nint, nint, nint, Algorithm*, nint, nuint, nint, int> Matmul =
        (delegate* unmanaged<nint, nint, void*, nint, nint, nint, nint, void*, nint, nint, nint, nint, Algorithm*, nint, nuint, nint, int>)NativeLibrary.GetExport(library, "cublasLtMatmul");

    /// <summary>Number of an element type.</summary>
    public static int Data(DataType type) => type switch
    {
        DataType.Float32 => DataFloat32,
        DataType.BFloat16 => DataBFloat16,
        _ => throw new ArgumentException($"no matrix products of {type}", nameof(type)),
    };

    /// <summary>What tells an algorithm from others: its number and its settings, as the header numbers them, as far as the library knows them.</summary>
    public string Describe(Algorithm algorithm)
    {
        var text = new StringBuilder();
        foreach ((string name, int attribute) in ((string, int)[])[("", ConfigId), (" tile ", ConfigTile), (" stages ", ConfigStages), (" splits ", ConfigSplits), (" cluster ", ConfigCluster)])
        {
            int value;
            nuint written;
            if (AlgoConfigGetAttribute(&algorithm, attribute, &value, sizeof(int), &written) == 0) text.Append(name).Append(value);
        }

        return text.ToString();
    }

    /// <summary>Throws where a call did not succeed.</summary>
    public void Check(int status, string call, string detail = "")
    {
        if (status != 0)
            throw new CudaException($"{call}: {Marshal.PtrToStringUTF8((nint)getStatusName(status))} ({status}): {Marshal.PtrToStringUTF8((nint)getStatusString(status))}{(detail.Length == 0 ? "" : "; " + detail)}");
    }
}

/// <summary>cublasLtMatmulAlgo_t: an algorithm with its settings; its bytes may be kept and given to the same version of the library again.</summary>
[InlineArray(8)]
internal struct Algorithm
{
    ulong first;
}

/// <summary>cublasLtMatmulHeuristicResult_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HeuristicResult
{
    public Algorithm Algorithm;
    public nuint WorkspaceBytes;
    public int State;
    public float Waves;
    public fixed int Reserved[4];
}
