using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Tests.Devices.Cuda.Emulation;

/// <summary>
/// Compiles kernel text for the processor with g++, the hardware's functions replaced by the emulator's. What it returns is the
/// path of a shared library, which lies in the temporary folder under a hash of all that went into it.
/// </summary>
/// <param name="texts">Kernel files that exist only for a test, by name with ending; they come before the device's own.</param>
internal sealed class EmulatedCompiler(IReadOnlyDictionary<string, string>? texts = null) : IKernelCompiler
{
    /// <summary>The sanitizer's checks trap, which the emulator reports: no library of its own is needed.</summary>
    static readonly string[] Options =
    [
        "-std=c++17", "-O1", "-g1", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-fno-threadsafe-statics", "-ffp-contract=off", "-fno-strict-aliasing",
        "-fsanitize=alignment,bounds,signed-integer-overflow,integer-divide-by-zero,shift-exponent", "-fsanitize-undefined-trap-on-error", "-nostdinc++", "-nodefaultlibs", "-Wl,-z,nodelete", "-x", "c++",
    ];

    /// <summary>All that kernels and the emulator need; C++'s own library is not among it.</summary>
    static readonly string[] Libraries = ["-lm", "-lc", "-lgcc"];

    static readonly Lazy<string?> Version = new(FindVersion);

    /// <summary>Tests that need the same kernel at the same time wait for one of them to make it.</summary>
    static readonly ConcurrentDictionary<string, Lock> Gates = [];

    static readonly string Folder = Path.Combine(Path.GetTempPath(), "litespark-emulated-kernels");

    /// <summary>Why nothing can be compiled here, or null.</summary>
    public static string? Problem => Version.Value is null ? "emulated kernels need g++, which is not installed here" : null;

    /// <inheritdoc/>
    public string Identity => $"g++ {Version.Value}";

    /// <inheritdoc/>
    public byte[] Compile(KernelVariant variant)
    {
        string text = KernelText.Flatten(variant.File, Substitute);
        string[] options = [.. Options, .. variant.Defines.Select(define => "-D" + define)];
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', [Identity, .. options, .. Libraries, text])));
        string path = Path.Combine(Folder, $"{variant.File}-{Convert.ToHexStringLower(hash)[..20]}");
        lock (Gates.GetOrAdd(path, _ => new Lock()))
            if (!File.Exists(path + ".so")) Build(variant, text, options, path);
        return Encoding.UTF8.GetBytes(path + ".so");
    }

    /// <summary>Line of a compiled kernel's text, which reports refer to.</summary>
    public static string Line(string library, int number)
    {
        string[] lines = File.ReadAllLines(Path.ChangeExtension(library, ".cu"));
        return number > 0 && number <= lines.Length ? lines[number - 1].Trim() : "";
    }

    /// <summary>Number of the line that an instruction of a compiled kernel comes from, 0 where that is not known.</summary>
    public static int LineOf(string library, string instruction)
    {
        try
        {
            string output = Run("addr2line", ["-e", library, instruction]).Output; // path:line (discriminator …)
            return int.TryParse(output[(output.LastIndexOf(':') + 1)..].Split(' ', '\n')[0], CultureInfo.InvariantCulture, out int line) ? line : 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 0;
        }
    }

    string? Substitute(string name)
    {
        if (texts is not null && texts.TryGetValue(name, out string? text)) return text;
        string file = Path.Combine(SourceFolder(), name);
        return File.Exists(file) ? File.ReadAllText(file) : null;
    }

    /// <summary>Several processes may build the same one: each writes files of its own and moves them into place whole.</summary>
    static void Build(KernelVariant variant, string text, string[] options, string path)
    {
        Directory.CreateDirectory(Folder);
        string own = $"{path}-{Guid.NewGuid():N}";
        File.WriteAllText(own + ".cu", text);
        (int status, string log) = Run("g++", [.. options, own + ".cu", "-o", own + ".so", .. Libraries]);
        if (status != 0)
        {
            File.Delete(own + ".cu");
            throw new KernelCompilationException($"{variant}:\n{log}");
        }

        File.Move(own + ".cu", path + ".cu", overwrite: true);
        File.Move(own + ".so", path + ".so", overwrite: true);
    }

    static string? FindVersion()
    {
        try
        {
            (int status, string output) = Run("g++", ["-dumpfullversion"]);
            return status == 0 ? output.Trim() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    static (int Status, string Output) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors);
    }

    static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}

/// <summary>A test that runs kernels on the processor; left out where g++ is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EmulatedFactAttribute : FactAttribute
{
    public EmulatedFactAttribute() => Skip = EmulatedCompiler.Problem;
}

/// <summary>The same with parameters.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EmulatedTheoryAttribute : TheoryAttribute
{
    public EmulatedTheoryAttribute() => Skip = EmulatedCompiler.Problem;
}
