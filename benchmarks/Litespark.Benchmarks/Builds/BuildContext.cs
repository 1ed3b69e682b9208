using System.Reflection;
using System.Runtime.Loader;

namespace Litespark.Benchmarks.Builds;

/// <summary>
/// One build's <c>Litespark.dll</c> with a copy of this harness bound to it: code that was compiled against our own build then
/// runs the other one, with no reflection between a clock and a kernel. What the folder lacks is shared with this process.
/// </summary>
internal sealed class BuildContext(string folder) : AssemblyLoadContext("build")
{
    /// <summary>The copy of this harness.</summary>
    public Assembly Harness => LoadFromAssemblyPath(typeof(BuildContext).Assembly.Location);

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name == typeof(BuildContext).Assembly.GetName().Name) return Harness;
        string file = Path.Combine(folder, assemblyName.Name + ".dll");
        return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
    }
}
