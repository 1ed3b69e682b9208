using System.Reflection;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Builds;

/// <summary>A build that was loaded beside this program, its step ready to run.</summary>
internal sealed class LoadedBuild : IDisposable
{
    readonly BuildSurface surface;

    LoadedBuild(BuildSurface surface) => this.surface = surface;

    /// <inheritdoc cref="BuildStep.Kernels"/>
    public IReadOnlyList<BuildKernel> Kernels => surface.Kernels;

    /// <inheritdoc cref="BuildStep.FirstLoss"/>
    public double FirstLoss => surface.FirstLoss;

    /// <summary>Loads a build and its step.</summary>
    /// <exception cref="UserErrorException">It lacks what this harness drives a build by, or refuses the model.</exception>
    public static LoadedBuild Open(Build build, ModelShape shape, string plan, int threads)
    {
        try
        {
            MethodInfo open = new BuildContext(build.Folder).Harness.GetType(typeof(BuildStep).FullName!)!.GetMethod(nameof(BuildStep.Open))!;
            return new LoadedBuild(open.CreateDelegate<Func<string, int, int, string, int, BuildSurface>>()(shape.Name, shape.MicroBatch, shape.SequenceLength, plan, threads));
        }
        catch (Exception error) when (error is MemberAccessException or TypeLoadException or FileLoadException or FileNotFoundException or BadImageFormatException)
        {
            throw new UserErrorException($"{build.Name} lacks what this harness drives a build by: {error.Message.TrimEnd('.')}. A build that is nearer to this one can be compared.", error);
        }
        catch (Exception error) when (error.GetType().FullName == typeof(UserErrorException).FullName)
        {
            throw new UserErrorException($"{build.Name}: {error.Message}", error); // each build has that type for itself
        }
    }

    /// <inheritdoc cref="BuildStep.Profile"/>
    public double[] Profile() => surface.Profile();

    /// <inheritdoc cref="BuildStep.Steps"/>
    public double Steps(int times) => surface.Steps(times);

    /// <summary>The kernel, made ready to take turns.</summary>
    public PairSide Kernel(int kernel)
    {
        surface.Prepare(kernel);
        return new PairSide(surface.Restore, surface.RunKernel);
    }

    /// <inheritdoc/>
    public void Dispose() => surface.Dispose();
}
