using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Xunit.Sdk;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Shows that a test would notice a mistake in a kernel: the kernel's own text with a mistake in it fails.</summary>
internal static class KernelBugs
{
    const int Seeds = 6;

    /// <summary>Asserts that a trial passes with the kernel's text as it is, and fails for one of a few seeds with <paramref name="wrong"/> in place of <paramref name="text"/>.</summary>
    public static void AssertFound(string file, string text, string wrong, Action<(int Seed, IReadOnlyDictionary<string, string>? Texts)> trial)
    {
        string right = KernelText.Read(file);
        Assert.Contains(text, right, StringComparison.Ordinal);
        trial((0, null));
        var planted = new Dictionary<string, string> { [file] = right.Replace(text, wrong, StringComparison.Ordinal) };
        for (int seed = 0; seed < Seeds; seed++)
        {
            try
            {
                trial((seed, planted));
            }
            catch (Exception found) when (found is CudaException or XunitException)
            {
                return;
            }
        }

        Assert.Fail($"{file}: `{text}` became `{wrong}`, and nothing noticed");
    }
}
