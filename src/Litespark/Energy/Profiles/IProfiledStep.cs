namespace Litespark.Energy.Profiles;

/// <summary>A training step whose kernels can be run one by one.</summary>
public interface IProfiledStep
{
    /// <summary>What it is.</summary>
    ProfileSubject Subject { get; }

    /// <summary>The device's name: <c>cpu</c>, <c>cuda</c>.</summary>
    string Device { get; }

    /// <summary>The processor's or the GPU's own name.</summary>
    string Hardware { get; }

    /// <summary>Its different kernels.</summary>
    IReadOnlyList<KernelInfo> Kernels { get; }

    /// <summary>Its plans in order, as indices of kernels.</summary>
    IReadOnlyList<ProfiledPart> Parts { get; }

    /// <summary>Lets a kernel's operands hold what they hold in a step.</summary>
    void Prepare(int kernel);

    /// <summary>Runs a kernel so many times in a row; returns when that is done.</summary>
    void Run(int kernel, int times);

    /// <summary>Runs whole steps; returns when they are done.</summary>
    void RunSteps(int times);
}
