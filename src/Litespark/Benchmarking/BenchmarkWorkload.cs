using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarking;

/// <summary>What every plan of a benchmark does alike: one micro-batch of a recipe's model on random tokens, and the update.</summary>
internal sealed record BenchmarkWorkload(Recipe Recipe, TransformerSpec Spec, IDevice Device)
{
    public static BenchmarkWorkload Of(LoadedRecipe loaded, IDevice device) => new(loaded.Recipe, RecipePlan.ResolveSpec(loaded), device);

    /// <summary>Update rule.</summary>
    public OptimizerSettings Optimizer { get; } = RecipeSettings.Optimizer(Recipe.Optimizer);

    /// <summary>No passes; recomputation as the recipe has it.</summary>
    public PlanOptions BaselinePlan { get; } = RecipeSettings.Plan(Recipe.Engine with { Plan = PlanName.Baseline, Passes = new PassesSection() });

    /// <summary>All passes that the recipe does not switch off.</summary>
    public PlanOptions LitesparkPlan { get; } = RecipeSettings.Plan(Recipe.Engine with { Plan = PlanName.Litespark });

    /// <summary>Tokens of a step.</summary>
    public long Tokens => Recipe.Training.MicroBatchTokens;

    /// <summary>Model FLOPs of a step, by MFU's convention.</summary>
    public double ModelFlops => (double)ParameterCatalog.FlopsPerToken(Spec, Recipe.Training.SequenceLength) * Tokens;

    /// <summary>What both plans together need: they are loaded at once.</summary>
    public MemoryForecast BothPlans
    {
        get
        {
            MemoryForecast a = MemoryForecast.Of(Build(BaselinePlan)), b = MemoryForecast.Of(Build(LitesparkPlan));
            return new MemoryForecast(
                a.Weights + b.Weights, a.Gradients + b.Gradients, a.Optimizer + b.Optimizer, a.Activations + b.Activations, a.Workspace + b.Workspace, a.Total + b.Total);
        }
    }

    /// <summary>
    /// Builds a plan's program; nothing is allocated for it yet. Of a sparse recipe all but the baseline walk live blocks: the baseline computes
    /// with the zeros of dead ones, as implementations by masks do.
    /// </summary>
    public StepProgram Build(PlanOptions plan) => Build(plan, masked: plan == BaselinePlan);

    /// <param name="plan">The passes.</param>
    /// <param name="masked">Whether dead blocks are computed with.</param>
    public StepProgram Build(PlanOptions plan, bool masked)
        => ProgramBuilder.Training(Transformer.Function(Spec), plan, Optimizer, Recipe.Training.MicroBatchSize, Recipe.Training.SequenceLength, device: Device.Profile,
            sparsity: SparseTraining.Settings(Spec, masked ? Recipe.Sparsity with { Method = SparsityMethod.None } : Recipe.Sparsity, Device.Profile));

    /// <summary>Loads a plan with the recipe's initial weights.</summary>
    public BenchmarkSubject Load(PlanOptions plan) => new(this, plan);

    /// <summary>Loads a plan and warms it up (<see cref="BenchmarkSubject.WarmUp"/>).</summary>
    public BenchmarkSubject Load(PlanOptions plan, int warmUp, TimeSpan turnLength, CancellationToken cancellation)
    {
        BenchmarkSubject subject = Load(plan);
        try
        {
            subject.WarmUp(warmUp, turnLength, cancellation);
            return subject;
        }
        catch
        {
            subject.Dispose();
            throw;
        }
    }
}
