using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.SparsitySection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>sparsity</c> section: which blocks of the weights live, when, and what attention leaves out.</summary>
public sealed record SparsitySection
{
    /// <summary>How blocks live and die.</summary>
    public SparsityMethod Method { get; init; } = SparsityMethod.None;

    /// <summary>Share of blocks that are dead at full sparsity.</summary>
    public double Sparsity { get; init; } = 0.9;

    /// <summary>Rows of a block, along the first dimension of the weight as Hugging Face stores it; 0 = the device's choice.</summary>
    public int BlockRows { get; init; }

    /// <summary>Columns of a block; 0 = the device's choice.</summary>
    public int BlockColumns { get; init; }

    /// <summary>How live blocks are shared among the layers.</summary>
    public SparsityAllocation Allocation { get; init; } = SparsityAllocation.ErdosRenyi;

    /// <summary>Least share of live blocks in any layer.</summary>
    public double MinDensity { get; init; }

    /// <summary>Whether the output head is sparse too.</summary>
    public bool Head { get; init; }

    /// <summary>Whether the token table is sparse too.</summary>
    public bool Embedding { get; init; }

    /// <summary>The shape of both ramps.</summary>
    public SparsityRamp Schedule { get; init; } = SparsityRamp.Cubic;

    /// <summary>Last step of the dense start; null = the method's.</summary>
    public StepOrShare? DenseUntilStep { get; init; }

    /// <summary>First step at full sparsity; null = the method's.</summary>
    public StepOrShare? SparseFromStep { get; init; }

    /// <summary>First step of the restoration; null = the method's.</summary>
    public StepOrShare? RestoreFromStep { get; init; }

    /// <summary>First step of the dense end; null = the method's.</summary>
    public StepOrShare? DenseFromStep { get; init; }

    /// <summary>Steps between updates of the masks.</summary>
    public int UpdateEverySteps { get; init; } = 100;

    /// <summary>Last step at which live blocks are exchanged for dead ones; null = the method's.</summary>
    public StepOrShare? UpdateUntilStep { get; init; }

    /// <summary>Share of live blocks dropped by the first update of a phase; null = by the size of blocks.</summary>
    public double? DropFraction { get; init; }

    /// <summary>Which dead blocks come alive; null = the method's.</summary>
    public BlockGrowth? Growth { get; init; }

    /// <summary>Share of mixed growth that goes by gradients.</summary>
    public double GradientGrowthShare { get; init; } = 0.75;

    /// <summary>What the second moment of a block that comes alive begins at.</summary>
    public GrownMoment GrownSecondMoment { get; init; }

    /// <summary>What ends a phase.</summary>
    public PhaseChange PhaseChange { get; init; } = PhaseChange.Steps;

    /// <summary>Fall of the loss below which the dense start is over, nats per 1,000 steps.</summary>
    public double LossSlopeThreshold { get; init; } = 1;

    /// <summary>Steps over which that fall is measured.</summary>
    public int LossWindowSteps { get; init; } = 200;

    /// <summary>Churn of the masks below which the phase of full sparsity is over; null = a share of what may be exchanged.</summary>
    public double? ChurnThreshold { get; init; }

    /// <summary>Updates in a row that must be under a threshold.</summary>
    public int Patience { get; init; } = 2;

    /// <summary>What attention leaves out.</summary>
    public SparseAttentionSection Attention { get; init; } = new();

    /// <summary>What grows: <see cref="Growth"/>, or the method's own.</summary>
    public BlockGrowth EffectiveGrowth => Growth ?? Method switch
    {
        SparsityMethod.Set => BlockGrowth.Random,
        SparsityMethod.Rigl => BlockGrowth.Gradient,
        _ => BlockGrowth.Mixed,
    };

    /// <summary>
    /// <see cref="DropFraction"/>, or the published 0.3 of single weights and 0.02 of blocks. Of single weights the smallest three tenths hold some hundredths
    /// of a layer's squared norm; of blocks they hold nearly three tenths, since means of many weights hardly differ: as little is lost by two hundredths.
    /// </summary>
    public double EffectiveDropFraction => DropFraction ?? (BlockRows == 1 && BlockColumns == 1 ? 0.3 : 0.02);

    /// <summary><see cref="ChurnThreshold"/>, or a fifteenth of the largest churn.</summary>
    public double EffectiveChurnThreshold => ChurnThreshold ?? EffectiveDropFraction / 15;

    internal static readonly Definition<SparsitySection>[] Definitions =
    [
        Key("method", Kinds.Choice(("none", SparsityMethod.None), ("static", SparsityMethod.Static), ("set", SparsityMethod.Set), ("rigl", SparsityMethod.Rigl), ("mst", SparsityMethod.Mst)),
            s => s.Method, (s, v) => s with { Method = v },
            "none: all weights live. static: a random mask that never changes. set, rigl: sparse from the first step, growing at random or by gradients. mst (Mixed Sparsity Training): dense, ultra-sparse, restored to dense, with mixed growth."),
        Key("sparsity", Kinds.Number(0, 0.9999), s => s.Sparsity, (s, v) => s with { Sparsity = v },
            "Share of all blocks that are dead at full sparsity."),
        Key("block_rows", Kinds.Integer(0, 1024), s => s.BlockRows, (s, v) => s with { BlockRows = v },
            "Rows of a block, along the weight's first dimension in a checkpoint; 0 = the device's choice (16 on the CPU, 128 on CUDA). Blocks of 1 × 1 are the reference for quality: they save no time."),
        Key("block_columns", Kinds.Integer(0, 1024), s => s.BlockColumns, (s, v) => s with { BlockColumns = v },
            "Columns of a block; 0 = the device's choice (16 on the CPU, 128 on CUDA)."),
        Key("allocation", Kinds.Choice(("erdos_renyi", SparsityAllocation.ErdosRenyi), ("uniform", SparsityAllocation.Uniform)), s => s.Allocation, (s, v) => s with { Allocation = v },
            "How live blocks are shared among the layers: erdos_renyi (large matrices are sparser: density in proportion to 1/inputs + 1/outputs) or uniform."),
        Key("min_density", Kinds.Number(0, 1), s => s.MinDensity, (s, v) => s with { MinDensity = v },
            "Least share of live blocks in any layer; at most 1 - sparsity."),
        Key("head", Kinds.Boolean, s => s.Head, (s, v) => s with { Head = v },
            "Whether the output head is sparse too; one that is tied to the token table takes the table along."),
        Key("embedding", Kinds.Boolean, s => s.Embedding, (s, v) => s with { Embedding = v },
            "Whether the token table is sparse too."),
        Key("schedule", Kinds.Choice(("linear", SparsityRamp.Linear), ("cubic", SparsityRamp.Cubic), ("step", SparsityRamp.Step)), s => s.Schedule, (s, v) => s with { Schedule = v },
            "Shape of both ramps: linear, cubic (fast first, then ever slower: Zhu & Gupta 2017) or step (at once, at the ramp's beginning)."),
        Key("dense_until_step", Kinds.Optional(new StepOrShareKind()), s => s.DenseUntilStep, (s, v) => s with { DenseUntilStep = v },
            "mst: last step of the dense start; a number below 1 is a share of training.max_steps. null = 0.02, with automatic phase changes 0.2. The published phases are not known: these are our own."),
        Key("sparse_from_step", Kinds.Optional(new StepOrShareKind()), s => s.SparseFromStep, (s, v) => s with { SparseFromStep = v },
            "mst: first step at full sparsity, after the ramp; a number below 1 is a share. null = 0.12, with automatic phase changes 0.3."),
        Key("restore_from_step", Kinds.Optional(new StepOrShareKind()), s => s.RestoreFromStep, (s, v) => s with { RestoreFromStep = v },
            "mst: first step of the ramp back to dense; a number below 1 is a share, one beyond max_steps means never. null = 0.8."),
        Key("dense_from_step", Kinds.Optional(new StepOrShareKind()), s => s.DenseFromStep, (s, v) => s with { DenseFromStep = v },
            "mst: first step of the dense end; a number below 1 is a share. null = 0.95."),
        Key("update_every_steps", Kinds.Integer(1), s => s.UpdateEverySteps, (s, v) => s with { UpdateEverySteps = v },
            "Steps between updates of the masks, counted from the beginning of each phase; the last step of a ramp is one too."),
        Key("update_until_step", Kinds.Optional(new StepOrShareKind()), s => s.UpdateUntilStep, (s, v) => s with { UpdateUntilStep = v },
            "Last step at which live blocks are exchanged for dead ones (ramps go on); a number below 1 is a share. null = 0.75 for set and rigl, the whole run for mst."),
        Key("drop_fraction", Kinds.Optional(Kinds.Number(0, 1)), s => s.DropFraction, (s, v) => s with { DropFraction = v },
            "Share of a layer's live blocks that the first update of a phase drops; it falls to zero along half a cosine within each phase. null = 0.3 of single weights, as published, 0.02 of blocks: these are all about as large, so that dropping more costs much of what was learned."),
        Key("growth", Kinds.Optional(Kinds.Choice(("mixed", BlockGrowth.Mixed), ("gradient", BlockGrowth.Gradient), ("random", BlockGrowth.Random))), s => s.Growth, (s, v) => s with { Growth = v },
            "mst: which dead blocks come alive: those with the largest gradients, random ones, or mixed. null = mixed (set grows at random, rigl by gradients)."),
        Key("gradient_growth_share", Kinds.Number(0, 1), s => s.GradientGrowthShare, (s, v) => s with { GradientGrowthShare = v },
            "mixed growth: share that goes by gradients; the rest is random. 0.75 is the 3:1 of the authors' code."),
        Key("grown_second_moment", Kinds.Choice(("row_mean", GrownMoment.RowMean), ("zero", GrownMoment.Zero)), s => s.GrownSecondMoment, (s, v) => s with { GrownSecondMoment = v },
            "AdamW's second moment of a block that comes alive: row_mean, as the live blocks of its block row have it when masks change, so that its first steps are short; or zero, as in RigL. Its weights and first moment are zero."),
        Key("phase_change", Kinds.Choice(("steps", PhaseChange.Steps), ("automatic", PhaseChange.Automatic)), s => s.PhaseChange, (s, v) => s with { PhaseChange = v },
            "mst: what ends the dense start and the phase of full sparsity: their steps, or (automatic) what is observed, their steps at the latest. Ramps keep their lengths."),
        Key("loss_slope_threshold", Kinds.Number(0), s => s.LossSlopeThreshold, (s, v) => s with { LossSlopeThreshold = v },
            "automatic: the dense start ends when the training loss falls by less than this, in nats per 1,000 steps (least squares over loss_window_steps)."),
        Key("loss_window_steps", Kinds.Integer(2, 100000), s => s.LossWindowSteps, (s, v) => s with { LossWindowSteps = v },
            "automatic: steps over which the fall of the loss is measured."),
        Key("churn_threshold", Kinds.Optional(Kinds.Number(0, 1)), s => s.ChurnThreshold, (s, v) => s with { ChurnThreshold = v },
            "automatic: full sparsity ends when an update brings alive less than this share of the live blocks. null = a fifteenth of drop_fraction."),
        Key("patience", Kinds.Integer(1), s => s.Patience, (s, v) => s with { Patience = v },
            "automatic: looks in a row, one every update_every_steps, that must be under a threshold."),
        .. SparseAttentionSection.Definitions,
    ];
}
