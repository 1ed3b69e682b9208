using Litespark.Data;
using Litespark.Energy;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>What a recipe's sections mean to the rooms that carry them out.</summary>
internal static class RecipeSettings
{
    public static PlanOptions Plan(EngineSection engine)
    {
        PlanOptions options = engine.Plan == PlanName.Litespark ? PlanOptions.Litespark : PlanOptions.Baseline;
        foreach (string pass in PlanOptions.PassNames)
            if (engine.Passes[pass] is { } enabled) options = options.With(pass, enabled);
        return options with
        {
            Recompute = engine.Recompute switch
            {
                Litespark.Recipes.Recompute.Selective => RecomputeMode.Selective,
                Litespark.Recipes.Recompute.Full => RecomputeMode.Full,
                _ => RecomputeMode.None,
            },
        };
    }

    public static OptimizerSettings Optimizer(OptimizerSection optimizer) => new()
    {
        UseMuon = optimizer.Name == OptimizerName.Muon,
        Beta1 = optimizer.Beta1,
        Beta2 = optimizer.Beta2,
        Epsilon = optimizer.Epsilon,
        WeightDecay = optimizer.WeightDecay,
        GradientClip = optimizer.GradClip,
        MuonMomentum = optimizer.MuonMomentum,
        MuonIterations = optimizer.MuonIterations,
    };

    public static DataOptions Data(DataSection data) => new()
    {
        Source = data.Source is { } source ? Kind(source) : null,
        Train = data.Train,
        Sources = [.. data.Sources.Select(one => new DataSourceOptions { Source = Kind(one.Source), Paths = one.Path, Weight = one.Weight })],
        Validation = data.Validation,
        ValidationFraction = data.ValidationFraction,
        TextField = data.TextField,
        MaxBadLines = data.MaxBadLines,
        DocumentMask = data.DocumentMask,
        Shuffle = data.Shuffle,
        CacheDir = data.CacheDir,
        ShardTokens = data.ShardTokens,
        VerifyShards = data.VerifyShards,
        SyntheticDocumentTokens = data.SyntheticDocumentTokens,
    };

    public static EnergyMeterOptions Energy(EnergySection energy) => new()
    {
        Source = energy.Source == EnergySourceChoice.Auto ? null : energy.Source.ToString().ToLowerInvariant(),
        TdpWatts = energy.TdpWatts,
    };

    /// <summary>Micro-batches in a step.</summary>
    public static int MicroBatches(TrainingSection training)
        => training.GlobalBatchTokens is { } tokens ? tokens / (training.MicroBatchSize * training.SequenceLength) : 1;

    static DataSourceKind Kind(DataSource source) => source switch
    {
        DataSource.DotnetDocs => DataSourceKind.DotNetDocs,
        DataSource.Files => DataSourceKind.Files,
        DataSource.Shards => DataSourceKind.Shards,
        _ => DataSourceKind.Synthetic,
    };
}
