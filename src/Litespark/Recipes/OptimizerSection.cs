using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.OptimizerSection>;

namespace Litespark.Recipes;

/// <summary>The rule that updates the weights.</summary>
public enum OptimizerName
{
    /// <summary>Adam with decoupled weight decay.</summary>
    Adamw,

    /// <summary>Muon for the matrices of the layers, AdamW for the rest.</summary>
    Muon,
}

/// <summary>The recipe's <c>optimizer</c> section.</summary>
public sealed record OptimizerSection
{
    /// <summary>The rule that updates the weights.</summary>
    public OptimizerName Name { get; init; } = OptimizerName.Adamw;

    /// <summary>Peak learning rate of AdamW.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decay of AdamW's first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of AdamW's second moment.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Term beside the root in AdamW.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay; matrices and embeddings only.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Largest global gradient norm; 0 = no clipping.</summary>
    public double GradClip { get; init; } = 1;

    /// <summary>Peak learning rate of Muon.</summary>
    public double MuonLearningRate { get; init; } = 0.02;

    /// <summary>Momentum of Muon.</summary>
    public double MuonMomentum { get; init; } = 0.95;

    /// <summary>Newton–Schulz iterations of Muon.</summary>
    public int MuonIterations { get; init; } = 5;

    internal static readonly Definition<OptimizerSection>[] Definitions =
    [
        Key("name", Kinds.Choice(("adamw", OptimizerName.Adamw), ("muon", OptimizerName.Muon)), s => s.Name, (s, v) => s with { Name = v },
            "adamw, or muon for the layers' matrices with adamw for all else."),
        Key("learning_rate", Kinds.Positive(), s => s.LearningRate, (s, v) => s with { LearningRate = v },
            "Peak learning rate of AdamW."),
        Key("beta1", Kinds.Number(0, 0.999999), s => s.Beta1, (s, v) => s with { Beta1 = v }, "Decay of AdamW's first moment."),
        Key("beta2", Kinds.Number(0, 0.999999), s => s.Beta2, (s, v) => s with { Beta2 = v }, "Decay of AdamW's second moment."),
        Key("epsilon", Kinds.Positive(), s => s.Epsilon, (s, v) => s with { Epsilon = v }, "Added to the root of AdamW's second moment."),
        Key("weight_decay", Kinds.Number(0), s => s.WeightDecay, (s, v) => s with { WeightDecay = v },
            "Decoupled weight decay, for matrices and embeddings; never for norms and biases."),
        Key("grad_clip", Kinds.Number(0), s => s.GradClip, (s, v) => s with { GradClip = v },
            "Largest norm of the whole gradient, which is scaled down to it; 0 = no clipping."),
        Key("muon_learning_rate", Kinds.Positive(), s => s.MuonLearningRate, (s, v) => s with { MuonLearningRate = v },
            "Peak learning rate of Muon; follows the same schedule."),
        Key("muon_momentum", Kinds.Number(0, 0.999999), s => s.MuonMomentum, (s, v) => s with { MuonMomentum = v }, "Nesterov momentum of Muon."),
        Key("muon_iterations", Kinds.Integer(1, 20), s => s.MuonIterations, (s, v) => s with { MuonIterations = v },
            "Newton-Schulz iterations that orthogonalise Muon's update."),
    ];
}
