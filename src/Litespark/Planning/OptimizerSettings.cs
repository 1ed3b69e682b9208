namespace Litespark.Planning;

/// <summary>What the update plan computes.</summary>
public sealed record OptimizerSettings
{
    /// <summary>Hidden matrices are updated by Muon, the rest by AdamW.</summary>
    public bool UseMuon { get; init; }

    /// <summary>AdamW's decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>AdamW's ε.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Largest global gradient norm; 0 = no clipping.</summary>
    public double GradientClip { get; init; } = 1.0;

    /// <summary>Muon's momentum.</summary>
    public double MuonMomentum { get; init; } = 0.95;

    /// <summary>Newton–Schulz iterations of Muon.</summary>
    public int MuonIterations { get; init; } = 5;

    /// <summary>Which canonical matrices are stored input-first (GPT-2's); Muon scales by output over input.</summary>
    public Func<string, bool> IsInputFirst { get; init; } = name => name.StartsWith("transformer.h.", StringComparison.Ordinal);

    /// <summary>How many matrices a canonical one holds side by side along its columns: GPT-2 keeps Q, K and V in one.</summary>
    public Func<string, int> FusedColumns { get; init; } = name => name.EndsWith(".attn.c_attn.weight", StringComparison.Ordinal) ? 3 : 1;

    /// <summary>Which canonical parameters Muon updates.</summary>
    public Func<string, bool> IsHiddenMatrix { get; init; } = name => name.Contains(".layers.", StringComparison.Ordinal) || name.Contains(".h.", StringComparison.Ordinal);
}
