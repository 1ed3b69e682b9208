namespace Litespark.Checkpoints;

/// <summary>How weights are stored in a written file.</summary>
public enum WeightDtype
{
    /// <summary>fp32: exact.</summary>
    Float32,

    /// <summary>bf16, rounded to nearest even: half the size, for export.</summary>
    BFloat16,
}
