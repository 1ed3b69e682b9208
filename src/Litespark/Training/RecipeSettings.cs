using Litespark.Energy;
using Litespark.Planning;
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
        return options with { Recompute = engine.Recompute };
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

    /// <summary>Which meters count a whole run: the device's, and those of the other machines that the recipe names.</summary>
    public static EnergyMeterOptions RunEnergy(EnergySection energy, IDevice device) => Energy(energy, device) with { Nodes = energy.Nodes };

    /// <summary>Which meter counts what this device computes.</summary>
    public static EnergyMeterOptions Energy(EnergySection energy, IDevice device) => new()
    {
        Gpus = device.Gpus,
        Source = energy.Source == EnergySourceChoice.Auto ? null : energy.Source.ToString().ToLowerInvariant(),
        TdpWatts = energy.TdpWatts,
    };

    /// <summary>By what a run's joules become carbon and cost.</summary>
    public static EnergyTerms Terms(EnergySection energy)
    {
        EnergyTerms terms = energy.Region is { } name && GridRegions.Find(name) is { } region ? EnergyTerms.Of(region) : EnergyTerms.Default;
        return terms with { KilogramsPerKilowattHour = energy.CarbonIntensity ?? terms.KilogramsPerKilowattHour, Pue = energy.Pue, PricePerKilowattHour = energy.PricePerKilowattHour };
    }
}
