namespace Litespark.Benchmarks.Measuring;

/// <summary>PyTorch's training step, by the script in benchmarks/peers.</summary>
internal sealed class TorchPeer
{
    /// <summary>Names the Python that has PyTorch.</summary>
    public const string PythonVariable = "LITESPARK_PYTHON";

    /// <summary>Printed where there is none.</summary>
    public const string Missing = "PyTorch was not found: only our own figures follow. To compare: apt-get install python3-torch python3-numpy libopenblas0-openmp (or name a Python that has torch in " + PythonVariable + ").";

    // glibc gives large blocks back to the system as soon as they are free, and takes them anew in every step, page by page. Where it keeps them,
    // PyTorch is faster and holds hardly more at most. To other systems' libraries these variables mean nothing.
    static readonly (string Name, string Value)[] KeptMemory = [("MALLOC_MMAP_MAX_", "0"), ("MALLOC_TRIM_THRESHOLD_", "1000000000000")];

    readonly string python, script;

    TorchPeer(string python, string script) => (this.python, this.script) = (python, script);

    /// <summary>The peer, or null where no Python with PyTorch or no script is here.</summary>
    public static TorchPeer? Find()
    {
        string? script = Script();
        string? named = Environment.GetEnvironmentVariable(PythonVariable);
        string[] candidates = named is { Length: > 0 } ? [named] : ["/usr/bin/python3", "python3"];
        return script is not null && candidates.FirstOrDefault(HasTorch) is { } python ? new TorchPeer(python, script) : null;
    }

    /// <summary>Trains some steps in a process of its own.</summary>
    /// <exception cref="RunFailureException">The script failed.</exception>
    public (PeerFact Fact, string Line) Run(ModelShape shape, int steps, int threads)
    {
        (int code, string output, string error) = ChildProcess.Run(Variables(), python, script, shape.Name, $"{shape.MicroBatch}", $"{shape.SequenceLength}", $"{steps}", $"{threads}");
        if (code != 0) throw new RunFailureException($"the peer failed: {error.Trim()}");
        string line = JsonLine.Last(output);
        return (PeerFact.Parse(line), line);
    }

    // What the environment has already is left to it.
    static Dictionary<string, string?> Variables()
        => KeptMemory.Where(one => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(one.Name))).ToDictionary(one => one.Name, one => (string?)one.Value);

    static bool HasTorch(string python)
    {
        try
        {
            return ChildProcess.Run(python, "-c", "import torch").Code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }

    /// <summary>The script beside the source, in the folder of this program or one above it.</summary>
    static string? Script()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string script = Path.Combine(folder.FullName, "benchmarks", "peers", "torch_llama_cpu.py");
            if (File.Exists(script)) return script;
        }

        return null;
    }
}
