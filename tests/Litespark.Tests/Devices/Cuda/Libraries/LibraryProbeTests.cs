using System.Runtime.InteropServices;
using Litespark.Devices.Cuda.Libraries;

namespace Litespark.Tests.Devices.Cuda.Libraries;

/// <summary>The search for libraries, over folders made on the fly with libraries built by gcc.</summary>
public sealed class LibraryProbeTests : IDisposable
{
    const string File2 = "liblitespark-stand-in.so.2", File1 = "liblitespark-stand-in.so.1";

    /// <summary>Under names that no system has, so that the loader's path finds none of them.</summary>
    static readonly unsafe NvidiaLibrary library = new("libstand-in", "tests", [File2, File1], [], "entry", new Version(12, 0),
        handle => new Version(((delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "version"))(), 3));

    readonly TemporaryFolder folder = new();
    readonly Dictionary<string, string> variables = [];

    public void Dispose() => folder.Dispose();

    [StandInFact]
    public void Named_folders_come_before_toolkits_and_those_before_Python_packages()
    {
        string named = Place("named", File1), home = Place("toolkit/lib64", File1), usual = Place("root/usr/local/cuda/lib64", File1);
        string wheel = Place("env/lib/python3.12/site-packages/nvidia/cublas/lib", File1), cu13 = Place("conda/lib/python3.12/site-packages/nvidia/cu13/lib", File1);
        string local = Place("home/.local/lib/python3.11/site-packages/nvidia/cudnn/lib", File1);
        variables["VIRTUAL_ENV"] = folder.File("env");
        variables["CONDA_PREFIX"] = folder.File("conda");
        variables["HOME"] = folder.File("home");
        variables["CUDA_HOME"] = folder.File("toolkit");
        variables[LibraryFolders.Variable] = $"{folder.File("nowhere")}:{Path.GetDirectoryName(named)}";
        foreach (string expected in (string[])[named, home, usual, wheel, cu13, local])
        {
            LibraryFinding finding = Look();
            Assert.Equal(expected, finding.Path);
            Assert.Equal(new Version(12, 3), finding.Version);
            Assert.Equal($"{expected}, version 12.3{(expected == named ? ", in a folder of LITESPARK_CUDA_PATH" : "")}", finding.Explain().Split(", preferred to ")[0]);
            File.Delete(expected);
        }

        Assert.False(Look().IsFound);
    }

    [StandInFact]
    public void The_newest_is_taken_wherever_it_is()
    {
        string system = PlaceVersion("system", "12.4.127"), home = PlaceVersion("toolkit/lib64", "12.6.20"), unknown = Place("root/usr/local/cuda/lib64", File2, version: 99);
        string wheel = PlaceWheel("env", "nvidia_stand_in_cu12-12.8.93"), later = PlaceWheel("home/.local", "nvidia_stand_in_cu12-12.10.1.7");
        Directory.CreateDirectory(folder.File("root", "etc"));
        File.WriteAllText(folder.File("root", "etc", "ld.so.cache"), $"ld.so-1.7.0\0\u0001\u0002{folder.File("nowhere", File2)}\0{File2}\0{system}\0");
        variables["VIRTUAL_ENV"] = folder.File("env");
        variables["HOME"] = folder.File("home");
        variables["CUDA_HOME"] = folder.File("toolkit");
        LibraryFinding finding = Look();
        Assert.Equal(later, finding.Path);
        Assert.Equal(", preferred to " + string.Join(", ", $"12.8.93 in {Path.GetDirectoryName(wheel)}", $"12.6.20 in {Path.GetDirectoryName(home)}", $"12.4.127 in {Path.GetDirectoryName(system)}",
            $"of unknown version in {Path.GetDirectoryName(unknown)}"), finding.Why);
        Assert.EndsWith(finding.Why, finding.Explain());
        foreach (string expected in (string[])[later, wheel, home, system, unknown])
        {
            Assert.Equal(expected, Look().Path);
            File.Delete(expected);
        }

        Assert.False(Look().IsFound);
    }

    [StandInFact]
    public void A_folder_that_is_named_comes_before_newer_ones()
    {
        PlaceWheel("env", "nvidia_stand_in_cu12-12.8.93");
        string named = PlaceVersion("named", "12.1.0");
        variables["VIRTUAL_ENV"] = folder.File("env");
        variables[LibraryFolders.Variable] = folder.File("named");
        Assert.Equal((named, ", in a folder of LITESPARK_CUDA_PATH"), (Look().Path, Look().Why));
    }

    [StandInTheory]
    [InlineData(13, null)]
    [InlineData(12, "version 13.0.2, for CUDA 13; the driver is for 12.4")]
    public void What_the_driver_is_too_old_for_is_passed_over(int driver, string? reason)
    {
        StandInLibrary.Build($"int cuGraphInstantiateWithFlags; int cuDriverGetVersion(int* v) {{ *v = {driver * 1000 + 40}; return 0; }}", folder.File("libcuda.so.1"));
        variables[LibraryFolders.Variable] = folder.Path;
        variables["CUDA_HOME"] = folder.File("toolkit");
        variables["VIRTUAL_ENV"] = folder.File("env");
        string older = PlaceVersion("toolkit/lib64", "12.9.1"), newer = PlaceWheel("env", "nvidia_stand_in-13.0.2.14");
        LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { HasCudasVersion = true });
        Assert.Equal(reason is null ? newer : older, finding.Path);
        if (reason is null) return;
        Assert.Contains(new RejectedLibrary(newer, reason), finding.Rejected);
        Assert.EndsWith($" (not {newer}: {reason})", finding.Explain());
    }

    /// <summary>What the loader alone knows tells its version when it is loaded. One that is too new gives way to what comes after it, and is named by its file.</summary>
    [StandInTheory]
    [InlineData(12, true)]
    [InlineData(13, false)]
    public void What_the_loader_finds_by_a_bare_name_may_be_too_new(int driver, bool isTooNew)
    {
        string name = $"liblitespark-by-name-{driver}.so.13", loaded = folder.File(name); // dlopen finds what is loaded under a name already
        Directory.CreateDirectory(folder.File("named"));
        StandInLibrary.Build($"int cuGraphInstantiateWithFlags; int cuDriverGetVersion(int* v) {{ *v = {driver * 1000 + 40}; return 0; }}", folder.File("named", "libcuda.so.1"));
        variables[LibraryFolders.Variable] = folder.File("named");
        variables["CUDA_HOME"] = folder.File("toolkit");
        string older = Place("toolkit/lib64", File1);
        File.WriteAllText(folder.File("named.c"), "int entry(void) { return 1; } int version(void) { return 13; }");
        Assert.Equal(0, StandInLibrary.Gcc("-shared", "-fPIC", $"-Wl,-soname,{name}", "-o", loaded, folder.File("named.c"))!.Value.ExitCode);
        nint handle = NativeLibrary.Load(loaded);
        try
        {
            LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { LinuxFiles = [name, File1], HasCudasVersion = true });
            Assert.Equal(isTooNew ? older : loaded, finding.Path);
            if (!isTooNew) return;
            var rejected = new RejectedLibrary(loaded, "version 13.3, for CUDA 13; the driver is for 12.4");
            Assert.Contains(rejected, finding.Rejected);
            Assert.EndsWith($" (not {rejected.Candidate}: {rejected.Reason})", finding.Explain());
            File.Delete(older);
            Assert.Contains($"{rejected.Candidate}: {rejected.Reason}; ", new LibraryProbe(Folders()).Look(library with { LinuxFiles = [name, File1], HasCudasVersion = true }).Explain());
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    /// <summary>cuDNN's version is not CUDA's, but a wheel's name says which CUDA it is for.</summary>
    [StandInFact]
    public void A_wheel_for_a_later_CUDA_is_passed_over()
    {
        StandInLibrary.Build("int cuGraphInstantiateWithFlags; int cuDriverGetVersion(int* v) { *v = 12080; return 0; }", folder.File("libcuda.so.1"));
        variables[LibraryFolders.Variable] = folder.Path;
        variables["VIRTUAL_ENV"] = folder.File("env");
        variables["HOME"] = folder.File("home");
        string suits = PlaceWheel("env", "nvidia_stand_in_cu12-9.14.0.64"), newer = PlaceWheel("home/.local", "nvidia_stand_in_cu13-9.19.0.56");
        LibraryFinding finding = Look();
        Assert.Equal(suits, finding.Path);
        Assert.Contains(new RejectedLibrary(newer, "version 9.19.0, for CUDA 13; the driver is for 12.8"), finding.Rejected);
    }

    /// <summary>A wheel's library asks for the compiler of its release by a bare name, which lies where no loader looks.</summary>
    [StandInFact]
    public void The_compiler_that_it_was_built_for_is_at_hand()
    {
        const string Compiler = "libnvrtc.so.99"; // of no machine
        StandInLibrary.Build("int cuGraphInstantiateWithFlags; int cuDriverGetVersion(int* v) { *v = 99040; return 0; }", folder.File("libcuda.so.1"));
        variables[LibraryFolders.Variable] = folder.Path;
        variables["VIRTUAL_ENV"] = folder.File("env");
        string path = PlaceWheel("env", "nvidia_stand_in_cu99-9.19.0.56"), beside = folder.File("env", "lib", "python3.12", "site-packages", "nvidia", "cuda_nvrtc", "lib");
        StandInLibrary.Build(Asking(Compiler, "nvrtcGetCUBIN"), path);
        Directory.CreateDirectory(beside);
        File.WriteAllText(folder.File("nvrtc.c"), "int nvrtcGetCUBIN(void) { return 12; } int nvrtcVersion(int* a, int* b) { *a = 99; *b = 1; return 0; }");
        Assert.Equal(0, StandInLibrary.Gcc("-shared", "-fPIC", $"-Wl,-soname,{Compiler}", "-o", Path.Combine(beside, Compiler), folder.File("nvrtc.c"))!.Value.ExitCode);
        Assert.False(Look().IsFound); // version 0.3
        LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { NeedsCompiler = true });
        Assert.Equal((path, new Version(12, 3)), (finding.Path, finding.Version));
    }

    /// <summary>A library that asks the loader for its parts by bare names gets those of its own folder.</summary>
    [StandInFact]
    public void Parts_come_from_the_librarys_folder()
    {
        const string Part = "liblitespark-stand-in-part.so.2";
        foreach ((string place, int number) in ((string, int)[])[("broken", 14), ("whole", 19)])
        {
            Place(place, File2, text: Asking(Part, "number", entry: place == "whole" ? "entry" : "other"));
            File.WriteAllText(folder.File("part.c"), $"int number(void) {{ return {number}; }}");
            Assert.Equal(0, StandInLibrary.Gcc("-shared", "-fPIC", $"-Wl,-soname,{Part}", "-o", folder.File(place, Part), folder.File("part.c"))!.Value.ExitCode);
        }

        variables[LibraryFolders.Variable] = $"{folder.File("broken")}:{folder.File("whole")}";
        LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { Parts = ["liblitespark-stand-in-part.so.*"] });
        Assert.Equal((folder.File("whole", File2), new Version(19, 3)), (finding.Path, finding.Version)); // the parts of what was not taken are gone again
    }

    [StandInFact]
    public void The_python3_of_the_path_leads_to_its_packages_through_links()
    {
        Directory.CreateDirectory(folder.File("env", "bin"));
        Directory.CreateDirectory(folder.File("real", "bin"));
        File.WriteAllText(folder.File("real", "bin", "python3"), "");
        File.CreateSymbolicLink(folder.File("env", "bin", "python3"), folder.File("real", "bin", "python3"));
        variables["PATH"] = $"{folder.File("nowhere")}:{folder.File("env", "bin")}";
        string environment = Place("env/lib/python3.12/site-packages/nvidia/cu13/lib", File2);
        string debian = Place("real/lib/python3/dist-packages/torch/lib", File2);
        Assert.Equal(environment, Look().Path);
        File.Delete(environment);
        Assert.Equal(debian, Look().Path);
        string other = Place("other/lib/python3.13/site-packages/nvidia/cu13/lib", File2);
        Directory.CreateDirectory(folder.File("other", "bin"));
        File.WriteAllText(folder.File("other", "bin", "python"), "");
        variables["LITESPARK_PYTHON"] = folder.File("other", "bin", "python");
        Assert.Equal(other, Look().Path);
    }

    [StandInFact]
    public void Every_candidate_is_listed_with_the_reason_why_it_was_not_taken()
    {
        foreach (string name in (string[])["empty", "text", "other", "old", "mute", "good"]) Directory.CreateDirectory(folder.File(name));
        File.WriteAllText(folder.File("text", File2), "This is a text, not a library, and it is longer than the header of one would be.");
        StandInLibrary.Build("int something(void) { return 1; }", folder.File("other", File2));
        StandInLibrary.Build("int entry(void) { return 1; }", folder.File("mute", File2));
        Place("old", File2, version: 11);
        string good = Place("good", File1);
        variables[LibraryFolders.Variable] = string.Join(':', new[] { "empty", "text", "other", "old", "mute", "good" }.Select(name => folder.File(name)));
        LibraryFinding finding = Look();
        Assert.Equal(good, finding.Path);
        Dictionary<string, string> reasons = finding.Rejected.ToDictionary(item => item.Candidate, item => item.Reason);
        Assert.Equal(11, reasons.Count);
        Assert.Equal(RejectedLibrary.NoSuchFile, reasons[folder.File("empty", File2)]);
        Assert.Equal("invalid ELF header", reasons[folder.File("text", File2)]);
        Assert.Equal("has no entry: too old, or another library", reasons[folder.File("other", File2)]);
        Assert.Equal("version 11.3; 12.0 or later is needed", reasons[folder.File("old", File2)]);
        Assert.StartsWith("does not tell its version", reasons[folder.File("mute", File2)]);

        File.Delete(good);
        string message = Look().Explain();
        Assert.Contains($"{folder.File("text", File2)}: invalid ELF header; ", message);
        Assert.Contains($"{File2}: cannot open shared object file: No such file or directory; ", message); // by the loader's path
        Assert.Contains($"not in {folder.File("empty")}, ", message);
        Assert.EndsWith("LITESPARK_CUDA_PATH names further folders.", message);
    }

    [StandInFact]
    public void What_comes_with_the_driver_is_not_looked_for_in_toolkits()
    {
        Place("toolkit/lib64", File2);
        variables["CUDA_HOME"] = folder.File("toolkit");
        Assert.True(Look().IsFound);
        LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { ComesWithDriver = true });
        Assert.Equal([File2, File1], finding.Rejected.Select(item => item.Candidate));
    }

    [Fact]
    public void A_library_of_the_loaders_path_is_shown_by_its_file()
    {
        LibraryFinding finding = new LibraryProbe(Folders()).Look(library with { LinuxFiles = ["libc.so.6"], WindowsFiles = ["kernel32.dll"], EntryPoint = OperatingSystem.IsWindows() ? "Sleep" : "malloc", ReadVersion = _ => null });
        if (OperatingSystem.IsLinux()) Assert.True(File.Exists(finding.Path), finding.Path);
        else Assert.True(finding.IsFound || OperatingSystem.IsMacOS());
    }

    [StandInTheory]
    [InlineData("int cublasLtMatmulAlgoGetHeuristic; unsigned long cublasLtGetVersion(void) { return 130002; }", "libcublasLt.so.13", 13, 0, 2)]
    [InlineData("int cublasLtMatmulAlgoGetHeuristic; unsigned long cublasLtGetVersion(void) { return 120402; }", "libcublasLt.so.12", 12, 4, 2)]
    [InlineData("int cudnnBackendExecute; unsigned long cudnnGetVersion(void) { return 91900; }", "libcudnn.so.9", 9, 19, 0)]
    [InlineData("int ncclCommInitRank; int ncclGetVersion(int* v) { *v = 22005; return 0; }", "libnccl.so.2", 2, 20, 5)]
    [InlineData("int nvrtcGetCUBIN; int nvrtcVersion(int* a, int* b) { *a = 13; *b = 1; return 0; }", "libnvrtc.so.13", 13, 1, -1)]
    [InlineData("int cuGraphInstantiateWithFlags; int cuDriverGetVersion(int* v) { *v = 13010; return 0; }", "libcuda.so.1", 13, 1, -1)]
    [InlineData("int nvmlInit_v2; int nvmlSystemGetNVMLVersion(char* t, unsigned n) { __builtin_strcpy(t, \"13.580.95\"); return n < 80; }", "libnvidia-ml.so.1", 13, 580, 95)]
    public void Each_library_tells_its_version_in_its_own_way(string text, string file, int major, int minor, int patch)
    {
        StandInLibrary.Build(text, folder.File(file));
        variables[LibraryFolders.Variable] = folder.Path;
        LibraryFinding finding = new LibraryProbe(Folders()).Look(NvidiaLibrary.All.Single(library => library.LinuxFiles.Contains(file)));
        Assert.Equal(folder.File(file), finding.Path);
        Assert.Equal(patch < 0 ? new Version(major, minor) : new Version(major, minor, patch), finding.Version);
    }

    [StandInTheory]
    [InlineData("int cublasLtMatmulAlgoGetHeuristic; unsigned long cublasLtGetVersion(void) { return 11402; }", "libcublasLt.so.12", "version 11.4.2; 12.0 or later is needed")]
    [InlineData("int cudnnBackendExecute; unsigned long cudnnGetVersion(void) { return 8902; }", "libcudnn.so.9", "version 8.9.2; 9.0 or later is needed")]
    public void Older_ways_of_counting_are_read_too(string text, string file, string reason)
    {
        StandInLibrary.Build(text, folder.File(file));
        variables[LibraryFolders.Variable] = folder.Path;
        LibraryFinding finding = new LibraryProbe(Folders()).Look(NvidiaLibrary.All.Single(library => library.LinuxFiles.Contains(file)));
        Assert.Contains(new RejectedLibrary(folder.File(file), reason), finding.Rejected);
    }

    string Place(string below, string file, int version = 12, string? text = null)
    {
        string path = Path.Combine(folder.Path, below, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        StandInLibrary.Build(text ?? $"int entry(void) {{ return 1; }} int version(void) {{ return {version}; }}", path);
        return path;
    }

    /// <summary>A library whose version is what a function of another says, which it asks the loader for; 0 where it does not get it.</summary>
    static string Asking(string other, string function, string entry = "entry")
        => $"#include <dlfcn.h>\nint {entry}(void) {{ return 1; }} int version(void) {{ void* part = dlopen(\"{other}\", RTLD_NOW); int (*f)(void) = part ? (int (*)(void))dlsym(part, \"{function}\") : 0; return f ? f() : 0; }}";

    /// <summary>A link to a file that tells its version, as toolkits and distributions have them.</summary>
    string PlaceVersion(string below, string version)
    {
        string path = folder.File(below, File2);
        File.CreateSymbolicLink(path, Place(below, $"{File2[..^2]}.{version}"));
        return path;
    }

    /// <summary>A file that does not, in a wheel that does.</summary>
    string PlaceWheel(string environment, string name)
    {
        const string Packages = "lib/python3.12/site-packages", Below = "nvidia/stand_in/lib";
        string path = Place($"{environment}/{Packages}/{Below}", File2), information = folder.File(environment, Packages, $"{name}.dist-info");
        Directory.CreateDirectory(information);
        File.WriteAllText(Path.Combine(information, "RECORD"), $"nvidia/__init__.py,,\n{Below}/{File2},sha256=abc,123\n");
        Directory.CreateDirectory(folder.File(environment, Packages, "nvidia_another_cu12-1.2.3.dist-info"));
        return path;
    }

    LibraryFinding Look() => new LibraryProbe(Folders()).Look(library);

    LibraryFolders Folders() => new(name => variables.GetValueOrDefault(name), folder.File("root"));
}
