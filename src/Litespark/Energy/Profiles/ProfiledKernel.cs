namespace Litespark.Energy.Profiles;

/// <summary>A kernel of a step: an op on operands of certain shapes, wherever in the step it is called.</summary>
/// <param name="Name">The op.</param>
/// <param name="Phase"><c>forward</c>, <c>backward</c>, <c>optimizer</c> or <c>communication</c>.</param>
/// <param name="Shapes">Its operands' shapes, for people.</param>
/// <param name="Flops">FLOPs of one call.</param>
/// <param name="Bytes">Bytes that one call moves if each operand is read or written once.</param>
public sealed record KernelInfo(string Name, string Phase, string Shapes, double Flops, double Bytes);

/// <summary>A kernel with what one call takes at each of the profile's clocks.</summary>
/// <param name="Kernel">Which.</param>
/// <param name="Points">One for each of <see cref="EnergyProfile.Clocks"/>; null where it was not or could not be measured.</param>
public sealed record ProfiledKernel(KernelInfo Kernel, IReadOnlyList<Measurement?> Points)
{
    /// <summary>At automatic clocks.</summary>
    public Measurement Automatic => Points[0]!;

    /// <summary>FLOPs for a joule at automatic clocks; null where no energy is measured.</summary>
    public double? FlopsPerJoule => Kernel.Flops / Automatic.Joules;

    /// <summary>Bytes for a joule at automatic clocks; null where no energy is measured.</summary>
    public double? BytesPerJoule => Kernel.Bytes / Automatic.Joules;
}

/// <summary>A plan of the step, as the kernels that it calls.</summary>
/// <param name="Plan">Its name in the program (<c>first_micro_batch</c> …).</param>
/// <param name="Times">How often a step runs it, one run after the other.</param>
/// <param name="Calls">Its calls in order, as indices into <see cref="EnergyProfile.Kernels"/>.</param>
public sealed record ProfiledPart(string Plan, int Times, IReadOnlyList<int> Calls);
