using System.Runtime.InteropServices;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// OpenBLAS in this process, found at run time. Load it before anything pins a thread: its threads inherit the affinity of the
/// one that starts them, and a pinned one would confine all of them to one processor.
/// </summary>
internal sealed unsafe class OpenBlas
{
    /// <summary>Names a library file to use instead.</summary>
    public const string PathVariable = "LITESPARK_OPENBLAS";

    /// <summary>Printed where there is none.</summary>
    public const string Missing = "OpenBLAS was not found: only our own figures follow. To compare: apt-get install libopenblas0-openmp (or name a library file in " + PathVariable + ").";

    const int RowMajor = 101, NoTranspose = 111, Transpose = 112;
    const int OpenMp = 2;

    readonly nint handle;
    readonly delegate* unmanaged[Cdecl]<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> sgemm;
    readonly delegate* unmanaged[Cdecl]<int, void> setThreads;
    readonly delegate* unmanaged[Cdecl]<int, void> setOpenMpThreads;

    OpenBlas(string path, nint handle)
    {
        Path = path;
        this.handle = handle;
        sgemm = (delegate* unmanaged[Cdecl]<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)NativeLibrary.GetExport(handle, "cblas_sgemm");
        setThreads = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(handle, "openblas_set_num_threads");

        // Each thread that calls has an OpenMP setting of its own; the symbol is found through the library's dependencies.
        if (NativeLibrary.TryGetExport(handle, "omp_set_num_threads", out nint openMp)) setOpenMpThreads = (delegate* unmanaged[Cdecl]<int, void>)openMp;
    }

    /// <summary>The library's file.</summary>
    public string Path { get; }

    /// <summary>Version, build and kernels.</summary>
    public string Description
    {
        get
        {
            var config = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(handle, "openblas_get_config");
            return $"{Marshal.PtrToStringUTF8((nint)config())?.Trim()}, kernels for {Kernels}";
        }
    }

    /// <summary>The processor that its kernels are for.</summary>
    public string? Kernels => Marshal.PtrToStringUTF8((nint)((delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(handle, "openblas_get_corename"))());

    /// <summary>Whether the threads are OpenMP's, as in the build that is OpenBLAS's best here.</summary>
    public bool IsOpenMp => ((delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(handle, "openblas_get_parallel"))() == OpenMp;

    /// <summary>The best build that is here, with the fastest of its kernels, or null. Its worker threads are started.</summary>
    public static OpenBlas? Find()
    {
        OpenBlasKernels.Choose();
        return Load();
    }

    /// <summary>The best build that is here, with what kernels it chooses by itself.</summary>
    public static OpenBlas? Load()
    {
        foreach (string path in Candidates())
        {
            if (!NativeLibrary.TryLoad(path, out nint handle)) continue;
            if (!NativeLibrary.TryGetExport(handle, "cblas_sgemm", out _) || !NativeLibrary.TryGetExport(handle, "openblas_set_num_threads", out _)) continue;
            var blas = new OpenBlas(path, handle);
            blas.StartWorkers();
            return blas;
        }

        return null;
    }

    /// <summary>Why a comparison on so many threads would not be fair; null where it is.</summary>
    public string? Refusal(int threads) => threads == 1 || IsOpenMp
        ? null
        : $"{Path} is not an OpenMP build: its thread pool is not OpenBLAS's best and fights with others, so it is not compared on {threads} threads. Debian's libopenblas0-openmp is the right one.";

    /// <summary>Threads of the products that the calling thread asks for.</summary>
    public void UseThreads(int threads)
    {
        setThreads(threads);
        if (setOpenMpThreads != null) setOpenMpThreads(threads);
    }

    /// <summary>C = alpha · op(A) · op(B) + beta · C, row-major with row lengths lda, ldb, ldc.</summary>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
        => sgemm(RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);

    /// <summary>The library's file names, best build first. What the loader knows by name comes last.</summary>
    static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named)
        {
            if (!File.Exists(named)) throw new UserErrorException($"{PathVariable}: there is no file {named}.");
            return [named];
        }

        string[] builds = ["openblas-openmp", "openblas-serial", "openblas-pthread"];
        string[] folders = Directory.Exists("/usr/lib") ? [.. Directory.GetDirectories("/usr/lib")] : [];
        IEnumerable<string> debian = builds.SelectMany(build => folders.Select(folder => System.IO.Path.Combine(folder, build, "libopenblas.so.0"))).Where(File.Exists);
        return [.. debian, "libopenblas.so.0", "libopenblas.so", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "libopenblas.dylib", "libopenblas.dll"];
    }

    void StartWorkers()
    {
        const int Size = 512;
        UseThreads(Environment.ProcessorCount);
        using var buffer = new NativeBuffer(3L * Size * Size * sizeof(float));
        float* p = buffer.Floats;
        Multiply(false, false, Size, Size, Size, 1, p, Size, p + Size * Size, Size, 0, p + 2 * Size * Size, Size);
    }
}
