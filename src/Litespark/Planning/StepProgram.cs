namespace Litespark.Planning;

/// <summary>A set of plans that share one persistent arena and one transient arena, sized to the largest plan.</summary>
public sealed class StepProgram
{
    internal StepProgram(PersistentLayout layout, ParameterTable parameters, IReadOnlyList<StepPlan> plans, IReadOnlyList<(PersistentTensor, Action<Span<float>>)> constants, int vocabulary, long scratchBytes = 0)
    {
        Vocabulary = vocabulary;
        ScratchBytes = scratchBytes;
        Layout = layout;
        Parameters = parameters;
        Plans = plans.ToDictionary(plan => plan.Name);
        Constants = constants;
        TransientBytes = plans.Count == 0 ? 0 : plans.Max(plan => plan.TransientBytes);
    }

    /// <summary>Columns of the logits: token ids go from 0 to one less.</summary>
    public int Vocabulary { get; }

    /// <summary>Persistent memory.</summary>
    public PersistentLayout Layout { get; }

    /// <summary>Where the parameters are.</summary>
    public ParameterTable Parameters { get; }

    /// <summary>The plans by name.</summary>
    public IReadOnlyDictionary<string, StepPlan> Plans { get; }

    /// <summary>Tables to write when the program is loaded.</summary>
    public IReadOnlyList<(PersistentTensor Tensor, Action<Span<float>> Contents)> Constants { get; }

    /// <summary>Size of the transient arena.</summary>
    public long TransientBytes { get; }

    /// <summary>Size of the scratch memory that its calls share on the device it is made for (<see cref="DeviceProfile.ScratchBytes"/>).</summary>
    public long ScratchBytes { get; }

    /// <summary>Size of both arenas and the scratch memory: what a device allocates.</summary>
    public long TotalBytes => Layout.Bytes + TransientBytes + ScratchBytes;
}
