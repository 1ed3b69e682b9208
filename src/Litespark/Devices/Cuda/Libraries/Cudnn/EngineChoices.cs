namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>The engines of attention, by their names (<see cref="CudnnPlan.Engine"/>).</summary>
/// <param name="path">The file, or null to keep none.</param>
internal sealed class EngineChoices(string? path = null) : TimedChoices<string>(path, "engine")
{
    /// <summary>Name of the file beside the compiled kernels.</summary>
    public const string FileName = "attention-engines.json";

    /// <inheritdoc/>
    protected override string Text(string choice) => choice;

    /// <inheritdoc/>
    protected override string Parse(string text) => text;
}
