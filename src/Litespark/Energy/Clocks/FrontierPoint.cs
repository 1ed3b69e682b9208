namespace Litespark.Energy.Clocks;

/// <summary>The least energy of a level within a time budget.</summary>
/// <param name="Level">How finely clocks are chosen.</param>
/// <param name="Tau">Time allowed above automatic clocks, as a fraction.</param>
/// <param name="Cost">What the step then takes.</param>
public sealed record FrontierPoint(PlanLevel Level, double Tau, StepCost Cost);
