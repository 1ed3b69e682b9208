using Litespark.Energy;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>What a whole run would take: the forecast of its time × the device's power at full load. Never a measurement.</summary>
/// <param name="Steps">Steps of the run.</param>
/// <param name="JoulesPerToken">Joules of a token.</param>
/// <param name="Joules">Joules of the run.</param>
/// <param name="Power">Power at full load.</param>
/// <param name="Terms">By what joules become carbon and cost.</param>
internal sealed record RunEnergyForecast(long Steps, double JoulesPerToken, double Joules, FullLoad Power, EnergyTerms Terms)
{
    /// <summary>The forecast for a device.</summary>
    public static RunEnergyForecast Of(Recipe recipe, PlanReport report, IDevice device)
    {
        EnergyMeterOptions options = RecipeSettings.Energy(recipe.Energy, device);
        bool isStandIn = recipe.Engine.Device == DeviceChoice.Cuda && device.Gpus.Count == 0;
        // What the recipe says of its GPUs is not true of the CPU that stands in for them.
        FullLoad power = FullLoad.Of(isStandIn ? options with { TdpWatts = null } : options, device.Threads);
        if (isStandIn) power = power with { Explanation = $"{power.Explanation}: this CPU's, not a GPU's" };
        if (recipe.Energy.Nodes.Count > 0) power = power with { Explanation = $"{power.Explanation}: this machine's, without those of energy.nodes" };
        long steps = recipe.Training.MaxSteps;
        if (recipe.Training.MaxTokens is { } tokens) steps = Math.Min(steps, (tokens + report.TokensPerStep - 1) / report.TokensPerStep);
        double stepJoules = power.Watts * report.StepSeconds;
        return new RunEnergyForecast(steps, stepJoules / report.TokensPerStep, stepJoules * steps, power, RecipeSettings.Terms(recipe.Energy));
    }
}
